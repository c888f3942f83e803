/**
 * A copy-on-write overlay: a run writes here and its image stays as it was.
 *
 * The overlay is a sparse file as large as its base, in which page `n` has the same place as in the base, and a bitmap
 * in memory that says which pages it has. So a cluster that was written as one run is read as one run, and nothing has
 * to be looked up but bits. Several overlays may share a base, as long as nobody writes to it.
 *
 * Life cycle:
 *  1. `Overlay.create` makes the file, which takes no room yet.
 *  2. Writes go to the overlay; reads take each page from where it is, in runs as long as possible.
 *  3. `close` drops the file, or keeps it and writes the bitmap beside it (`FILE.map`).
 *  4. `Overlay.open` takes a kept one up again, if the base is still the one that it was made on.
 *  5. `applyTo` commits a kept or running overlay into the base. If it is interrupted it can be done again: it says in
 *     the map that it has begun before it changes the first byte.
 *
 * The map file: 8 bytes of magic, the length of the header (32 bits, little-endian), the header (JSON, UTF-8), the
 * bitmap (32-bit words, little-endian; bit n%32 of word n/32 is page n), and the SHA-256 of all that.
 */

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type BlockStore, VectoredFile, checkRange } from './blockStore.ts'
import { DiskError, diskErrorFrom } from './diskError.ts'
import { type ImageLock, acquireImageLock } from './imageLock.ts'
import { type Extent, type Partition, extentOf } from './partition.ts'
import { RawImage } from './rawImage.ts'
import { PAGE_BYTES } from './units.ts'

const MAGIC = Buffer.from('PGRWOVL1', 'latin1')
const MAP_VERSION = 1
const CHECKSUM_BYTES = 32

/** Pages that `applyTo` moves at a time: 1 MiB. */
const APPLY_PAGES = 256

/** A bitmap for more pages than these would be larger than 512 MiB, and its page numbers wider than 32 bits. */
const PAGES_MAX = 4_294_967_296

/** Where an overlay stands: see `applyTo`. */
export type OverlayState = 'kept' | 'applying' | 'applied'

/** What a kept overlay says of itself and its base. */
export interface OverlayDescription {
  version: number
  state: OverlayState
  sizePages: number
  /** Pages that the overlay has. */
  pagesStored: number
  base: {
    /** Absolute path of the image. */
    path: string
    imageBytes: number
    offsetBytes: number
    lengthBytes: number
    /** `RawImage.modifiedNs` when the overlay was made. */
    modifiedNs: string
    /** `RawImage.digest` when the overlay was made, if it was known. */
    digest: string | null
  }
}

export class Overlay implements BlockStore {
  readonly path: string
  readonly sizePages: number
  /** Whether `close` keeps the overlay or drops it. */
  keep: boolean
  readonly #base: RawImage | Partition
  readonly #description: OverlayDescription
  readonly #file: VectoredFile
  /** Bit n%32 of word n/32: the overlay has page n. It describes the file, so it is no column of the engine's state. */
  readonly #bitmap: Uint32Array
  /** Nobody else takes the overlay up while it is open. */
  readonly #lock: ImageLock
  #isOpen = true

  private constructor(
    overlayPath: string,
    fd: number,
    lock: ImageLock,
    base: RawImage | Partition,
    description: OverlayDescription,
    bitmap: Uint32Array,
    keep: boolean,
  ) {
    this.path = overlayPath
    this.sizePages = description.sizePages
    this.keep = keep
    this.#base = base
    this.#lock = lock
    this.#description = description
    this.#file = new VectoredFile(fd, overlayPath)
    this.#bitmap = bitmap
  }

