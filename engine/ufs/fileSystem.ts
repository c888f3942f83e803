/**
 * A UFS1 or UFS2 file system on a block store, as whoever pages its files uses it.
 *
 * Two layers. Metadata (superblock, groups, inodes, indirect blocks, directories) are kept in memory and written back by `flush`. The
 * data of files are read and written by whoever pages them, straight to the store at the sectors that `bmap` names; `readAt` and
 * `writeAt` do the same for those who only want bytes. Blocks that `allocate` adds are zeroed on the store unless the caller
 * is about to write all of them.
 *
 * Life cycle:
 *  1. `UfsFileSystem.open` finds the superblock and says whether writing is possible: `readOnlyReason`.
 *  2. `lookup` gives the number of an inode, by which all else names a file.
 *  3. `allocate`, `setSize`, `touch` change files; `create` and `unlink` directories.
 *  4. `flush` writes everything back. While it does, the file system is marked as not clean.
 *
 * Every call either succeeds or throws UfsError, with the errno that a kernel would answer. Work is bounded by the size of the
 * device, whatever the bytes on it say.
 */
import type { BlockStore } from '../disk/blockStore.ts'
import { SECTOR_BYTES } from '../disk/units.ts'
import { BlockMap } from './blockMap.ts'
import { DIRECTORY_PIECE, type DirectoryEntry, entryBytes, readEntries, writeEntry } from './directory.ts'
import { decodeText } from './fields.ts'
import { GroupTable } from './groups.ts'
import { FileKind, Inode, type TimeName } from './inode.ts'
import { Medium } from './medium.ts'
import { type Superblock, readSuperblock } from './superblock.ts'
import { UfsError } from './ufsError.ts'

export const ROOT_INODE = 2

/** Symbolic links followed in one path. */
const LINKS_MAX = 32
/** Bytes of the target of a symbolic link, and of a name. */
const PATH_MAX = 1024
const NAME_MAX = 255

/** Where a block of a file lies on the store. */
export interface BlockPlace {
  /** First sector of 512 bytes, -1: a hole. */
  sector: number
  /** Blocks that follow, and precede, without a gap on the store (in a hole: within the same hole). */
  runAfter: number
  runBefore: number
}

export interface OpenOptions {
  /** Nothing will be written, whatever state the file system is in. */
  readOnly?: boolean
}

export class UfsFileSystem {
  readonly superblock: Superblock
  readonly medium: Medium
  readonly groups: GroupTable
  readonly #map: BlockMap
  readonly #inodes = new Map<number, Inode>()
  /** Why nothing may be written, null if it may. */
  readonly readOnlyReason: string | null
  /** Seconds since 1970 that virtual time 0 stands for: when the file system was last written. */
  readonly #epoch: number
  #nowSeconds: number
  #isChanged = false

  private constructor(medium: Medium, superblock: Superblock, options: OpenOptions) {
    this.medium = medium
    this.superblock = superblock
    this.groups = new GroupTable(medium, superblock)
    this.#map = new BlockMap(medium, superblock, this.groups)
    this.readOnlyReason = options.readOnly === true ? 'it was opened to read only' : superblock.readOnlyReason
    this.#epoch = Math.max(0, Math.min(superblock.time, 0xffffffff))
    this.#nowSeconds = this.#epoch
  }

  /** Throws UfsError `not-ufs`, `corrupt` or `unsupported`. The store stays the caller's. */
  static open(store: BlockStore, options: OpenOptions = {}): UfsFileSystem {
    const medium = new Medium(store)
    return new UfsFileSystem(medium, readSuperblock(medium), options)
  }

  get kind(): 'ufs1' | 'ufs2' {
    return this.superblock.version === 1 ? 'ufs1' : 'ufs2'
  }

  get blockSize(): number {
    return this.superblock.blockSize
  }

  get fragmentSize(): number {
    return this.superblock.fragmentSize
  }

  get isReadOnly(): boolean {
    return this.readOnlyReason !== null
  }

  /** Bytes of all data blocks, and of those that are free. */
  get dataBytes(): number {
    return this.superblock.dataFragments * this.fragmentSize
  }

