import fc from 'fast-check'
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { DiskError } from './diskError.ts'
import { type PartitionTable, openPartition, readPartitionTable } from './partitionTable.ts'
import { RawImage } from './rawImage.ts'
import { diskErrorOf, makeFrames, painted, scratchFolder } from './testing.ts'

const SECTORS = 4096

/** A disk of 2 MiB that a test writes byte by byte. */
class DiskBytes {
  readonly bytes = new Uint8Array(SECTORS * 512)
  readonly view = new DataView(this.bytes.buffer)

  u8(at: number, value: number): void {
    this.view.setUint8(at, value)
  }

  u16(at: number, value: number): void {
    this.view.setUint16(at, value, true)
  }

  u32(at: number, value: number): void {
    this.view.setUint32(at, value >>> 0, true)
  }

  u64(at: number, value: bigint): void {
    this.view.setBigUint64(at, value, true)
  }

  crc(at: number, length: number): number {
    return crc32(this.bytes.subarray(at, at + length))
  }

  /** An entry of an MBR or of an extended boot record in `sector`. */
  mbrEntry(sector: number, index: number, type: number, start: number, sectors: number): void {
    const at = sector * 512 + 446 + index * 16
    this.u8(at + 4, type)
    this.u32(at + 8, start)
    this.u32(at + 12, sectors)
    this.u16(sector * 512 + 510, 0xaa55)
  }

  /** A BSD label at byte `at`, with its checksum. */
  label(at: number, partitions: [sectors: number, offset: number, type: number][]): void {
    this.u32(at, 0x82564557)
    this.u32(at + 132, 0x82564557)
    this.u32(at + 40, 512)
    this.u16(at + 138, partitions.length)
    partitions.forEach(([sectors, offset, type], i) => {
      this.u32(at + 148 + i * 16, sectors)
      this.u32(at + 148 + i * 16 + 4, offset)
      this.u8(at + 148 + i * 16 + 12, type)
    })
    this.sumLabel(at, partitions.length)
  }

  sumLabel(at: number, count: number): void {
    this.u16(at + 136, 0)
    let sum = 0
    for (let i = 0; i < 148 + count * 16; i += 2) sum ^= this.view.getUint16(at + i, true)
    this.u16(at + 136, sum)
  }

  /** DragonFly's label for the slice that begins at byte `slice`. */
  label64(slice: number, partitions: [offset: bigint, length: bigint, type: number][]): void {
    const at = slice + 512
    this.u32(at, 0xc4464c59)
    this.u32(at + 12, partitions.length)
    partitions.forEach(([offset, length, type], i) => {
      this.u64(at + 200 + i * 64, offset)
      this.u64(at + 208 + i * 64, length)
      this.u8(at + 216 + i * 64, type)
    })
    this.u32(at + 4, 0)
    this.u32(at + 4, this.crc(at, 200 + partitions.length * 64))
  }

  /** A GPT: protective MBR, both headers, both arrays of entries. */
  gpt(
    entries: { type: string; first: number; last: number; label?: string }[],
    options = { count: 128, bytes: 128 },
  ): void {
    const { count, bytes } = options
    const arraySectors = Math.ceil((count * bytes) / 512)
    this.mbrEntry(0, 0, 0xee, 1, SECTORS - 1)
    for (const [header, array] of [
      [1, 2],
      [SECTORS - 1, SECTORS - 1 - arraySectors],
    ] as const) {
      entries.forEach(({ type, first, last, label = '' }, i) => {
        const at = array * 512 + i * bytes
        this.guid(at, type)
        this.guid(at + 16, '00000000-0000-4000-8000-00000000000' + String(i + 1))
        this.u64(at + 32, BigInt(first))
        this.u64(at + 40, BigInt(last))
        for (let c = 0; c < label.length; c++) this.u16(at + 56 + c * 2, label.charCodeAt(c))
      })
      const at = header * 512
      this.bytes.set(Buffer.from('EFI PART', 'latin1'), at)
      this.u32(at + 8, 0x10000)
      this.u32(at + 12, 92)
      this.u64(at + 24, BigInt(header))
      this.u64(at + 32, BigInt(header === 1 ? SECTORS - 1 : 1))
      this.u64(at + 40, BigInt(2 + arraySectors))
      this.u64(at + 48, BigInt(SECTORS - 2 - arraySectors))
      this.u64(at + 72, BigInt(array))
      this.u32(at + 80, count)
      this.u32(at + 84, bytes)
      this.sumGpt(header)
    }
  }

