import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UnusableLogError, verifyFiles } from './index.ts'

const folder = path.resolve(import.meta.dirname, '../../test/conformance/vnode')
const logs = readdirSync(folder).filter((name) => name.startsWith('dragonfly-'))

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'pager-vnode-'))
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
  const text = gunzipSync(readFileSync(path.join(folder, name))).toString()
  return text.trimEnd().split('\n')
}

describe('logs of the DragonFly vnode pager', () => {
  it.each(logs)('are equal in every field: %s', (name) => {
    const result = verifyFiles([path.join(folder, name)])
    expect(result.files[0]?.first).toBeUndefined()
    expect([result.operations, result.differences]).toEqual([linesOf(name).length, 0])
  })

  it.each([
    ['a result', 'getpages', /"ret":"VM_PAGER_OK"/, '"ret":"VM_PAGER_BAD"', 'exp.ret'],
    ['a result of a page', 'putpages', /"rtvals":\["VM_PAGER_OK"/, '"rtvals":["VM_PAGER_BAD"', 'exp.rtvals[0]'],
    ['a checksum', 'setsize', /("exp":\{"pages":\[\[\d+,\d+,\d+,)/, '$11', 'exp.pages[0][3]'],
    ['the flags of a page', 'getpages', /"R"\]/, '"RM"]', /^exp\.pages\[\d+\]\[7\]$/],
    ['a transfer', 'putpages', /"seq":127/, '"seq":126', 'exp.io[0].seq'],
    ['a counter', 'getpages', /"cnt":\[1/, '"cnt":[2', 'exp.cnt[0]'],
    ['a freed page', 'freepage', /"freed":\[0/, '"freed":[9', 'exp.freed[0]'],
    ['a warning', 'alloc', /"warn_objsize":1/, '"warn_objsize":0', 'exp.ret.warn_objsize'],
    ['a reference count', 'alloc', /"vp":\{"ref":3/, '"vp":{"ref":4', 'exp.vp.ref'],
    ['a lock count', 'lock', /"v0":\[2,1\]/, '"v0":[2,0]', 'exp.v0[1]'],
    ['an answer', 'haspage', /"ret":true/, '"ret":false', 'exp.ret'],
  ])('show %s that is different', (_, name, pattern, replacement, field) => {
    const lines = linesOf(`dragonfly-${name}.jsonl.gz`)
    const index = lines.findIndex((line) => pattern.test(line.slice(line.indexOf('"exp"'))))
    const at = lines[index]!.indexOf('"exp"')
    lines[index] = lines[index]!.slice(0, at) + lines[index]!.slice(at).replace(pattern, replacement)
    const result = verifyText(lines.join('\n'))
    expect(result.differences).toBe(1)
    expect(result.files[0]?.first?.line).toBe(index + 1)
    expect(result.files[0]?.first?.field).toMatch(field)
  })

  const start =
    '{"id":"df-x","setup":{"bsize":4096,"map":[8],"fs_size":4096,"vp":{"ref":1,"filesize":4096},"obj":{"size":1}'
  const end =
    ',"exp":{"obj":{"type":"VNODE","size":1,"ref":1,"handle":1,"dead":0,"nomsync":0},"vp":{"ref":1,"filesize":4096,"obj":1,"flags":[]}}}\n'
  const setsize = '"op":{"name":"setsize","nsize":4096}'
  const lock =
    '"op":{"name":"vnode_pager_lock"},"exp":{"ret":"null","vgets":0,"vputs":0,"sleeps":0,"v0":[1,0],"v1":[1,0]}}'

  it('can be as short as one line', () => {
    expect(verifyText(`${start}},${setsize}${end}`)).toMatchObject({ operations: 1, differences: 0 })
    expect(verifyText(`{"id":"df-x","setup":{"chain":[]},${lock}`)).toMatchObject({ operations: 1, differences: 0 })
  })

  it.each([
    ['an unknown operation', `${start}},"op":{"name":"grow"}${end}`, 'unknown operation "grow"'],
    ['an operation named like what every object has', `${start}},"op":{"name":"toString"}${end}`, 'unknown operation'],
    ['an unknown field of the record', `${start}},"more":1,${setsize}${end}`, 'unknown field more'],
    ['an unknown field of the setup', `${start},"maxrun":2},${setsize}${end}`, 'unknown field setup.maxrun'],
    ['a field missing', `${start}},"op":{"name":"setsize"}${end}`, 'field op.nsize is missing'],
    ['an unknown field of the operation', `${start}},"op":{"name":"setsize","nsize":4096,"n":1}${end}`, 'op.n'],
    ['an unknown fault', `${start}},"env":{"getattr":"EIO"},${setsize}${end}`, 'unknown field env.getattr'],
    [
      'a fault of the lock elsewhere',
      `${start}},"env":{"vget_fail":1},${setsize}${end}`,
      'unknown field env.vget_fail',
    ],
    [
      'an unknown flag',
      `${start},"pages":[[0,255,0,1]]},"op":{"name":"putpages","pi":0,"n":1,"flags":["FAST"]}${end}`,
      'FAST',
    ],
    ['unknown letters of a page', `${start},"pages":[[0,255,0,1,0,0,"X"]]},${setsize}${end}`, 'letters of RCMW'],
    ['an unknown type of object', `{"id":"df-x","setup":{"chain":[["TAPE",0]]},${lock}`, 'unknown name TAPE'],
    ['an unknown result', `${start}},${setsize},"exp":{"cached":[1]}}`, 'unknown field exp.cached'],
    ['no machine', `{"id":"df-x",${setsize}${end}`, 'setup is missing'],
    [
      'a device without a sector size',
      `${start.replace('"ref":1', '"ref":1,"type":"VCHR"')}},${setsize}${end}`,
      'secsize is missing',
    ],
    [
      'a page index that has no place',
      `${start}},"op":{"name":"haspage","pi":4611686018427387904}${end}`,
      'no page index',
    ],
    ['a bad page', `${start},"pages":[[0,256,0,1]]},${setsize}${end}`, 'from 0 to 255'],
  ])('cannot be replayed with %s', (_, text, words) => {
    expect(() => verifyText(text)).toThrow(UnusableLogError)
    expect(() => verifyText(text)).toThrow(words)
  })

  it('differ, and are replayed on, where a page that the reference had has gone', () => {
    const next = `{"id":"df-y",${setsize}${end}`
    const result = verifyText(`${start}},"op":{"name":"putpages","pi":0,"n":1,"flags":[]}${end}${next}`)
    expect(result).toMatchObject({ operations: 2, differences: 1 })
    expect(result.files[0]?.first?.got).toContain('page 0 is not resident')
  })
})
