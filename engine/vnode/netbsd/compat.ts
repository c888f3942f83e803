/**
 * Getting pages of a file system that has no blocks of its own to offer, through its read operation: genfs_compat_getpages.
 * Pages stay marked as not filled when they are handed out; writing them out later takes the mark away.
 */
import { PAGE_SIZE } from '../../vm/pages.ts'
import { Find, findPages, findPagesNow } from './findPages.ts'
import { addToWorklist, type PageRequest } from './getPages.ts'
import { RequestFlag } from './host.ts'
import { Errno, type Operation } from '../operation.ts'
import { activate, hasState, NO_PAGE, PageState, setState, takeModified, unbusyPages } from './pageStates.ts'
import type { PagerState } from './state.ts'
import { KernelStop } from '../../sim/kernelStop.ts'
import { VnodeFlag } from './vnodes.ts'

const routine = 'genfs_compat_getpages'

/** Answers an errno. Nothing is read ahead: a request without SYNCIO does nothing. The count is not cut off at the end of the file. */
export function* compatGetPages(state: PagerState, vnode: number, request: PageRequest): Operation<number> {
  const { vnodes, host } = state
  const { offset, flags, isWrite } = request
  const object = vnodes.object[vnode]!
  const isLocked = (flags & RequestFlag.locked) !== 0
  if (isWrite && !vnodes.hasFlag(vnode, VnodeFlag.onWorklist)) addToWorklist(state, vnode)
  if (isLocked) {
    const frames = placeFor(request)
    findPagesNow(state, object, offset / PAGE_SIZE, frames, Find.residentOnly | (isWrite ? Find.writableOnly : 0))
    return frames[request.center] === NO_PAGE ? Errno.EBUSY : Errno.none
  }
  if (offset + request.center * PAGE_SIZE >= vnodes.size[vnode]!) return Errno.EINVAL
  if ((flags & RequestFlag.syncIo) === 0) return Errno.none

  const frames = placeFor(request)
  yield* findPages(state, object, offset / PAGE_SIZE, frames)
  host.mapForTransfer(frames.length, true)
  let errno = 0
  for (let i = 0; i < frames.length && errno === 0; i++) {
    const frame = frames[i]!
    if (!hasState(state, frame, PageState.fake)) continue
    const read = yield* host.read(vnode, offset + i * PAGE_SIZE, PAGE_SIZE, frame)
    errno = read.errno
    if (errno === 0 && read.doneBytes < PAGE_SIZE) host.zero(frame, read.doneBytes, PAGE_SIZE - read.doneBytes)
  }
  for (const frame of frames) {
    if (errno !== 0 && hasState(state, frame, PageState.fake)) setState(state, frame, PageState.released)
    else {
      takeModified(state, frame)
      activate(state, frame)
    }
  }
  if (errno !== 0) unbusyPages(state, frames)
  return errno
}

function placeFor(request: PageRequest): Int32Array {
  if (request.frames === null) throw new KernelStop('kernel-panic', routine, 'no place for the pages')
  return request.frames
}