  /**
   * Makes an empty overlay at `overlayPath` over an image or a partition of one, which stays the caller's. `baseDigest`
   * is remembered if given. Throws DiskError `exists`, `disk-full`, `permission` or `missing-image` (of the directory).
   */
  static create(
    overlayPath: string,
    base: RawImage | Partition,
    options: { keep?: boolean; baseDigest?: string } = {},
  ): Overlay {
    const sizePages = base.sizePages
    if (sizePages > PAGES_MAX) {
      throw new DiskError('out-of-range', `${overlayPath}: an overlay of ${sizePages} pages is too large`, {
        path: overlayPath,
      })
    }
    const image = imageOf(base)
    const extent = extentOf(base)
    const description: OverlayDescription = {
      version: MAP_VERSION,
      state: 'kept',
      sizePages,
      pagesStored: 0,
      base: {
        path: path.resolve(image.path),
        imageBytes: image.sizeBytes,
        offsetBytes: extent.offsetBytes,
        lengthBytes: extent.lengthBytes,
        modifiedNs: image.modifiedNs,
        digest: options.baseDigest ?? null,
      },
    }
    let fd = -1
    let lock
    try {
      fd = fs.openSync(overlayPath, 'wx+')
      fs.ftruncateSync(fd, sizePages * PAGE_BYTES)
      lock = acquireImageLock(overlayPath)
    } catch (error) {
      if (fd >= 0) {
        fs.closeSync(fd)
        fs.rmSync(overlayPath, { force: true })
      }
      throw diskErrorFrom(error, overlayPath, 'creating the overlay')
    }
    const bitmap = new Uint32Array(Math.ceil(sizePages / 32))
    return new Overlay(overlayPath, fd, lock, base, description, bitmap, options.keep ?? false)
  }

  /** Reads what a kept overlay says of itself. Throws DiskError `missing-image` or `bad-overlay`. */
  static describe(overlayPath: string): OverlayDescription {
    return readMap(overlayPath).description
  }

  /**
   * Takes a kept overlay up again over `base`, the place that `describe` names; it stays kept unless `keep` is cleared.
   * Throws DiskError `missing-image`, `bad-overlay`, `image-in-use`, or `base-changed` if the base is not what it was.
   */
  static open(overlayPath: string, base: RawImage | Partition): Overlay {
    const lock = acquireImageLock(overlayPath)
    let fd = -1
    try {
      const { description, bitmap } = readMap(overlayPath)
      if (description.state === 'applied') {
        throw new DiskError('bad-overlay', `${overlayPath}: has been applied to its base already`, {
          path: overlayPath,
        })
      }
      checkBase(overlayPath, description, imageOf(base), extentOf(base))
      fd = fs.openSync(overlayPath, 'r+')
      const sizeBytes = fs.fstatSync(fd).size
      if (sizeBytes !== description.sizePages * PAGE_BYTES) {
        throw new DiskError('bad-overlay', `${overlayPath}: is ${sizeBytes} bytes long, its map says otherwise`, {
          path: overlayPath,
        })
      }
      return new Overlay(overlayPath, fd, lock, base, description, bitmap, true)
    } catch (error) {
      if (fd >= 0) fs.closeSync(fd)
      lock.release()
      throw diskErrorFrom(error, overlayPath, 'opening the overlay')
    }
  }

  /** Removes a kept overlay that is not open. */
  static remove(overlayPath: string): void {
    fs.rmSync(overlayPath, { force: true })
    fs.rmSync(mapPathOf(overlayPath), { force: true })
  }

