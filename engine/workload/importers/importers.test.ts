import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decompressedChunks } from '../decompress.ts'
import { ImportError } from '../importError.ts'
import { WorkloadBuilder } from '../streamBuilder.ts'
import type { ReferenceStorage } from '../streamFile.ts'
import type { ProcessStream, Workload } from '../workload.ts'
import { detectFormat, importTrace, traceFormat, traceFormats } from './index.ts'
import { LackeyImporter } from './lackey.ts'

const examples = path.resolve(import.meta.dirname, '../../../examples/traces')

const R = 0
const W = 1
const I = 2

/** Imports in pieces of `pieceBytes`. */
function importText(format: string, data: string | Uint8Array, pieceBytes = 1 << 20): Workload {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
  const builder = new WorkloadBuilder({ name: 'test' })
  const importer = traceFormat(format).create(builder)
  for (let start = 0; start < bytes.length; start += pieceBytes)
    importer.push(bytes.subarray(start, start + pieceBytes))
  importer.finish()
  return builder.finish()
}

/** The stream as [page number, kind] pairs. */
function events(stream: ProcessStream | undefined): [number, number][] {
  if (stream === undefined) throw new Error('no such process')
  const reader = stream.open()
  const all: [number, number][] = []
  for (let view = reader.read(0); view.length > 0; view = reader.read(all.length))
    for (const reference of view) all.push([stream.pageNumbers[reference >>> 2]!, reference & 3])
  return all
}

function failure(action: () => unknown): ImportError {
  try {
    action()
  } catch (error) {
    if (error instanceof ImportError) return error
    throw error
  }
  throw new Error('no error was thrown')
}

/** A PGTRACE1 file. */
function pgtraceBytes(
  references: number[],
  pageNumbers: (number | bigint)[],
  header: Partial<Record<string, number>> = {},
) {
  const bytes = Buffer.alloc(32 + 4 * references.length + 8 * pageNumbers.length)
  bytes.write('PGTRACE1', 'latin1')
  bytes.writeUInt32LE(header['pageSize'] ?? 4096, 8)
  bytes.writeUInt32LE(header['pages'] ?? pageNumbers.length, 12)
  bytes.writeBigUInt64LE(BigInt(header['references'] ?? references.length), 16)
  references.forEach((reference, i) => bytes.writeUInt32LE(reference, 32 + 4 * i))
  pageNumbers.forEach((page, i) => bytes.writeBigUInt64LE(BigInt(page), 32 + 4 * references.length + 8 * i))
  return bytes
}

function oracleBytes(objects: (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(24 * objects.length)
  objects.forEach((object, i) => {
    bytes.writeUInt32LE(i, 24 * i)
    bytes.writeBigUInt64LE(BigInt(object), 24 * i + 4)
    bytes.writeUInt32LE(4096, 24 * i + 12)
    bytes.writeBigInt64LE(-1n, 24 * i + 16)
  })
  return bytes
}

const samples: Record<string, string | Buffer> = {
  lackey: '==12== Lackey\n==12== \nI  04001090,3\n L 1ffeff7e7,8\n S 1ffeff7e8,8\n M 0421c7cc,4\n==12== done\n',
  pgtrace: pgtraceBytes([0, 5, 2, 8], [100, 4503599627370495, 7]),
  csv: 'time,address,kind,pid\n1,0x1000,r,7\n2,8192,W,9\n3,0x1fff,fetch,7\n',
  address: '# addresses\n0x1000\n8192 w\n\nR 0x3000\n',
  oracle: oracleBytes([5, 6, 5, 9007199254740993n]),
}

describe('any importer', () => {
  it.each(Object.entries(samples))('gives the same whatever the sizes of the pieces: %s', (name, sample) => {
    const whole = importText(name, sample)
    for (const size of [1, 2, 3, 5, 7, 24, 31, 33]) {
      const pieces = importText(name, sample, size)
      expect(pieces.processes.map(events)).toEqual(whole.processes.map(events))
    }
  })

  it.each(Object.entries(samples))('is found by content: %s', (name, sample) => {
    expect(detectFormat(Buffer.from(sample), 'noname')?.name).toBe(name)
  })

  it.each(traceFormats.map((format) => format.name))('takes arbitrary bytes or throws an ImportError: %s', (name) => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .string({ unit: fc.constantFrom(...'0x19af ,\nILSMrw=#"pageidn;'.split(/(?:)/)), maxLength: 120 })
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 50 }), (data, size) => {
        try {
          importText(name, data, size)
        } catch (error) {
          expect(error).toBeInstanceOf(ImportError)
        }
      }),
    )
  })
})

