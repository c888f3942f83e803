/** What the tests of this folder share: scratch folders, frames in one buffer, pages that can be told apart. */

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DiskError } from './diskError.ts'
import { PAGE_BYTES } from './units.ts'

/** A folder that is removed at the end of the test: `atEnd` is the test runner's `onTestFinished`. */
export function scratchFolder(atEnd: (cleanUp: () => void) => void): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pager-disk-'))
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `count` page frames, neighbours in one buffer. */
export function makeFrames(count: number): Uint8Array[] {
  const pool = new ArrayBuffer(count * PAGE_BYTES)
  return Array.from({ length: count }, (_, i) => new Uint8Array(pool, i * PAGE_BYTES, PAGE_BYTES))
}

/** Fills a page with bytes that `seed` determines and that differ from place to place. */
export function paint(frame: Uint8Array, seed: number): Uint8Array {
  let state = (seed + 1) * 2654435761
  for (let i = 0; i < frame.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    frame[i] = state >>> 24
  }
  return frame
}

export function painted(seed: number): Uint8Array {
  return paint(new Uint8Array(PAGE_BYTES), seed)
}

/** The DiskError that `action` throws. */
export function diskErrorOf(action: () => unknown): DiskError {
  try {
    action()
  } catch (error) {
    if (error instanceof DiskError) return error
    throw error
  }
  throw new Error('expected a DiskError, nothing was thrown')
}

/** What `fs.readSync` or `fs.writeSync` was called with by a transfer: for tests that stand in for them. */
export function transferArguments(parameters: unknown[]): {
  fd: number
  view: Uint8Array
  offset: number
  length: number
  position: number
} {
  const [fd, view, offset, length, position] = parameters
  if (!(view instanceof Uint8Array)) throw new Error('a transfer without a view')
  return { fd: Number(fd), view, offset: Number(offset), length: Number(length), position: Number(position) }
}
