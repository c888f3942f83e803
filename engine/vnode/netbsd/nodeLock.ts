/**
 * The lock that keeps a file from being truncated while its pages are brought in: g_glock. Many readers, or one writer; a
 * writer that waits keeps new readers out. Getting pages takes it, as a writer if blocks may be allocated; truncation takes it
 * as a writer.
 */
import type { Operation } from '../operation.ts'
import type { PagerState } from './state.ts'

export function* enterNodeLock(state: PagerState, vnode: number, isWriter: boolean): Operation<void> {
  const { vnodes } = state
  if (!isWriter) {
    while (!tryEnterNodeLock(state, vnode)) yield { on: 'node-lock', vnode }
    return
  }
  vnodes.lockWriters[vnode]! += 1
  while (vnodes.lockHolders[vnode] !== 0) yield { on: 'node-lock', vnode }
  vnodes.lockWriters[vnode]! -= 1
  vnodes.lockHolders[vnode] = -1
}

/** As a reader, if that is possible at once. */
export function tryEnterNodeLock(state: PagerState, vnode: number): boolean {
  const { vnodes } = state
  if (vnodes.lockHolders[vnode]! < 0 || vnodes.lockWriters[vnode] !== 0) return false
  vnodes.lockHolders[vnode]! += 1
  return true
}

export function exitNodeLock(state: PagerState, vnode: number): void {
  const { vnodes } = state
  if (vnodes.lockHolders[vnode]! < 0) vnodes.lockHolders[vnode] = 0
  else vnodes.lockHolders[vnode]! -= 1
  if (vnodes.lockHolders[vnode] === 0) state.host.wakeNodeLock(vnode)
}