  /** Recomputes the checksums of the GPT whose header is in `sector`. */
  sumGpt(sector: number): void {
    const at = sector * 512
    const array = Number(this.view.getBigUint64(at + 72, true)) * 512
    const bytes = this.view.getUint32(at + 80, true) * this.view.getUint32(at + 84, true)
    if (array + bytes <= this.bytes.length) this.u32(at + 88, this.crc(array, bytes))
    this.u32(at + 16, 0)
    this.u32(at + 16, this.crc(at, 92))
  }

  guid(at: number, text: string): void {
    const digits = text.replaceAll('-', '')
    const byte = (i: number): number => parseInt(digits.slice(i * 2, i * 2 + 2), 16)
    ;[3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].forEach((from, i) => this.u8(at + i, byte(from)))
  }

  open(): RawImage {
    const file = path.join(scratchFolder(onTestFinished), 'disk.img')
    fs.writeFileSync(file, this.bytes)
    return RawImage.open(file)
  }

  read(): PartitionTable {
    const image = this.open()
    try {
      return readPartitionTable(image)
    } finally {
      image.close()
    }
  }

  error(): DiskError {
    const error = diskErrorOf(() => this.read())
    expect(error.code).toBe('bad-partition-table')
    expect(error.message.split('\n')).toHaveLength(1)
    return error
  }
}

/** Name, start and length in sectors, what it holds. */
function summary(table: PartitionTable): (string | number)[][] {
  return table.partitions.map((p) => [p.name, p.offsetBytes / 512, p.lengthBytes / 512, p.content])
}

const FREEBSD_SWAP = '516E7CB5-6ECF-11D6-8FF8-00022D09712B'
const FREEBSD_UFS = '516E7CB6-6ECF-11D6-8FF8-00022D09712B'
const DRAGONFLY_LABEL64 = '3D48CE54-1D16-11DC-8696-01301BB8A9F5'

test('an image without a table has no partitions', () => {
  expect(new DiskBytes().read()).toEqual({ scheme: 'none', partitions: [], warnings: [] })
})

test('an image of noise has no partitions', () => {
  const disk = new DiskBytes()
  for (let at = 0; at < disk.bytes.length; at += 4096) disk.bytes.set(painted(at), at)
  expect(disk.read().scheme).toBe('none')
})

test('a GPT gives names, types, labels and what the partitions hold', () => {
  const disk = new DiskBytes()
  disk.gpt([
    { type: FREEBSD_SWAP, first: 40, last: 1063, label: 'swap0' },
    { type: FREEBSD_UFS, first: 1064, last: 3000, label: 'größe' },
    { type: '01234567-89AB-CDEF-0123-456789ABCDEF', first: 3001, last: 3001 },
  ])
  disk.u32(1064 * 512 + 65536 + 1372, 0x19540119)
  const table = disk.read()
  expect(table.scheme).toBe('gpt')
  expect(table.warnings).toEqual([])
  expect(summary(table)).toEqual([
    ['p1', 40, 1024, 'swap'],
    ['p2', 1064, 1937, 'ufs2'],
    ['p3', 3001, 1, 'unknown'],
  ])
  expect(table.partitions.map((p) => p.index)).toEqual([0, 1, 2])
  expect(table.partitions.map((p) => p.typeName)).toEqual(['FreeBSD swap', 'FreeBSD UFS', 'unknown type'])
  expect(table.partitions.map((p) => p.label)).toEqual(['swap0', 'größe', ''])
  expect(table.partitions[2]!.type).toBe('01234567-89AB-CDEF-0123-456789ABCDEF')
})

test('a GPT whose beginning is damaged is read from its backup, with a warning', () => {
  for (const at of [512 + 3, 512 + 50, 1024 + 33]) {
    const disk = new DiskBytes()
    disk.gpt([{ type: FREEBSD_SWAP, first: 40, last: 1063 }])
    disk.bytes[at]! ^= 1
    const table = disk.read()
    expect(summary(table)).toEqual([['p1', 40, 1024, 'swap']])
    expect(table.warnings).toHaveLength(1)
  }
})

test('a GPT damaged at both ends is one clear error', () => {
  const disk = new DiskBytes()
  disk.gpt([{ type: FREEBSD_SWAP, first: 40, last: 1063 }])
  disk.bytes[512 + 50]! ^= 1
  disk.bytes[(SECTORS - 1) * 512 + 50]! ^= 1
  expect(disk.error().message).toContain('checksum')
})

