/**
 * Where the traces of two runs part. Chunk digests are compared first, so that only the first chunk that differs is decoded; chunks
 * without a digest (the open end of an interrupted run, traces of format 1) are decoded and compared by their events.
 */
import { chunkArrays, eventColumns, eventKinds } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { StoreError } from './errors.ts'
import { eventSentence } from './eventSentence.ts'
import type { ObjectNames } from './objectNames.ts'
import type { TraceStore } from './traceStore.ts'

/** One event of a run, by the names of its columns. */
export interface RunEvent {
  /** Its number in the run, from 0. */
  number: number
  /** Virtual nanoseconds. */
  timeNs: number
  kind: string
  process: number
  object: number
  page: number
  pages: number
  device: number
  block: number
  durationNs: number
  detail: number
  /** What happened, in words. */
  text: string
}

export type Divergence =
  /** The traces are the same, event for event. */
  | { outcome: 'same'; events: number }
  /** The first event that is not the same; null for a trace that had ended there. `fields` are the columns that differ. */
  | {
      outcome: 'differs'
      event: number
      timeNs: number
      fields: string[]
      first: RunEvent | null
      second: RunEvent | null
    }
  | { outcome: 'not-comparable'; reason: string }

/** Throws StoreError `not-found`. */
export function firstDivergence(store: TraceStore, firstRun: number, secondRun: number): Divergence {
  for (const id of [firstRun, secondRun]) {
    const { status, totals, recorded } = store.runs.detail(id)
    const reason =
      status === 'running' || status === 'paused'
        ? `run ${id} is ${status}`
        : !recorded || (totals.events > 0 && store.events.count(id, allEvents) === 0)
          ? `run ${id} has no events recorded`
          : null
    if (reason !== null) return { outcome: 'not-comparable', reason }
  }
  const [firsts, seconds] = [firstRun, secondRun].map((id) => store.events.storedChunks(id))
  if (!firsts || !seconds) throw new StoreError('not-found', 'two runs are compared')
  const names = (run: number) => store.objects.names(run)
  let events = 0
  for (;;) {
    const [a, b] = [nextOf(firsts), nextOf(seconds)]
    if (!a && !b) return { outcome: 'same', events }
    if (a?.digest && b?.digest && Buffer.compare(a.digest, b.digest) === 0) {
      events += a.head.event_count
      continue
    }
    const [chunkA, chunkB] = [a?.reader.events() ?? null, b?.reader.events() ?? null]
    const row = firstDifferentRow(chunkA, chunkB)
    if (row === null) {
      events += chunkA?.count ?? 0
      continue
    }
    const [first, second] = [
      eventAt(chunkA, row, events + row, names(firstRun)),
      eventAt(chunkB, row, events + row, names(secondRun)),
    ]
    const fields = first && second ? differentColumns(chunkA, chunkB, row) : []
    return {
      outcome: 'differs',
      event: events + row,
      timeNs: Math.min(first?.timeNs ?? Infinity, second?.timeNs ?? Infinity),
      fields,
      first,
      second,
    }
  }
}

const allEvents = { fromNs: 0, toNs: Infinity, kinds: [] }

function nextOf<T>(chunks: Generator<T>): T | null {
  const next = chunks.next()
  return next.done === true ? null : next.value
}

/** Null if the chunks hold the same events. */
function firstDifferentRow(a: EventChunk | null, b: EventChunk | null): number | null {
  const [countA, countB] = [a?.count ?? 0, b?.count ?? 0]
  let end = Math.min(countA, countB)
  if (a && b) {
    const others = chunkArrays(b)
    for (const [column, values] of chunkArrays(a).entries()) {
      const other = others[column]
      let row = 0
      while (row < end && values[row] === other?.[row]) row++
      end = row
    }
  }
  return end === countA && end === countB ? null : end
}

function differentColumns(a: EventChunk | null, b: EventChunk | null, row: number): string[] {
  return eventColumns.flatMap(({ name }) => (a?.[name][row] === b?.[name][row] ? [] : [name]))
}

function eventAt(chunk: EventChunk | null, row: number, number: number, names: ObjectNames): RunEvent | null {
  if (!chunk || row >= chunk.count) return null
  const at = (name: (typeof eventColumns)[number]['name']): number => chunk[name][row] ?? 0
  const event = {
    number,
    timeNs: at('time'),
    kind: eventKinds[at('kind')] ?? String(at('kind')),
    process: at('process'),
    object: at('object'),
    page: at('page'),
    pages: at('pages'),
    device: at('device'),
    block: at('block'),
    durationNs: at('duration'),
    detail: at('detail'),
  }
  return { ...event, text: eventSentence(event, names) }
}