describe('lackey text', () => {
  it('becomes fetches, reads and writes of pages', () => {
    const [process] = importText('lackey', samples['lackey']!).processes
    expect(events(process)).toEqual([
      [0x04001, I],
      [0x1ffeff, R],
      [0x1ffeff, W],
      [0x421c, R],
      [0x421c, W],
    ])
  })

  it('touches both pages of an access that crosses, read then write page by page where it modifies', () => {
    const [process] = importText('lackey', ' L 00001ffd,4\n M 00002fff,2\nI  00000fff,4098\n').processes
    expect(events(process)).toEqual([
      [1, R],
      [2, R],
      [2, W],
      [3, R],
      [3, W],
      [0, I],
      [1, I],
      [2, I],
    ])
  })

  it('drops an event equal to the one just before and counts it as raw', () => {
    const workload = importText('lackey', 'I  1000,1\nI  1001,1\n L 1000,1\n L 1fff,1\nI  1002,1\n')
    expect(events(workload.processes[0])).toEqual([
      [1, I],
      [1, R],
      [1, I],
    ])
    expect(workload.eventsPerReference).toBe(5 / 3)
  })

  it('is exact to the last page of 64 bits', () => {
    const [process] = importText('lackey', ' L fffffffffffff000,8\n S ffffffffffffffff,1\n').processes
    expect(events(process)).toEqual([
      [2 ** 52 - 1, R],
      [2 ** 52 - 1, W],
    ])
    expect(failure(() => importText('lackey', ' L ffffffffffffffff,2\n'))).toMatchObject({ code: 'damaged', line: 1 })
  })

  it('of several valgrind processes is one process, and line ends may be of either kind', () => {
    const workload = importText('lackey', '==1== a\r\nI  1000,1\r\n==2== b\r\n L 2000,1')
    expect(workload.processes).toHaveLength(1)
    expect(events(workload.processes[0])).toEqual([
      [1, I],
      [2, R],
    ])
  })

  it('of a real program gives the counts that another reader of the same text gave', async () => {
    const builder = new WorkloadBuilder({ name: 'python' })
    const importer = new LackeyImporter(builder)
    for await (const chunk of decompressedChunks(path.join(examples, 'python3-startup.lackey.txt.gz')))
      importer.push(chunk)
    importer.finish()
    const [process] = builder.finish().processes
    const { lines, fetches, loads, stores, modifies, ignoredLines, pageEvents, pageCrossings } = importer
    expect([lines, fetches, loads, stores, modifies, ignoredLines, pageEvents, pageCrossings]).toEqual([
      200005, 151129, 34872, 12470, 1529, 5, 201665, 136,
    ])
    const kinds = [0, 0, 0]
    for (const [, kind] of events(process)) kinds[kind]!++
    expect(process).toMatchObject({ pageCount: 156, referenceCount: 100021 })
    expect(kinds).toEqual([36399, 13999, 49623])
  })

  it('counts its lines by kind', () => {
    const importer = new LackeyImporter(new WorkloadBuilder({ name: 'x' }))
    importer.push(Buffer.from('==1== a\nI  1000,1\n L 1ffe,4\n S 2000,1\n M 2000,1\n'))
    importer.finish()
    const { lines, fetches, loads, stores, modifies, ignoredLines, pageCrossings, pageEvents } = importer
    expect({ lines, fetches, loads, stores, modifies, ignoredLines, pageCrossings, pageEvents }).toEqual({
      lines: 5,
      fetches: 1,
      loads: 1,
      stores: 1,
      modifies: 1,
      ignoredLines: 1,
      pageCrossings: 1,
      pageEvents: 6,
    })
  })

  it.each([
    'I 04001090,3',
    'I  04001090',
    'I  ,3',
    'I  0400109g,3',
    'I  04001090,',
    'I  04001090,0',
    'I  04001090,3x',
    'I  04001090,99999999',
    'I  12345678901234567,3',
    ' X 04001090,3',
    'L 04001090,3',
    '  L 04001090,3',
    'hello',
    '-',
  ])('with the line "%s" is refused, naming the line', (line) => {
    const error = failure(() => importText('lackey', `==1== a\nI  1000,1\n${line}\nI  1000,1\n`))
    expect(error).toMatchObject({ code: 'damaged', line: 3 })
    expect(error.message).toMatch(/^line 3: expected/)
  })

  it('without an event is empty, and an endless line is no line', () => {
    expect(failure(() => importText('lackey', '==1== a\n'))).toMatchObject({ code: 'empty' })
    expect(failure(() => importText('lackey', new Uint8Array(100000).fill(65), 5000))).toMatchObject({ line: 1 })
  })
})

