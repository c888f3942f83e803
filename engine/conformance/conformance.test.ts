import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BlockList } from '../swap/blockList.ts'
import { UnusableLogError, verifyFiles } from './index.ts'
import { checkFields, compareFields, logKind, parseExact, plainJson, readLog } from './log.ts'

const logs = path.resolve(import.meta.dirname, '../../test/conformance')
const busyLog = path.join(logs, 'swap/blist-06.jsonl.gz')
const resizeLog = path.join(logs, 'swap/blist-resize-12.jsonl.gz')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pager-conformance-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function write(name: string, contents: string | Uint8Array): string {
  const file = path.join(folder, name)
  writeFileSync(file, contents)
  return file
}

function linesOf(file: string): string[] {
  return gunzipSync(readFileSync(file)).toString().trimEnd().split('\n')
}

function errorOf(action: () => unknown): UnusableLogError {
  try {
    action()
  } catch (error) {
    if (error instanceof UnusableLogError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('verifying block-list logs', () => {
  it('finds no difference in what the reference recorded, and counts every line', () => {
    const result = verifyFiles([busyLog, resizeLog])
    expect(result).toEqual({
      operations: linesOf(busyLog).length + linesOf(resizeLog).length,
      differences: 0,
      files: [
        { file: busyLog, operations: linesOf(busyLog).length, differences: 0 },
        { file: resizeLog, operations: linesOf(resizeLog).length, differences: 0 },
      ],
    })
  })

  it('finds one changed result, with its line and field', () => {
    const lines = linesOf(busyLog)
    const index = lines.findIndex((line, at) => at > 1000 && line.includes('"alloc"') && !line.includes('"got":0'))
    const changed = lines.map((line, at) => (at === index ? line.replace(/"blk":(\d+)/, '"blk":9$1') : line))
    expect(changed[index]).not.toBe(lines[index])
    const file = write('changed.log', changed.join('\n') + '\n')
    const result = verifyFiles([file])
    const blockOf = (line: string): number => Number(/"blk":(\d+)/.exec(line)?.[1])
    expect(result.files[0]).toEqual({
      file,
      operations: lines.length,
      differences: 1,
      first: { line: index + 1, field: 'blk', expected: blockOf(changed[index]!), got: blockOf(lines[index]!) },
    })
  })

  it('finds a changed report text and a changed map', () => {
    const file = write(
      'report.jsonl',
      [
        '{"op":"create","blocks":10}',
        '{"op":"free","blk":2,"n":3}',
        '{"op":"map","free":[[2,3],[8,1]]}',
        '{"op":"stats","text":"nothing"}',
      ].join('\n'),
    )
    const { operations, differences, files } = verifyFiles([file])
    expect([operations, differences]).toEqual([4, 2])
    expect(files[0]?.first).toEqual({ line: 3, field: 'free[1]', expected: [8, 1], got: '(absent)' })
  })

  it('counts an operation that the list refuses as a difference', () => {
    const file = write('refused.jsonl', '{"op":"create","blocks":10}\n{"op":"free","blk":8,"n":3}\n')
    expect(verifyFiles([file]).files[0]?.first).toMatchObject({ line: 2, field: 'op', expected: 'free' })
  })

  it('shows where a variant first differs', () => {
    class FirstFit extends BlockList {
      protected override searchStart(): number {
        return 0
      }
    }
    const result = verifyFiles([busyLog], undefined, {
      makeBlockList: (columns, name, blocks) => new FirstFit(columns, name, blocks),
    })
    expect(result.differences).toBeGreaterThan(0)
    expect(result.files[0]?.first?.field).toBe('blk')
  })

  it('tells its progress', () => {
    const seen: number[] = []
    verifyFiles([busyLog, resizeLog], ({ operations }) => seen.push(operations))
    expect(seen.at(-1)).toBe(linesOf(busyLog).length + linesOf(resizeLog).length)
    expect(seen).toEqual([...seen].sort((left, right) => left - right))
  })
})

describe('a log that cannot be replayed', () => {
  it.each([
    ['an operation that is not known', '{"op":"create","blocks":9}\n{"op":"grow"}\n', 2, 'unknown operation "grow"'],
    ['a field that is not known', '{"op":"create","blocks":9,"size":1}\n', 1, 'unknown field size'],
    ['a missing field', '{"op":"create","blocks":9}\n{"op":"avail"}\n', 2, 'field n is missing'],
    ['a field of the wrong type', '{"op":"create","blocks":"9"}\n', 1, 'field blocks must be an integer'],
    ['bad JSON', '{"op":"create","blocks":9}\n{"op":}\n{"op":"avail","n":0}\n', 2, 'not valid JSON'],
    ['a last line that is cut off', '{"op":"create","blocks":9}\n{"op":"ava', 2, 'cut off'],
    ['an empty line', '{"op":"create","blocks":9}\n\n{"op":"avail","n":0}\n', 2, 'not valid JSON'],
    ['a line that is no object', '[1]\n', 1, 'not a JSON object'],
    ['an unknown kind', '{"op":"hello"}\n', 1, 'not a log of a known kind'],
  ])('names file and line: %s', (_, contents, line, words) => {
    const file = write('bad.jsonl', contents)
    const error = errorOf(() => verifyFiles([file]))
    expect(error.line).toBe(line)
    expect(error.file).toBe(file)
    expect(error.message).toContain(`${file}: line ${line}: `)
    expect(error.message).toContain(words)
    expect(error.message).not.toContain('\n')
  })

  it('names the line up to which cut-off gzip data can be read', () => {
    const file = write('cut.jsonl.gz', gzipSync(linesOf(resizeLog).join('\n')))
    truncateSync(file, 6000)
    const error = errorOf(() => verifyFiles([file]))
    expect(error.code).toBe('log-truncated')
    expect(error.line).toBeGreaterThan(100)
    expect(error.line).toBeLessThan(linesOf(resizeLog).length)
  })

  it('is one that is not there, or is empty', () => {
    expect(errorOf(() => verifyFiles([path.join(folder, 'none')])).message).toContain('no such file')
    expect(errorOf(() => verifyFiles([folder])).message).toContain('it is a directory')
    expect(errorOf(() => verifyFiles([write('empty.jsonl', '')])).message).toContain('the log is empty')
  })
})

describe('reading logs', () => {
  it.each([
    ['swap/blist-00', 'blockList'],
    ['swap/swap-basic-1', 'swap'],
    ['vnode/freebsd-seq', 'vnode-freebsd'],
    ['vnode/dragonfly-lock', 'vnode-dragonfly'],
    ['genfs/compat', 'genfs'],
  ])('tells the kind of %s by its first record', (name, kind) => {
    const [first] = readLog(path.join(logs, `${name}.jsonl.gz`))
    expect(logKind(first!.record)).toBe(kind)
  })

  it('keeps integers beyond 2^53 exact and leaves everything else as it is', () => {
    const text =
      '{"a":18446744073709551615,"b":[-9007199254740993,9007199254740991,0.1234567890123456789],"c":"12345678901234567890"}'
    expect(parseExact(text)).toEqual({
      a: 18446744073709551615n,
      b: [-9007199254740993n, 9007199254740991, 0.12345678901234568],
      c: '12345678901234567890',
    })
    expect(plainJson(parseExact(text))).toMatchObject({ a: '18446744073709551615' })
  })

  it('compares in depth and names the innermost path', () => {
    const expected = { a: 1, b: [1, { c: 2 }], d: 'x', big: 5 }
    expect(compareFields(expected, { a: 1, b: [1, { c: 2 }], d: 'x', big: 5n })).toEqual([])
    expect(compareFields(expected, { a: 1, b: [1, { c: 3 }, 4], e: null, big: 6n })).toEqual([
      { field: 'b[1].c', expected: 2, got: 3 },
      { field: 'b[2]', expected: '(absent)', got: 4 },
      { field: 'd', expected: 'x', got: '(absent)' },
      { field: 'big', expected: 5, got: 6n },
      { field: 'e', expected: '(absent)', got: null },
    ])
  })

  it('accepts a record with exactly the known fields', () => {
    checkFields({ op: 'x', a: 1 }, ['op'], ['a', 'b'])
    expect(errorOf(() => checkFields({ op: 'x' }, ['op', 'a'], [], 'setup.')).message).toBe('field setup.a is missing')
  })
})
