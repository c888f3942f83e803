/**
 * A partition: a range of a raw image that is used as a device of its own. It may start at any sector; the pages are
 * counted from its first byte.
 */

import { type BlockStore, checkRange } from './blockStore.ts'
import { DiskError } from './diskError.ts'
import { RawImage } from './rawImage.ts'
import { PAGE_BYTES, SECTOR_BYTES } from './units.ts'

export class Partition implements BlockStore {
  readonly image: RawImage
  readonly offsetBytes: number
  readonly lengthBytes: number
  readonly sizePages: number

  /**
   * A view of `lengthBytes` at `offsetBytes` of `image`, both multiples of 512. It does not own the image: closing the
   * partition leaves the image open. Throws DiskError `not-sector-multiple`, `out-of-range` or `image-too-small`.
   */
  constructor(image: RawImage, offsetBytes: number, lengthBytes: number) {
    const path = image.path
    if (offsetBytes % SECTOR_BYTES !== 0 || lengthBytes % SECTOR_BYTES !== 0) {
      throw new DiskError(
        'not-sector-multiple',
        `${path}: a partition of ${lengthBytes} bytes at byte ${offsetBytes} does not consist of whole sectors`,
        { path, offset: offsetBytes },
      )
    }
    if (!(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= image.sizeBytes)) {
      throw new DiskError(
        'out-of-range',
        `${path}: a partition of ${lengthBytes} bytes at byte ${offsetBytes} reaches past the image's ${image.sizeBytes} bytes`,
        { path, offset: offsetBytes },
      )
    }
    if (lengthBytes < PAGE_BYTES) {
      throw new DiskError('image-too-small', `${path}: the partition's ${lengthBytes} bytes hold no page`, {
        path,
        offset: offsetBytes,
      })
    }
    this.image = image
    this.offsetBytes = offsetBytes
    this.lengthBytes = lengthBytes
    this.sizePages = Math.floor(lengthBytes / PAGE_BYTES)
  }

  readPages(page: number, buffers: Uint8Array[], count: number): void {
    checkRange(this.image.path, page, count, this.sizePages)
    this.image.file.read(this.offsetBytes + page * PAGE_BYTES, buffers, 0, count)
  }

  writePages(page: number, buffers: Uint8Array[], count: number): void {
    checkRange(this.image.path, page, count, this.sizePages)
    this.image.checkWritable()
    this.image.file.write(this.offsetBytes + page * PAGE_BYTES, buffers, 0, count)
  }

  sync(): void {
    this.image.sync()
  }

  close(): void {
    // The image belongs to whoever opened it: other partitions may be in use.
  }
}

/** Where a device's bytes lie on a host file. */
export interface Extent {
  /** `RawImage.identity` of the file. */
  identity: string
  offsetBytes: number
  lengthBytes: number
}

export function extentOf(store: RawImage | Partition): Extent {
  if (store instanceof RawImage) return { identity: store.identity, offsetBytes: 0, lengthBytes: store.sizeBytes }
  return { identity: store.image.identity, offsetBytes: store.offsetBytes, lengthBytes: store.lengthBytes }
}

/** Whether two devices share bytes: two names of one image, the same partition, or partitions that overlap. */
export function extentsOverlap(a: Extent, b: Extent): boolean {
  return (
    a.identity === b.identity &&
    a.offsetBytes < b.offsetBytes + b.lengthBytes &&
    b.offsetBytes < a.offsetBytes + a.lengthBytes
  )
}
