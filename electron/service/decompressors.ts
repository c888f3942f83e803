/** Compressions that Node does not know, by the tools that every system has for them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { ImportError } from '../../engine/workload/importError.ts'

/**
 * The decompressed pieces of `pieces`, by the tool (`xz`, `bzip2`) as a process of its own. Throws ImportError `unsupported`
 * where it is not installed, `damaged` with the tool's own words.
 */
export async function* decompressedBy(tool: string, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(tool, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint = (complaint + text.toString()).slice(-500)))
  const closed = once(child, 'close').then(
    () => null,
    (error: unknown) => error,
  )
  // what goes wrong with the input, and not with the tool that ends before it has read all of it
  const fed = pipeline(pieces, child.stdin).then(
    () => null,
    (error: unknown) => (error instanceof Error && 'code' in error && error.code === 'EPIPE' ? null : error),
  )
  try {
    for await (const piece of child.stdout) if (piece instanceof Uint8Array) yield piece
    const failure = await closed
    if (failure !== null)
      throw new ImportError('unsupported', undefined, `${tool} compression is read by the program ${tool}, and there is none on the PATH; install it`)
    const inputFailure = await fed
    if (inputFailure instanceof Error) throw inputFailure
    if (child.exitCode !== 0)
      throw new ImportError('damaged', undefined, `the ${tool} data are damaged: ${complaint.trim().split('\n')[0] || `${tool} ended with status ${child.exitCode}`}`)
  } finally {
    child.kill()
  }
}
