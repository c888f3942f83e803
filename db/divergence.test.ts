import { describe, expect, it } from 'vitest'
import { chunkArrays, newEventChunk } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { firstDivergence } from './divergence.ts'
import { EventEncoder } from './eventEncoder.ts'
import { someEnd, someEvents, someRun, withStore } from './testing.ts'
import type { TraceStore } from './traceStore.ts'

const LENGTHS = [65536, 65536, 5000]

/** A run of three chunks, the last one short, of which `change` may change what it likes. */
function record(store: TraceStore, change: (chunks: EventChunk[]) => void = () => {}): number {
  const chunks = LENGTHS.map((count, i) => someEvents(count, i + 1, i * 1e10))
  change(chunks)
  const id = store.createRun(someRun())
  const encoder = new EventEncoder(true)
  for (const chunk of chunks) store.appendEvents(id, encoder.add(chunk))
  const { totals, ...end } = someEnd()
  store.finishRun(id, { ...end, totals: { ...totals, events: encoder.events } })
  return id
}

/** The first `count` events of a chunk. */
function cut(chunk: EventChunk, count: number): EventChunk {
  const shorter = newEventChunk(count)
  shorter.count = count
  chunkArrays(shorter).forEach((column, i) => column.set(chunkArrays(chunk)[i]!.subarray(0, count)))
  return shorter
}

describe('where two traces part', () => {
  it('the same events are the same trace', () =>
    withStore((store) => {
      expect(firstDivergence(store, record(store), record(store))).toEqual({
        outcome: 'same',
        events: 65536 + 65536 + 5000,
      })
    }))

  it.each([
    ['the first event', 0, 0],
    ['the last event of a chunk', 0, 65535],
    ['the first of the next one', 1, 0],
    ['somewhere in the last one', 2, 4321],
  ])('%s', (_, chunk, row) =>
    withStore((store) => {
      const id = record(store)
      const other = record(store, (chunks) => {
        chunks[chunk]!.pages[row]! += 3
        // what comes after the first difference does not matter
        chunks[2]!.detail[4999]! += 1
      })
      const found = firstDivergence(store, id, other)
      if (found.outcome !== 'differs') throw new Error(found.outcome)
      expect(found).toMatchObject({ event: chunk * 65536 + row, fields: ['pages'] })
      expect([found.first?.number, found.second?.number]).toEqual([found.event, found.event])
      expect(found.second!.pages).toBe(found.first!.pages + 3)
      expect(found.first?.text).not.toBe('')
      expect(found.timeNs).toBe(found.first?.timeNs)
    }),
  )

  it('a trace that ends earlier parts where it ends', () =>
    withStore((store) => {
      const id = record(store)
      const shorter = record(store, (chunks) => (chunks[2] = cut(chunks[2]!, 100)))
      const without = record(store, (chunks) => chunks.pop())
      expect(firstDivergence(store, id, shorter)).toMatchObject({
        outcome: 'differs',
        event: 131172,
        fields: [],
        second: null,
      })
      expect(firstDivergence(store, without, id)).toMatchObject({
        outcome: 'differs',
        event: 131072,
        first: null,
        second: { number: 131072 },
      })
    }))

  it('the open end of an interrupted run has no digest and is compared by its events', () =>
    withStore((store) => {
      const id = record(store)
      const open = store.createRun(someRun())
      const encoder = new EventEncoder(true)
      store.appendEvents(open, encoder.add(someEvents(65536, 1)))
      store.events.replaceTail(open, encoder.peek(cut(someEvents(65536, 2, 1e10), 40)))
      store.markInterrupted()
      expect(firstDivergence(store, id, open)).toMatchObject({ outcome: 'differs', event: 65576, second: null })
    }))

  it('runs without events, and runs that are under way, cannot be compared', () =>
    withStore((store) => {
      const id = record(store)
      const running = store.createRun(someRun())
      expect(firstDivergence(store, id, running)).toMatchObject({
        outcome: 'not-comparable',
        reason: `run ${running} is running`,
      })
      const silent = store.createRun(someRun({ recorded: false }))
      store.finishRun(silent, someEnd())
      expect(firstDivergence(store, silent, id)).toMatchObject({
        outcome: 'not-comparable',
        reason: `run ${silent} has no events recorded`,
      })
    }))
})
