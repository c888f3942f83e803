/**
 * The fault handler's lock: the vnode at the bottom of a chain of objects.
 *
 * Source: vnode_pager_lock.
 */
import { ObjectFlag, ObjectType } from '../../vm/pages.ts'
import type { Operation } from '../operation.ts'
import type { PagerState } from './state.ts'

/** How long a vnode that could not be locked is left alone. */
const RETRY_NS = 1_000_000_000

/**
 * Walks the chain of backing objects down from `object` (-1: none) to the first that is a file and locks its vnode. Answers the
 * vnode, or -1: where no file is at the bottom, or where the walk meets a dead object, above the file or the file itself.
 */
export function* lockBackingVnode(state: PagerState, object: number): Operation<number> {
  if (object < 0) return -1
  const { pages, host } = state
  let lower = object
  while (pages.objectType[lower] !== ObjectType.file) {
    const backing = pages.backing[lower]!
    if ((pages.objectFlags[lower]! & ObjectFlag.dead) !== 0 || backing < 0) return -1
    lower = backing
  }
  while (pages.objectType[lower] === ObjectType.file && (pages.objectFlags[lower]! & ObjectFlag.dead) === 0) {
    const vnode = pages.handle[lower]!
    const errno = yield* host.lockVnode(vnode)
    if (errno !== 0) {
      host.message('vnode-lock-retry', vnode, errno, 0)
      yield { on: 'pause', durationNs: RETRY_NS }
    } else if (pages.handle[lower] === vnode) return vnode
    else host.unlockVnode(vnode) // the object changed hands while the lock was waited for
  }
  return -1
}
