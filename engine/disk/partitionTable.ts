/**
 * What partitions a raw image has: GPT, MBR with extended partitions, and BSD disklabels, on the whole disk or within a
 * slice of either.
 *
 * A table is data of unknown origin. Everything it says is checked against the image before it is used: a loop of
 * extended partitions, an entry of no size, a range outside the image or two partitions on the same sectors give one
 * DiskError `bad-partition-table` that names the table, the entry and the byte. An image without a table has no
 * partitions, which is no error.
 *
 * Sectors are 512 bytes, as on every raw image here.
 */

import { crc32 } from 'node:zlib'
import { DiskError } from './diskError.ts'
import { Partition } from './partition.ts'
import type { RawImage } from './rawImage.ts'
import { SECTOR_BYTES } from './units.ts'

export type PartitionScheme = 'gpt' | 'mbr' | 'bsd' | 'bsd64'

/** What a partition is found to hold; 'unknown' says nothing. */
export type PartitionContent = 'swap' | 'ufs1' | 'ufs2' | 'iso9660' | 'ext' | 'unknown'

export interface PartitionInfo {
  /** Position in the list, by which an experiment names the partition. */
  index: number
  /** Name after the kernels' custom: `p1` (GPT), `s1` (MBR), `s5` (first logical), `s1a` or `a` (label). */
  name: string
  scheme: PartitionScheme
  /** The type as the table has it: a GUID, or a number in hexadecimal. */
  type: string
  typeName: string
  /** The label that a GPT gives to the partition; empty otherwise. */
  label: string
  /** Multiples of 512. */
  offsetBytes: number
  lengthBytes: number
  content: PartitionContent
}

export interface PartitionTable {
  /** The outermost table, 'none' if there is none. */
  scheme: PartitionScheme | 'none'
  partitions: PartitionInfo[]
  /** What is wrong with the table although it can be used: one sentence each. */
  warnings: string[]
}

/** Reads the tables of an image. Throws DiskError `bad-partition-table` or `io`. */
export function readPartitionTable(image: RawImage): PartitionTable {
  const table: PartitionTable = { scheme: 'none', partitions: [], warnings: [] }
  const whole: Range = { offsetBytes: 0, lengthBytes: image.sizeBytes }
  const entries = readMbrEntries(image)
  if (entries.some((entry) => entry.type === MBR_PROTECTIVE)) {
    table.scheme = 'gpt'
    readGpt(image, table)
  } else if (entries.length > 0) {
    table.scheme = 'mbr'
    readMbr(image, entries, table)
  } else {
    // A disk without slices ("dangerously dedicated") has its label where a slice would have it.
    const label = readLabels(image, whole, '', true, table)
    if (label !== null) table.scheme = label
  }
  table.partitions.forEach((partition, index) => {
    partition.index = index
    if (partition.content === 'unknown') partition.content = detectContent(image, partition)
  })
  return table
}

/** The partition of that index as a block store. Throws DiskError `no-such-partition`. */
export function openPartition(image: RawImage, table: PartitionTable, index: number): Partition {
  const found = table.partitions[index]
  if (found !== undefined) return new Partition(image, found.offsetBytes, found.lengthBytes)
  const names = table.partitions.map((partition) => `${partition.index} (${partition.name})`).join(', ')
  throw new DiskError(
    'no-such-partition',
    `${image.path}: has no partition ${index}; ${names === '' ? 'it has no partitions' : `it has ${names}`}`,
    { path: image.path, field: 'partition' },
  )
}

const superblockOffsets = [65536, 8192, 0, 262144]
const SUPERBLOCK_MAGIC_AT = 1372
const UFS1_MAGIC = 0x00011954
const UFS2_MAGIC = 0x19540119

/** Magic bytes of what is no UFS, but not to be swapped on by mistake either. */
const otherContents: readonly { content: PartitionContent; at: number; magic: readonly number[] }[] = [
  { content: 'iso9660', at: 32769, magic: [0x43, 0x44, 0x30, 0x30, 0x31] },
  { content: 'ext', at: 1080, magic: [0x53, 0xef] },
]

