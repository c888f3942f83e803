/**
 * The superblock: where it is looked for, what it says of the file system's shape, and the counts it keeps.
 *
 * It is data of unknown origin. Whatever is divided by, shifted by or used as a size is checked here, once: the rest of this
 * folder relies on it. Places are counted in fragments from the beginning of the file system, as on disk.
 */
import { crc32c } from './crc32c.ts'
import { Fields } from './fields.ts'
import type { Medium } from './medium.ts'
import { UfsError } from './ufsError.ts'

/** Bytes read for a superblock; none is larger. */
export const SUPERBLOCK_BYTES = 8192
/** Where BSDs keep it: behind two boot loaders' worth of room, behind one, at once, and far behind. */
const places = [65536, 8192, 0, 262144]

const MAGIC_UFS1 = 0x011954
const MAGIC_UFS2 = 0x19540119
/** What newfs writes until it has finished. */
const MAGIC_UNFINISHED = 0x19960408

/** Direct blocks, and levels of indirect ones, of an inode. */
export const DIRECT_BLOCKS = 12
export const INDIRECT_LEVELS = 3

/** Bytes of a cylinder group's four counts, and of the lengths of its table of free runs of fragments. */
export const SUMMARY_BYTES = 16
export const FRAGMENTS_MAX = 8

/** Longest run of blocks that any kernel counts in a cluster summary. */
const CLUSTER_SUM_MAX = 16

/** Byte offsets in the superblock (struct fs). */
const at = {
  superblockPlace: 8,
  groupPlace: 12,
  inodePlace: 16,
  dataPlace: 20,
  groupSkew: 24,
  groupSkewMask: 28,
  oldTime: 32,
  oldSize: 36,
  oldDataFragments: 40,
  groups: 44,
  blockSize: 48,
  fragmentSize: 52,
  fragmentsPerBlock: 56,
  minFree: 60,
  superblockSize: 104,
  pointersPerBlock: 116,
  inodesPerBlock: 120,
  oldSummaryPlace: 152,
  summarySize: 156,
  groupSize: 160,
  inodesPerGroup: 184,
  fragmentsPerGroup: 188,
  oldTotals: 192,
  isClean: 209,
  oldFlags: 211,
  mountedOn: 212,
  label: 680,
  journalVersion: 864,
  place: 1000,
  totals: 1008,
  time: 1072,
  size: 1080,
  dataFragments: 1088,
  summaryPlace: 1096,
  pendingBlocks: 1104,
  hash: 1304,
  hashes: 1308,
  flags: 1312,
  clusterSumSize: 1316,
  linkLengthMax: 1320,
  inodeFormat: 1324,
  fileSizeMax: 1328,
  magic: 1372,
} as const

const Flag = {
  unclean: 0x1,
  softUpdates: 0x2,
  needsCheck: 0x4,
  softUpdatesJournal: 0x8,
  geomJournal: 0x40,
  /** In the old flags: the fields of UFS1 are those of UFS2. */
  updated: 0x80,
  netbsdJournal: 0x100,
  hashed: 0x200,
} as const

/** Kinds of metadata that carry a check hash. */
export const Hashed = { superblock: 1, group: 2, inode: 4 } as const

/** Free and used things, of a group or of the whole file system; directories, free blocks, free inodes, and free fragments that
 * do not form blocks. In the order on disk. */
export interface Totals {
  directories: number
  freeBlocks: number
  freeInodes: number
  freeFragments: number
}

export const totalNames = ['directories', 'freeBlocks', 'freeInodes', 'freeFragments'] as const

export class Superblock {
  /** Byte of the file system at which this superblock is. */
  readonly place: number
  readonly version: 1 | 2
  readonly isLittleEndian: boolean
  readonly blockSize: number
  readonly fragmentSize: number
  /** 1, 2, 4 or 8. */
  readonly fragmentsPerBlock: number
  /** Fragments of the whole file system, and of those for data. */
  readonly sizeFragments: number
  readonly dataFragments: number
  readonly groups: number
  readonly groupSize: number
  readonly fragmentsPerGroup: number
  readonly inodesPerGroup: number
  readonly inodesPerBlock: number
  readonly inodeBytes: number
  readonly pointersPerBlock: number
  readonly pointerBytes: number
  /** Within a group: its cylinder group block, its first inodes, its first data. */
  readonly groupPlace: number
  readonly inodePlace: number
  readonly dataPlace: number
  readonly superblockPlace: number
  /** First fragment, and bytes, of the summaries of all groups. */
  readonly summaryPlace: number
  readonly summarySize: number
  /** 0: no cluster summaries. */
  readonly clusterSumSize: number
  /** Symbolic links shorter than this lie in the inode. */
  readonly linkLengthMax: number
  /** Directory entries have names of 16-bit length and no type: 4.2BSD's. */
  readonly hasOldDirectories: boolean
  readonly fileSizeMax: number
  readonly label: string
  readonly mountedOn: string
  /** Kinds of metadata that carry a check hash: bits of Hashed. */
  readonly hashes: number
  readonly minFreePercent: number
  /** Why nothing may be written, null if it may. */
  readonly readOnlyReason: string | null
  readonly fields: Fields
  readonly #skew: number
  readonly #skewMask: number

