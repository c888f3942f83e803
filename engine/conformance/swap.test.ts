import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UnusableLogError, verifyFiles } from './index.ts'

const logs = path.resolve(import.meta.dirname, '../../test/conformance/swap')
const names = readdirSync(logs).filter((name) => name.startsWith('swap-'))

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pager-swap-logs-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function linesOf(name: string): string[] {
  return gunzipSync(readFileSync(path.join(logs, name)))
    .toString()
    .trimEnd()
    .split('\n')
}

/** A log of the given lines; its path. */
function written(lines: readonly string[]): string {
  const file = path.join(folder, 'changed.jsonl')
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

function refusal(lines: readonly string[]): UnusableLogError {
  try {
    verifyFiles([written(lines)])
  } catch (error) {
    if (error instanceof UnusableLogError) return error
    throw error
  }
  throw new Error('the log was replayed')
}

describe('verifying swap pager logs', () => {
  test('every operation and state of all 30 machines is as the reference recorded it', () => {
    expect(names).toHaveLength(30)
    const { operations, differences, files } = verifyFiles(names.map((name) => path.join(logs, name)))
    expect(files.filter((file) => file.differences > 0)).toEqual([])
    expect(differences).toBe(0)
    expect(operations).toBe(names.reduce((sum, name) => sum + linesOf(name).length, 0))
  })

  test('one changed figure is one difference, with its line and field', () => {
    const lines = linesOf('swap-basic-1.jsonl.gz')
    const at = lines.findIndex((line, index) => index > 100 && line.includes('"avail":'))
    const changed = lines.with(at, lines[at]!.replace(/"avail":(\d+)/, '"avail":1$1'))
    const { differences, files } = verifyFiles([written(changed)])
    expect(differences).toBe(1)
    expect(files[0]!.first).toMatchObject({ line: at + 1, field: 'avail' })
  })

  test('an operation left out shows in what follows', () => {
    const lines = linesOf('swap-basic-1.jsonl.gz')
    const at = lines.findIndex((line) => line.includes('"op":"put"'))
    expect(verifyFiles([written(lines.toSpliced(at, 1))]).differences).toBeGreaterThan(0)
  })

  test('an unknown operation or field is refused with its line, never skipped', () => {
    const lines = linesOf('swap-basic-1.jsonl.gz')
    const at = lines.findIndex((line) => line.includes('"op":"put"'))
    expect(refusal(lines.with(at, lines[at]!.replace('"op":"put"', '"op":"putt"')))).toMatchObject({ line: at + 1 })
    expect(refusal(lines.with(at, lines[at]!.replace('"op":"put"', '"op":"put","odd":1')))).toMatchObject({
      line: at + 1,
      field: 'odd',
    })
  })
})
