/**
 * Which blocks of source files a piece of work does not reach, as V8 counts them: functions that were not called, branches not taken.
 *
 * Sources run by Node's type stripping keep their offsets, so what V8 says of the code it has holds for the file. The work must be what
 * loads the files: code that was compiled before counting began is counted by function only.
 */
import { readFileSync } from 'node:fs'
import { Session, type Profiler } from 'node:inspector'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Block {
  /** Beneath the folder that was asked for. */
  file: string
  line: number
  /** The block's first line of code. */
  text: string
}

export interface Coverage {
  /** Functions, and blocks of them that are counted by themselves. */
  total: number
  unreached: Block[]
}

/** Runs `work` and answers the blocks of the files beneath `folder`, those that `wants` takes, that were never run. */
export async function coverageOf(
  folder: string,
  wants: (file: string) => boolean,
  work: () => Promise<void>,
): Promise<Coverage> {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  await work()
  const scripts: Profiler.ScriptCoverage[] = []
  session.post('Profiler.takePreciseCoverage', (error, answer) => {
    if (error !== null) throw error
    scripts.push(...answer.result)
  })
  session.disconnect()
  const coverage: Coverage = { total: 0, unreached: [] }
  for (const { url, functions } of scripts) {
    if (!url.startsWith('file:')) continue
    const file = path.relative(folder, fileURLToPath(url))
    if (file.startsWith('..') || !wants(file)) continue
    const source = readFileSync(fileURLToPath(url), 'utf8')
    const seen = new Set<number>()
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges) {
        const place = codeIn(source, startOffset, endOffset)
        if (place === null) continue
        coverage.total += 1
        if (count > 0 || seen.has(place)) continue
        seen.add(place)
        const line = source.slice(0, place).split('\n').length
        coverage.unreached.push({ file, line, text: firstLine(source.slice(place, endOffset)) })
      }
  }
  coverage.unreached.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
  return coverage
}

/** Where the code of a range begins; null where there is none: a range also covers what follows a return, up to a brace. */
function codeIn(source: string, start: number, end: number): number | null {
  const found = /[^\s{}();,:]/.exec(source.slice(start, end))
  return found === null ? null : start + found.index
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.trim()
}
