import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyFiles } from './index.ts'
import { fromPageIndex, LogFile, toPageIndex } from './vnodeMachine.ts'

const folder = path.resolve(import.meta.dirname, '../../test/conformance/vnode')
const logs = readdirSync(folder).filter((name) => name.startsWith('freebsd-'))

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
  return gunzipSync(readFileSync(path.join(folder, name)))
    .toString()
    .trimEnd()
    .split('\n')
}

describe('logs of the FreeBSD vnode pager', () => {
  it.each(logs)('are equal in every field: %s', (name) => {
    const result = verifyFiles([path.join(folder, name)])
    expect(result.files[0]?.first).toBeUndefined()
    expect([result.operations, result.differences]).toEqual([linesOf(name).length, 0])
  })

  it.each([
    ['a result', 'freebsd-getpages.jsonl.gz', /"ret":"VM_PAGER_OK"/, '"ret":"VM_PAGER_BAD"', 'exp.ret'],
    ['a checksum', 'freebsd-setsize.jsonl.gz', /("exp":\{"pages":\[\[\d+,\d+,\d+,)/, '$11', 'exp.pages[0][3]'],
    ['a transfer', 'freebsd-putpages.jsonl.gz', /"seq":127/, '"seq":126', 'exp.io[0].seq'],
    ['a counter', 'freebsd-old.jsonl.gz', /"cnt":\[1/, '"cnt":[2', 'exp.cnt[0]'],
    ['a freed page', 'freebsd-smlfs.jsonl.gz', /"freed":\[0/, '"freed":[9', 'exp.freed[0]'],
    ['a use count', 'freebsd-alloc.jsonl.gz', /"vp":\{"use":3/, '"vp":{"use":4', 'exp.vp.use'],
  ])('show %s that is different', (_, name, pattern, replacement, field) => {
    const lines = linesOf(name)
    const index = lines.findIndex((line) => pattern.test(line.slice(line.indexOf('"exp"'))))
    const at = lines[index]!.indexOf('"exp"')
    lines[index] = lines[index]!.slice(0, at) + lines[index]!.slice(at).replace(pattern, replacement)
    const result = verifyText(lines.join('\n'))
    expect(result.differences).toBe(1)
    expect(result.files[0]?.first).toMatchObject({ line: index + 1, field })
  })

  const start =
    '{"id":"fb-x","setup":{"bsize":4096,"maxrun":1,"map":[8],"fs_size":4096,"vp":{"use":1},"obj":{"size":1,"vnp_size":4096}'
  const end =
    ',"exp":{"obj":{"type":"VNODE","size":1,"vnp_size":4096,"ref":1,"wm":0,"handle":1,"dead":0,"disc":0},"vp":{"use":1,"wc":0,"obj":1,"text":0}}}\n'
  const setsize = '"op":{"name":"setsize","nsize":4096}'

  it('can be as short as one line', () => {
    expect(verifyText(`${start}},${setsize}${end}`)).toMatchObject({ operations: 1, differences: 0 })
  })

  it.each([
    ['an unknown operation', `${start}},"op":{"name":"grow"}${end}`, 'unknown operation "grow"'],
    ['an unknown field of the record', `${start}},"more":1,${setsize}${end}`, 'unknown field more'],
    ['an unknown field of the setup', `${start},"disks":2},${setsize}${end}`, 'unknown field setup.disks'],
    [
      'an unknown field of the operation',
      `${start}},"op":{"name":"setsize","nsize":4096,"n":1}${end}`,
      'unknown field op.n',
    ],
    ['an unknown fault', `${start}},"env":{"fire":1},${setsize}${end}`, 'unknown field env.fire'],
    ['an unknown error', `${start}},"env":{"getattr":"EODD"},${setsize}${end}`, 'unknown error EODD'],
    [
      'an unknown flag',
      `${start},"pages":[[0,255,0,1]]},"op":{"name":"putpages","pi":0,"n":1,"flags":["FAST"]}${end}`,
      'unknown flag',
    ],
    ['an unknown wish', `${start}},"op":{"name":"haspage","pi":0,"want":"c"}${end}`, 'op.want'],
    ['an unknown result', `${start}},${setsize},"exp":{"colour":1}}`, 'unknown field exp.colour'],
    ['no machine', `{"id":"fb-x",${setsize}${end}`, 'setup is missing'],
    [
      'a page index that has no place',
      `${start}},"op":{"name":"haspage","pi":4611686018427387904,"want":""}${end}`,
      'no page index',
    ],
    ['a bad page', `${start},"pages":[[0,256,0,1]]},${setsize}${end}`, 'from 0 to 255'],
  ])('cannot be replayed with %s', (_, text, words) => {
    expect(() => verifyText(text)).toThrow(words)
  })

  it('differ, and are replayed on, where a page that the reference had has gone', () => {
    const next = `{"id":"fb-y",${setsize}${end}`
    const result = verifyText(`${start}},"op":{"name":"putpages","pi":0,"n":1,"flags":[]}${end}${next}`)
    expect(result).toMatchObject({ operations: 2, differences: 1 })
    expect(result.files[0]?.first).toMatchObject({
      line: 1,
      field: 'op',
      got: 'vm_page_lookup: page 0 is not resident',
    })
  })
})

describe('the machine of the logs', () => {
  it('has a place for kernel page indices near 0, 2^63 and 2^64, in their order', () => {
    const near = fc.bigInt({ min: -(1n << 51n), max: (1n << 51n) - 1n })
    const kernelIndex = fc
      .tuple(fc.constantFrom(0n, 1n << 63n), near)
      .map(([base, distance]) => BigInt.asUintN(64, base + distance))
    const hasPlace = (index: bigint): boolean => index < 1n << 62n || index >= 1n << 63n
    fc.assert(
      fc.property(kernelIndex.filter(hasPlace), kernelIndex.filter(hasPlace), (left, right) => {
        const [leftPlace, rightPlace] = [toPageIndex(left, 'x'), toPageIndex(right, 'x')]
        expect(BigInt.asUintN(64, BigInt(fromPageIndex(leftPlace)))).toBe(left)
        expect(leftPlace < rightPlace).toBe(left < right)
        expect(Number.isSafeInteger(leftPlace)).toBe(true)
      }),
    )
  })

  it('reads back what was written through the map and drops what falls into holes', () => {
    const file = new LogFile({ bsize: 1024, maxrun: 1, map: [10, -1, 12, 14, 16], fs_size: 5000 })
    const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i * 7)
    file.write(700, bytes)
    const back = new Uint8Array(3000)
    file.read(700, back)
    expect(back.every((byte, i) => byte === (700 + i >= 1024 && 700 + i < 2048 ? 0 : bytes[i]))).toBe(true)
    expect([file.runLength(2, 1), file.runLength(3, -1), file.runLength(1, 1), file.runLength(4, 1)]).toEqual([
      1, 1, 0, 0,
    ])
    const sector = new Uint8Array(512)
    file.readSectors(12, sector)
    expect(sector[0]).toBe(bytes[2048 - 700])
    file.readSectors(300, sector)
    expect(sector[511]).toBe((300 * 31 + 511 * 7 + 13 + 5) % 256)
  })
})
