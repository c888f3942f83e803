/** The machine as DragonFly's vnode pager sees it. */
import { SECTOR_SIZE } from '../../vm/pages.ts'
import type { BufferCache } from '../bufferCache.ts'
import type { FileContext } from '../context.ts'
import { HostBase } from '../hostBase.ts'
import { SEQUENTIAL_MAX, type Operation, type TransferResult } from '../operation.ts'
import { NO_OFFSET, type BlockMapping, type DragonflyVnodeHost } from './host.ts'
import type { DragonflyVnodePager } from './pager.ts'

export class DragonflyHost extends HostBase implements DragonflyVnodeHost {
  declare pager: DragonflyVnodePager
  readonly #cache: BufferCache

  constructor(context: FileContext, cache: BufferCache) {
    super(context, 'dragonfly')
    this.#cache = cache
  }

  *bmap(vnode: number, offset: number): Operation<BlockMapping> {
    const { volume } = this.context
    const { sector } = volume.bmap(this.files[vnode]!, Math.floor(offset / volume.blockSize))
    return { errno: 0, deviceOffset: sector < 0 ? NO_OFFSET : sector * SECTOR_SIZE }
  }

  read(
    vnode: number,
    offset: number,
    lengthBytes: number,
    _frames: Int32Array,
    _flags: number,
    sequential: number,
  ): Operation<TransferResult> {
    return this.#cache.read(
      this.pager.vnodes.object[vnode]!,
      this.files[vnode]!,
      offset,
      lengthBytes,
      Math.min(sequential, SEQUENTIAL_MAX),
    )
  }

  write(
    vnode: number,
    offset: number,
    lengthBytes: number,
    _frames: Int32Array,
    flags: number,
  ): Operation<TransferResult> {
    return this.#cache.write(this.pager.vnodes.object[vnode]!, this.files[vnode]!, offset, lengthBytes, flags, null)
  }

  /** A file system on a local disk has no way of its own. */
  getPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    required: number,
    isSequential: boolean,
  ): Operation<number> {
    return this.pager.genericGetPages(vnode, frames, lengthBytes, required, isSequential)
  }

  putPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    flags: number,
    results: Uint8Array,
  ): Operation<number> {
    return this.pager.genericPutPages(vnode, frames, lengthBytes, flags, results)
  }

  *lockVnode(vnode: number): Operation<number> {
    this.pager.vnodes.references[vnode]! += 1
    return 0
  }
  unlockVnode(vnode: number): void {
    this.pager.vnodes.references[vnode]! -= 1
  }
  wakeVnode(): void {}
  freeSwapSpace(): void {}

  unmapPage(frame: number): void {
    this.context.kernel.mappings.removeAll(frame)
  }
}