describe('a PGTRACE1 file', () => {
  it('keeps its references, page numbers and use', () => {
    const [process] = importText('pgtrace', samples['pgtrace']!).processes
    expect(process).toMatchObject({ pageCount: 3, referenceCount: 4 })
    expect([...process!.open().read(0)]).toEqual([0, 5, 2, 8])
    expect([...process!.pageNumbers]).toEqual([100, 4503599627370495, 7])
    expect([...process!.pageUse]).toEqual([5, 2, 1])
  })

  it('comes back for any references, in pieces of any size and alignment', () => {
    const reference = fc.tuple(fc.nat(20), fc.nat(2)).map(([page, kind]) => page * 4 + kind)
    fc.assert(
      fc.property(
        fc.array(reference, { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 3 }),
        (references, size, shift) => {
          const numbers = Array.from({ length: 21 }, (_, page) => 1000 - 3 * page)
          const file = pgtraceBytes(references, numbers)
          const shifted = new Uint8Array(file.length + shift).subarray(shift)
          shifted.set(file)
          const [process] = importText('pgtrace', shifted, size).processes
          expect(events(process)).toEqual(references.map((each) => [numbers[each >> 2], each & 3]))
          // Dense pages are in the order of first reference whatever order the file had.
          let seen = 0
          for (const each of process!.open().read(0)) {
            expect(each >>> 2).toBeLessThanOrEqual(seen)
            if (each >>> 2 === seen) seen++
          }
          expect(process!.pageCount).toBe(seen)
        },
      ),
    )
  })

  it('of the demo is what its README says', async () => {
    const workload = await importTrace(path.join(examples, 'cc1-demo.pgt.zst'), { eventsPerReference: 30.9 })
    expect(workload).toMatchObject({ name: 'cc1-demo', eventsPerReference: 30.9 })
    expect(workload.processes[0]).toMatchObject({ pageCount: 2398, referenceCount: 2000000 })
    const kinds = [0, 0, 0]
    const reader = workload.processes[0]!.open()
    for (let at = 0, view = reader.read(0); view.length > 0; view = reader.read(at)) {
      for (const reference of view) kinds[reference & 3]!++
      at += view.length
    }
    expect(kinds).toEqual([944440, 292512, 763048])
  })

  it('cut anywhere is refused with the byte offset where it ends', () => {
    const file = pgtraceBytes([0, 5, 2, 8], [100, 3, 7])
    for (let length = 0; length < file.length; length++) {
      const error = failure(() => importText('pgtrace', file.subarray(0, length)))
      expect(error).toMatchObject({ code: 'truncated', offset: length })
    }
    expect(failure(() => importText('pgtrace', file.subarray(0, 38))).message).toContain('inside reference 1')
    expect(failure(() => importText('pgtrace', file.subarray(0, 56))).message).toContain('before page number 1')
  })

  it('that is longer than its header says is refused', () => {
    const file = Buffer.concat([pgtraceBytes([0], [9]), Buffer.of(0)])
    expect(failure(() => importText('pgtrace', file))).toMatchObject({ code: 'damaged', offset: 44 })
    expect(failure(() => importText('pgtrace', file, 44))).toMatchObject({ code: 'damaged', offset: 44 })
  })

  it.each([
    ['another magic', Buffer.from('PGTRACE2'.padEnd(40, '\0')), 'damaged', 0],
    ['another page size', pgtraceBytes([0], [9], { pageSize: 8192 }), 'unsupported', 8],
    ['too many pages', pgtraceBytes([0], [9], { pages: 0xffffffff }), 'too-large', 12],
    ['too many references', pgtraceBytes([0], [9], { references: 2 ** 60 }), 'too-large', 16],
    ['a page beyond the table', pgtraceBytes([0, 4], [9]), 'damaged', 36],
    ['kind 3', pgtraceBytes([0, 1, 3], [9]), 'damaged', 40],
    ['a page number beyond 64-bit addresses', pgtraceBytes([0], [2n ** 52n]), 'damaged', 36],
    ['a page number twice', pgtraceBytes([0, 4], [9, 9]), 'damaged', 48],
  ])('with %s is refused at its offset', (_what, file, code, offset) => {
    let expected = offset
    if (file.readUInt32LE(12) === 0 && code === 'damaged') expected = 7
    for (const size of [1, 1000])
      expect(failure(() => importText('pgtrace', file, size))).toMatchObject({ code, offset: expected })
  })
})

