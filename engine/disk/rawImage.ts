/**
 * A raw disk image: a regular file whose bytes are a disk's.
 *
 * Life cycle:
 *  1. `createImage` makes a new file, sparse or with its room taken; it never overwrites one.
 *  2. `RawImage.open` opens it to read, or to write through. Writing takes the exclusive lock; reading is refused
 *     while somebody else has that lock.
 *  3. Transfers go straight to the file. The image is the user's data: nothing here writes to one opened to read.
 *  4. `close` gives the lock back.
 */

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { type BlockStore, VectoredFile, checkRange } from './blockStore.ts'
import { DiskError, diskErrorFrom } from './diskError.ts'
import { type ImageLock, acquireImageLock, refuseIfLocked } from './imageLock.ts'
import { PAGE_BYTES, SECTOR_BYTES } from './units.ts'

export type ImageMode = 'read' | 'write'

/** Bytes that a chunk of the digest covers. */
const DIGEST_CHUNK_BYTES = 1 << 20

/** Bytes that one write of a preallocation covers. */
const PREALLOCATE_BYTES = 1 << 20

/**
 * File systems whose block count tells the truth about a file that is one hole: ext4, XFS, Btrfs, F2FS, tmpfs. Others
 * may answer 0 for any file, so their files are read.
 */
const HONEST_BLOCK_COUNTS = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994])

export class RawImage implements BlockStore {
  readonly path: string
  readonly mode: ImageMode
  readonly sizeBytes: number
  readonly sizePages: number
  /** Host device and inode: two paths to one file have the same identity. */
  readonly identity: string
  readonly file: VectoredFile
  #lock: ImageLock | null
  #isOpen = true

  private constructor(path: string, mode: ImageMode, fd: number, stat: fs.BigIntStats, lock: ImageLock | null) {
    this.path = path
    this.mode = mode
    this.sizeBytes = Number(stat.size)
    this.sizePages = Math.floor(this.sizeBytes / PAGE_BYTES)
    this.identity = `${stat.dev}:${stat.ino}`
    this.file = new VectoredFile(fd, path)
    this.#lock = lock
  }

  /**
   * Opens an existing image. Mode 'write' takes the exclusive lock. Throws DiskError `missing-image`, `not-an-image`,
   * `not-sector-multiple`, `image-too-small`, `image-in-use`, `permission` or `io`.
   */
  static open(path: string, mode: ImageMode = 'read'): RawImage {
    let stat
    try {
      stat = fs.statSync(path, { bigint: true })
    } catch (error) {
      throw diskErrorFrom(error, path, 'opening the image')
    }
    // Before opening: opening a pipe would wait for its other end.
    if (!stat.isFile()) throw new DiskError('not-an-image', `${path}: is not a regular file`, { path })
    let lock: ImageLock | null = null
    if (mode === 'write') lock = acquireImageLock(path)
    else refuseIfLocked(path)
    let fd = -1
    try {
      fd = fs.openSync(path, mode === 'write' ? 'r+' : 'r')
      stat = fs.fstatSync(fd, { bigint: true })
      checkSize(path, stat.size)
      return new RawImage(path, mode, fd, stat, lock)
    } catch (error) {
      if (fd >= 0) fs.closeSync(fd)
      lock?.release()
      throw diskErrorFrom(error, path, mode === 'write' ? 'opening the image to write' : 'opening the image')
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * Host time of the file's last modification in nanoseconds, as a decimal string. An overlay remembers it to find out
   * whether its base is still what it was made on.
   */
  get modifiedNs(): string {
    return fs.fstatSync(this.file.fd, { bigint: true }).mtimeNs.toString()
  }

  readPages(page: number, buffers: Uint8Array[], count: number): void {
    checkRange(this.path, page, count, this.sizePages)
    this.file.read(page * PAGE_BYTES, buffers, 0, count)
  }

  writePages(page: number, buffers: Uint8Array[], count: number): void {
    checkRange(this.path, page, count, this.sizePages)
    this.checkWritable()
    this.file.write(page * PAGE_BYTES, buffers, 0, count)
  }

  /** A copy of `length` bytes at byte `offset`: for tables and superblocks, not for paging. */
  readBytes(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.sizeBytes)) {
      throw new DiskError(
        'out-of-range',
        `${this.path}: bytes ${offset} to ${offset + length - 1} do not lie within its ${this.sizeBytes} bytes`,
        { path: this.path, offset },
      )
    }
    const bytes = new Uint8Array(length)
    readFully(this.file.fd, this.path, bytes, length, offset)
    return bytes
  }

  checkWritable(): void {
    if (this.mode === 'write') return
    throw new DiskError('read-only', `${this.path}: the image is open to read only`, { path: this.path })
  }

  sync(): void {
    if (this.mode === 'read') return
    try {
      fs.fsyncSync(this.file.fd)
    } catch (error) {
      throw diskErrorFrom(error, this.path, 'syncing the image')
    }
  }

