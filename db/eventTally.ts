/**
 * How many events of each class each process and each object has in a chunk. A class is a kind of event; of faults there is one for
 * each way in which they were answered.
 */
import { EventKind, eventKinds, EVENTS_PER_CHUNK, FaultKind } from '../engine/sim/events.ts'
import { decodeColumn, encodeColumn } from '../engine/workload/codec.ts'
import type { Columns } from './chunkReader.ts'
import { StoreError } from './errors.ts'

/** Classes of events: the kinds by their numbers (0: faults of resident pages), then faults that were answered otherwise, by FaultKind from 1 on. */
export const CLASSES = eventKinds.length + FaultKind.failed
/** In place of a process or an object: events of none, and of all that are not told apart. */
export const NOBODY = -1
export const OTHERS = -2
/** Processes or objects of a chunk that are told apart, those with most events. */
const WHO_MAX = 256
/** Numbers beyond this are not told apart. */
const NUMBER_MAX = 1 << 22

export type TallyBy = 'processes' | 'objects'

/** Counts that are not 0: of whom, ascending, of which class, how many. Plain data, may cross threads. */
export interface Tally {
  who: Int32Array<ArrayBuffer>
  what: Int32Array<ArrayBuffer>
  count: Int32Array<ArrayBuffer>
}

export interface ChunkTally {
  /** Events of the chunk then. */
  events: number
  processes: Tally
  objects: Tally
}

export const classOf = (kind: number, detail: number): number => {
  if (kind !== EventKind.fault) return kind
  const answer = detail & 15
  return answer === 0 ? kind : eventKinds.length - 1 + Math.min(answer, FaultKind.failed)
}

/** The kind of event that a class is of. */
export const kindOfClass = (what: number): number => (what < eventKinds.length ? what : EventKind.fault)

/** A process or an object as it is told apart. */
export const told = (number: number): number => (number < NOBODY || number > NUMBER_MAX ? OTHERS : number)

export function tallyChunk(columns: Columns, events: number): ChunkTally {
  const kinds = columns.kinds()
  const details = columns.integers('detail')
  for (let row = 0; row < events; row++) classes[row] = classOf(kinds[row]!, details[row]!)
  return {
    events,
    processes: tallyRows(columns.integers('process'), events),
    objects: tallyRows(columns.integers('object'), events),
  }
}

/** Of each row of the chunk at hand. */
const classes = new Uint8Array(EVENTS_PER_CHUNK)
/** Where the counts of each number begin, from -2 on, plus one; all 0 between two chunks, as are the counts. */
let places = new Int32Array(1024)
let cells = new Int32Array(64 * CLASSES)

function tallyRows(numbers: Int32Array, events: number): Tally {
  const found: number[] = []
  let counts = cells
  let number = OTHERS - 1
  let base = 0
  for (let row = 0; row < events; row++) {
    // neighbours are often alike
    if (numbers[row] !== number) {
      number = numbers[row]!
      base = placeOf(number, found)
      counts = cells
    }
    counts[base + classes[row]!]! += 1
  }
  const tally = gather(found)
  for (const each of found) places[each - OTHERS] = 0
  cells.fill(0, 0, found.length * CLASSES)
  return tally
}

/** Where the counts of a number begin; one that was not met before gets its place. */
function placeOf(named: number, found: number[]): number {
  const number = told(named)
  if (number - OTHERS >= places.length) places = grown(places, number - OTHERS)
  let place = places[number - OTHERS]!
  if (place === 0) {
    place = places[number - OTHERS] = (found.push(number) - 1) * CLASSES + 1
    if (place + CLASSES > cells.length) cells = grown(cells, place + CLASSES)
  }
  return place - 1
}

function grown(before: Int32Array<ArrayBuffer>, least: number): Int32Array<ArrayBuffer> {
  const after = new Int32Array(Math.max(before.length * 2, least + 1))
  after.set(before)
  return after
}

/** The cells of `found` that are not 0; of too many, those with few events are put together. */
function gather(found: readonly number[]): Tally {
  const ofPlace = (place: number) => cells.subarray(place * CLASSES, (place + 1) * CLASSES)
  const ranked = found
    .map((number, place) => ({ number, counts: ofPlace(place), total: ofPlace(place).reduce((sum, count) => sum + count, 0) }))
    .sort((a, b) => b.total - a.total)
  const rest = new Int32Array(CLASSES)
  const isAlone = ({ number }: { number: number }, rank: number) => number !== OTHERS && rank < WHO_MAX
  for (const each of ranked.filter((one, rank) => !isAlone(one, rank))) each.counts.forEach((count, what) => (rest[what]! += count))
  const kept = [{ number: OTHERS, counts: rest }, ...ranked.filter(isAlone)].sort((a, b) => a.number - b.number)
  const rows = kept.flatMap(({ number, counts }) => [...counts].flatMap((count, what) => (count > 0 ? [{ number, what, count }] : [])))
  return {
    who: Int32Array.from(rows, ({ number }) => number),
    what: Int32Array.from(rows, ({ what }) => what),
    count: Int32Array.from(rows, ({ count }) => count),
  }
}

/** The rows one column after the other, as one column of the codec. */
export function packTally({ who, what, count }: Tally): Uint8Array {
  const rows = who.length
  const all = new Int32Array(rows * 3)
  ;[who, what, count].forEach((column, i) => all.set(column, i * rows))
  return encodeColumn(all, all.length)
}

/** Throws CodecError, StoreError `damaged`. */
export function unpackTally(bytes: Uint8Array, rows: number): Tally {
  const all = Int32Array.from(decodeColumn(bytes, 'i32', rows * 3))
  const what = all.subarray(rows, rows * 2)
  if (what.some((each) => each < 0 || each >= CLASSES)) throw new StoreError('damaged', 'a tally of events has a class that there is not', 'chunk_tallies')
  return { who: all.subarray(0, rows), what, count: all.subarray(rows * 2) }
}
