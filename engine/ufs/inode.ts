/** An inode, of either version, in memory. */
import { crc32c } from './crc32c.ts'
import { Fields } from './fields.ts'
import { DIRECT_BLOCKS, Hashed, INDIRECT_LEVELS, type Superblock } from './superblock.ts'

/** Kinds of files: the upper bits of the mode. */
export const FileKind = {
  pipe: 0o010000,
  characterDevice: 0o020000,
  directory: 0o040000,
  blockDevice: 0o060000,
  regular: 0o100000,
  link: 0o120000,
  socket: 0o140000,
  whiteout: 0o160000,
} as const

const KIND_MASK = 0o170000

/** Byte offsets of struct ufs1_dinode and ufs2_dinode. */
const layouts = {
  1: {
    size: 8,
    blocks: 104,
    atime: 16,
    atimeNs: 20,
    mtime: 24,
    mtimeNs: 28,
    ctime: 32,
    ctimeNs: 36,
    direct: 40,
    indirect: 88,
    flags: 100,
    generation: 108,
    uid: 112,
    gid: 116,
  },
  2: {
    size: 16,
    blocks: 24,
    atime: 32,
    atimeNs: 68,
    mtime: 40,
    mtimeNs: 64,
    ctime: 48,
    ctimeNs: 72,
    direct: 112,
    indirect: 208,
    flags: 88,
    generation: 80,
    uid: 4,
    gid: 8,
  },
} as const

/** UFS2 only: bytes, and places, of the extended attributes; the check hash. */
const EXTENDED_BYTES_AT = 92
const EXTENDED_AT = 96
const EXTENDED_BLOCKS = 2
const HASH_AT = 244
const BIRTH_AT = 56

/** A snapshot of the file system: its pointers have meanings of their own. */
const FLAG_SNAPSHOT = 0x00200000
/** The user's and the system's immutable, append-only and no-unlink flags, and those of them that keep a directory as it is. */
const FLAGS_THAT_KEEP = 0x00160016
const FLAGS_OF_DIRECTORY_THAT_KEEP = 0x00060006

export type TimeName = 'atime' | 'mtime' | 'ctime'

export class Inode {
  readonly number: number
  readonly fields: Fields
  isDirty = false
  readonly #version: 1 | 2
  readonly #hashes: number

  constructor(superblock: Superblock, number: number, bytes: Uint8Array) {
    this.number = number
    this.#version = superblock.version
    this.#hashes = superblock.hashes
    this.fields = new Fields(bytes, superblock.isLittleEndian)
  }

  get #at(): (typeof layouts)[1 | 2] {
    return layouts[this.#version]
  }

  get mode(): number {
    return this.fields.u16(0)
  }

  /** One of FileKind, 0 for an inode that is free. */
  get kind(): number {
    return this.mode & KIND_MASK
  }

