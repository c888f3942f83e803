/**
 * Objects of vnodes: how a file gets one, shares it and loses it.
 *
 * Life of an object: allocate() makes it at the first mapping or open, one reference and one use of the vnode for each caller ->
 * the VM terminates it when the last reference goes, or destroyVnodeObject() cuts it off when the vnode is reclaimed -> either
 * way deallocate() takes it from the vnode and gives back the uses. Between dying and being cut off an object is still on its
 * vnode: whoever wants a new one waits.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { ObjectFlag, ObjectType, PAGE_SIZE } from '../../vm/pages.ts'
import type { Operation } from '../operation.ts'
import { pageOffset, type PagerState } from './state.ts'
import { VnodeFlag } from './vnodes.ts'

/** Pages of a device's object, whose size nobody tells: INT_MAX. */
const DEVICE_PAGES = 0x7fff_ffff

/** Waits while the vnode has an object that is dead; answers the live one, or -1. */
function* liveObject(state: PagerState, vnode: number): Operation<number> {
  const { pages, vnodes } = state
  for (;;) {
    const object = vnodes.object[vnode]!
    if (object < 0 || (pages.objectFlags[object]! & ObjectFlag.dead) === 0) return object
    pages.objectFlags[object]! |= ObjectFlag.disconnectWanted
    yield { on: 'dead-object', object }
  }
}

/**
 * Makes sure that a vnode which can be paged has an object, without keeping a reference: vnode_create_vobject. A size of 0
 * stands for what the file system says; where it cannot tell, there is no object and no error.
 */
export function* createVnodeObject(state: PagerState, vnode: number, sizeBytes: number): Operation<void> {
  const { pages, vnodes, host } = state
  if (!vnodes.isDevice(vnode) && !vnodes.canHaveObject(vnode)) return
  if ((yield* liveObject(state, vnode)) >= 0) return
  let size = sizeBytes
  if (size === 0) {
    if (vnodes.isDevice(vnode)) size = pageOffset(DEVICE_PAGES)
    else {
      const attributes = yield* host.fileSize(vnode)
      if (attributes.errno !== 0) return
      size = attributes.sizeBytes
    }
  }
  const object = yield* allocate(state, vnode, size)
  pages.references[object]! -= 1
  releaseUse(state, vnode)
}

/** Takes the object from a vnode that goes away: vnode_destroy_vobject. */
export function* destroyVnodeObject(state: PagerState, vnode: number): Operation<void> {
  const { pages, vnodes, host } = state
  const object = vnodes.object[vnode]!
  if (object < 0) return
  if (pages.references[object] === 0) {
    // a dead one is being terminated by somebody else
    if ((pages.objectFlags[object]! & ObjectFlag.dead) === 0) yield* host.terminateObject(object)
  } else yield* deallocate(state, object)
  vnodes.object[vnode] = -1
}

/**
 * One more reference to a vnode's object, which is made if there is none: vnode_pager_alloc. An existing object keeps its size.
 * Answers the object, or -1 without a vnode (-1).
 */
export function* allocate(state: PagerState, vnode: number, sizeBytes: number): Operation<number> {
  if (vnode < 0) return -1
  const { pages, vnodes } = state
  let object = yield* liveObject(state, vnode)
  if (vnodes.useCount[vnode] === 0) throw new KernelStop('kernel-panic', 'vnode_pager_alloc', 'nobody holds the vnode')
  if (object < 0) {
    // making an object never sleeps here, so nobody can have made another one meanwhile
    object = pages.createObject(ObjectType.file, Math.ceil(sizeBytes / PAGE_SIZE))
    state.setFileSize(object, sizeBytes)
    pages.handle[object] = vnode
    vnodes.object[vnode] = object
  } else pages.references[object]! += 1
  vnodes.useCount[vnode]! += 1
  return object
}

/** Cuts an object off its vnode for good, with one use of the vnode for every reference: vnode_pager_dealloc. */
export function* deallocate(state: PagerState, object: number): Operation<void> {
  const { pages, vnodes, host } = state
  const vnode = pages.handle[object]!
  if (vnode < 0) throw new KernelStop('kernel-panic', 'vnode_pager_dealloc', 'the object has lost its vnode already')
  while (pages.pagingInProgress[object]! > 0) yield { on: 'paging', object }
  const references = pages.references[object]!
  pages.handle[object] = -1
  pages.objectType[object] = ObjectType.dead
  if ((pages.objectFlags[object]! & ObjectFlag.disconnectWanted) !== 0) {
    pages.objectFlags[object]! &= ~ObjectFlag.disconnectWanted
    host.wakeObject(object)
  }
  if (pages.writeMappings[object]! > 0) {
    pages.writeMappings[object] = 0
    vnodes.writeCount[vnode]! -= 1
  }
  vnodes.object[vnode] = -1
  vnodes.flags[vnode]! &= ~VnodeFlag.text
  for (let i = 0; i < references; i++) releaseUse(state, vnode)
}

function releaseUse(state: PagerState, vnode: number): void {
  const { vnodes, host } = state
  vnodes.useCount[vnode]! -= 1
  if (vnodes.useCount[vnode] === 0) host.vnodeUnused(vnode)
}
