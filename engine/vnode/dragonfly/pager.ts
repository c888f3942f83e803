/**
 * The vnode pager of DragonFly BSD: pages of files to and from a file system, by way of its buffer cache.
 *
 * This class is its entry points, one routine each; what they do is in the files beside it. State is in columns. What may sleep
 * is an operation (host.ts): run it with `yield*` from another one, or resume it until it is done.
 *
 * Source: DragonFly BSD vnode_pager.c (2011).
 */
import type { Columns } from '../../sim/columns.ts'
import type { VmPages } from '../../vm/pages.ts'
import { genericGetPages, getPage, releasePage } from './getPages.ts'
import { hasPage } from './hasPage.ts'
import type { DragonflyVnodeHost } from './host.ts'
import type { Operation } from '../operation.ts'
import { allocate, deallocate, reference } from './lifeCycle.ts'
import { lockBackingVnode } from './lock.ts'
import { genericPutPages, putPages } from './putPages.ts'
import { setSize } from './setSize.ts'
import { PagerState, Total } from './state.ts'
import type { VnodeTable } from './vnodes.ts'

export class DragonflyVnodePager {
  readonly vnodes: VnodeTable
  readonly #state: PagerState

  constructor(columns: Columns, pages: VmPages, host: DragonflyVnodeHost) {
    this.#state = new PagerState(columns, pages, host)
    this.vnodes = this.#state.vnodes
  }

  /** v_vnodein, v_vnodepgsin, v_vnodeout, v_vnodepgsout */
  get vnodeIns(): number {
    return this.#state.totals[Total.vnodeIns]!
  }
  get vnodePagesIn(): number {
    return this.#state.totals[Total.vnodePagesIn]!
  }
  get vnodeOuts(): number {
    return this.#state.totals[Total.vnodeOuts]!
  }
  get vnodePagesOut(): number {
    return this.#state.totals[Total.vnodePagesOut]!
  }

  /** vnode_pager_alloc */
  allocate(vnode: number, lengthBytes: number, blockSize: number, offsetInBlock: number): Operation<number> {
    return allocate(this.#state, vnode, lengthBytes, blockSize, offsetInBlock)
  }
  /** vnode_pager_reference */
  reference(vnode: number): Operation<number> {
    return reference(this.#state, vnode)
  }
  /** vnode_pager_dealloc */
  deallocate(object: number): Operation<void> {
    return deallocate(this.#state, object)
  }

  /** vnode_pager_haspage */
  hasPage(object: number, pageIndex: number): Operation<boolean> {
    return hasPage(this.#state, object, pageIndex)
  }
  /** vnode_pager_setsize */
  setSize(vnode: number, sizeBytes: number): Operation<void> {
    return setSize(this.#state, vnode, sizeBytes)
  }

  /** vnode_pager_getpage */
  getPage(object: number, frame: number, isSequential: boolean): Operation<number> {
    return getPage(this.#state, object, frame, isSequential)
  }
  /** vnode_pager_generic_getpages */
  genericGetPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    required: number,
    isSequential: boolean,
  ): Operation<number> {
    return genericGetPages(this.#state, vnode, frames, lengthBytes, required, isSequential)
  }
  /** vnode_pager_freepage */
  releasePage(frame: number): void {
    releasePage(this.#state, frame)
  }

  /** vnode_pager_putpages */
  putPages(object: number, frames: Int32Array, flags: number, results: Uint8Array): Operation<void> {
    return putPages(this.#state, object, frames, flags, results)
  }
  /** vnode_pager_generic_putpages */
  genericPutPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    flags: number,
    results: Uint8Array,
  ): Operation<number> {
    return genericPutPages(this.#state, vnode, frames, lengthBytes, flags, results)
  }

  /** vnode_pager_lock */
  lockBackingVnode(object: number): Operation<number> {
    return lockBackingVnode(this.#state, object)
  }
}
