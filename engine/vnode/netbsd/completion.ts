/**
 * The end of I/O: what a device's answer does to a buffer, to its master, and to the pages.
 *
 * Source of the buffers' part: biodone, biowait and nestiobuf of NetBSD's vfs_bio.c; of the pages' part: uvm_aio_aiodone.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { Completion } from './buffers.ts'
import { Errno, type Operation } from '../operation.ts'
import { activate, clearState, hasState, PageState, setState, takeModified, unbusyPages } from './pageStates.ts'
import type { PagerState } from './state.ts'

/** A device has carried a request out; one that failed has moved nothing. */
export function requestDone(state: PagerState, buffer: number, errno: number): void {
  const { buffers } = state
  if (errno !== 0) buffers.errno[buffer] = errno
  else buffers.residual[buffer] = 0
  bufferDone(state, buffer)
}

/**
 * Counts bytes of a master as over: nestiobuf_done. An error sticks: no later success clears it, but a later error replaces it.
 * Those of pieces that were never sent count as well, so this is also how a request without any piece comes to its end.
 */
export function countDone(state: PagerState, master: number, lengthBytes: number, errno: number): void {
  if (lengthBytes === 0) return
  const { buffers } = state
  buffers.residual[master]! -= lengthBytes
  if (errno !== 0) buffers.errno[master] = errno
  if (buffers.residual[master] === 0) bufferDone(state, master)
}

/** biowait: answers the errno. */
export function* waitForBuffer(state: PagerState, buffer: number): Operation<number> {
  while (state.buffers.isDone[buffer] === 0) yield { on: 'buffer', buffer }
  return state.buffers.errno[buffer]!
}

/** One write of a vnode fewer is on its way: vwakeup. */
export function outputDone(state: PagerState, vnode: number): void {
  const { vnodes, host } = state
  if (vnodes.outputCount[vnode] === 0)
    throw new KernelStop('kernel-panic', 'vwakeup', 'more writes ended than had begun')
  vnodes.outputCount[vnode]! -= 1
  if (vnodes.outputCount[vnode] === 0) host.wakeOutput(vnode)
}

/** biodone */
function bufferDone(state: PagerState, buffer: number): void {
  const { buffers, host } = state
  buffers.isDone[buffer] = 1
  if (buffers.isRead[buffer] === 0) outputDone(state, buffers.vnode[buffer]!)
  const parent = buffers.parent[buffer]!
  if (parent >= 0) {
    const cutShort = buffers.residual[buffer] !== 0 ? Errno.EIO : Errno.none
    const errno = buffers.errno[buffer]! || cutShort
    const length = buffers.length[buffer]!
    buffers.free(buffer)
    countDone(state, parent, length, errno)
  } else if (buffers.completion[buffer] === Completion.releasePages) releaseMaster(state, buffer)
  else host.wakeBuffer(buffer)
}

/** The pages of a master that is over are let go, and it is too: uvm_aio_biodone. */
export function releaseMaster(state: PagerState, master: number): void {
  const { buffers } = state
  const isRead = buffers.isRead[master] !== 0
  releaseTransferred(state, buffers.framesOf(master), isRead, buffers.errno[master]!)
  if (!isRead && buffers.isAging[master] !== 0) outputDone(state, buffers.vnode[master]!)
  buffers.free(master)
}

/**
 * Lets go of pages after a transfer: uvm_aio_aiodone. A failed read frees all of its pages, valid ones too. A failed write
 * leaves them dirty only if memory was short; after any other error they pass for written, and the data are lost.
 */
export function releaseTransferred(state: PagerState, frames: Int32Array, isRead: boolean, errno: number): void {
  const { host } = state
  for (const frame of frames) {
    if (errno !== 0 && isRead) {
      setState(state, frame, PageState.released)
      continue
    }
    if (errno === Errno.ENOMEM) {
      if (hasState(state, frame, PageState.pageout)) {
        clearState(state, frame, PageState.pageout)
        host.pageoutDone(1)
      }
      clearState(state, frame, PageState.clean)
      activate(state, frame)
    }
    if (hasState(state, frame, PageState.fake)) {
      clearState(state, frame, PageState.fake)
      activate(state, frame)
      takeModified(state, frame)
    }
    if (hasState(state, frame, PageState.pageout)) {
      clearState(state, frame, PageState.pageout)
      host.pageoutDone(1)
      host.pageFreedByDaemon()
      setState(state, frame, PageState.released)
    }
  }
  unbusyPages(state, frames)
}
