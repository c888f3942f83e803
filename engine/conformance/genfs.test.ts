import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyFiles } from './index.ts'

const folder = path.resolve(import.meta.dirname, '../../test/conformance/genfs')
const logs = readdirSync(folder)

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'pager-genfs-'))
})
afterAll(() => {
  rmSync(scratch, { recursive: true })
})

function verifyText(text: string): ReturnType<typeof verifyFiles> {
  const file = path.join(scratch, 'log.jsonl')
  writeFileSync(file, text)
  return verifyFiles([file])
}

function linesOf(name: string): string[] {
  return gunzipSync(readFileSync(path.join(folder, name)))
    .toString()
    .trimEnd()
    .split('\n')
}

describe('logs of the NetBSD vnode pager', () => {
  it.each(logs)('are equal in every field: %s', { timeout: 60_000 }, (name) => {
    const result = verifyFiles([path.join(folder, name)])
    expect(result.files[0]?.first).toBeUndefined()
    expect([result.operations, result.differences]).toEqual([linesOf(name).length, 0])
  })

  it.each([
    ['an error', 'general', /"err":"EINVAL"/, '"err":"EBUSY"', 'exp.err'],
    ['a request', 'general', /"io":\[\["r",\d+,/, '"io":[["r",1,', 'exp.io[0][1]'],
    ['the priority of a request', 'cluster', /"noncritical"\]/, '"critical"]', 'exp.io[0][5]'],
    ['the bytes of a transfer', 'blkdev', /"done":\[\[(\d+),"[0-9a-f]{8}"/, '"done":[[$1,"00000000"', 'exp.done[0][1]'],
    ['a counter', 'general', /"page_alloc":\d+/, '"page_alloc":99', 'exp.ctr.page_alloc'],
    ['a note of use', 'general', /"upd":\["AM"\]/, '"upd":["M"]', 'exp.upd[0]'],
    ['an allocation', 'general', /"alloc":\[\[(\d+),/, '"alloc":[[1,', 'exp.alloc[0][0]'],
    ['a mapping for I/O', 'cluster', /"mapin":\[\["W",/, '"mapin":[["R",', 'exp.mapin[0][0]'],
    ['the state of the vnode', 'cluster', /"dirtygen":\d+/, '"dirtygen":1', 'exp.vn.dirtygen'],
    ['a page of the answer', 'general', /"m":\[\d+/, '"m":[99', 'exp.m[0]'],
    [
      'the contents of a page',
      'directio',
      /"pages":\[\[(.{1,30}),"[0-9a-f]{8}"\]/,
      '"pages":[[$1,"0"]',
      'exp.pages[0][6]',
    ],
    ['the memory of a process', 'directio', /"ucrc":"[0-9a-f]{8}"/, '"ucrc":"0"', 'exp.ucrc'],
    ['the file', 'compat', /"fcrc":"[0-9a-f]{8}"/, '"fcrc":"0"', 'exp.fcrc'],
  ])('show %s that is different', (_, name, pattern, replacement, field) => {
    const lines = linesOf(`${name}.jsonl.gz`)
    const index = lines.findIndex((line) => pattern.test(line.slice(line.indexOf('"exp"'))))
    const at = lines[index]!.indexOf('"exp"')
    lines[index] = lines[index]!.slice(0, at) + lines[index]!.slice(at).replace(pattern, replacement)
    const result = verifyText(lines.slice(0, index + 1).join('\n'))
    expect(result.differences).toBe(1)
    expect(result.files[0]?.first).toMatchObject({ line: index + 1, field })
  })
})

describe('a genfs log that cannot be replayed', () => {
  const setup = linesOf('general.jsonl.gz')[0]!
  const drain =
    '{"op":"drain","exp":{"io":[],"done":[],"ctr":{"bmap":0},"upd":[],"alloc":[],"mapin":[],"vn":{},"pages":[]}}'
  const getpages = (): string =>
    drain.replace(
      '"op":"drain","exp":{',
      `"op":"getpages","pgno":0,"count":1,"center":0,"access":"r","flags":[],"m":[null],"inject":{},"exp":{"err":"0","locked":0,"count":1,`,
    )

  it.each([
    ['an unknown operation', `${setup}\n${drain.replace('drain', 'sink')}`, 2, 'unknown operation "sink"'],
    ['an unknown field', `${setup}\n${drain.replace('"exp"', '"n":1,"exp"')}`, 2, 'unknown field n'],
    ['an unknown result', `${setup}\n${drain.replace('"io"', '"oi":1,"io"')}`, 2, 'unknown field exp.oi'],
    ['a missing result', `${setup}\n${drain.replace('"io":[],', '')}`, 2, 'field exp.io is missing'],
    ['an unknown field of the setup', setup.replace('{', '{"raid":5,'), 1, 'unknown field raid'],
    ['an unknown type of vnode', setup.replace('"LNK"', '"FIFO"'), 1, 'field vtype: "FIFO" is not one of'],
    ['a page of another shape', setup.replace('"pages":[[2,', '"pages":[[2,3,'), 1, 'an entry is a list of 8'],
    [
      'an unknown fault',
      `${setup}\n${getpages().replace('"inject":{}', '"inject":{"fire":1}')}`,
      2,
      'unknown field inject.fire',
    ],
    ['an unknown flag', `${setup}\n${getpages().replace('"flags":[]', '"flags":["SINK"]')}`, 2, 'unknown flag "SINK"'],
    ['too few places', `${setup}\n${getpages().replace('"m":[null]', '"m":[]')}`, 2, 'field m must have 1 places'],
    [
      'a page number that is none',
      `${setup}\n${getpages().replace('"pgno":0', '"pgno":"0"')}`,
      2,
      'field pgno must be',
    ],
  ])('has %s', (_, text, line, words) => {
    expect(() => verifyText(text)).toThrow(words)
    expect(() => verifyText(text)).toThrow(`line ${line}`)
  })

  it('begins with an operation', () => {
    expect(() => verifyText(drain)).toThrow('not a log of a known kind')
  })
})