  get freeBytes(): number {
    const { fragmentsPerBlock } = this.superblock
    const free = this.superblock.total('freeBlocks') * fragmentsPerBlock + this.superblock.total('freeFragments')
    return free * this.fragmentSize
  }

  // ---- names -----------------------------------------------------------------------------------------------

  /**
   * The inode that a path leads to, from the root directory on; symbolic links are followed, the last one too unless
   * `followLast` is false. Throws UfsError `no-such-file`, `not-a-directory`, `too-many-links` or `corrupt`.
   */
  lookup(path: string, followLast = true): number {
    let waiting = partsOf(path)
    const trail = [ROOT_INODE]
    let links = 0
    while (waiting.length > 0) {
      const [name, ...rest] = waiting
      waiting = rest
      const directory = trail.at(-1)!
      if (name === '..') {
        if (trail.length > 1) trail.pop()
        continue
      }
      const entry = this.list(directory).find((each) => each.name === name)
      if (entry === undefined)
        throw new UfsError('no-such-file', `${path}: there is no "${name}"`, { inode: directory })
      const inode = this.inode(entry.inode)
      if (inode.kind !== FileKind.link || (rest.length === 0 && !followLast)) {
        trail.push(entry.inode)
        continue
      }
      links++
      if (links > LINKS_MAX) throw new UfsError('too-many-links', `${path}: more than ${LINKS_MAX} symbolic links`)
      const target = this.linkTarget(entry.inode)
      if (target.startsWith('/')) trail.length = 1
      waiting = [...partsOf(target), ...rest]
    }
    return trail.at(-1)!
  }

  /** The entries of a directory, `.` and `..` included. Throws UfsError `not-a-directory` or `corrupt`. */
  list(directory: number): DirectoryEntry[] {
    return [...this.#pieces(directory)].flatMap(({ bytes, base }) =>
      readEntries(this.superblock, directory, bytes, base),
    )
  }