  constructor(bytes: Uint8Array, isLittleEndian: boolean, place: number, deviceBytes: number) {
    const f = new Fields(bytes, isLittleEndian)
    this.fields = f
    this.place = place
    this.isLittleEndian = isLittleEndian
    this.version = f.u32(at.magic) === MAGIC_UFS2 ? 2 : 1
    const isUfs2 = this.version === 2
    const isUpdated = isUfs2 || (f.u8(at.oldFlags) & Flag.updated) !== 0
    this.blockSize = f.u32(at.blockSize)
    this.fragmentSize = f.u32(at.fragmentSize)
    this.#check(isPowerOfTwo(this.blockSize, 4096, 65536), at.blockSize, 'block size', this.blockSize)
    this.#check(
      isPowerOfTwo(this.fragmentSize, Math.max(512, this.blockSize / FRAGMENTS_MAX), this.blockSize),
      at.fragmentSize,
      'fragment size',
      this.fragmentSize,
    )
    this.fragmentsPerBlock = this.blockSize / this.fragmentSize
    const told = f.u32(at.fragmentsPerBlock)
    this.#check(told === this.fragmentsPerBlock, at.fragmentsPerBlock, 'number of fragments in a block', told)
    this.pointerBytes = isUfs2 ? 8 : 4
    this.inodeBytes = isUfs2 ? 256 : 128
    this.pointersPerBlock = f.u32(at.pointersPerBlock)
    this.#check(
      this.pointersPerBlock === this.blockSize / this.pointerBytes,
      at.pointersPerBlock,
      'number of pointers in a block',
      this.pointersPerBlock,
    )
    this.inodesPerBlock = f.u32(at.inodesPerBlock)
    this.#check(
      this.inodesPerBlock === this.blockSize / this.inodeBytes,
      at.inodesPerBlock,
      'number of inodes in a block',
      this.inodesPerBlock,
    )

    this.sizeFragments = isUpdated ? f.i64(at.size) : f.u32(at.oldSize)
    const sizeAt = isUpdated ? at.size : at.oldSize
    this.#check(this.sizeFragments > 0, sizeAt, 'number of fragments', this.sizeFragments)
    const reach = this.sizeFragments * this.fragmentSize
    if (!(reach <= deviceBytes))
      throw corrupt(
        place + sizeAt,
        `the file system says it has ${reach} bytes, the device has ${deviceBytes}: the image was cut off, or is damaged`,
      )
    this.dataFragments = isUpdated ? f.i64(at.dataFragments) : f.u32(at.oldDataFragments)
    this.groups = f.u32(at.groups)
    this.fragmentsPerGroup = f.u32(at.fragmentsPerGroup)
    this.inodesPerGroup = f.u32(at.inodesPerGroup)
    this.groupSize = f.u32(at.groupSize)
    this.#check(
      this.fragmentsPerGroup > 0 && this.fragmentsPerGroup % this.fragmentsPerBlock === 0,
      at.fragmentsPerGroup,
      'number of fragments in a cylinder group',
      this.fragmentsPerGroup,
    )
    this.#check(
      this.groups > 0 &&
        (this.groups - 1) * this.fragmentsPerGroup < this.sizeFragments &&
        this.groups * this.fragmentsPerGroup >= this.sizeFragments,
      at.groups,
      'number of cylinder groups',
      this.groups,
    )
    this.#check(
      this.groupSize >= 168 && this.groupSize <= this.blockSize,
      at.groupSize,
      "size of a cylinder group's block",
      this.groupSize,
    )
    this.#check(
      this.inodesPerGroup > 0 && this.inodesPerGroup % this.inodesPerBlock === 0,
      at.inodesPerGroup,
      'number of inodes in a cylinder group',
      this.inodesPerGroup,
    )
    this.superblockPlace = f.u32(at.superblockPlace)
    this.groupPlace = f.u32(at.groupPlace)
    this.inodePlace = f.u32(at.inodePlace)
    this.dataPlace = f.u32(at.dataPlace)
    const frag = this.fragmentsPerBlock
    this.#check(
      this.groupPlace % frag === 0 && this.groupPlace + frag <= this.inodePlace,
      at.groupPlace,
      'place of cylinder group blocks',
      this.groupPlace,
    )
    const inodeFragments = (this.inodesPerGroup / this.inodesPerBlock) * frag
    this.#check(
      this.inodePlace % frag === 0 && this.inodePlace + inodeFragments <= this.dataPlace,
      at.inodePlace,
      'place of inodes',
      this.inodePlace,
    )
    this.#check(this.dataPlace <= this.fragmentsPerGroup, at.dataPlace, 'place of data', this.dataPlace)
    this.#skew = isUfs2 ? 0 : f.u32(at.groupSkew)
    this.#skewMask = isUfs2 ? 0 : f.u32(at.groupSkewMask)
    const skewed = this.#skew * (~this.#skewMask >>> 0)
    this.#check(
      this.#skew === 0 || skewed + this.dataPlace <= this.fragmentsPerGroup,
      at.groupSkew,
      'offset between cylinder groups',
      this.#skew,
    )

    this.summaryPlace = isUpdated ? f.i64(at.summaryPlace) : f.u32(at.oldSummaryPlace)
    this.summarySize = f.u32(at.summarySize)
    this.#check(
      this.summarySize >= this.groups * SUMMARY_BYTES && this.summarySize <= reach,
      at.summarySize,
      'size of the summaries',
      this.summarySize,
    )
    this.#check(
      this.summaryPlace > 0 && this.summaryPlace * this.fragmentSize + this.summarySize <= reach,
      isUpdated ? at.summaryPlace : at.oldSummaryPlace,
      'place of the summaries',
      this.summaryPlace,
    )
    this.clusterSumSize = f.u32(at.clusterSumSize)
    this.#check(
      this.clusterSumSize <= CLUSTER_SUM_MAX,
      at.clusterSumSize,
      'size of the cluster summaries',
      this.clusterSumSize,
    )
    const superblockSize = f.u32(at.superblockSize)
    this.#check(superblockSize <= SUPERBLOCK_BYTES, at.superblockSize, 'size of the superblock', superblockSize)
    this.linkLengthMax = Math.min(f.u32(at.linkLengthMax), isUfs2 ? 120 : 60)
    this.hasOldDirectories = !isUfs2 && f.i32(at.linkLengthMax) <= 0
    this.fileSizeMax = Math.min(f.i64(at.fileSizeMax), mappedBytes(this.blockSize, this.pointersPerBlock))
    this.minFreePercent = f.u32(at.minFree)
    this.label = f.text(at.label, 32)
    this.mountedOn = f.text(at.mountedOn, 468)
    const flags = isUpdated ? f.u32(at.flags) : f.u8(at.oldFlags)
    this.hashes = isUfs2 && (flags & Flag.hashed) !== 0 ? f.u32(at.hashes) : 0
    this.readOnlyReason = isUpdated
      ? this.#readOnlyReason(flags)
      : 'it has the layout of systems before 2002, which is only read here'
  }

  #readOnlyReason(flags: number): string | null {
    const isUnclean = (this.fields.u8(at.isClean) & 1) === 0
    if ((flags & (Flag.needsCheck | Flag.unclean)) !== 0)
      return 'it is marked as damaged; let fsck_ffs of its system repair it'
    if (this.fields.i64(at.pendingBlocks) !== 0)
      return 'blocks of removed files have not been given back yet; let fsck_ffs of its system do so'
    if (!isUnclean) return null
    const journal =
      (flags & Flag.softUpdatesJournal) !== 0 && this.version === 2
        ? 'soft updates journal'
        : (flags & Flag.geomJournal) !== 0
          ? 'gjournal'
          : (flags & Flag.netbsdJournal) !== 0 && this.fields.u8(at.journalVersion) === 1
            ? 'WAPBL journal'
            : null
    return journal === null
      ? 'it was not unmounted cleanly; let fsck_ffs of its system check it first'
      : `it was not unmounted cleanly and its ${journal} has not been replayed; let its system replay it first`
  }

  /** First fragment of a group, and where its metadata begin: the older layout skews them. */
  groupBase(group: number): number {
    return group * this.fragmentsPerGroup
  }

  groupStart(group: number): number {
    return this.groupBase(group) + this.#skew * ((group & ~this.#skewMask) >>> 0)
  }

  /** Fragments that a group has: the last may be shorter. */
  groupFragments(group: number): number {
    return Math.min(this.fragmentsPerGroup, this.sizeFragments - this.groupBase(group))
  }

  /** Byte of an inode. */
  inodeOffset(inode: number): number {
    const within = inode % this.inodesPerGroup
    const block = Math.floor(within / this.inodesPerBlock)
    const fragment =
      this.groupStart(Math.floor(inode / this.inodesPerGroup)) + this.inodePlace + block * this.fragmentsPerBlock
    return fragment * this.fragmentSize + (within % this.inodesPerBlock) * this.inodeBytes
  }

  get inodeCount(): number {
    return this.groups * this.inodesPerGroup
  }

  total(name: keyof Totals): number {
    return this.fields.i64(at.totals + totalNames.indexOf(name) * 8)
  }

  /** UFS1 has the totals twice. */
  oldTotal(name: keyof Totals): number {
    return this.fields.u32(at.oldTotals + totalNames.indexOf(name) * 4)
  }

  addTotal(name: keyof Totals, difference: number): void {
    const index = totalNames.indexOf(name)
    const value = this.total(name) + difference
    this.fields.setI64(at.totals + index * 8, value)
    if (this.version === 1) this.fields.setU32(at.oldTotals + index * 4, value)
  }

  /** Seconds since 1970 at which the file system was last written. */
  get time(): number {
    return this.fields.i64(at.time)
  }

  setTime(seconds: number): void {
    this.fields.setI64(at.time, seconds)
    if (this.version === 1) this.fields.setU32(at.oldTime, seconds >>> 0)
  }

  setClean(isClean: boolean): void {
    this.fields.bytes[at.isClean] = isClean ? 1 : 0
  }

  /** Bytes that are written back. */
  get writtenBytes(): number {
    const told = this.fields.u32(at.superblockSize)
    return Math.max(1536, Math.min(told, SUPERBLOCK_BYTES))
  }

  /** The hash that the superblock has, and the one that it should have; null where it has none. */
  get hash(): { has: number; wants: number } | null {
    if ((this.hashes & Hashed.superblock) === 0) return null
    return { has: this.fields.u32(at.hash), wants: this.#hash() }
  }

  updateHash(): void {
    if ((this.hashes & Hashed.superblock) !== 0) this.fields.setU32(at.hash, this.#hash())
  }

  #hash(): number {
    const copy = new Fields(this.fields.bytes.slice(0, this.fields.u32(at.superblockSize)), this.isLittleEndian)
    copy.setU32(at.hash, 0)
    return crc32c(copy.bytes)
  }

  #check(isRight: boolean, field: number, what: string, value: number): void {
    if (!isRight) throw corrupt(this.place + field, `${value} is no possible ${what}`)
  }
}