  get isSnapshot(): boolean {
    return (this.fields.u32(this.#at.flags) & FLAG_SNAPSHOT) !== 0
  }

  /** A name of the file may not go, or of a file in this directory. */
  get keepsNames(): boolean {
    const flags = this.kind === FileKind.directory ? FLAGS_OF_DIRECTORY_THAT_KEEP : FLAGS_THAT_KEEP
    return (this.fields.u32(this.#at.flags) & flags) !== 0
  }

  get links(): number {
    return this.fields.u16(2)
  }

  get uid(): number {
    return this.fields.u32(this.#at.uid)
  }

  get gid(): number {
    return this.fields.u32(this.#at.gid)
  }

  /** Bytes of the file. A hostile one may be beyond 2^53 or negative. */
  get size(): number {
    return this.fields.i64(this.#at.size)
  }

  setSize(bytes: number): void {
    this.fields.setI64(this.#at.size, bytes)
    this.isDirty = true
  }

  /** Sectors of 512 bytes that the file has on disk, indirect blocks included. */
  get sectors(): number {
    return this.#version === 2 ? this.fields.i64(this.#at.blocks) : this.fields.u32(this.#at.blocks)
  }

  addSectors(difference: number): void {
    const value = this.sectors + difference
    if (this.#version === 2) this.fields.setI64(this.#at.blocks, value)
    else this.fields.setU32(this.#at.blocks, value)
    this.isDirty = true
  }

  direct(index: number): number {
    return this.#pointer(this.#at.direct, index)
  }

  setDirect(index: number, fragment: number): void {
    this.#setPointer(this.#at.direct, index, fragment)
  }

  /** The indirect block of `level` 1 to 3. */
  indirect(level: number): number {
    return this.#pointer(this.#at.indirect, level - 1)
  }

  setIndirect(level: number, fragment: number): void {
    this.#setPointer(this.#at.indirect, level - 1, fragment)
  }

  #pointer(from: number, index: number): number {
    return this.#version === 2 ? this.fields.i64(from + index * 8) : this.fields.u32(from + index * 4)
  }

  #setPointer(from: number, index: number, fragment: number): void {
    if (this.#version === 2) this.fields.setI64(from + index * 8, fragment)
    else this.fields.setU32(from + index * 4, fragment)
    this.isDirty = true
  }

  /** Bytes of the extended attributes and their blocks: UFS2 only. */
  get extendedBytes(): number {
    return this.#version === 2 ? this.fields.u32(EXTENDED_BYTES_AT) : 0
  }

  extendedBlocks(): number[] {
    if (this.#version === 1) return []
    return Array.from({ length: EXTENDED_BLOCKS }, (_, i) => this.#pointer(EXTENDED_AT, i))
  }

  /** Where the pointers would be: the text of a short symbolic link. */
  inlineText(length: number): Uint8Array {
    return this.fields.bytes.subarray(this.#at.direct, this.#at.direct + length)
  }

  /** Whether any block pointer is set. */
  get hasBlocks(): boolean {
    for (let i = 0; i < DIRECT_BLOCKS; i++) if (this.direct(i) !== 0) return true
    for (let level = 1; level <= INDIRECT_LEVELS; level++) if (this.indirect(level) !== 0) return true
    return false
  }

  /** Seconds and nanoseconds since 1970. */
  time(name: TimeName): { seconds: number; nanoseconds: number } {
    const seconds = this.#version === 2 ? this.fields.i64(this.#at[name]) : this.fields.i32(this.#at[name])
    return { seconds, nanoseconds: this.fields.u32(this.#at[`${name}Ns`]) }
  }

  setTime(name: TimeName, seconds: number, nanoseconds: number): void {
    if (this.#version === 2) this.fields.setI64(this.#at[name], seconds)
    else this.fields.setU32(this.#at[name], seconds >>> 0)
    this.fields.setU32(this.#at[`${name}Ns`], nanoseconds)
    this.isDirty = true
  }

  /** Makes it the inode of a new, empty file. */
  reset(mode: number, links: number): void {
    const generation = this.fields.u32(this.#at.generation)
    const { uid, gid } = this
    this.fields.bytes.fill(0)
    this.fields.setU16(0, mode)
    this.fields.setU16(2, links)
    this.fields.setU32(this.#at.generation, generation + 1)
    this.fields.setU32(this.#at.uid, uid)
    this.fields.setU32(this.#at.gid, gid)
    this.isDirty = true
  }

  /** Makes it a free one, whose blocks have gone; its times and its owner stay, as in the kernels. */
  setFree(): void {
    this.fields.setU16(0, 0)
    this.fields.setU16(2, 0)
    this.setSize(0)
    // what a short symbolic link has in their place
    for (let i = 0; i < DIRECT_BLOCKS; i++) this.setDirect(i, 0)
    for (let level = 1; level <= INDIRECT_LEVELS; level++) this.setIndirect(level, 0)
  }

  /** Forgets the blocks of the extended attributes. */
  clearExtended(): void {
    if (this.#version === 1) return
    this.fields.setU32(EXTENDED_BYTES_AT, 0)
    for (let i = 0; i < EXTENDED_BLOCKS; i++) this.#setPointer(EXTENDED_AT, i, 0)
  }

  setLinks(links: number): void {
    this.fields.setU16(2, links)
    this.isDirty = true
  }

  setBirth(seconds: number): void {
    if (this.#version === 2) this.fields.setI64(BIRTH_AT, seconds)
  }

  /** The hash that the inode has, and the one that it should have; null where it has none. */
  get hash(): { has: number; wants: number } | null {
    if ((this.#hashes & Hashed.inode) === 0) return null
    return { has: this.fields.u32(HASH_AT), wants: this.#hash() }
  }

  updateHash(): void {
    if ((this.#hashes & Hashed.inode) !== 0) this.fields.setU32(HASH_AT, this.#hash())
  }

  #hash(): number {
    const copy = new Fields(this.fields.bytes.slice(), this.fields.isLittleEndian)
    copy.setU32(HASH_AT, 0)
    return crc32c(copy.bytes)
  }
}