test('a hostile GPT is refused: entries of no size, too many, elsewhere, backwards, overlapping', () => {
  const both = (change: (disk: DiskBytes, header: number) => void): string => {
    const disk = new DiskBytes()
    disk.gpt([
      { type: FREEBSD_SWAP, first: 40, last: 1063 },
      { type: FREEBSD_UFS, first: 1064, last: 2000 },
    ])
    for (const header of [1, SECTORS - 1]) {
      change(disk, header)
      disk.sumGpt(header)
    }
    return disk.error().message
  }
  expect(both((disk, header) => disk.u32(header * 512 + 84, 0))).toContain('a size of 0 bytes')
  expect(both((disk, header) => disk.u32(header * 512 + 84, 64))).toContain('a size of 64 bytes')
  expect(both((disk, header) => disk.u32(header * 512 + 80, 0xffffffff))).toContain('4294967295 entries')
  expect(both((disk, header) => disk.u64(header * 512 + 72, 0xffffffffffffffffn))).toContain('past the image')
  expect(both((disk, header) => disk.u64(header * 512 + 72, 1n))).toContain('its own header')
  expect(both((disk, header) => disk.u32(header * 512 + 12, 4000))).toContain('4000 bytes')
  const arrayOf = (disk: DiskBytes, header: number): number =>
    Number(disk.view.getBigUint64(header * 512 + 72, true)) * 512
  expect(both((disk, header) => disk.u64(arrayOf(disk, header) + 40, 0xffffffffffffffffn))).toContain('outside')
  expect(both((disk, header) => disk.u64(arrayOf(disk, header) + 40, 39n))).toContain('ends before it begins')
  expect(both((disk, header) => disk.u64(arrayOf(disk, header) + 32, 1n))).toContain('outside')
  expect(both((disk, header) => disk.u64(arrayOf(disk, header) + 40, 1064n))).toContain('overlaps partition p1')
})

test('an MBR gives its primary partitions, then the logical ones in the order of their chain', () => {
  const disk = new DiskBytes()
  disk.mbrEntry(0, 0, 0x05, 2048, 1024)
  disk.mbrEntry(0, 1, 0x82, 64, 512)
  disk.mbrEntry(0, 3, 0x83, 1024, 100)
  disk.mbrEntry(2048, 0, 0x83, 32, 100)
  disk.mbrEntry(2048, 1, 0x05, 512, 512)
  disk.mbrEntry(2560, 0, 0x82, 32, 480)
  expect(summary(disk.read())).toEqual([
    ['s2', 64, 512, 'swap'],
    ['s4', 1024, 100, 'unknown'],
    ['s5', 2080, 100, 'unknown'],
    ['s6', 2592, 480, 'swap'],
  ])
})

test('hostile MBRs are refused: no size, out of range, overlapping', () => {
  for (const [start, sectors, word] of [
    [64, 0, 'no sectors'],
    [0, 64, 'at the MBR itself'],
    [64, SECTORS, 'past the image'],
    [0xffffffff, 0xffffffff, 'past the image'],
  ] as const) {
    const disk = new DiskBytes()
    disk.mbrEntry(0, 0, 0x83, start, sectors)
    const error = disk.error()
    expect(error.message).toContain(word)
    expect(error.offset).toBe(446)
  }
  const disk = new DiskBytes()
  disk.mbrEntry(0, 0, 0x83, 64, 100)
  disk.mbrEntry(0, 1, 0x83, 163, 100)
  expect(disk.error().message).toContain('s2 overlaps partition s1')
})

test('a chain of extended partitions that loops, leaves its container, or leads nowhere ends with an error', () => {
  const chain = (change: (disk: DiskBytes) => void): string => {
    const disk = new DiskBytes()
    disk.mbrEntry(0, 0, 0x0f, 2048, 1024)
    disk.mbrEntry(2048, 0, 0x83, 32, 100)
    disk.mbrEntry(2048, 1, 0x05, 512, 512)
    disk.mbrEntry(2560, 0, 0x83, 32, 100)
    change(disk)
    return disk.error().message
  }
  expect(chain((disk) => disk.mbrEntry(2560, 1, 0x05, 0, 512))).toContain('back to where it was')
  expect(chain((disk) => disk.mbrEntry(2560, 1, 0x05, 512, 512))).toContain('back to where it was')
  expect(chain((disk) => disk.mbrEntry(2560, 1, 0x05, 1024, 1))).toContain('out of the extended')
  expect(chain((disk) => disk.mbrEntry(2560, 1, 0x05, 0xffffffff, 1))).toContain('out of the extended')
  expect(chain((disk) => disk.u16(2560 * 512 + 510, 0))).toContain('without signature')
  expect(chain((disk) => disk.mbrEntry(2560, 0, 0x83, 32, 500))).toContain('within its extended')
  const endless = new DiskBytes()
  endless.mbrEntry(0, 0, 0x05, 1, SECTORS - 1)
  for (let i = 1; i < 400; i++) endless.mbrEntry(i, 1, 0x05, i, 1)
  expect(endless.error().message).toContain('more than 256')
})