  /** Pages that the overlay has. Counts the bitmap: for display, not for the hot path. */
  get pagesStored(): number {
    let sum = 0
    for (const word of this.#bitmap) sum += bitsIn(word)
    return sum
  }

  /** Whether the page is the overlay's; otherwise it is the base's. */
  hasPage(page: number): boolean {
    return (this.#bitmap[page >>> 5]! & (1 << (page & 31))) !== 0
  }

  readPages(page: number, buffers: Uint8Array[], count: number): void {
    checkRange(this.path, page, count, this.sizePages)
    let done = 0
    while (done < count) {
      const isStored = this.hasPage(page + done)
      let end = done + 1
      while (end < count && this.hasPage(page + end) === isStored) end++
      const base = this.#base
      if (isStored) this.#file.read((page + done) * PAGE_BYTES, buffers, done, end - done)
      else if (base instanceof RawImage) base.file.read((page + done) * PAGE_BYTES, buffers, done, end - done)
      else base.image.file.read(base.offsetBytes + (page + done) * PAGE_BYTES, buffers, done, end - done)
      done = end
    }
  }

  writePages(page: number, buffers: Uint8Array[], count: number): void {
    checkRange(this.path, page, count, this.sizePages)
    if (count === 0) return
    this.#file.write(page * PAGE_BYTES, buffers, 0, count)
    // Only now: after a failed write the base's pages are still the right ones.
    for (let i = page; i < page + count; i++) this.#bitmap[i >>> 5]! |= 1 << (i & 31)
  }

  /** Returns when pages and bitmap are on the medium, so that the overlay could be taken up again from here. */
  sync(): void {
    try {
      fs.fsyncSync(this.#file.fd)
    } catch (error) {
      throw diskErrorFrom(error, this.path, 'syncing the overlay')
    }
    this.#saveMap(this.#description.state)
  }

  /** Forgets all pages: reads see the base again. */
  reset(): void {
    try {
      fs.ftruncateSync(this.#file.fd, 0)
      fs.ftruncateSync(this.#file.fd, this.sizePages * PAGE_BYTES)
    } catch (error) {
      throw diskErrorFrom(error, this.path, 'emptying the overlay')
    }
    this.#bitmap.fill(0)
  }

  /** Whether somebody has written to the base since the overlay was made: what is read from it is then worth nothing. */
  get isBaseChanged(): boolean {
    return imageOf(this.#base).modifiedNs !== this.#description.base.modifiedNs
  }

  /** Keeps or drops the overlay, as `keep` says. The base stays open. Closing twice does nothing. */
  close(): void {
    if (!this.#isOpen) return
    try {
      if (this.keep) this.sync()
    } finally {
      this.#isOpen = false
      fs.closeSync(this.#file.fd)
      this.#lock.release()
      if (!this.keep) Overlay.remove(this.path)
    }
  }

  /**
   * Checks that `target` is the overlay's base and notes in the map that it is about to be changed. Where several overlays of one image
   * are applied, all begin before the first is written: the image is then no longer what they were made on.
   * Throws DiskError `read-only` or `base-changed`.
   */
  beginApplying(target: RawImage): void {
    target.checkWritable()
    const { base } = this.#description
    checkBase(this.path, this.#description, target, { ...base, identity: target.identity })
    this.#saveMap('applying')
  }

  /**
   * Commits the overlay's pages into `target`, its base opened to write, and answers how many there were. They are on
   * the medium when it returns; the overlay cannot be taken up again afterwards. `onProgress` gets pages done.
   * Throws DiskError `read-only`, `base-changed`, `disk-full` or `io`.
   */
  applyTo(target: RawImage, onProgress?: (pages: number) => void): number {
    this.beginApplying(target)
    const { offsetBytes } = this.#description.base
    try {
      fs.fsyncSync(this.#file.fd)
      const buffer = new Uint8Array(APPLY_PAGES * PAGE_BYTES)
      const views = Array.from({ length: APPLY_PAGES }, (_, i) => buffer.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES))
      let applied = 0
      for (let page = this.#nextStored(0); page < this.sizePages; page = this.#nextStored(page)) {
        let count = 1
        while (count < APPLY_PAGES && page + count < this.sizePages && this.hasPage(page + count)) count++
        this.#file.read(page * PAGE_BYTES, views, 0, count)
        target.file.write(offsetBytes + page * PAGE_BYTES, views, 0, count)
        page += count
        applied += count
        onProgress?.(applied)
      }
      target.sync()
      this.#saveMap('applied')
      return applied
    } catch (error) {
      throw diskErrorFrom(error, this.path, 'applying the overlay')
    }
  }

  /** The first page at or after `page` that the overlay has, or `sizePages`. */
  #nextStored(page: number): number {
    while (page < this.sizePages) {
      if ((page & 31) === 0 && this.#bitmap[page >>> 5] === 0) page += 32
      else if (this.hasPage(page)) return page
      else page++
    }
    return this.sizePages
  }

  #saveMap(state: OverlayState): void {
    const description = this.#description
    description.state = state
    description.pagesStored = this.pagesStored
    const header = Buffer.from(JSON.stringify(description), 'utf8')
    const bytes = Buffer.alloc(MAGIC.length + 4 + header.length + this.#bitmap.length * 4)
    MAGIC.copy(bytes)
    bytes.writeUInt32LE(header.length, MAGIC.length)
    header.copy(bytes, MAGIC.length + 4)
    let at = MAGIC.length + 4 + header.length
    for (const word of this.#bitmap) at = bytes.writeUInt32LE(word, at)
    const checksum = createHash('sha256').update(bytes).digest()
    const mapPath = mapPathOf(this.path)
    const draft = `${mapPath}.new`
    let fd = -1
    try {
      fd = fs.openSync(draft, 'w')
      fs.writeFileSync(fd, bytes)
      fs.writeFileSync(fd, checksum)
      fs.fsyncSync(fd)
      fs.closeSync(fd)
      fd = -1
      fs.renameSync(draft, mapPath)
    } catch (error) {
      if (fd >= 0) fs.closeSync(fd)
      fs.rmSync(draft, { force: true })
      throw diskErrorFrom(error, mapPath, "writing the overlay's map")
    }
    syncDirectory(path.dirname(mapPath))
  }
}

function imageOf(base: RawImage | Partition): RawImage {
  return base instanceof RawImage ? base : base.image
}

function mapPathOf(overlayPath: string): string {
  return `${overlayPath}.map`
}

/** A rename is on the medium once its directory is. Systems that cannot open a directory do without. */
function syncDirectory(directory: string): void {
  let fd
  try {
    fd = fs.openSync(directory, 'r')
  } catch {
    return
  }
  try {
    fs.fsyncSync(fd)
  } catch {
    // Some file systems do not sync directories; their renames are as durable as they get.
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * Throws DiskError `base-changed` unless the image has the size and place that the overlay was made on, and has not
 * been written to since. An image that was copied or touched passes if the overlay knows its digest and it is the same.
 */
function checkBase(overlayPath: string, description: OverlayDescription, image: RawImage, extent: Extent): void {
  const { base } = description
  const differs = (what: string): DiskError =>
    new DiskError('base-changed', `${overlayPath}: ${image.path} ${what}; the overlay does not fit it any more`, {
      path: image.path,
    })
  if (image.sizeBytes !== base.imageBytes) {
    throw differs(`has ${image.sizeBytes} bytes, the overlay's base had ${base.imageBytes}`)
  }
  if (extent.offsetBytes !== base.offsetBytes || extent.lengthBytes !== base.lengthBytes) {
    throw differs(`is used from byte ${extent.offsetBytes}, the overlay's base began at byte ${base.offsetBytes}`)
  }
  // An interrupted application has changed the base itself and is to be completed.
  if (description.state === 'applying') return
  if (image.modifiedNs === base.modifiedNs) return
  if (base.digest !== null && image.digest() === base.digest) return
  throw differs('was changed after the overlay was made')
}

function readMap(overlayPath: string): { description: OverlayDescription; bitmap: Uint32Array } {
  const mapPath = mapPathOf(overlayPath)
  const bad = (why: string): DiskError => new DiskError('bad-overlay', `${mapPath}: ${why}`, { path: mapPath })
  let bytes
  try {
    bytes = fs.readFileSync(mapPath)
  } catch (error) {
    throw diskErrorFrom(error, mapPath, "reading the overlay's map")
  }
  const headerAt = MAGIC.length + 4
  if (bytes.length < headerAt + CHECKSUM_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw bad('is not the map of an overlay')
  }
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES)
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(body.length))) {
    throw bad('is damaged: its checksum is wrong')
  }
  const headerBytes = body.readUInt32LE(MAGIC.length)
  const bitmapAt = headerAt + headerBytes
  if (bitmapAt > body.length) throw bad('is damaged: its header reaches past its end')
  let header: unknown
  try {
    header = JSON.parse(body.toString('utf8', headerAt, bitmapAt))
  } catch {
    throw bad('is damaged: its header cannot be read')
  }
  if (!isDescription(header)) throw bad('has a header that this version does not know')
  const words = Math.ceil(header.sizePages / 32)
  if (body.length - bitmapAt !== words * 4) throw bad('is damaged: its bitmap does not have the size of its base')
  const bitmap = new Uint32Array(words)
  for (let i = 0; i < words; i++) bitmap[i] = body.readUInt32LE(bitmapAt + i * 4)
  return { description: header, bitmap }
}

function isDescription(value: unknown): value is OverlayDescription {
  if (!isRecord(value) || value['version'] !== MAP_VERSION) return false
  const { state, sizePages, pagesStored, base } = value
  return (
    (state === 'kept' || state === 'applying' || state === 'applied') &&
    Number.isSafeInteger(sizePages) &&
    typeof sizePages === 'number' &&
    sizePages >= 0 &&
    sizePages <= PAGES_MAX &&
    typeof pagesStored === 'number' &&
    isRecord(base) &&
    typeof base['path'] === 'string' &&
    typeof base['imageBytes'] === 'number' &&
    typeof base['offsetBytes'] === 'number' &&
    typeof base['lengthBytes'] === 'number' &&
    typeof base['modifiedNs'] === 'string' &&
    (base['digest'] === null || typeof base['digest'] === 'string')
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function bitsIn(word: number): number {
  word -= (word >>> 1) & 0x55555555
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
