/**
 * The images of one run: opens what its devices are on, each image once, and refuses what would do harm.
 *
 * Refused are two devices on the same bytes (by whatever paths), a swap device on a range that holds something else
 * unless it is forced, and a swap device written through to a whole disk that has a partition table, forced or not: a
 * table is never overwritten.
 *
 * Life cycle: `open` once per device, then `close`, which keeps or drops the overlays and frees the images.
 *
 * Of one image, one partition may be written through while another has an overlay. The overlay is good for the run, but
 * when kept it is refused afterwards, since its base is no longer what it was.
 */

import fs from 'node:fs'
import type { BlockStore } from './blockStore.ts'
import { DiskError } from './diskError.ts'
import { Overlay } from './overlay.ts'
import { type Extent, type Partition, extentOf, extentsOverlap } from './partition.ts'
import { detectContent, openPartition, readPartitionTable } from './partitionTable.ts'
import { type ImageMode, RawImage } from './rawImage.ts'

export interface StoreRequest {
  /** Path of the image. */
  path: string
  /** Index of a partition, or null for the whole image. */
  partition: number | null
  /** Where writes go: into a new overlay at `overlayPath`, through to the image, or nowhere. */
  mode: 'overlay' | 'write-through' | 'read'
  /** Where the overlay is made; needed for mode 'overlay'. */
  overlayPath?: string
  /** Keep the overlay at the end. */
  keepOverlay?: boolean
  /** The device will be swapped on. */
  isSwap: boolean
  /** Swap although something else is there. */
  force?: boolean
  /** Digest the image first: it costs reading all of it. */
  withDigest?: boolean
}

export interface OpenedStore {
  store: BlockStore
  image: RawImage
  /** Null unless the mode is 'overlay'. */
  overlay: Overlay | null
  extent: Extent
  /** Digest of the image before the run, null if it was not asked for. */
  digest: string | null
}

export class ImageSet {
  /** By identity of the file. */
  readonly #images = new Map<string, RawImage>()
  /** Files that a foreseen device writes through, by identity: they are opened to write from the beginning. */
  readonly #written = new Set<string>()
  readonly #digests = new Map<string, string>()
  readonly #opened: { request: StoreRequest; result: OpenedStore }[] = []

  /** `foreseen` are the requests that will come: one image may then have devices of different modes in any order. */
  constructor(foreseen: readonly StoreRequest[] = []) {
    for (const { path, mode } of foreseen) {
      const identity = identityOf(path)
      if (mode === 'write-through' && identity !== null) this.#written.add(identity)
    }
  }

  /**
   * Opens what a device is on. Throws DiskError: `missing-image` and its like, `image-in-use` if another process
   * writes to it, `image-used-twice` if another device of the run is on it, `no-such-partition`, `bad-partition-table`,
   * `not-swap`. What was opened before stays open.
   */
  open(request: StoreRequest): OpenedStore {
    const image = this.#imageFor(request)
    const base = this.#baseFor(request, image)
    const extent = extentOf(base)
    for (const other of this.#opened) {
      if (!extentsOverlap(extent, other.result.extent)) continue
      throw new DiskError(
        'image-used-twice',
        `${describe(request)} is already in use as ${describe(other.request)}; give each device its own image or partition`,
        { path: request.path },
      )
    }
    const digest = request.withDigest === true ? this.#digestOf(image) : null
    let overlay: Overlay | null = null
    if (request.mode === 'overlay') {
      if (request.overlayPath === undefined) throw new Error('a store with an overlay needs a path for it')
      const options: { keep?: boolean; baseDigest?: string } = { keep: request.keepOverlay ?? false }
      if (digest !== null) options.baseDigest = digest
      overlay = Overlay.create(request.overlayPath, base, options)
    }
    const result: OpenedStore = { store: overlay ?? base, image, overlay, extent, digest }
    this.#opened.push({ request, result })
    return result
  }

  /** Keeps or drops the overlays and closes the images. All are closed even if one fails; the first error is thrown. */
  close(): void {
    const errors: unknown[] = []
    const attempt = (action: () => void): void => {
      try {
        action()
      } catch (error) {
        errors.push(error)
      }
    }
    for (const { request, result } of this.#opened) {
      attempt(() => {
        if (request.mode === 'write-through') result.store.sync()
        result.store.close()
      })
    }
    for (const image of this.#images.values()) attempt(() => image.close())
    this.#opened.length = 0
    this.#images.clear()
    if (errors.length > 0) throw errors[0]
  }

  #imageFor(request: StoreRequest): RawImage {
    // A missing file is left to the opening, which says so in the words of all others.
    const identity = identityOf(request.path)
    const isWritten = request.mode === 'write-through' || (identity !== null && this.#written.has(identity))
    const mode: ImageMode = isWritten ? 'write' : 'read'
    const known = identity === null ? undefined : this.#images.get(identity)
    if (known !== undefined) {
      if (known.mode === mode || known.mode === 'write') return known
      throw new DiskError(
        'image-used-twice',
        `${request.path}: is open to read for another device of this run; it cannot be written through as well`,
        { path: request.path },
      )
    }
    const image = RawImage.open(request.path, mode)
    this.#images.set(image.identity, image)
    return image
  }

  #baseFor(request: StoreRequest, image: RawImage): RawImage | Partition {
    if (request.partition === null && !request.isSwap) return image
    const table = readPartitionTable(image)
    const { partition, force = false } = request
    if (partition !== null) {
      const base = openPartition(image, table, partition)
      const info = table.partitions[partition]
      if (request.isSwap && !force && info !== undefined && info.content !== 'swap') {
        const holds = info.content === 'unknown' ? info.typeName : info.content.toUpperCase()
        throw notSwap(request, `is no swap partition (${holds}); choose another or force it`)
      }
      return base
    }
    if (table.scheme !== 'none' && (request.mode === 'write-through' || !force)) {
      const names = table.partitions.map(({ index, name, typeName }) => `${index} (${name}, ${typeName})`).join(', ')
      throw notSwap(
        request,
        `has a partition table, which swapping would overwrite; choose a partition of it: ${names}`,
      )
    }
    const content = detectContent(image, { offsetBytes: 0, lengthBytes: image.sizeBytes })
    if (table.scheme === 'none' && content !== 'unknown' && !force) {
      throw notSwap(request, `holds a file system (${content.toUpperCase()}); choose another image or force it`)
    }
    return image
  }

  #digestOf(image: RawImage): string {
    const known = this.#digests.get(image.identity)
    if (known !== undefined) return known
    const digest = image.digest()
    this.#digests.set(image.identity, digest)
    return digest
  }
}

/** `RawImage.identity` of the file at `path`, null if there is none. */
function identityOf(path: string): string | null {
  try {
    const { dev, ino } = fs.statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return null
  }
}

function describe(request: StoreRequest): string {
  return request.partition === null ? request.path : `partition ${request.partition} of ${request.path}`
}

function notSwap(request: StoreRequest, why: string): DiskError {
  return new DiskError('not-swap', `${describe(request)} ${why}`, { path: request.path })
}
