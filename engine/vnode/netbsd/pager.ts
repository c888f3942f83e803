/**
 * The vnode pager of NetBSD: pages of files to and from a file system.
 *
 * This class is its entry points; what they do is in the files beside it. State is in columns. What may sleep is an operation
 * (host.ts): run it with `yield*` from another one, or resume it until it is done.
 *
 * Source: NetBSD genfs_io.c 1.18 (2009).
 */
import type { Columns } from '../../sim/columns.ts'
import type { VmPages } from '../../vm/pages.ts'
import type { BufferTable } from './buffers.ts'
import { compatGetPages } from './compat.ts'
import { requestDone } from './completion.ts'
import { directIo, type UserRequest } from './directIo.ts'
import { getPages, noteDirtied, type PageRequest } from './getPages.ts'
import type { NetbsdVnodeHost } from './host.ts'
import type { Operation } from '../operation.ts'
import { enterNodeLock, exitNodeLock } from './nodeLock.ts'
import { unbusyPages } from './pageStates.ts'
import { putNoPages, putPages, type BusyPage } from './putPages.ts'
import { defaultOptions, PagerState, type NetbsdVnodePagerOptions } from './state.ts'
import type { VnodeTable } from './vnodes.ts'

export class NetbsdVnodePager {
  readonly vnodes: VnodeTable
  readonly buffers: BufferTable
  readonly #state: PagerState

  constructor(
    columns: Columns,
    pages: VmPages,
    host: NetbsdVnodeHost,
    options: NetbsdVnodePagerOptions = defaultOptions,
  ) {
    this.#state = new PagerState(columns, pages, host, options)
    this.vnodes = this.#state.vnodes
    this.buffers = this.#state.buffers
  }

  /** genfs_maxdio: most bytes of one chunk of direct I/O. */
  get directIoBytes(): number {
    return this.#state.tunables[0]!
  }
  set directIoBytes(bytes: number) {
    this.#state.tunables[0] = bytes
  }

  /** genfs_getpages */
  getPages(vnode: number, request: PageRequest): Operation<number> {
    return getPages(this.#state, vnode, request)
  }
  /** genfs_compat_getpages */
  compatGetPages(vnode: number, request: PageRequest): Operation<number> {
    return compatGetPages(this.#state, vnode, request)
  }
  /** genfs_putpages, genfs_do_putpages */
  putPages(
    vnode: number,
    start: number,
    end: number,
    flags: number,
    busyPage: BusyPage | null = null,
  ): Operation<number> {
    return putPages(this.#state, vnode, start, end, flags, busyPage)
  }
  /** genfs_null_putpages */
  putNoPages(vnode: number): number {
    return putNoPages(this.#state, vnode)
  }
  /** genfs_directio */
  directIo(vnode: number, request: UserRequest): Operation<void> {
    return directIo(this.#state, vnode, request)
  }

  /** A device has carried out what `startRequest` began. */
  requestDone(buffer: number, errno: number): void {
    requestDone(this.#state, buffer, errno)
  }
  /** A page has been stored into: the vnode is not clean, and is on the syncer's worklist. */
  noteDirtied(vnode: number): void {
    noteDirtied(this.#state, vnode)
  }
  /** uvm_page_unbusy: who got pages busy lets go of them with this. */
  unbusyPages(frames: Int32Array): void {
    unbusyPages(this.#state, frames)
  }
  /** g_glock as a writer, which truncation holds. */
  lockNode(vnode: number): Operation<void> {
    return enterNodeLock(this.#state, vnode, true)
  }
  unlockNode(vnode: number): void {
    exitNodeLock(this.#state, vnode)
  }
}
