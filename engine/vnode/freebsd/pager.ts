/**
 * The vnode pager of FreeBSD: pages of files to and from a file system.
 *
 * This class is its entry points, one routine each; what they do is in the files beside it. State is in columns. What may sleep
 * is an operation (host.ts): run it with `yield*` from another one, or resume it until it is done.
 *
 * Source: FreeBSD vnode_pager.c (2013).
 */
import type { Columns } from '../../sim/columns.ts'
import type { VmPages } from '../../vm/pages.ts'
import { hasPage, type PagePresence } from './fileBlocks.ts'
import { genericGetPages, getPages } from './getPages.ts'
import type { FreebsdVnodeHost } from './host.ts'
import type { Operation } from '../operation.ts'
import { allocate, createVnodeObject, deallocate, destroyVnodeObject } from './lifeCycle.ts'
import { genericPutPages, putPages, undirtyPages } from './putPages.ts'
import { setSize } from './setSize.ts'
import { PagerState, Total } from './state.ts'
import type { VnodeTable } from './vnodes.ts'
import { releaseWriteCount, updateWriteCount } from './writeCount.ts'

export class FreebsdVnodePager {
  readonly vnodes: VnodeTable
  readonly #state: PagerState

  constructor(columns: Columns, pages: VmPages, host: FreebsdVnodeHost) {
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

  /** A file's size in bytes as the pager knows it: vnp_size. */
  fileSize(object: number): number {
    return this.#state.fileSize[object]!
  }
  /** Says so without a look at the pages, for an object that the pager did not make. */
  initializeFileSize(object: number, sizeBytes: number): void {
    this.#state.setFileSize(object, sizeBytes)
  }

  createVnodeObject(vnode: number, sizeBytes: number): Operation<void> {
    return createVnodeObject(this.#state, vnode, sizeBytes)
  }
  destroyVnodeObject(vnode: number): Operation<void> {
    return destroyVnodeObject(this.#state, vnode)
  }
  allocate(vnode: number, sizeBytes: number): Operation<number> {
    return allocate(this.#state, vnode, sizeBytes)
  }
  deallocate(object: number): Operation<void> {
    return deallocate(this.#state, object)
  }

  hasPage(object: number, pageIndex: number, wantsBefore: boolean, wantsAfter: boolean): Operation<PagePresence> {
    return hasPage(this.#state, object, pageIndex, wantsBefore, wantsAfter)
  }
  setSize(vnode: number, sizeBytes: number): void {
    setSize(this.#state, vnode, sizeBytes)
  }

  /** `frames`: neighbouring pages, exclusively busy; `requested`: the place of the one that is needed. Answers a PagerResult. */
  getPages(object: number, frames: Int32Array, requested: number): Operation<number> {
    return getPages(this.#state, object, frames, requested)
  }
  /** The same from a file system, by vnode. */
  genericGetPages(vnode: number, frames: Int32Array, requested: number): Operation<number> {
    return genericGetPages(this.#state, vnode, frames, requested)
  }

  /** `frames`: neighbouring pages, shared busy; `flags`: PutFlag; `results`: a PagerResult each. Answers the first. */
  putPages(object: number, frames: Int32Array, flags: number, results: Uint8Array): Operation<number> {
    return putPages(this.#state, object, frames, flags, results)
  }
  genericPutPages(vnode: number, frames: Int32Array, flags: number, results: Uint8Array): Operation<number> {
    return genericPutPages(this.#state, vnode, frames, flags, results)
  }
  undirtyPages(frames: Int32Array, results: Uint8Array, writtenBytes: number): void {
    undirtyPages(this.#state, frames, results, writtenBytes)
  }

  /** `bytes`: length of the mapping, negative where one goes. */
  updateWriteCount(object: number, bytes: number): void {
    updateWriteCount(this.#state, object, bytes)
  }
  releaseWriteCount(object: number, bytes: number): Operation<void> {
    return releaseWriteCount(this.#state, object, bytes)
  }
}
