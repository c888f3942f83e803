/**
 * Replays golden logs against an engine elsewhere: `node replay.ts ENGINE-FOLDER LOG...`. Prints for each log what differed first,
 * or `none`, as a JSON list; a replay that fails outright counts as a difference. Run as a process of its own, since a mutated
 * engine may never end.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'

interface Conformance {
  verifyFiles: (
    paths: readonly string[],
    onProgress: (progress: { operations: number; differences: number }) => void,
  ) => { files: { first?: { line: number; field: string } }[] }
}

const [engine, ...logs] = process.argv.slice(2)
const module: Conformance = await import(pathToFileURL(path.join(engine!, 'conformance/index.ts')).href)
const found = logs.map((log) => {
  try {
    // one difference is enough: the rest of a long log need not be replayed
    const first = module.verifyFiles([log], ({ operations, differences }) => {
      if (differences > 0) throw new Error(`differs within the first ${operations} operations`)
    }).files[0]!.first
    return first === undefined ? 'none' : `line ${first.line}, field ${first.field}`
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return `failed: ${error.message}`
  }
})
process.stdout.write(JSON.stringify(found))