  /** The blocks of a directory one after another, with the byte of the directory at which each begins. */
  *#pieces(directory: number): Generator<{ bytes: Uint8Array; base: number; offset: number }> {
    const inode = this.inode(directory)
    if (inode.kind !== FileKind.directory)
      throw new UfsError('not-a-directory', `inode ${directory} is no directory`, { inode: directory })
    const { size } = inode
    if (!(size >= 0 && size % DIRECTORY_PIECE === 0 && size <= this.medium.sizeBytes))
      throw new UfsError('corrupt', `directory ${directory} has ${size} bytes`, { inode: directory })
    for (let base = 0; base < size; base += this.blockSize) {
      const fragment = this.#map.find(inode, base / this.blockSize)
      if (fragment === 0)
        throw new UfsError('corrupt', `directory ${directory} has a hole at byte ${base}`, { inode: directory })
      const offset = fragment * this.fragmentSize
      yield { bytes: this.medium.read(offset, Math.min(this.blockSize, size - base)), base, offset }
    }
  }

  /** The target of a symbolic link. Throws UfsError `not-a-file` or `corrupt`. */
  linkTarget(link: number): string {
    const inode = this.inode(link)
    if (inode.kind !== FileKind.link)
      throw new UfsError('not-a-file', `inode ${link} is no symbolic link`, { inode: link })
    const { size } = inode
    if (!(size >= 0 && size <= PATH_MAX))
      throw new UfsError('corrupt', `symbolic link ${link} has a target of ${size} bytes`, { inode: link })
    if (size < this.superblock.linkLengthMax || (inode.sectors === 0 && size <= this.superblock.linkLengthMax))
      return decodeText(inode.inlineText(size))
    return decodeText(this.readAt(link, 0, size))
  }

  // ---- files -----------------------------------------------------------------------------------------------

  /** An inode; the same object for as long as the file system is open. Throws UfsError `no-such-file` or `corrupt`. */
  inode(number: number): Inode {
    const known = this.#inodes.get(number)
    if (known !== undefined) return known
    const inode = this.readInode(number)
    this.#inodes.set(number, inode)
    return inode
  }

  /** An inode as it is on disk. */
  readInode(number: number): Inode {
    if (!(Number.isInteger(number) && number >= ROOT_INODE && number < this.superblock.inodeCount))
      throw new UfsError('no-such-file', `there is no inode ${number}; the last is ${this.superblock.inodeCount - 1}`)
    const bytes = this.medium.read(this.superblock.inodeOffset(number), this.superblock.inodeBytes)
    return new Inode(this.superblock, number, bytes)
  }

  sizeBytes(file: number): number {
    const { size } = this.inode(file)
    if (size >= 0 && size <= this.superblock.fileSizeMax) return size
    throw new UfsError('corrupt', `inode ${file} says it has ${size} bytes`, { inode: file })
  }

  /** Bytes that a block of a file has on the store: fewer than a block at the tail of a small file only. */
  blockSizeAt(file: number, block: number): number {
    return this.#map.fragmentsOf(this.sizeBytes(file), block) * this.fragmentSize
  }

  /**
   * Where a block of a file is; a block that the file does not have is a hole. Runs reach `most` blocks at the most, and end where
   * a table of pointers does, as the kernels' do. Throws UfsError `corrupt`.
   */
  bmap(file: number, block: number, most = 131072 / this.blockSize - 1): BlockPlace {
    const blocks = Math.ceil(this.sizeBytes(file) / this.blockSize)
    if (!(block >= 0 && block < blocks)) return { sector: -1, runAfter: 0, runBefore: 0 }
    const { fragment, runAfter, runBefore } = this.#map.run(this.inode(file), block, Math.max(0, Math.floor(most)))
    const sector = fragment === 0 ? -1 : fragment * (this.fragmentSize / SECTOR_BYTES)
    return { sector, runAfter, runBefore }
  }

  /**
   * Gives every block that the bytes touch a place, and makes a file that ends before their end longer. What is new is zeroed on
   * the store, except blocks that lie in the bytes wholly: those are about to be written. A tail may move: its bytes are copied.
   * Throws UfsError `read-only`, `no-space`, `file-too-large` or `corrupt`; the file then has the size that it had.
   */
  allocate(file: number, offset: number, lengthBytes: number): void {
    const inode = this.#writable(file)
    const { blockSize } = this
    const end = offset + lengthBytes
    if (!(end <= this.superblock.fileSizeMax))
      throw new UfsError('file-too-large', `inode ${file}: a file has ${this.superblock.fileSizeMax} bytes at the most`)
    const before = this.sizeBytes(file)
    const size = Math.max(before, end)
    try {
      if (size > before) {
        this.#growTail(inode, before, size)
        inode.setSize(size)
      }
      let previous = -1
      for (let block = Math.floor(offset / blockSize); block * blockSize < end; block++) {
        const known = this.#map.find(inode, block)
        previous = known !== 0 ? known : this.#addBlock(inode, block, previous)
      }
    } catch (error) {
      if (inode.size > before) this.#shrink(inode, before)
      throw error
    }
  }

  /** Makes a file shorter, giving its blocks back, or longer. Throws UfsError as `allocate` does. */
  setSize(file: number, sizeBytes: number): void {
    const inode = this.#writable(file)
    const before = this.sizeBytes(file)
    if (sizeBytes < before) this.#shrink(inode, sizeBytes)
    // as in the kernels the last block of a file is never a hole
    else if (sizeBytes > before) this.allocate(file, sizeBytes - 1, 1)
  }

  /** Notes that a file was read or written at a virtual time. Nothing happens on a read-only file system. */
  touch(file: number, isModified: boolean, nowNs: number): void {
    if (!this.isReadOnly) this.#stamp(this.inode(file), isModified ? ['mtime', 'ctime'] : ['atime'], nowNs)
  }

  #stamp(inode: Inode, names: readonly TimeName[], nowNs: number): void {
    const seconds = this.#epoch + Math.floor(nowNs / 1e9)
    this.#nowSeconds = Math.max(this.#nowSeconds, seconds)
    for (const name of names) inode.setTime(name, seconds, nowNs % 1e9)
    this.#isChanged = true
  }

  /** Bytes of a file; holes are zeros. Fewer at its end. Throws UfsError. */
  readAt(file: number, offset: number, lengthBytes: number): Uint8Array {
    const end = Math.min(this.sizeBytes(file), offset + lengthBytes)
    const into = new Uint8Array(Math.max(0, end - offset))
    for (const piece of this.#piecesOf(file, offset, end)) {
      if (piece.byte >= 0) this.medium.readData(piece.byte, into.subarray(piece.from, piece.from + piece.length))
    }
    return into
  }

  /** Writes bytes into a file, which becomes longer if it must. Throws UfsError. */
  writeAt(file: number, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.allocate(file, offset, bytes.length)
    for (const { byte, from, length } of this.#piecesOf(file, offset, offset + bytes.length))
      this.medium.writeData(byte, bytes.subarray(from, from + length))
  }

  /** Ranges of a file that lie together on the store: the byte there (-1: a hole), the byte of the range. */
  *#piecesOf(file: number, offset: number, end: number): Generator<{ byte: number; from: number; length: number }> {
    for (let at = offset; at < end;) {
      const block = Math.floor(at / this.blockSize)
      const { sector, runAfter } = this.bmap(file, block)
      const length = Math.min(end, (block + 1 + runAfter) * this.blockSize) - at
      const byte = sector < 0 ? -1 : sector * SECTOR_BYTES + (at - block * this.blockSize)
      yield { byte, from: at - offset, length }
      at += length
    }
  }

  // ---- growing and shrinking -------------------------------------------------------------------------------

  #checkWritable(): void {
    if (this.readOnlyReason !== null)
      throw new UfsError('read-only', `the file system can only be read: ${this.readOnlyReason}`)
  }

  #writable(file: number): Inode {
    this.#checkWritable()
    this.#isChanged = true
    const inode = this.inode(file)
    if (inode.isSnapshot)
      throw new UfsError('read-only', `inode ${file} is a snapshot of the file system`, { inode: file })
    return inode
  }

  #addBlock(inode: Inode, block: number, previous: number): number {
    const { fragmentSize } = this
    const { fragmentsPerBlock, inodesPerGroup } = this.superblock
    let before = previous
    if (before <= 0 && block > 0) before = this.#map.find(inode, block - 1)
    const group = Math.floor(inode.number / inodesPerGroup)
    const preferred =
      before > 0 ? before + fragmentsPerBlock : this.superblock.groupBase(group) + this.superblock.dataPlace
    const count = this.#map.fragmentsOf(inode.size, block)
    const fragment = this.groups.allocate(preferred, count)
    inode.addSectors((count * fragmentSize) / SECTOR_BYTES)
    this.#map.set(inode, block, fragment)
    // also where it is about to be written whole: a reader may come before the writer
    this.#zero(inode, fragment * fragmentSize, count * fragmentSize)
    return fragment
  }

  /** Gives the last block of a file the fragments that it needs when the file is longer; the bytes behind its end are zero. */
  #growTail(inode: Inode, before: number, size: number): void {
    const { blockSize, fragmentSize } = this
    const block = Math.floor((before - 1) / blockSize)
    if (before === 0 || before % blockSize === 0) return
    const fragment = this.#map.find(inode, block)
    if (fragment === 0) return
    const had = this.#map.fragmentsOf(before, block)
    const wants = this.#map.fragmentsOf(size, block)
    let at = fragment
    if (wants > had && !this.groups.extend(fragment, had, wants)) {
      at = this.groups.allocate(fragment, wants)
      this.#copy(inode, fragment * fragmentSize, at * fragmentSize, had * fragmentSize)
      this.#map.freeFragments(inode, fragment, had)
      inode.addSectors((had * fragmentSize) / SECTOR_BYTES)
      inode.setDirect(block, at)
    }
    inode.addSectors(((wants - had) * fragmentSize) / SECTOR_BYTES)
    const used = before - block * blockSize
    this.#zero(inode, at * fragmentSize + used, wants * fragmentSize - used)
  }

  #shrink(inode: Inode, size: number): void {
    const { blockSize, fragmentSize } = this
    const blocks = Math.ceil(size / blockSize)
    this.#map.freeFrom(inode, blocks)
    const within = size % blockSize
    const last = within === 0 ? 0 : this.#map.find(inode, blocks - 1)
    if (last !== 0) {
      const had = this.#map.fragmentsOf(inode.size, blocks - 1)
      const keeps = this.#map.fragmentsOf(size, blocks - 1)
      if (had > keeps) this.#map.freeFragments(inode, last + keeps, had - keeps)
      this.#zero(inode, last * fragmentSize + within, keeps * fragmentSize - within)
    }
    inode.setSize(size)
    // as in the kernels the last block of a file is never a hole
    if (within !== 0 && last === 0) this.#addBlock(inode, blocks - 1, -1)
  }

  /** Directories are metadata, everything else is data. */
  #zero(inode: Inode, offset: number, length: number): void {
    if (inode.kind === FileKind.directory) this.medium.write(offset, new Uint8Array(length))
    else this.medium.zeroData(offset, length)
  }

  #copy(inode: Inode, from: number, to: number, length: number): void {
    if (inode.kind === FileKind.directory) {
      this.medium.write(to, this.medium.read(from, length))
      return
    }
    const bytes = new Uint8Array(length)
    this.medium.readData(from, bytes)
    this.medium.writeData(to, bytes)
  }

  // ---- making and removing files ---------------------------------------------------------------------------

  /** Makes an empty regular file and answers its inode. Throws UfsError, `not-a-file` if the name is taken or impossible. */
  create(directory: number, name: string, permissions = 0o644): number {
    const parent = this.#writable(directory)
    const encoded = new TextEncoder().encode(name)
    if (encoded.length === 0 || encoded.length > NAME_MAX || /[/\0]/.test(name) || name === '.' || name === '..')
      throw new UfsError('not-a-file', `"${name}" is no name for a file`)
    if (this.list(directory).some((entry) => entry.name === name))
      throw new UfsError('not-a-file', `there is a "${name}" already`, { inode: directory })
    const number = this.groups.allocateInode(Math.floor(directory / this.superblock.inodesPerGroup), false)
    try {
      this.#insert(parent, { name: encoded, inode: number, type: FileKind.regular >> 12 })
    } catch (error) {
      this.groups.freeInode(number, false)
      throw error
    }
    const inode = this.inode(number)
    inode.reset(FileKind.regular | permissions, 1)
    for (const time of ['atime', 'mtime', 'ctime'] as const) inode.setTime(time, this.#nowSeconds, 0)
    inode.setBirth(this.#nowSeconds)
    return number
  }

  /** Takes a name away, and its file with the last of them. Throws UfsError as `removeName` does. */
  unlink(directory: number, name: string): void {
    this.release(this.removeName(directory, name))
  }

  /**
   * Takes a name away at a virtual time; answers the inode that had it, which stays until it is released. Throws UfsError,
   * `not-a-file` for directories, `not-permitted` where a flag of the file or of the directory keeps it.
   */
  removeName(directory: number, name: string, nowNs = (this.#nowSeconds - this.#epoch) * 1e9): number {
    const parent = this.#writable(directory)
    const entry = this.list(directory).find((each) => each.name === name)
    if (entry === undefined) throw new UfsError('no-such-file', `there is no "${name}"`, { inode: directory })
    const inode = this.#writable(entry.inode)
    if (inode.kind === FileKind.directory)
      throw new UfsError('not-a-file', `"${name}" is a directory`, { inode: entry.inode })
    if (inode.keepsNames || parent.keepsNames)
      throw new UfsError('not-permitted', `"${name}" may not be removed: a flag says so`, { inode: entry.inode })
    this.#remove(directory, entry)
    inode.setLinks(inode.links - 1)
    this.#stamp(parent, ['mtime', 'ctime'], nowNs)
    this.#stamp(inode, ['ctime'], nowNs)
    return entry.inode
  }

  /** Gives back all that a file has which has no name any more; one that has is left alone. */
  release(file: number): void {
    const inode = this.#writable(file)
    if (inode.links > 0) return
    const isInline = inode.kind === FileKind.link && inode.sectors === 0
    if (!isInline && (inode.kind === FileKind.regular || inode.kind === FileKind.link)) this.#shrink(inode, 0)
    inode.extendedBlocks().forEach((fragment, index) => {
      const left = Math.min(this.blockSize, inode.extendedBytes - index * this.blockSize)
      if (fragment !== 0) this.#map.freeFragments(inode, fragment, Math.max(1, Math.ceil(left / this.fragmentSize)))
    })
    inode.clearExtended()
    inode.setFree()
    this.groups.freeInode(file, false)
  }

  #insert(parent: Inode, entry: { name: Uint8Array; inode: number; type: number }): void {
    const wants = entryBytes(entry.name.length)
    for (const { bytes, base, offset } of this.#pieces(parent.number)) {
      for (const old of readEntries(this.superblock, parent.number, bytes, base, true)) {
        const used = old.inode === 0 ? 0 : entryBytes(new TextEncoder().encode(old.name).length)
        if (old.length - used < wants) continue
        const at = old.offset - base
        // the room behind an entry's name becomes the new entry
        if (used > 0)
          writeEntry(this.superblock, bytes, at, {
            name: new TextEncoder().encode(old.name),
            inode: old.inode,
            type: old.type,
            length: used,
          })
        writeEntry(this.superblock, bytes, at + used, { ...entry, length: old.length - used })
        this.medium.write(offset, bytes)
        return
      }
    }
    const base = parent.size
    this.allocate(parent.number, base, DIRECTORY_PIECE)
    const block = Math.floor(base / this.blockSize)
    const bytes = new Uint8Array(DIRECTORY_PIECE)
    writeEntry(this.superblock, bytes, 0, { ...entry, length: DIRECTORY_PIECE })
    this.medium.write(this.#map.find(parent, block) * this.fragmentSize + (base % this.blockSize), bytes)
  }

  #remove(directory: number, entry: DirectoryEntry): void {
    for (const { bytes, base, offset } of this.#pieces(directory)) {
      if (entry.offset < base || entry.offset >= base + bytes.length) continue
      const all = readEntries(this.superblock, directory, bytes, base, true)
      const index = all.findIndex((each) => each.offset === entry.offset)
      const previous = all[index - 1]
      const at = entry.offset - base
      const isFirst = at % DIRECTORY_PIECE === 0 || previous === undefined
      const into = isFirst
        ? { at, name: new Uint8Array(0), inode: 0, type: 0, length: entry.length }
        : {
            at: previous.offset - base,
            name: new TextEncoder().encode(previous.name),
            inode: previous.inode,
            type: previous.type,
            length: previous.length + entry.length,
          }
      writeEntry(this.superblock, bytes, into.at, into)
      this.medium.write(offset, bytes)
      return
    }
  }

  // ---- writing back ----------------------------------------------------------------------------------------

  /** Writes back what was changed. While it does so the file system is marked as not clean: a half-written one is noticed. */
  flush(): void {
    if (!this.#isChanged) return
    const { superblock, medium } = this
    for (const inode of this.#inodes.values()) {
      if (!inode.isDirty) continue
      inode.updateHash()
      medium.write(superblock.inodeOffset(inode.number), inode.fields.bytes)
      inode.isDirty = false
    }
    this.groups.flush(this.#nowSeconds)
    superblock.setTime(this.#nowSeconds)
    this.#writeSuperblock(false)
    medium.flush()
    this.#writeSuperblock(true)
    medium.forget(superblock.place, superblock.writtenBytes)
    this.#isChanged = false
  }

  #writeSuperblock(isClean: boolean): void {
    const { superblock, medium } = this
    superblock.setClean(isClean)
    superblock.updateHash()
    const bytes = superblock.fields.bytes.subarray(0, superblock.writtenBytes)
    medium.write(superblock.place, bytes)
    medium.writeData(superblock.place, bytes)
  }

  /** Files that have blocks are walked by their pointers; whoever does so needs the map. */
  get map(): BlockMap {
    return this.#map
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}
