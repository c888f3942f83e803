/**
 * A cylinder group: which of its fragments and inodes are free, and the counts that follow from that.
 *
 * All counts (free blocks, loose fragments, lengths of runs of them, clusters of free blocks) are functions of the bitmap. So the
 * bitmap changes in one place only, `#change`, block by block: what the block counted for is taken away, what it then counts for
 * is added.
 */
import { crc32c } from './crc32c.ts'
import { Fields } from './fields.ts'
import { FRAGMENTS_MAX, Hashed, type Superblock, type Totals, totalNames } from './superblock.ts'
import { UfsError } from './ufsError.ts'

const MAGIC = 0x090255

/** Byte offsets in struct cg. */
const at = {
  magic: 4,
  number: 12,
  fragments: 20,
  totals: 24,
  blockRotor: 40,
  fragmentRotor: 44,
  inodeRotor: 48,
  runs: 52,
  usedInodes: 92,
  freeFragments: 96,
  end: 100,
  clusterSums: 104,
  freeClusters: 108,
  clusterBlocks: 112,
  initialised: 120,
  hash: 132,
  time: 136,
} as const

const HEADER_BYTES = 168

export class CylinderGroup {
  readonly number: number
  readonly fields: Fields
  readonly fragments: number
  isDirty = false
  readonly #superblock: Superblock
  /** Told of each change of a total. */
  readonly #onChange: (name: keyof Totals, difference: number) => void
  readonly #inodesAt: number
  readonly #fragmentsAt: number
  readonly #clusterSumsAt: number
  readonly #clustersAt: number

  /** Throws UfsError `corrupt`. */
  constructor(
    superblock: Superblock,
    number: number,
    bytes: Uint8Array,
    onChange: (name: keyof Totals, difference: number) => void,
  ) {
    const f = new Fields(bytes, superblock.isLittleEndian)
    this.fields = f
    this.number = number
    this.#superblock = superblock
    this.#onChange = onChange
    this.fragments = superblock.groupFragments(number)
    this.#expect(f.u32(at.magic) === MAGIC, at.magic, 'has no magic number')
    this.#expect(f.u32(at.number) === number, at.number, `says that it is number ${f.u32(at.number)}`)
    const told = f.u32(at.fragments)
    this.#expect(told === this.fragments, at.fragments, `says that it has ${told} fragments, not ${this.fragments}`)
    this.#inodesAt = this.#mapAt(at.usedInodes, superblock.inodesPerGroup / 8)
    this.#fragmentsAt = this.#mapAt(at.freeFragments, this.fragments / 8)
    const hasClusters = superblock.clusterSumSize > 0
    this.#clusterSumsAt = hasClusters ? this.#mapAt(at.clusterSums, (superblock.clusterSumSize + 1) * 4) : 0
    this.#clustersAt = hasClusters ? this.#mapAt(at.freeClusters, this.clusterBlocks / 8) : 0
  }