  /**
   * Digest of the contents, 64 hexadecimal digits: SHA-256 over the SHA-256 digests of the image's pieces of 1 MiB (the
   * last may be shorter), in order. Two levels, because a piece of zeros then costs no hashing and a fresh sparse image
   * of any size is digested at once; a flat SHA-256 would have to hash every zero.
   */
  digest(): string {
    const zeros = new Uint8Array(DIGEST_CHUNK_BYTES)
    const zeroDigest = createHash('sha256').update(zeros).digest()
    const total = createHash('sha256')
    const chunk = Buffer.alloc(DIGEST_CHUNK_BYTES)
    const isOneHole = this.#isOneHole()
    for (let offset = 0; offset < this.sizeBytes; offset += DIGEST_CHUNK_BYTES) {
      const length = Math.min(DIGEST_CHUNK_BYTES, this.sizeBytes - offset)
      if (isOneHole && length === DIGEST_CHUNK_BYTES) {
        total.update(zeroDigest)
        continue
      }
      readFully(this.file.fd, this.path, chunk, length, offset)
      if (length === DIGEST_CHUNK_BYTES && chunk.equals(zeros)) total.update(zeroDigest)
      else total.update(createHash('sha256').update(chunk.subarray(0, length)).digest())
    }
    return total.digest('hex')
  }

  #isOneHole(): boolean {
    try {
      if (fs.fstatSync(this.file.fd, { bigint: true }).blocks !== 0n) return false
      return HONEST_BLOCK_COUNTS.has(fs.statfsSync(this.path).type >>> 0)
    } catch {
      return false
    }
  }

  /** Closes the file and gives the lock back. Closing twice does nothing. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    fs.closeSync(this.file.fd)
    this.#lock?.release()
  }
}

/**
 * Makes a new image of `sizeBytes` zeros. A sparse one takes no room until it is written; a preallocated one has its
 * zeros written, so that writes to it never run out of room. Throws DiskError `exists`, `not-sector-multiple`,
 * `image-too-small`, `disk-full`, `permission` or `missing-image` (of the directory); what was begun is removed.
 */
export function createImage(path: string, sizeBytes: number, options: { preallocate?: boolean } = {}): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new DiskError('image-too-small', `${path}: ${sizeBytes} is no size for an image`, {
      path,
      field: 'sizeBytes',
    })
  }
  checkSize(path, BigInt(sizeBytes))
  let fd
  try {
    fd = fs.openSync(path, 'wx')
  } catch (error) {
    throw diskErrorFrom(error, path, 'creating the image')
  }
  let isComplete = false
  try {
    if (options.preallocate === true) writeZeros(fd, path, sizeBytes)
    else fs.ftruncateSync(fd, sizeBytes)
    isComplete = true
  } catch (error) {
    throw diskErrorFrom(error, path, `an image of ${sizeBytes} bytes`)
  } finally {
    fs.closeSync(fd)
    if (!isComplete) fs.rmSync(path, { force: true })
  }
}

function checkSize(path: string, sizeBytes: bigint): void {
  if (sizeBytes % BigInt(SECTOR_BYTES) !== 0n) {
    throw new DiskError(
      'not-sector-multiple',
      `${path}: its size of ${sizeBytes} bytes is no multiple of a sector (${SECTOR_BYTES} bytes)`,
      { path },
    )
  }
  if (sizeBytes < BigInt(PAGE_BYTES)) {
    throw new DiskError('image-too-small', `${path}: ${sizeBytes} bytes hold no page of ${PAGE_BYTES} bytes`, { path })
  }
}

function writeZeros(fd: number, path: string, sizeBytes: number): void {
  const room = fs.statfsSync(path)
  if (room.bavail * room.bsize < sizeBytes) {
    throw new DiskError(
      'disk-full',
      `${path}: ${sizeBytes} bytes do not fit into the ${room.bavail * room.bsize} that the host's file system has free`,
      { path },
    )
  }
  const zeros = new Uint8Array(PREALLOCATE_BYTES)
  let written = 0
  while (written < sizeBytes) {
    written += fs.writeSync(fd, zeros, 0, Math.min(PREALLOCATE_BYTES, sizeBytes - written), written)
  }
}

function readFully(fd: number, path: string, into: Uint8Array, length: number, offset: number): void {
  let got = 0
  while (got < length) {
    let bytes
    try {
      bytes = fs.readSync(fd, into, got, length - got, offset + got)
    } catch (error) {
      throw diskErrorFrom(error, path, `reading ${length} bytes at byte ${offset}`, offset)
    }
    if (bytes === 0) {
      throw new DiskError('io', `${path}: ends at byte ${offset + got}; it has become shorter while it was open`, {
        path,
        offset: offset + got,
      })
    }
    got += bytes
  }
}
