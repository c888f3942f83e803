/**
 * The trace: what a run records. One event is one row over the columns below; rows are kept in chunks of columns.
 *
 * `time` is virtual nanoseconds at the moment the event is recorded, non-decreasing within a run. `duration` is in
 * virtual nanoseconds: for an event that ends something (a fault, a swapoff) it reaches back from `time`; for a
 * device request, which is recorded when it is submitted, it reaches forward to its completion.
 * What each kind puts into `object`, `page`, `pages`, `block` and `detail` is listed in docs/trace.md.
 */

export const eventKinds = [
  'fault', // 0  a page fault was resolved; detail = FaultKind
  'swapin', // 1  a read from a swap device was submitted
  'swapout', // 2  a write to a swap device was submitted
  'filein', // 3  a read of file pages was submitted
  'fileout', // 4  a write of file pages was submitted
  'evict', // 5  a page frame was taken from a page by the page daemon
  'free', // 6  a page went away otherwise (unmapped, object ended, madvise)
  'daemon', // 7  a pass of the page daemon: pages = pages freed, detail = pages laundered
  'swapoff', // 8  a pass of swapoff over all objects ended: pages = blocks still on the device, detail = pass
  'io-error', // 9  a device request failed; detail = errno
  'admin', // 10 somebody changed the running machine (swapon, swapoff, tunable ...); detail = AdminKind
  'message', // 11 a console message; detail = message id, block and pages its parameters
  'defect', // 12 a known defect of a source was triggered; detail = defect id
  'process', // 13 fork, exec, exit, signal, kill; detail = ProcessEventKind
  'panic', // 14 the run ended as kernel-panic or livelock; detail = panic id
  'reserve', // 15 swap reservation changed or was refused; pages = pages, detail = 1 granted, 2 forced, 3 released, 0 refused
] as const
export type EventKindName = (typeof eventKinds)[number]

export const EventKind = {
  fault: 0,
  swapin: 1,
  swapout: 2,
  filein: 3,
  fileout: 4,
  evict: 5,
  free: 6,
  daemon: 7,
  swapoff: 8,
  ioError: 9,
  admin: 10,
  message: 11,
  defect: 12,
  process: 13,
  panic: 14,
  reserve: 15,
} as const

/** How a fault was resolved: the `detail` of a `fault` event, plus 16 if it was a write and 32 if an instruction fetch. */
export const FaultKind = {
  /** The page was resident: only the mapping was missing. */
  soft: 0,
  zeroFill: 1,
  swapin: 2,
  filein: 3,
  copyOnWrite: 4,
  /** The process was signalled instead. */
  failed: 5,
} as const

/** Columns of an event, in canonical order: the order in which the trace digest takes them. */
export const eventColumns = [
  { name: 'time', kind: 'f64', unit: 'ns' },
  { name: 'kind', kind: 'u8', unit: 'EventKind' },
  { name: 'process', kind: 'i32', unit: 'process number, -1 none' },
  { name: 'object', kind: 'i32', unit: 'object number, -1 none' },
  { name: 'page', kind: 'f64', unit: 'page index in the object' },
  { name: 'pages', kind: 'i32', unit: 'pages' },
  { name: 'device', kind: 'i32', unit: 'device number, -1 none' },
  { name: 'block', kind: 'f64', unit: 'global swap block, or page of a file' },
  { name: 'duration', kind: 'f64', unit: 'ns' },
  { name: 'detail', kind: 'i32', unit: 'by kind' },
] as const

/** Events in a chunk; the digest's unit, so it is part of the trace's definition. */
export const EVENTS_PER_CHUNK = 65536

/** A chunk of events as columns. All arrays have the same capacity; rows 0..count-1 are used. */
export interface EventChunk {
  count: number
  time: Float64Array
  kind: Uint8Array
  process: Int32Array
  object: Int32Array
  page: Float64Array
  pages: Int32Array
  device: Int32Array
  block: Float64Array
  duration: Float64Array
  detail: Int32Array
}

export function newEventChunk(capacity = EVENTS_PER_CHUNK): EventChunk {
  return {
    count: 0,
    time: new Float64Array(capacity),
    kind: new Uint8Array(capacity),
    process: new Int32Array(capacity),
    object: new Int32Array(capacity),
    page: new Float64Array(capacity),
    pages: new Int32Array(capacity),
    device: new Int32Array(capacity),
    block: new Float64Array(capacity),
    duration: new Float64Array(capacity),
    detail: new Int32Array(capacity),
  }
}

/** The arrays of a chunk in canonical order. */
export function chunkArrays(chunk: EventChunk): (Float64Array | Int32Array | Uint8Array)[] {
  return [
    chunk.time,
    chunk.kind,
    chunk.process,
    chunk.object,
    chunk.page,
    chunk.pages,
    chunk.device,
    chunk.block,
    chunk.duration,
    chunk.detail,
  ]
}