function corrupt(offset: number, why: string): UfsError {
  return new UfsError('corrupt', `superblock: ${why} (at byte ${offset} of the file system)`, { offset })
}

function isPowerOfTwo(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && (value & (value - 1)) === 0
}

/** Bytes that the blocks of an inode can map. */
function mappedBytes(blockSize: number, pointers: number): number {
  const blocks = DIRECT_BLOCKS + pointers + pointers * pointers + pointers * pointers * pointers
  return Math.min(Number.MAX_SAFE_INTEGER, blocks * blockSize)
}

/** Finds and reads the superblock. Throws UfsError `not-ufs`, `corrupt` or `unsupported`. */
export function readSuperblock(medium: Medium): Superblock {
  let first: UfsError | null = null
  // A superblock says where it should be: one elsewhere may be a copy of it.
  let elsewhere: Superblock | null = null
  for (const place of places) {
    if (place + SUPERBLOCK_BYTES > medium.sizeBytes) continue
    const bytes = medium.read(place, SUPERBLOCK_BYTES)
    const isLittleEndian = endiannessOf(bytes)
    if (isLittleEndian === null) continue
    try {
      const found = new Superblock(bytes, isLittleEndian, place, medium.sizeBytes)
      if (found.fields.i64(at.place) === place) return found
      elsewhere ??= found
    } catch (error) {
      if (!(error instanceof UfsError)) throw error
      first ??= error
    }
  }
  if (elsewhere !== null) return elsewhere
  throw (
    first ??
    new UfsError('not-ufs', `no UFS superblock at byte ${places.join(', ')}: this is no UFS1 or UFS2 file system`)
  )
}

function endiannessOf(bytes: Uint8Array): boolean | null {
  for (const isLittleEndian of [true, false]) {
    const magic = new Fields(bytes, isLittleEndian).u32(at.magic)
    if (magic === MAGIC_UFS1 || magic === MAGIC_UFS2) return isLittleEndian
    if (magic === MAGIC_UNFINISHED)
      throw new UfsError('unsupported', 'the file system was never finished: newfs stopped half-way; make it again')
  }
  return null
}