test('a FreeBSD slice is replaced by the partitions of its label, which count from the slice', () => {
  const disk = new DiskBytes()
  disk.mbrEntry(0, 0, 0xa5, 64, 2000)
  disk.mbrEntry(0, 1, 0x83, 2064, 500)
  disk.label(65 * 512, [
    [1000, 16, 7],
    [900, 1100, 1],
    [2000, 0, 0],
  ])
  disk.u32((64 + 16) * 512 + 8192 + 1372, 0x00011954)
  const table = disk.read()
  expect(table.scheme).toBe('mbr')
  expect(summary(table)).toEqual([
    ['s1a', 80, 1000, 'ufs1'],
    ['s1b', 1164, 900, 'swap'],
    ['s2', 2064, 500, 'unknown'],
  ])
  expect(table.partitions[1]).toMatchObject({ scheme: 'bsd', type: '0x01', typeName: 'swap' })
})

test('a label that counts from the disk is understood by its entry for the whole slice', () => {
  const disk = new DiskBytes()
  disk.mbrEntry(0, 0, 0xa5, 64, 2000)
  disk.label(65 * 512, [
    [1000, 80, 7],
    [900, 1164, 1],
    [2000, 64, 0],
  ])
  expect(summary(disk.read())).toEqual([
    ['s1a', 80, 1000, 'unknown'],
    ['s1b', 1164, 900, 'swap'],
  ])
})

test('a NetBSD label counts from the disk, and what it says of other slices is left to them', () => {
  const disk = new DiskBytes()
  disk.mbrEntry(0, 0, 0xa9, 64, 2000)
  disk.mbrEntry(0, 1, 0x0b, 2064, 500)
  disk.label(65 * 512, [
    [1000, 64, 7],
    [1000, 1064, 1],
    [2000, 64, 0],
    [SECTORS, 0, 0],
    [500, 2064, 8],
  ])
  expect(summary(disk.read())).toEqual([
    ['s1a', 64, 1000, 'unknown'],
    ['s1b', 1064, 1000, 'swap'],
    ['s2', 2064, 500, 'unknown'],
  ])
})

test('a disk without slices has its label in the second sector, or within the first', () => {
  for (const at of [512, 64]) {
    const disk = new DiskBytes()
    disk.label(at, [
      [2000, 16, 7],
      [2000, 2016, 1],
    ])
    const table = disk.read()
    expect(table.scheme).toBe('bsd')
    expect(summary(table)).toEqual([
      ['a', 16, 2000, 'unknown'],
      ['b', 2016, 2000, 'swap'],
    ])
  }
  // FreeBSD's boot block for such disks looks like an MBR, with a size that none has.
  const dedicated = new DiskBytes()
  dedicated.mbrEntry(0, 3, 0xa5, 0, 50_000)
  dedicated.label(512, [[2000, 16, 1]])
  expect(summary(dedicated.read())).toEqual([['a', 16, 2000, 'swap']])
})

test('hostile labels are refused: wrong checksum, count, sector size, entries of no size or outside', () => {
  const label = (change: (disk: DiskBytes) => void, resum = true): string => {
    const disk = new DiskBytes()
    disk.mbrEntry(0, 0, 0xa5, 64, 2000)
    const at = 65 * 512
    disk.label(at, [
      [1000, 16, 7],
      [900, 1100, 1],
    ])
    change(disk)
    if (resum) disk.sumLabel(at, 2)
    return disk.error().message
  }
  const at = 65 * 512
  expect(label((disk) => disk.u8(at + 20, 1), false)).toContain('checksum')
  expect(label((disk) => disk.u16(at + 138, 0))).toContain('0 entries')
  expect(label((disk) => disk.u16(at + 138, 60_000))).toContain('60000 entries')
  expect(label((disk) => disk.u32(at + 40, 0))).toContain('sectors of 0 bytes')
  expect(label((disk) => disk.u32(at + 148, 0))).toContain('no sectors')
  expect(label((disk) => disk.u32(at + 152, 1500))).toContain('does not lie within')
  expect(label((disk) => disk.u32(at + 152, 0xffffffff))).toContain('does not lie within')
  expect(label((disk) => disk.u32(at + 168, 500))).toContain('overlaps')
})