/** What a range of an image holds: a UFS by the magic of a superblock at one of its customary places, in either order. */
export function detectContent(image: RawImage, range: { offsetBytes: number; lengthBytes: number }): PartitionContent {
  for (const superblock of superblockOffsets) {
    const at = superblock + SUPERBLOCK_MAGIC_AT
    if (at + 4 > range.lengthBytes) continue
    const view = dataView(image.readBytes(range.offsetBytes + at, 4))
    for (const isLittle of [true, false]) {
      const magic = view.getUint32(0, isLittle)
      if (magic === UFS2_MAGIC) return 'ufs2'
      if (magic === UFS1_MAGIC) return 'ufs1'
    }
  }
  for (const { content, at, magic } of otherContents) {
    if (at + magic.length > range.lengthBytes) continue
    const bytes = image.readBytes(range.offsetBytes + at, magic.length)
    if (magic.every((byte, index) => bytes[index] === byte)) return content
  }
  return 'unknown'
}

interface Range {
  offsetBytes: number
  lengthBytes: number
}

function bad(image: RawImage, offset: number, why: string): DiskError {
  return new DiskError('bad-partition-table', `${image.path}: ${why} (at byte ${offset})`, { path: image.path, offset })
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A copy of `length` bytes at `offset`, or null if the image does not reach so far. */
function readIfThere(image: RawImage, offset: number, length: number): Uint8Array | null {
  return offset + length <= image.sizeBytes ? image.readBytes(offset, length) : null
}

/** Adds a partition after the checks that hold for all schemes. `at` is where the table says it. */
function add(
  image: RawImage,
  table: PartitionTable,
  at: number,
  found: Omit<PartitionInfo, 'index' | 'content'>,
): void {
  const { name, offsetBytes, lengthBytes } = found
  if (offsetBytes + lengthBytes > image.sizeBytes) {
    throw bad(
      image,
      at,
      `partition ${name} reaches from byte ${offsetBytes} to ${offsetBytes + lengthBytes}, past the image's ${image.sizeBytes} bytes`,
    )
  }
  for (const other of table.partitions) {
    if (offsetBytes < other.offsetBytes + other.lengthBytes && other.offsetBytes < offsetBytes + lengthBytes) {
      throw bad(image, at, `partition ${name} overlaps partition ${other.name}`)
    }
  }
  table.partitions.push({
    index: table.partitions.length,
    ...found,
    content: isSwapType(found.scheme, found.type) ? 'swap' : 'unknown',
  })
}

// --- MBR ---

const MBR_ENTRIES_AT = 446
const MBR_ENTRY_BYTES = 16
const MBR_SIGNATURE_AT = 510
const MBR_PROTECTIVE = 0xee
const MBR_EXTENDED = new Set([0x05, 0x0f, 0x85])
/** Slice types that hold a label, and how it counts: see `readLabel32`. */
const MBR_LABELLED = new Map<number, boolean>([
  [0xa5, true],
  [0x6c, true],
  [0xa6, false],
  [0xa9, false],
])
/** What the boot block of a disk without slices has as its size in the fourth entry. */
const DEDICATED_SECTORS = 50_000
/** More logical partitions than any kernel numbers. */
const LOGICAL_MAX = 256

const mbrTypeNames = new Map<number, string>([
  [0x01, 'FAT12'],
  [0x04, 'FAT16'],
  [0x06, 'FAT16'],
  [0x07, 'NTFS or exFAT'],
  [0x0b, 'FAT32'],
  [0x0c, 'FAT32'],
  [0x0e, 'FAT16'],
  [0x6c, 'DragonFly BSD'],
  [0x82, 'Linux swap'],
  [0x83, 'Linux'],
  [0x8e, 'Linux LVM'],
  [0xa5, 'FreeBSD'],
  [0xa6, 'OpenBSD'],
  [0xa9, 'NetBSD'],
  [0xef, 'EFI system'],
  [0xfd, 'Linux RAID'],
])

interface MbrEntry {
  /** 1 to 4. */
  number: number
  type: number
  startSector: number
  sectors: number
  /** Byte offset of the entry in the image. */
  at: number
}

function mbrEntriesOf(sector: Uint8Array, sectorAt: number): MbrEntry[] {
  const view = dataView(sector)
  const entries: MbrEntry[] = []
  for (let i = 0; i < 4; i++) {
    const at = MBR_ENTRIES_AT + i * MBR_ENTRY_BYTES
    const type = view.getUint8(at + 4)
    if (type === 0) continue
    entries.push({
      number: i + 1,
      type,
      startSector: view.getUint32(at + 8, true),
      sectors: view.getUint32(at + 12, true),
      at: sectorAt + at,
    })
  }
  return entries
}

/** The used entries of sector 0, none if it is no MBR: the signature alone may be that of any boot block. */
function readMbrEntries(image: RawImage): MbrEntry[] {
  const sector = image.readBytes(0, SECTOR_BYTES)
  const view = dataView(sector)
  if (view.getUint16(MBR_SIGNATURE_AT, true) !== 0xaa55) return []
  for (let i = 0; i < 4; i++) {
    const flag = view.getUint8(MBR_ENTRIES_AT + i * MBR_ENTRY_BYTES)
    if (flag !== 0 && flag !== 0x80) return []
  }
  const entries = mbrEntriesOf(sector, 0)
  if (entries.some((entry) => entry.startSector === 0 && entry.sectors === DEDICATED_SECTORS)) return []
  return entries
}

function checkMbrEntry(image: RawImage, entry: MbrEntry, name: string, startSector: number): Range {
  if (entry.sectors === 0) throw bad(image, entry.at, `partition ${name} of the MBR has no sectors`)
  if (startSector === 0) throw bad(image, entry.at, `partition ${name} of the MBR begins at the MBR itself`)
  return { offsetBytes: startSector * SECTOR_BYTES, lengthBytes: entry.sectors * SECTOR_BYTES }
}

function readMbr(image: RawImage, entries: MbrEntry[], table: PartitionTable): void {
  // The logical partitions are numbered after the four primary ones, wherever their container stands.
  for (const entry of entries) {
    if (!MBR_EXTENDED.has(entry.type)) addSlice(image, table, entry, `s${entry.number}`, entry.startSector)
  }
  let number = 5
  for (const entry of entries) if (MBR_EXTENDED.has(entry.type)) number = readExtended(image, entry, table, number)
}

/** Adds a slice, or the partitions of its label if it has one. */
function addSlice(image: RawImage, table: PartitionTable, entry: MbrEntry, name: string, startSector: number): void {
  const range = checkMbrEntry(image, entry, name, startSector)
  const type = hex(entry.type)
  const typeName = mbrTypeNames.get(entry.type) ?? `type ${type}`
  const isRelative = MBR_LABELLED.get(entry.type)
  if (isRelative !== undefined && range.offsetBytes + range.lengthBytes <= image.sizeBytes) {
    if (readLabels(image, range, name, isRelative, table) !== null) return
  }
  add(image, table, entry.at, { name, scheme: 'mbr', type, typeName, label: '', ...range })
}

/** Follows the chain of an extended partition and answers the next free number. */
function readExtended(image: RawImage, extended: MbrEntry, table: PartitionTable, number: number): number {
  const { offsetBytes, lengthBytes } = checkMbrEntry(image, extended, `s${extended.number}`, extended.startSector)
  if (offsetBytes + lengthBytes > image.sizeBytes) {
    throw bad(
      image,
      extended.at,
      `extended partition s${extended.number} reaches past the image's ${image.sizeBytes} bytes`,
    )
  }
  const endSector = extended.startSector + extended.sectors
  const seen = new Set<number>()
  let recordSector = extended.startSector
  for (;;) {
    const at = recordSector * SECTOR_BYTES
    if (seen.has(recordSector)) throw bad(image, at, 'the chain of extended partitions leads back to where it was')
    if (seen.size >= LOGICAL_MAX) throw bad(image, at, `there are more than ${LOGICAL_MAX} logical partitions`)
    seen.add(recordSector)
    const record = image.readBytes(at, SECTOR_BYTES)
    if (dataView(record).getUint16(MBR_SIGNATURE_AT, true) !== 0xaa55) {
      throw bad(image, at, 'the chain of extended partitions leads to a sector without signature')
    }
    const entries = mbrEntriesOf(record, at)
    const logical = entries.find((entry) => !MBR_EXTENDED.has(entry.type))
    if (logical !== undefined) {
      const startSector = recordSector + logical.startSector
      if (logical.startSector === 0 || startSector + logical.sectors > endSector) {
        throw bad(image, logical.at, `logical partition s${number} does not lie within its extended partition`)
      }
      addSlice(image, table, logical, `s${number}`, startSector)
      number++
    }
    const next = entries.find((entry) => MBR_EXTENDED.has(entry.type))
    if (next === undefined) return number
    recordSector = extended.startSector + next.startSector
    if (recordSector >= endSector) {
      throw bad(image, next.at, 'the chain of extended partitions leads out of the extended partition')
    }
  }
}

// --- GPT ---

const GPT_SIGNATURE = 'EFI PART'
const GPT_HEADER_MIN = 92
const GPT_ENTRY_MIN = 128
/** More than any tool writes; what asks for more is no table but an attack. */
const GPT_TABLE_MAX = 1 << 20
const NIL_GUID = '00000000-0000-0000-0000-000000000000'

const gptTypeNames = new Map<string, string>([
  ['C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'EFI system'],
  ['21686148-6449-6E6F-744E-656564454649', 'BIOS boot'],
  ['EBD0A0A2-B9E5-4433-87C0-68B6B72699C7', 'Microsoft basic data'],
  ['0FC63DAF-8483-4772-8E79-3D69D8477DE4', 'Linux file system'],
  ['0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', 'Linux swap'],
  ['83BD6B9D-7F41-11DC-BE0B-001560B84F0F', 'FreeBSD boot'],
  ['516E7CB4-6ECF-11D6-8FF8-00022D09712B', 'FreeBSD'],
  ['516E7CB5-6ECF-11D6-8FF8-00022D09712B', 'FreeBSD swap'],
  ['516E7CB6-6ECF-11D6-8FF8-00022D09712B', 'FreeBSD UFS'],
  ['516E7CB8-6ECF-11D6-8FF8-00022D09712B', 'FreeBSD Vinum'],
  ['516E7CBA-6ECF-11D6-8FF8-00022D09712B', 'FreeBSD ZFS'],
  ['9D087404-1CA5-11DC-8817-01301BB8A9F5', 'DragonFly label'],
  ['9D58FDBD-1CA5-11DC-8817-01301BB8A9F5', 'DragonFly swap'],
  ['9D94CE7C-1CA5-11DC-8817-01301BB8A9F5', 'DragonFly UFS'],
  ['3D48CE54-1D16-11DC-8696-01301BB8A9F5', 'DragonFly label (64 bits)'],
  ['61DC63AC-6E38-11DC-8513-01301BB8A9F5', 'DragonFly HAMMER'],
  ['5CBB9AD1-862D-11DC-A94D-01301BB8A9F5', 'DragonFly HAMMER2'],
  ['49F48D32-B10E-11DC-B99B-0019D1879648', 'NetBSD swap'],
  ['49F48D5A-B10E-11DC-B99B-0019D1879648', 'NetBSD FFS'],
  ['49F48D82-B10E-11DC-B99B-0019D1879648', 'NetBSD LFS'],
  ['49F48DAA-B10E-11DC-B99B-0019D1879648', 'NetBSD RAID'],
])

/** GPT types whose partition holds a label, which then counts from the partition. */
const gptLabelled = new Set([
  '516E7CB4-6ECF-11D6-8FF8-00022D09712B',
  '9D087404-1CA5-11DC-8817-01301BB8A9F5',
  '3D48CE54-1D16-11DC-8696-01301BB8A9F5',
])

interface Gpt {
  entriesAt: number
  entryBytes: number
  entries: Uint8Array
  /** Usable sectors, both included. */
  firstUsable: number
  lastUsable: number
}

function readGpt(image: RawImage, table: PartitionTable): void {
  const lastSector = image.sizeBytes / SECTOR_BYTES - 1
  let gpt = readGptAt(image, 1)
  if (typeof gpt === 'string') {
    const primary = gpt
    gpt = readGptAt(image, lastSector)
    if (typeof gpt === 'string') {
      throw bad(image, SECTOR_BYTES, `the GPT cannot be used: ${primary}; its backup at the end neither: ${gpt}`)
    }
    table.warnings.push(`The GPT at the beginning cannot be used (${primary}); its backup at the end was.`)
  }
  const { entriesAt, entryBytes, entries, firstUsable, lastUsable } = gpt
  const view = dataView(entries)
  for (let i = 0; (i + 1) * entryBytes <= entries.length; i++) {
    const entryAt = i * entryBytes
    const at = entriesAt + entryAt
    const type = guidAt(view, entryAt)
    if (type === NIL_GUID) continue
    const name = `p${i + 1}`
    const first = wideAt(view, entryAt + 32)
    const last = wideAt(view, entryAt + 40)
    if (!(first <= last)) throw bad(image, at, `partition ${name} of the GPT ends before it begins`)
    if (!(first >= firstUsable && last <= lastUsable)) {
      throw bad(
        image,
        at,
        `partition ${name} of the GPT has sectors ${first} to ${last}, outside of the usable ${firstUsable} to ${lastUsable}`,
      )
    }
    const range: Range = { offsetBytes: first * SECTOR_BYTES, lengthBytes: (last - first + 1) * SECTOR_BYTES }
    if (gptLabelled.has(type) && readLabels(image, range, name, true, table) !== null) continue
    add(image, table, at, {
      name,
      scheme: 'gpt',
      type,
      typeName: gptTypeNames.get(type) ?? 'unknown type',
      label: gptLabelAt(view, entryAt + 56),
      ...range,
    })
  }
}

/** The GPT whose header is in `sector`, or a clause that says why it cannot be used. */
function readGptAt(image: RawImage, sector: number): Gpt | string {
  const header = readIfThere(image, sector * SECTOR_BYTES, SECTOR_BYTES)
  if (header === null) return 'the image ends before its header'
  const view = dataView(header)
  if (Buffer.from(header.subarray(0, 8)).toString('latin1') !== GPT_SIGNATURE) return 'its header has no signature'
  const headerBytes = view.getUint32(12, true)
  if (headerBytes < GPT_HEADER_MIN || headerBytes > SECTOR_BYTES) return `its header has a size of ${headerBytes} bytes`
  const headerSum = view.getUint32(16, true)
  view.setUint32(16, 0, true)
  if (crc32(header.subarray(0, headerBytes)) !== headerSum) return 'the checksum of its header is wrong'
  if (wideAt(view, 24) !== sector) return 'its header belongs to another sector'
  const entriesSector = wideAt(view, 72)
  const count = view.getUint32(80, true)
  const entryBytes = view.getUint32(84, true)
  if (entryBytes < GPT_ENTRY_MIN || entryBytes % 8 !== 0) return `its entries have a size of ${entryBytes} bytes`
  if (count === 0 || count * entryBytes > GPT_TABLE_MAX) return `it has ${count} entries of ${entryBytes} bytes`
  const entriesAt = entriesSector * SECTOR_BYTES
  if (entriesSector < 2) return 'its entries begin in its own header'
  const entries = readIfThere(image, entriesAt, count * entryBytes)
  if (entries === null) return 'its entries reach past the image'
  if (crc32(entries) !== view.getUint32(88, true)) return 'the checksum of its entries is wrong'
  const firstUsable = wideAt(view, 40)
  const lastUsable = Math.min(wideAt(view, 48), image.sizeBytes / SECTOR_BYTES - 1)
  return { entriesAt, entryBytes, entries, firstUsable, lastUsable }
}

/** A 64-bit number as a double: what is not exact is beyond any image, and fails the checks of range. */
function wideAt(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}

function guidAt(view: DataView, at: number): string {
  const digits = (value: number, length: number): string => value.toString(16).padStart(length, '0')
  let tail = ''
  for (let i = 8; i < 16; i++) {
    if (i === 10) tail += '-'
    tail += digits(view.getUint8(at + i), 2)
  }
  const head = [
    digits(view.getUint32(at, true), 8),
    digits(view.getUint16(at + 4, true), 4),
    digits(view.getUint16(at + 6, true), 4),
  ]
  return `${head.join('-')}-${tail}`.toUpperCase()
}

function gptLabelAt(view: DataView, at: number): string {
  let label = ''
  for (let i = 0; i < 36; i++) {
    const unit = view.getUint16(at + i * 2, true)
    if (unit === 0) break
    label += String.fromCharCode(unit)
  }
  return label.toWellFormed()
}

// --- BSD labels ---

const LABEL_MAGIC = 0x82564557
const LABEL_BYTES = 404
const LABEL_PARTITIONS_AT = 148
const LABEL_PARTITION_BYTES = 16
/** Entries that fit into the sector behind the label's head; the kernels use 8 to 22. */
const LABEL_PARTITIONS_MAX = 22
/** Entry that stands for the whole slice. */
const RAW_PARTITION = 2
const LABEL64_AT = 512
const LABEL64_MAGIC = 0xc4464c59
const LABEL64_PARTITIONS_AT = 200
const LABEL64_PARTITION_BYTES = 64
const LABEL64_PARTITIONS_MAX = 32

const labelTypeNames = new Map<number, string>([
  [1, 'swap'],
  [7, 'BSD FFS'],
  [8, 'MS-DOS'],
  [9, 'BSD LFS'],
  [10, 'other'],
  [13, 'boot'],
  [14, 'Vinum'],
  [15, 'RAID'],
  [17, 'ext2'],
  [19, 'CCD'],
  [22, 'HAMMER'],
  [23, 'HAMMER2'],
  [27, 'ZFS'],
])

/**
 * Adds the partitions of the label within `range`, if there is one, and answers its kind. `isRelative` tells whether an
 * old label's offsets count from its slice (FreeBSD, DragonFly) or from the disk (NetBSD, OpenBSD).
 */
function readLabels(
  image: RawImage,
  range: Range,
  prefix: string,
  isRelative: boolean,
  table: PartitionTable,
): PartitionScheme | null {
  if (readLabel64(image, range, prefix, table)) return 'bsd64'
  // On most machines the label begins the second sector; on some it is within the first.
  for (const labelAt of [512, 64, 0]) {
    if (labelAt + LABEL_BYTES > range.lengthBytes) continue
    const at = range.offsetBytes + labelAt
    const head = readIfThere(image, at, LABEL_BYTES)
    if (head === null) continue
    const view = dataView(head)
    if (view.getUint32(0, true) !== LABEL_MAGIC || view.getUint32(132, true) !== LABEL_MAGIC) continue
    readLabel32(image, range, prefix, isRelative, table, at)
    return 'bsd'
  }
  return null
}

function readLabel32(
  image: RawImage,
  range: Range,
  prefix: string,
  isRelative: boolean,
  table: PartitionTable,
  at: number,
): void {
  const where = prefix === '' ? 'the BSD label' : `the BSD label of ${prefix}`
  const count = dataView(image.readBytes(at, LABEL_PARTITIONS_AT)).getUint16(138, true)
  if (count === 0 || count > LABEL_PARTITIONS_MAX) throw bad(image, at + 138, `${where} has ${count} entries`)
  const bytes = readIfThere(image, at, LABEL_PARTITIONS_AT + count * LABEL_PARTITION_BYTES)
  if (bytes === null) throw bad(image, at, `${where} reaches past the image`)
  const view = dataView(bytes)
  const sectorBytes = view.getUint32(40, true)
  if (sectorBytes !== SECTOR_BYTES) throw bad(image, at + 40, `${where} is for sectors of ${sectorBytes} bytes`)
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum ^= view.getUint16(i, true)
  if (sum !== 0) throw bad(image, at, `the checksum of ${where} is wrong`)
  let base = 0
  if (isRelative) {
    // Some labels of such slices count from the disk all the same; the entry of the whole slice tells.
    const rawOffset = count > RAW_PARTITION ? view.getUint32(entryAt(RAW_PARTITION) + 4, true) * SECTOR_BYTES : 0
    base = range.offsetBytes - rawOffset
  }
  for (let i = 0; i < count; i++) {
    const sectors = view.getUint32(entryAt(i), true)
    const type = view.getUint8(entryAt(i) + 12)
    // The entry of the whole slice has type 0, as have those that are not used.
    if (type === 0 || (isRelative && i === RAW_PARTITION)) continue
    const name = `${prefix}${partitionLetter(i)}`
    if (sectors === 0) throw bad(image, at + entryAt(i), `partition ${name} of ${where} has no sectors`)
    const offsetBytes = base + view.getUint32(entryAt(i) + 4, true) * SECTOR_BYTES
    const lengthBytes = sectors * SECTOR_BYTES
    const isWithin =
      offsetBytes >= range.offsetBytes && offsetBytes + lengthBytes <= range.offsetBytes + range.lengthBytes
    if (offsetBytes < 0 || (isRelative && !isWithin)) {
      throw bad(image, at + entryAt(i), `partition ${name} does not lie within the slice of its label`)
    }
    // A NetBSD or OpenBSD label also lists other slices of the disk, which are found by themselves.
    if (!isWithin) continue
    add(image, table, at + entryAt(i), {
      name,
      scheme: 'bsd',
      type: hex(type),
      typeName: labelTypeNames.get(type) ?? `type ${hex(type)}`,
      label: '',
      offsetBytes,
      lengthBytes,
    })
  }
}

function entryAt(index: number): number {
  return LABEL_PARTITIONS_AT + index * LABEL_PARTITION_BYTES
}

/** DragonFly's label: bytes instead of sectors, from the beginning of the slice. Answers whether there is one. */
function readLabel64(image: RawImage, range: Range, prefix: string, table: PartitionTable): boolean {
  const at = range.offsetBytes + LABEL64_AT
  if (LABEL64_AT + LABEL64_PARTITIONS_AT > range.lengthBytes) return false
  const head = readIfThere(image, at, LABEL64_PARTITIONS_AT)
  if (head === null || dataView(head).getUint32(0, true) !== LABEL64_MAGIC) return false
  const where = prefix === '' ? 'the DragonFly label' : `the DragonFly label of ${prefix}`
  const count = dataView(head).getUint32(12, true)
  if (count === 0 || count > LABEL64_PARTITIONS_MAX) throw bad(image, at + 12, `${where} has ${count} entries`)
  const bytes = readIfThere(image, at, LABEL64_PARTITIONS_AT + count * LABEL64_PARTITION_BYTES)
  if (bytes === null) throw bad(image, at, `${where} reaches past the image`)
  const view = dataView(bytes)
  const sum = view.getUint32(4, true)
  view.setUint32(4, 0, true)
  if (crc32(bytes) !== sum) throw bad(image, at, `the checksum of ${where} is wrong`)
  for (let i = 0; i < count; i++) {
    const entry = LABEL64_PARTITIONS_AT + i * LABEL64_PARTITION_BYTES
    const offset = wideAt(view, entry)
    const lengthBytes = wideAt(view, entry + 8)
    const type = view.getUint8(entry + 16)
    if (offset === 0 && lengthBytes === 0) continue
    const name = `${prefix}${partitionLetter(i)}`
    if (lengthBytes === 0) throw bad(image, at + entry, `partition ${name} of ${where} has no bytes`)
    if (offset + lengthBytes > range.lengthBytes || offset % SECTOR_BYTES !== 0 || lengthBytes % SECTOR_BYTES !== 0) {
      throw bad(image, at + entry, `partition ${name} does not lie within the slice of its label`)
    }
    add(image, table, at + entry, {
      name,
      scheme: 'bsd64',
      type: hex(type),
      typeName: labelTypeNames.get(type) ?? `type ${hex(type)}`,
      label: '',
      offsetBytes: range.offsetBytes + offset,
      lengthBytes,
    })
  }
  return true
}

function partitionLetter(index: number): string {
  return index < 26 ? String.fromCharCode(97 + index) : `+${index}`
}

function isSwapType(scheme: PartitionScheme, type: string): boolean {
  if (scheme === 'mbr') return type === '0x82'
  if (scheme === 'gpt') return gptTypeNames.get(type)?.endsWith('swap') ?? false
  return type === '0x01'
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}
