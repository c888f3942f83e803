import { spawnSync } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdCompressSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { inFolder } from './testing.ts'

const PAGES = 1024
const REFERENCES_PER_FRAME = 1 << 20
const script = fileURLToPath(new URL('./importMemory.testing.ts', import.meta.url))
const printed = z.object({ references: z.number(), maxRss: z.number() })

/** A pgtrace of `frames` times the same references. Compressed frames follow one another, so it is made in no time however long it is. */
function writeTrace(file: string, frames: number): void {
  const head = Buffer.alloc(32)
  head.write('PGTRACE1', 'latin1')
  head.writeUInt32LE(4096, 8)
  head.writeUInt32LE(PAGES, 12)
  head.writeBigUInt64LE(BigInt(frames * REFERENCES_PER_FRAME), 16)
  const references = Uint32Array.from({ length: REFERENCES_PER_FRAME }, (_, i) => ((i % PAGES) << 2) | (i % 3))
  const frame = zstdCompressSync(new Uint8Array(references.buffer))
  const numbers = BigUint64Array.from({ length: PAGES }, (_, page) => BigInt(page + 16))
  writeFileSync(file, zstdCompressSync(head))
  for (let i = 0; i < frames; i++) appendFileSync(file, frame)
  appendFileSync(file, zstdCompressSync(new Uint8Array(numbers.buffer)))
}

it('an import needs no more memory for a trace of ten times the length', () =>
  inFolder((folder) => {
    const measure = (frames: number) => {
      const trace = path.join(folder, `${frames}.pgt.zst`)
      writeTrace(trace, frames)
      const limited = ['--max-old-space-size=64', script, trace, path.join(folder, String(frames))]
      const { stdout, stderr } = spawnSync(process.execPath, limited, { encoding: 'utf8' })
      expect(stderr).toBe('')
      const result = printed.parse(JSON.parse(stdout))
      expect(result.references).toBe(frames * REFERENCES_PER_FRAME)
      return result.maxRss
    }
    const short = measure(3)
    const long = measure(30)
    expect(long - short).toBeLessThan(64 * 1024)
    return Promise.resolve()
  }))
