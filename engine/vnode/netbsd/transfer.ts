/**
 * Moving a range of a file between memory and the device: the pieces that it falls into there, and the ways in which pages are
 * written out.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { Completion, Priority, type MasterDescription } from './buffers.ts'
import { countDone, outputDone, releaseMaster, releaseTransferred, waitForBuffer } from './completion.ts'
import { RequestFlag } from './host.ts'
import type { Operation } from '../operation.ts'
import type { PagerState } from './state.ts'
import { WriteMethod } from './vnodes.ts'

/** Which memory a transfer is about: pages of the vnode, or part of a process's. */
export type TransferMemory = { frames: Int32Array } | { space: number; address: number }

/**
 * Writes busy pages next to each other out: GOP_WRITE. With SYNCIO it waits and answers the errno, else 0; either way the
 * pages are let go when the write is over.
 */
export function writePages(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  flags: number,
  isPageDaemon: boolean,
): Operation<number> {
  const method = state.vnodes.writeMethod[vnode]
  return method === WriteMethod.fileWrite
    ? writeThroughFile(state, vnode, frames)
    : writeBlocks(state, vnode, frames, flags, isPageDaemon)
}

/** genfs_gop_write; genfs_gop_write_rwmap maps the pages so that they can be changed on their way. */
function writeBlocks(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  flags: number,
  isPageDaemon: boolean,
): Operation<number> {
  state.host.mapForTransfer(frames.length, state.vnodes.writeMethod[vnode] === WriteMethod.blocksReadWriteMap)
  const offset = state.pages.pageIndex[frames[0]!]! * PAGE_SIZE
  return transfer(state, vnode, offset, { frames }, frames.length * PAGE_SIZE, flags, false, isPageDaemon)
}

/** genfs_compat_gop_write: through the file system's own write. It always waits. */
function* writeThroughFile(state: PagerState, vnode: number, frames: Int32Array): Operation<number> {
  const { host, pages, vnodes } = state
  host.mapForTransfer(frames.length, false)
  const errno = yield* host.write(vnode, pages.pageIndex[frames[0]!]! * PAGE_SIZE, frames)
  vnodes.outputCount[vnode]! += 1
  releaseTransferred(state, frames, false, errno)
  outputDone(state, vnode)
  return errno
}

/**
 * Moves `lengthBytes` of a file: genfs_do_io. What lies beyond the size that is being written to is left out. A hole is read as
 * zeros; on a write it is passed over, though the page then counts as clean. With SYNCIO it waits and answers the errno.
 */
export function* transfer(
  state: PagerState,
  vnode: number,
  offset: number,
  memory: TransferMemory,
  lengthBytes: number,
  flags: number,
  isRead: boolean,
  isPageDaemon: boolean,
): Operation<number> {
  const { vnodes, buffers, host } = state
  const isAsync = (flags & RequestFlag.syncIo) === 0
  if (vnodes.size[vnode]! > vnodes.writeSize[vnode]!)
    throw new KernelStop('kernel-panic', 'genfs_do_io', 'the size is larger than the size written')
  // the kernel compares without a sign, so a range that begins behind the end is not cut
  const toEnd = host.extent(vnode, vnodes.writeSize[vnode]!, false) - offset
  let left = toEnd < 0 ? lengthBytes : Math.min(lengthBytes, toEnd)
  if (left === 0) throw new KernelStop('kernel-panic', 'genfs_do_io', 'nothing of the range lies inside the file')
  if (!isRead) vnodes.outputCount[vnode]! += 2

  const description: MasterDescription = {
    vnode,
    isRead,
    isAsync,
    isAging: true,
    completion: isAsync ? Completion.releasePages : Completion.none,
    priority: isPageDaemon ? Priority.limited : isAsync ? Priority.nonCritical : Priority.critical,
    lengthBytes: left,
  }
  const master =
    'frames' in memory
      ? buffers.addMaster(description, memory.frames)
      : buffers.addUserMaster(description, memory.space, memory.address)
  const blockSize = 1 << vnodes.blockShift(vnode)
  let skipped = 0
  let errno = 0
  let at = offset
  while (left > 0) {
    const block = Math.floor(at / blockSize)
    const mapping = yield* host.bmap(vnode, block)
    errno = mapping.errno
    if (errno !== 0) {
      skipped += left
      break
    }
    const piece = Math.min((block + 1 + mapping.runAfter) * blockSize - at, left)
    if (mapping.deviceBlock === -1) {
      if (isRead) zeroMemory(state, memory, at - offset, piece)
      skipped += piece
    } else {
      const isWhole = at === offset && piece === left
      startPiece(
        state,
        vnode,
        isWhole ? master : addPiece(state, master, at - offset, piece),
        mapping.deviceBlock,
        at - block * blockSize,
      )
    }
    at += piece
    left -= piece
  }
  countDone(state, master, skipped, errno)
  if (isAsync) return 0
  errno = yield* waitForBuffer(state, master)
  if ('frames' in memory) releaseMaster(state, master)
  else releaseUserMaster(state, vnode, master)
  return errno
}

/** A piece of a master's own, which is one more write on its way if it is one. */
export function addPiece(state: PagerState, master: number, dataOffset: number, lengthBytes: number): number {
  const { buffers, vnodes } = state
  if (buffers.isRead[master] === 0) vnodes.outputCount[buffers.vnode[master]!]! += 1
  return buffers.addChild(master, dataOffset, lengthBytes)
}

/** Sends a buffer that begins `within` bytes into a file block to the device. */
export function startPiece(
  state: PagerState,
  vnode: number,
  buffer: number,
  deviceBlock: number,
  within: number,
): void {
  state.buffers.deviceBlock[buffer] = deviceBlock + Math.floor(within / (1 << state.vnodes.deviceShift(vnode)))
  state.host.startRequest(buffer)
}

/** Zeros a part of pages that lie one after another. */
export function zeroPages(state: PagerState, frames: Int32Array, offset: number, lengthBytes: number): void {
  for (let at = offset; at < offset + lengthBytes;) {
    const page = Math.floor(at / PAGE_SIZE)
    const within = at - page * PAGE_SIZE
    const part = Math.min(PAGE_SIZE - within, offset + lengthBytes - at)
    state.host.zero(frames[page]!, within, part)
    at += part
  }
}

function zeroMemory(state: PagerState, memory: TransferMemory, offset: number, lengthBytes: number): void {
  if ('frames' in memory) zeroPages(state, memory.frames, offset, lengthBytes)
  else state.host.zeroUserMemory(memory.space, memory.address + offset, lengthBytes)
}

/** genfs_dio_iodone */
function releaseUserMaster(state: PagerState, vnode: number, master: number): void {
  if (state.buffers.isRead[master] === 0) outputDone(state, vnode)
  state.buffers.free(master)
}