describe('CSV', () => {
  it('makes a stream per process', () => {
    const { processes } = importText('csv', samples['csv']!)
    expect(processes.map((process) => [process.name, events(process)])).toEqual([
      [
        'process 7',
        [
          [1, R],
          [1, I],
        ],
      ],
      ['process 9', [[2, W]]],
    ])
  })

  it('takes page numbers, other separators, quotes and a byte order mark', () => {
    const [process] = importText('csv', '\u00ef\u00bb\u00bf"Page";"note"\r\n17;"a;b ""c"""\r\n0x10;\r\n').processes
    expect(events(process)).toEqual([
      [17, R],
      [16, R],
    ])
  })

  it.each([
    ['time,size\n1,2\n', 1, '"address" or "page"'],
    ['address,kind\n0x1000\n', 2, '2 fields'],
    ['address,kind\n0x1000,r\n,r\n', 3, 'column address'],
    ['address,kind\n0x1000,q\n', 2, 'column kind'],
    ['address,kind\n0x1000,constructor\n', 2, 'column kind'],
    ['page\n4503599627370496\n', 2, 'column page'],
    ['page\n-1\n', 2, 'column page'],
    ['page\n1.5\n', 2, 'column page'],
  ])('%j is refused, naming line %i', (text, line, words) => {
    const error = failure(() => importText('csv', text))
    expect(error).toMatchObject({ code: 'damaged', line })
    expect(error.message).toContain(words)
  })
})

describe('addresses', () => {
  it('may be hexadecimal or decimal with the kind on either side, and none is dropped', () => {
    const text =
      '0x1000\n0x1004\n4096 R\n8192,w\n  w   0x3000  \nI 12288\n0XFFFFFFFFFFFFFFFF S\n18446744073709551615\n0X2000 x\n'
    expect(events(importText('address', text).processes[0])).toEqual([
      [1, R],
      [1, R],
      [1, R],
      [2, W],
      [3, W],
      [3, I],
      [2 ** 52 - 1, W],
      [2 ** 52 - 1, R],
      [2, I],
    ])
  })

  it.each(['ff', '0x', '0x1000 q', '0x1000 r w', '1000 2000', '-5', '18446744073709551616', '0x12345678901234567'])(
    'with the line "%s" are refused, naming the line',
    (line) => {
      expect(failure(() => importText('address', `0x1000\n\n${line}\n`))).toMatchObject({ code: 'damaged', line: 3 })
    },
  )
})

describe('oracleGeneral', () => {
  it('takes objects as pages, wide ids by their low 52 bits', () => {
    const [process] = importText('oracle', samples['oracle']!).processes
    expect([...process!.open().read(0)]).toEqual([0, 4, 0, 8])
    expect([...process!.pageNumbers]).toEqual([5, 6, 1])
  })

  it('refuses two wide ids that would become one page', () => {
    expect(failure(() => importText('oracle', oracleBytes([1, 2n ** 52n + 1n])))).toMatchObject({ code: 'too-large' })
  })

  it('cut inside a record is refused with the offset', () => {
    const error = failure(() => importText('oracle', oracleBytes([1, 2]).subarray(0, 30)))
    expect(error).toMatchObject({ code: 'truncated', offset: 30 })
  })

  it('is known by its name too', () => {
    expect(detectFormat(new Uint8Array(30), 'w01.oracleGeneral.bin.zst')?.name).toBe('oracle')
  })
})

