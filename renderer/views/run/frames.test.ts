import { describe, expect, it } from 'vitest'
import { DataKind, encodeTable } from '../../../electron/contract/dataPlane.ts'
import { classesOf, classOf, decodeFrames, rankObjects } from './frames.ts'

const frames = decodeFrames(
  encodeTable({
    kind: DataKind.frames,
    rows: 5,
    extra: [0, 0, 0],
    columns: [Int32Array.of(-1, -1, 7, 7, 3), Float64Array.of(0, 0, 1, 2, 9), Uint8Array.of(8, 0, 1 | 2, 1 | 16, 1), Uint8Array.of(0, 1, 4, 2, 3), Uint8Array.of(0, 9, 40, 0, 7)],
  }),
)
const namesBy = (colouring: 'queue' | 'object' | 'dirty' | 'referenced' | 'activity') => Array.from({ length: 5 }, (_, frame) => classesOf(colouring)[classOf(frames, frame, colouring, rankObjects(frames))]?.name)

describe('the map of frames', () => {
  it('colours frames by queue, wired ones before all', () => {
    expect(namesBy('queue')).toEqual(['wired', 'free', 'laundry', 'active', 'inactive'])
  })
  it('gives the objects with most frames their own colour', () => {
    expect(rankObjects(frames)).toEqual([7, 3])
    expect(namesBy('object')).toEqual(['no object', 'no object', 'object 0', 'object 0', 'object 1'])
  })
  it('tells dirty and referenced frames from the rest', () => {
    expect(namesBy('dirty')).toEqual(['not dirty', 'free', 'dirty', 'not dirty', 'not dirty'])
    expect(namesBy('referenced')).toEqual(['not referenced', 'free', 'not referenced', 'referenced', 'not referenced'])
  })
  it('tells by the activity count how lately a page was used', () => {
    expect(namesBy('activity')).toEqual(['0', 'free', 'activity 32 – 64', '0', '5 – 9'])
  })
  it('refuses an answer that is not about frames', () => {
    expect(() => decodeFrames(encodeTable({ kind: DataKind.samples, rows: 0, extra: [0, 0, 0], columns: [] }))).toThrow('lacks its columns')
  })
})