  #mapAt(field: number, length: number): number {
    const offset = this.fields.u32(field)
    const isWithin = offset >= HEADER_BYTES && offset + Math.ceil(length) <= this.#superblock.groupSize
    this.#expect(isWithin, field, `has a map at byte ${offset}, which does not lie within it`)
    return offset
  }

  #expect(isRight: boolean, field: number, what: string): void {
    if (isRight) return
    const { groupPlace, fragmentSize } = this.#superblock
    const offset = (this.#superblock.groupStart(this.number) + groupPlace) * fragmentSize + field
    throw new UfsError('corrupt', `cylinder group ${this.number} ${what} (at byte ${offset} of the file system)`, {
      offset,
    })
  }

  /** Whole blocks, for which clusters are counted. */
  get clusterBlocks(): number {
    return Math.floor(this.fragments / this.#superblock.fragmentsPerBlock)
  }

  total(name: keyof Totals): number {
    return this.fields.u32(at.totals + totalNames.indexOf(name) * 4)
  }

  #addTotal(name: keyof Totals, difference: number): void {
    if (difference === 0) return
    this.fields.setU32(at.totals + totalNames.indexOf(name) * 4, this.total(name) + difference)
    this.#onChange(name, difference)
  }

  /** Runs of exactly `length` free fragments in blocks that are not all free. */
  runs(length: number): number {
    return this.fields.u32(at.runs + length * 4)
  }

  clusterSum(length: number): number {
    return this.fields.u32(this.#clusterSumsAt + length * 4)
  }

  isClusterFree(block: number): boolean {
    return bit(this.fields.bytes, this.#clustersAt, block)
  }

  isFree(fragment: number): boolean {
    return bit(this.fields.bytes, this.#fragmentsAt, fragment)
  }

  isInodeUsed(inode: number): boolean {
    return bit(this.fields.bytes, this.#inodesAt, inode)
  }

  /** UFS2: inodes before this one have been initialised on disk. */
  get initialisedInodes(): number {
    const { version, inodesPerGroup } = this.#superblock
    return version === 1 ? inodesPerGroup : Math.min(inodesPerGroup, this.fields.u32(at.initialised))
  }

  setInitialisedInodes(count: number): void {
    this.fields.setU32(at.initialised, count)
    this.isDirty = true
  }

  /** The bits of a block's fragments, 1: free. */
  bitsOf(block: number): number {
    const frag = this.#superblock.fragmentsPerBlock
    const first = block * frag
    return (this.fields.bytes[this.#fragmentsAt + (first >>> 3)]! >>> (first & 7)) & ((1 << frag) - 1)
  }

  /** A free block, looked for from fragment `from` on and around; -1: there is none. */
  findBlock(from: number): number {
    if (this.total('freeBlocks') === 0) return -1
    const frag = this.#superblock.fragmentsPerBlock
    const full = (1 << frag) - 1
    const blocks = this.clusterBlocks
    const start = Math.min(blocks - 1, Math.max(0, Math.floor(from / frag)))
    for (let i = 0; i < blocks; i++) {
      const block = (start + i) % blocks
      if (this.bitsOf(block) === full) return block * frag
    }
    return -1
  }

  /** The first fragment of a shortest free run of at least `count` in a block that is partly used; -1: there is none. */
  findFragments(from: number, count: number): number {
    const frag = this.#superblock.fragmentsPerBlock
    let length = count
    while (length < frag && this.runs(length) === 0) length++
    if (length >= frag) return -1
    const blocks = Math.ceil(this.fragments / frag)
    const start = Math.min(blocks - 1, Math.max(0, Math.floor(from / frag)))
    for (let i = 0; i < blocks; i++) {
      const block = (start + i) % blocks
      const run = runOf(this.bitsOf(block), length, frag)
      if (run >= 0) return block * frag + run
    }
    return -1
  }

  /** Whether fragments of one block are all free. */
  areFree(first: number, count: number): boolean {
    for (let fragment = first; fragment < first + count; fragment++)
      if (fragment >= this.fragments || !this.isFree(fragment)) return false
    return true
  }

  /** Takes fragments of one block. They must be free. */
  take(first: number, count: number): void {
    this.#change(first, count, false)
    const isBlock = count === this.#superblock.fragmentsPerBlock
    this.fields.setU32(isBlock ? at.blockRotor : at.fragmentRotor, first)
  }

  /** Gives fragments of one block back. Throws UfsError `corrupt` if one is free already. */
  free(first: number, count: number): void {
    this.#change(first, count, true)
  }

  #change(first: number, count: number, toFree: boolean): void {
    const frag = this.#superblock.fragmentsPerBlock
    const block = Math.floor(first / frag)
    const mask = ((1 << count) - 1) << (first % frag)
    const before = this.bitsOf(block)
    this.#expect(
      first + count <= this.fragments && (before & mask) === (toFree ? 0 : mask),
      at.freeFragments,
      `counts fragment ${first} ${toFree ? 'as free, though a file has it' : 'as used'}`,
    )
    const after = toFree ? before | mask : before & ~mask
    this.#count(block, before, -1)
    const byte = this.#fragmentsAt + ((block * frag) >>> 3)
    const shift = (block * frag) & 7
    const bytes = this.fields.bytes
    bytes[byte] = (bytes[byte]! & ~(((1 << frag) - 1) << shift)) | (after << shift)
    this.#count(block, after, 1)
    this.isDirty = true
  }

  /** Adds what a block with those free fragments counts for, or takes it away. */
  #count(block: number, bits: number, sign: 1 | -1): void {
    const frag = this.#superblock.fragmentsPerBlock
    if (bits === (1 << frag) - 1) {
      this.#addTotal('freeBlocks', sign)
      this.#countCluster(block, sign)
      return
    }
    let loose = 0
    for (const length of runsIn(bits, frag)) {
      loose += length
      this.fields.setU32(at.runs + length * 4, this.runs(length) + sign)
    }
    this.#addTotal('freeFragments', sign * loose)
  }

  /** Joins a block to the free clusters beside it, or parts them. */
  #countCluster(block: number, sign: 1 | -1): void {
    const most = this.#superblock.clusterSumSize
    if (most === 0 || block >= this.clusterBlocks) return
    const bytes = this.fields.bytes
    const byte = this.#clustersAt + (block >>> 3)
    if (sign > 0) bytes[byte] = bytes[byte]! | (1 << (block & 7))
    else bytes[byte] = bytes[byte]! & ~(1 << (block & 7))
    let after = 0
    while (after < most && block + after + 1 < this.clusterBlocks && this.isClusterFree(block + after + 1)) after++
    let before = 0
    while (before < most && block - before - 1 >= 0 && this.isClusterFree(block - before - 1)) before++
    const add = (length: number, difference: number): void =>
      this.fields.setU32(this.#clusterSumsAt + length * 4, this.clusterSum(length) + difference)
    add(Math.min(most, before + after + 1), sign)
    if (before > 0) add(before, -sign)
    if (after > 0) add(after, -sign)
  }

  /** Notes that an inode is used or free. */
  setInode(inode: number, isUsed: boolean, isDirectory: boolean): void {
    this.#expect(this.isInodeUsed(inode) !== isUsed, at.usedInodes, `has inode ${inode} in that state already`)
    const byte = this.#inodesAt + (inode >>> 3)
    const { bytes } = this.fields
    bytes[byte] = bytes[byte]! ^ (1 << (inode & 7))
    this.#addTotal('freeInodes', isUsed ? -1 : 1)
    if (isDirectory) this.#addTotal('directories', isUsed ? 1 : -1)
    if (isUsed) this.fields.setU32(at.inodeRotor, inode)
    this.isDirty = true
  }

  /** A free inode of the group, -1: there is none. */
  findInode(): number {
    const { inodesPerGroup } = this.#superblock
    // the first three numbers of a file system are never given away
    for (let inode = this.number === 0 ? 3 : 0; inode < inodesPerGroup; inode++)
      if (!this.isInodeUsed(inode)) return inode
    return -1
  }

  setTime(seconds: number): void {
    if (this.#superblock.version === 2) this.fields.setI64(at.time, seconds)
    else this.fields.setU32(8, seconds >>> 0)
  }

  /** The hash that the group has, and the one that it should have; null where there is none. */
  get hash(): { has: number; wants: number } | null {
    if ((this.#superblock.hashes & Hashed.group) === 0) return null
    return { has: this.fields.u32(at.hash), wants: this.#hash() }
  }

  updateHash(): void {
    if ((this.#superblock.hashes & Hashed.group) !== 0) this.fields.setU32(at.hash, this.#hash())
  }

  #hash(): number {
    const copy = new Fields(this.fields.bytes.slice(0, this.#superblock.groupSize), this.fields.isLittleEndian)
    copy.setU32(at.hash, 0)
    return crc32c(copy.bytes)
  }
}

function bit(bytes: Uint8Array, from: number, index: number): boolean {
  return (bytes[from + (index >>> 3)]! & (1 << (index & 7))) !== 0
}

/** Lengths of the runs of ones among the lowest `count` bits. */
export function runsIn(bits: number, count: number): number[] {
  const runs: number[] = []
  let length = 0
  for (let i = 0; i <= count; i++) {
    if (i < count && (bits & (1 << i)) !== 0) length++
    else if (length > 0) {
      runs.push(length)
      length = 0
    }
  }
  return runs
}

/** Where a run of exactly `length` ones begins among the lowest `count` bits, -1: nowhere. A block of ones only is no such run. */
function runOf(bits: number, length: number, count: number): number {
  for (let first = 0; first + length <= count && count <= FRAGMENTS_MAX; first++) {
    const mask = ((1 << length) - 1) << first
    const isBounded = (bits & (1 << (first - 1))) === 0 || first === 0
    if ((bits & mask) === mask && isBounded && (bits & (1 << (first + length))) === 0) return first
  }
  return -1
}
