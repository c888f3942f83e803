/**
 * Writable shared mappings of a file hold its write count, so that it cannot be executed meanwhile.
 *
 * An object counts the bytes that are mapped so; the vnode counts the objects whose count is not 0.
 */
import { ObjectType } from '../../vm/pages.ts'
import type { Operation } from '../operation.ts'
import type { PagerState } from './state.ts'

/** `bytes` more (or, negative, fewer) are mapped writable: vnode_pager_update_writecount. The vnode must be locked. */
export function updateWriteCount(state: PagerState, object: number, bytes: number): void {
  const { pages, vnodes } = state
  if (pages.objectType[object] !== ObjectType.file) return
  const before = pages.writeMappings[object]!
  const after = before + bytes
  pages.writeMappings[object] = after
  const vnode = pages.handle[object]!
  if (before === 0 && after !== 0) vnodes.writeCount[vnode]! += 1
  else if (before !== 0 && after === 0) vnodes.writeCount[vnode]! -= 1
}

/**
 * `bytes` fewer are mapped writable: vnode_pager_release_writecount. Only the last ones need the vnode, whose lock may have
 * to be waited for; by then it may have been reclaimed, and its object forgotten.
 */
export function* releaseWriteCount(state: PagerState, object: number, bytes: number): Operation<void> {
  const { pages, vnodes, host } = state
  if (pages.objectType[object] !== ObjectType.file) return
  if (pages.writeMappings[object] !== bytes) {
    pages.writeMappings[object]! -= bytes
    return
  }
  const vnode = pages.handle[object]!
  vnodes.holdCount[vnode]! += 1
  yield* host.startWrite(vnode)
  updateWriteCount(state, object, -bytes)
  vnodes.holdCount[vnode]! -= 1
  host.finishWrite(vnode)
}
