/**
 * Direct I/O: between a process's memory and the device, past the pages of the file. genfs_directio.
 *
 * It does as much of a request as it can from the front, and leaves the rest to reads and writes through pages: what is unaligned,
 * beyond the end of the file, or would be written to a hole. The caller only learns how far it came; errors do not reach it.
 */
import { PAGE_SIZE } from '../../vm/pages.ts'
import { RequestFlag } from './host.ts'
import { Errno, type Operation } from '../operation.ts'
import { putPages } from './putPages.ts'
import type { PagerState } from './state.ts'
import { transfer } from './transfer.ts'
import { MountFlag, VnodeFlag } from './vnodes.ts'

/** DEV_BSIZE */
const SECTOR = 512

/** What is left of a read or write: struct uio. It is moved on as parts are done. */
export interface UserRequest {
  isWrite: boolean
  /** Of the file, bytes. */
  offset: number
  residualBytes: number
  vectors: { address: number; length: number }[]
  /** The vector that is being worked on. */
  vectorIndex: number
  /** The process whose memory it is; kernel memory is not taken. */
  space: number
  isKernelMemory: boolean
  /** The caller has the journal open already (IO_JOURNALLOCKED). */
  isJournalLocked: boolean
}

export function* directIo(state: PagerState, vnode: number, request: UserRequest): Operation<void> {
  const { vnodes, host } = state
  // with a mapped vnode, locking the pages could wait for this very request
  if (request.isKernelMemory || vnodes.hasFlag(vnode, VnodeFlag.mapped)) return
  const usesJournal = vnodes.hasMountFlag(vnode, MountFlag.journal) && !request.isJournalLocked
  if (usesJournal && (yield* host.beginJournal(vnode)) !== 0) return
  while (request.residualBytes > 0) {
    const vector = request.vectors[request.vectorIndex]!
    if (vector.length === 0) {
      request.vectorIndex += 1
      continue
    }
    const possible = Math.min(vector.length, state.tunables[0]!)
    const length = possible - (possible % SECTOR)
    // what is compared is the end of the rounded chunk, so the last sectors of a file may be done and its tail not
    if (length === 0 || request.offset + length > vnodes.size[vnode]!) break
    if (request.offset % SECTOR !== 0 || vector.address % SECTOR !== 0) break
    if ((yield* moveChunk(state, vnode, request, vector.address, length)) !== 0) break
    vector.address += length
    vector.length -= length
    request.offset += length
    request.residualBytes -= length
  }
  if (usesJournal) host.endJournal(vnode)
}

/** genfs_do_directio. Pages of the range are written out first and, before a write, dropped. */
function* moveChunk(
  state: PagerState,
  vnode: number,
  request: UserRequest,
  address: number,
  length: number,
): Operation<number> {
  const { host } = state
  const { isWrite, offset, space } = request
  if (isWrite) {
    const errno = yield* requireBlocks(state, vnode, offset, length)
    if (errno !== 0) return errno
  }
  const flags = RequestFlag.cleanIt | RequestFlag.syncIo | RequestFlag.journalLocked | (isWrite ? RequestFlag.free : 0)
  const firstPage = Math.floor(offset / PAGE_SIZE)
  const endPage = Math.ceil((offset + length) / PAGE_SIZE)
  let errno = yield* putPages(state, vnode, firstPage * PAGE_SIZE, endPage * PAGE_SIZE, flags, null)
  if (errno !== 0) return errno
  errno = yield* host.wireUserMemory(space, address, length, !isWrite)
  if (errno !== 0) return errno
  errno = yield* transfer(
    state,
    vnode,
    offset,
    { space, address },
    length,
    RequestFlag.syncIo,
    !isWrite,
    host.isPageDaemon(),
  )
  host.unwireUserMemory(space, address, length)
  return errno
}

/** A write is done only where all of its blocks are there; a hole ends it before anything is flushed. */
function* requireBlocks(state: PagerState, vnode: number, offset: number, length: number): Operation<number> {
  // the mount's block size, for block devices too
  const blockSize = 1 << state.vnodes.mountBlockShift[vnode]!
  const end = Math.ceil((offset + length) / blockSize)
  for (let block = Math.floor(offset / blockSize); block < end;) {
    const mapping = yield* state.host.bmap(vnode, block)
    if (mapping.errno !== 0) return mapping.errno
    if (mapping.deviceBlock === -1) return Errno.ENOSPC
    block += 1 + mapping.runAfter
  }
  return 0
}
