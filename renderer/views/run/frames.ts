/** Frame states as the service sends them, and how the map colours them. Pure; the drawing is in RunMemory.vue. */
import { DataKind, DataPlaneError, decodeTable } from '../../../electron/contract/dataPlane.ts'
import { owners } from '../bench/owners.ts'

export interface FrameStates {
  count: number
  /** Object of the page in each frame, -1 none. */
  object: Int32Array
  page: Float64Array
  /** StateBit. */
  state: Uint8Array
  /** Index into queueNames. */
  queue: Uint8Array
  /** The page daemon's activity count, 0 to 64. */
  activity: Uint8Array
}

export const StateBit = { valid: 1, dirty: 2, busy: 4, wired: 8, referenced: 16 } as const
export const queueNames = ['none', 'free', 'active', 'inactive', 'laundry', 'unswappable'] as const

/** Decodes the answer to runs.frames. Throws DataPlaneError. */
export function decodeFrames(buffer: ArrayBuffer): FrameStates {
  const { kind, rows, columns } = decodeTable(buffer)
  const [object, page, state, queue, activity] = columns
  if (kind !== DataKind.frames || !(object instanceof Int32Array) || !(page instanceof Float64Array) || !(state instanceof Uint8Array) || !(queue instanceof Uint8Array) || !(activity instanceof Uint8Array))
    throw new DataPlaneError('an answer about frames lacks its columns')
  return { count: rows, object, page, state, queue, activity }
}

export const colourings = ['queue', 'object', 'activity', 'dirty', 'referenced'] as const
export type Colouring = (typeof colourings)[number]

export interface FrameClass {
  name: string
  colour: string
}

/** The classes of a colouring, in the order of its legend. */
export function classesOf(colouring: Colouring): FrameClass[] {
  if (colouring === 'queue')
    return [
      { name: 'wired', colour: '--q-wired' },
      { name: 'active', colour: '--q-active' },
      { name: 'inactive', colour: '--q-inactive' },
      { name: 'laundry', colour: '--q-laundry' },
      { name: 'unswappable', colour: '--q-unswappable' },
      { name: 'on no queue', colour: '--own-6' },
      { name: 'free', colour: '--q-free' },
    ]
  if (colouring === 'object') return [...owners.map((colour, i) => ({ name: i === owners.length - 1 ? 'other objects' : `object ${i}`, colour })), { name: 'no object', colour: '--q-free' }]
  if (colouring === 'activity')
    return [...activitySteps.map(({ name, colour }) => ({ name, colour })), { name: 'free', colour: '--q-free' }]
  const name = colouring === 'dirty' ? 'dirty' : 'referenced'
  return [
    { name, colour: colouring === 'dirty' ? '--q-laundry' : '--q-wired' },
    { name: `not ${name}`, colour: '--q-inactive' },
    { name: 'free', colour: '--q-free' },
  ]
}

/** How lately a page was used, as the page daemon knows it: its activity count rises when it is found referenced, and falls when not. */
const activitySteps = [
  { from: 32, name: 'activity 32 – 64', colour: '--seq-7' },
  { from: 10, name: '10 – 31', colour: '--seq-5' },
  { from: 5, name: '5 – 9', colour: '--seq-4' },
  { from: 1, name: '1 – 4', colour: '--seq-3' },
  { from: 0, name: '0', colour: '--seq-2' },
] as const

const queueClass = [5, 6, 1, 2, 3, 4]

/** The class of a frame: an index into classesOf(colouring). `ranked` are the objects with most frames, most first. */
export function classOf(frames: FrameStates, frame: number, colouring: Colouring, ranked: readonly number[]): number {
  const state = frames.state[frame] ?? 0
  const queue = frames.queue[frame] ?? 0
  if (colouring === 'queue') return state & StateBit.wired ? 0 : (queueClass[queue] ?? 5)
  if (colouring === 'object') {
    const object = frames.object[frame] ?? -1
    if (object < 0 || queue === 1) return owners.length
    const rank = ranked.indexOf(object)
    return rank < 0 || rank >= owners.length - 1 ? owners.length - 1 : rank
  }
  if (colouring === 'activity') {
    const activity = frames.activity[frame] ?? 0
    return queue === 1 ? activitySteps.length : activitySteps.findIndex(({ from }) => activity >= from)
  }
  if (queue === 1) return 2
  return state & (colouring === 'dirty' ? StateBit.dirty : StateBit.referenced) ? 0 : 1
}

/** Objects by the frames they have, most first. */
export function rankObjects(frames: FrameStates): number[] {
  const counts = new Map<number, number>()
  for (let frame = 0; frame < frames.count; frame++) {
    const object = frames.object[frame] ?? -1
    if (object >= 0) counts.set(object, (counts.get(object) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([object]) => object)
}

/** The class of every frame. */
export function frameClasses(frames: FrameStates, colouring: Colouring, ranked: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: frames.count }, (_, frame) => classOf(frames, frame, colouring, ranked))
}