describe('importing', () => {
  it.each(Object.entries(samples))('recognises and decompresses: %s', async (name, sample) => {
    const bytes = Buffer.from(sample)
    const plain = await importTrace({ bytes, fileName: 'a.bin' })
    for (const compressed of [gzipSync(bytes), zstdCompressSync(bytes)]) {
      const workload = await importTrace({ bytes: compressed, fileName: 'dir/some.trace.zst' }, { format: name })
      expect(workload.processes.map(events)).toEqual(plain.processes.map(events))
      expect(workload).toMatchObject({ name: 'some', source: 'some.trace.zst' })
    }
  })

  it('tells its progress and puts references where it is told', async () => {
    const text = Array.from({ length: 100000 }, (_, i) => `0x${(i * 4096).toString(16)}\n`).join('')
    const progress: number[] = []
    let stored = 0
    const storageFor = (): ReferenceStorage => ({
      write: (_chunk, references) => (stored += references.length),
      open: () => ({ read: () => new Uint32Array(0) }),
    })
    const workload = await importTrace(
      { bytes: Buffer.from(text), fileName: 'x' },
      { storageFor, onProgress: (references) => progress.push(references) },
    )
    expect(stored).toBe(100000)
    expect(progress.at(-1)).toBe(100000)
    expect(progress.length).toBeGreaterThan(2)
    expect(workload.processes[0]!.pageCount).toBe(100000)
  })

  it('refuses the unknown, the empty and the absent with a reason', async () => {
    const bytes = Buffer.from('hello, world\n')
    await expect(importTrace({ bytes, fileName: 'a' })).rejects.toMatchObject({ code: 'unknown-format' })
    await expect(importTrace({ bytes, fileName: 'a' }, { format: 'x' })).rejects.toMatchObject({
      code: 'unknown-format',
    })
    await expect(importTrace({ bytes: new Uint8Array(0), fileName: 'a' })).rejects.toMatchObject({ code: 'empty' })
    await expect(importTrace('/nowhere/a.pgt')).rejects.toMatchObject({ code: 'unreadable' })
  })
})

describe('references that are wanted', () => {
  const lines = (line: (i: number) => string) => Array.from({ length: 200_000 }, (_, i) => line(i)).join('\n')
  const page = (i: number) => (i * 4096).toString(16).padStart(8, '0')
  const forms: [string, Buffer][] = [
    ['lackey', Buffer.from(lines((i) => ` L ${page(i)},8`))],
    ['address', Buffer.from(lines((i) => `0x${page(i)} r`))],
    ['oracle', oracleBytes(Array.from({ length: 200_000 }, (_, i) => i))],
  ]

  it.each(forms)(
    'end the reading of %s early, so that what is wrong further on does not matter',
    async (format, whole) => {
      const bytes = Buffer.concat([whole, Buffer.from('\nnonsense')])
      const source = { bytes, fileName: 'trace' }
      await expect(importTrace(source, { format })).rejects.toThrow(ImportError)
      let read = 0
      const workload = await importTrace(source, { format, referencesWanted: 5000, onRead: (count) => (read = count) })
      expect(workload.processes[0]!.referenceCount).toBeGreaterThanOrEqual(5000)
      expect(read).toBeLessThan(bytes.length)
      const [one] = workload.processes
      expect(Array.from(one!.open().read(0).subarray(0, 3))).toEqual([0, 4, 8])
    },
  )

  it('are not what ends a format whose tables come last', async () => {
    const bytes = pgtraceBytes([0, 4, 8], [7, 8, 9])
    const workload = await importTrace({ bytes, fileName: 'x.pgt' }, { referencesWanted: 1 })
    expect(workload.processes[0]!.pageNumbers).toEqual(Float64Array.of(7, 8, 9))
  })
})
