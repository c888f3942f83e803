/**
 * The events of a machine as they are recorded: rows of chunks that a sink takes when they are full.
 *
 * Events go into a few rows that are never replaced, so that compiled code has their place in it, and from there, all at once, into the open chunk.
 */
import { chunkArrays, newEventChunk, type EventChunk } from './events.ts'

export interface TraceSink {
  /** Takes a chunk that is full, or the last one, and answers one to fill. */
  take(chunk: EventChunk): EventChunk
}

/** Few enough to stay in a processor's cache. */
const FRESH_EVENTS = 2048

export class EventLog {
  readonly #sink: TraceSink
  readonly #fresh = newEventChunk(FRESH_EVENTS)
  readonly #freshArrays = chunkArrays(this.#fresh)
  #open = newEventChunk()
  /** Bits by EventKind; whether one of them was among the fresh events before the row that is looked at next. */
  #watched = 0
  #nextRow = 0
  #sawWatched = false

  constructor(sink: TraceSink) {
    this.#sink = sink
  }

  emit(
    time: number,
    kind: number,
    process: number,
    object: number,
    page: number,
    pages: number,
    device: number,
    block: number,
    duration: number,
    detail: number,
  ): void {
    const fresh = this.#fresh
    const row = fresh.count
    fresh.time[row] = time
    fresh.kind[row] = kind
    fresh.process[row] = process
    fresh.object[row] = object
    fresh.page[row] = page
    fresh.pages[row] = pages
    fresh.device[row] = device
    fresh.block[row] = block
    fresh.duration[row] = duration
    fresh.detail[row] = detail
    fresh.count = row + 1
    if (row + 1 === FRESH_EVENTS) this.#settle()
  }

  /** Events since the last chunk that was taken. Valid until another is recorded. */
  get openChunk(): EventChunk {
    this.#settle()
    return this.#open
  }

  /** Hands out what no sink has taken. */
  finish(): void {
    this.#settle()
    if (this.#open.count > 0) this.#handOver()
  }

  /** Drops what no sink has taken. */
  forget(): void {
    this.#fresh.count = 0
    this.#open.count = 0
    this.#nextRow = 0
  }

  /** From now on sawWatched() tells of events of these kinds, bits by EventKind. */
  watch(kinds: number): void {
    this.#watched = kinds
    this.#nextRow = this.#fresh.count
    this.#sawWatched = false
  }

  sawWatched(): boolean {
    const { kind, count } = this.#fresh
    if (this.#watched === 0) return false
    for (; this.#nextRow < count; this.#nextRow++)
      if (((this.#watched >>> kind[this.#nextRow]!) & 1) !== 0) this.#sawWatched = true
    return this.#sawWatched
  }

  #settle(): void {
    // before they leave
    this.sawWatched()
    const fresh = this.#fresh
    for (let from = 0; from < fresh.count;) {
      const open = this.#open
      const end = Math.min(fresh.count, from + open.time.length - open.count)
      chunkArrays(open).forEach((column, number) => column.set(this.#freshArrays[number]!.subarray(from, end), open.count))
      open.count += end - from
      from = end
      if (open.count === open.time.length) this.#handOver()
    }
    fresh.count = 0
    this.#nextRow = 0
  }

  #handOver(): void {
    this.#open = this.#sink.take(this.#open)
    this.#open.count = 0
  }
}
