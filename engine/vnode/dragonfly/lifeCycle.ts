/**
 * The life of a file's VM object: made at the first use, found again at the next, taken from its vnode when it ends.
 *
 * Source: vnode_pager_alloc, vnode_pager_reference, vnode_pager_dealloc.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { ObjectFlag, ObjectType } from '../../vm/pages.ts'
import { NO_OFFSET } from './host.ts'
import type { Operation } from '../operation.ts'
import { pagesOf, type PagerState } from './state.ts'
import { VnodeFlag } from './vnodes.ts'

/**
 * The object of a vnode (-1: no vnode, answered with -1), made if there is none. A new object covers the whole block that the end
 * of the file cuts; one that exists gets another reference, whatever its size.
 *
 * `offsetInBlock`: where in its block the file ends, 0 at a block's start; negative: as its length says.
 */
export function* allocate(
  state: PagerState,
  vnode: number,
  lengthBytes: number,
  blockSize: number,
  offsetInBlock: number,
): Operation<number> {
  if (vnode < 0) return -1
  const { pages, vnodes, host } = state
  yield* lockObjectPointer(state, vnode)
  let object = yield* livingObject(state, vnode)
  if (vnodes.references[vnode]! <= 0)
    throw new KernelStop('kernel-panic', 'vnode_pager_alloc', `nobody holds a reference to vnode ${vnode}`)

  const past = offsetInBlock < 0 ? lengthBytes % blockSize : offsetInBlock
  const size = pagesOf(past === 0 ? lengthBytes : lengthBytes + (blockSize - past))
  if (object < 0) {
    object = pages.createObject(ObjectType.file, size)
    pages.handle[object] = vnode
    vnodes.object[vnode] = object
    vnodes.fileSize[vnode] = lengthBytes
    if (vnodes.isMounted(vnode) && vnodes.isNoMsync[vnode] !== 0) pages.objectFlags[object]! |= ObjectFlag.noMsync
  } else {
    pages.references[object]! += 1
    const known = vnodes.fileSize[vnode]!
    if (pages.objectSize[object] !== size)
      host.message('vnode-object-size-mismatch', vnode, pages.objectSize[object]!, size)
    if (known !== lengthBytes) host.message('vnode-file-size-mismatch', vnode, known, lengthBytes)
  }
  vnodes.references[vnode]! += 1
  unlockObjectPointer(state, vnode)
  return object
}

/** Another reference to the object of a vnode; -1 if it has none: what size it should have only the file system knows. */
export function* reference(state: PagerState, vnode: number): Operation<number> {
  yield* lockObjectPointer(state, vnode)
  const object = yield* livingObject(state, vnode)
  if (object >= 0) {
    state.pages.references[object]! += 1
    state.vnodes.references[vnode]! += 1
  }
  unlockObjectPointer(state, vnode)
  return object
}

/** Takes an object that ends from its vnode, when paging on it is over. The vnode's references stay: each goes with one to the object. */
export function* deallocate(state: PagerState, object: number): Operation<void> {
  const { pages, vnodes, host } = state
  const vnode = pages.handle[object]!
  if (vnode < 0)
    throw new KernelStop('kernel-panic', 'vnode_pager_dealloc', `object ${object} was taken from its vnode before`)
  while (pages.pagingInProgress[object]! !== 0) yield { on: 'paging', object }
  pages.handle[object] = -1
  pages.objectType[object] = ObjectType.dead
  vnodes.object[vnode] = -1
  vnodes.fileSize[vnode] = NO_OFFSET
  vnodes.clearFlag(vnode, VnodeFlag.text | VnodeFlag.objectBuffers)
  host.freeSwapSpace(object)
}

/** Takes the pointer from a vnode to its object (VOLOCK), once nobody else has it. */
function* lockObjectPointer({ vnodes }: PagerState, vnode: number): Operation<void> {
  while (vnodes.has(vnode, VnodeFlag.objectLock)) {
    vnodes.setFlag(vnode, VnodeFlag.objectWanted)
    yield { on: 'vnode', vnode }
  }
  vnodes.setFlag(vnode, VnodeFlag.objectLock)
}

function unlockObjectPointer({ vnodes, host }: PagerState, vnode: number): void {
  vnodes.clearFlag(vnode, VnodeFlag.objectLock)
  if (!vnodes.has(vnode, VnodeFlag.objectWanted)) return
  vnodes.clearFlag(vnode, VnodeFlag.objectWanted)
  host.wakeVnode(vnode)
}

/** The object of a vnode, -1: none. One that is being ended is waited out. */
function* livingObject({ pages, vnodes }: PagerState, vnode: number): Operation<number> {
  for (;;) {
    const object = vnodes.object[vnode]!
    if (object < 0 || (pages.objectFlags[object]! & ObjectFlag.dead) === 0) return object
    yield { on: 'dead-object', object }
  }
}