test('DragonFly labels are read on the disk, in a slice and in a GPT partition', () => {
  const bare = new DiskBytes()
  bare.label64(0, [[65536n, 524_288n, 1]])
  expect(bare.read().scheme).toBe('bsd64')
  expect(summary(bare.read())).toEqual([['a', 128, 1024, 'swap']])

  const sliced = new DiskBytes()
  sliced.mbrEntry(0, 1, 0x6c, 64, 3000)
  sliced.label64(64 * 512, [
    [0n, 0n, 0],
    [65536n, 524_288n, 1],
    [65536n + 524_288n, 409_600n, 7],
  ])
  expect(summary(sliced.read())).toEqual([
    ['s2b', 192, 1024, 'swap'],
    ['s2c', 1216, 800, 'unknown'],
  ])

  const gpt = new DiskBytes()
  gpt.gpt([{ type: DRAGONFLY_LABEL64, first: 64, last: 3000 }])
  gpt.label64(64 * 512, [[65536n, 524_288n, 1]])
  expect(summary(gpt.read())).toEqual([['p1a', 192, 1024, 'swap']])

  const hostile = new DiskBytes()
  hostile.label64(0, [[0xfffffffffffff000n, 8192n, 1]])
  expect(hostile.error().message).toContain('does not lie within')
  hostile.label64(0, [[65536n, 0n, 1]])
  expect(hostile.error().message).toContain('no bytes')
})

test('UFS is found at each place that a superblock may have, in either byte order', () => {
  for (const [at, magic, isLittle, content] of [
    [0, 0x19540119, true, 'ufs2'],
    [8192, 0x00011954, true, 'ufs1'],
    [65536, 0x19540119, false, 'ufs2'],
    [262_144, 0x00011954, false, 'ufs1'],
  ] as const) {
    const disk = new DiskBytes()
    disk.mbrEntry(0, 0, 0x83, 64, 3000)
    disk.view.setUint32(64 * 512 + at + 1372, magic, isLittle)
    expect(disk.read().partitions[0]!.content).toBe(content)
  }
})

test('a partition is opened by its index; one that does not exist is named with those that do', () => {
  const disk = new DiskBytes()
  disk.mbrEntry(0, 0, 0x82, 65, 512)
  disk.bytes.set(painted(5), 65 * 512 + 3 * 4096)
  const image = disk.open()
  const table = readPartitionTable(image)
  const frames = makeFrames(1)
  openPartition(image, table, 0).readPages(3, frames, 1)
  expect(Buffer.compare(frames[0]!, painted(5))).toBe(0)
  const error = diskErrorOf(() => openPartition(image, table, 4))
  expect(error.code).toBe('no-such-partition')
  expect(error.message).toContain('0 (s1)')
  image.close()
})

test('whatever is on the disk, reading its tables ends with partitions inside of it or with a DiskError', () => {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  const disk = new DiskBytes()
  disk.gpt([{ type: FREEBSD_SWAP, first: 64, last: 1063 }])
  const gpt = disk.bytes.slice()
  const sliced = new DiskBytes()
  sliced.mbrEntry(0, 0, 0xa5, 64, 1500)
  sliced.mbrEntry(0, 1, 0x05, 2048, 1024)
  sliced.mbrEntry(2048, 0, 0x6c, 32, 900)
  sliced.mbrEntry(2048, 1, 0x05, 990, 20)
  sliced.label(65 * 512, [[1000, 16, 7]])
  sliced.label64(2080 * 512, [[65536n, 65536n, 1]])
  const interesting = [0, 446, 512, 1024, 64 * 512, 65 * 512, 2048 * 512 + 446, 2080 * 512 + 512, (SECTORS - 1) * 512]
  const change = fc.tuple(fc.constantFrom(...interesting), fc.nat({ max: 200 }), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(fc.boolean(), fc.array(change, { minLength: 1, maxLength: 12 }), (isGpt, changes) => {
      const bytes = (isGpt ? gpt : sliced.bytes).slice()
      for (const [at, offset, value] of changes) bytes[Math.min(at + offset, bytes.length - 1)] = value
      fs.writeFileSync(file, bytes)
      const image = RawImage.open(file)
      try {
        for (const { offsetBytes, lengthBytes } of readPartitionTable(image).partitions) {
          expect(lengthBytes).toBeGreaterThan(0)
          expect(offsetBytes + lengthBytes).toBeLessThanOrEqual(image.sizeBytes)
        }
      } catch (error) {
        if (!(error instanceof DiskError)) throw error
        expect(error.code).toBe('bad-partition-table')
      } finally {
        image.close()
      }
    }),
    { numRuns: 300 },
  )
})
