import { expect, test } from 'vitest'
import { eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import { recordChunks, withStore } from './testing.ts'

test('tiles count every event of the range in its bucket, by kind', () =>
  withStore((store) => {
    const { id, events, endNs } = recordChunks(store, 3)
    for (const [fromNs, toNs, buckets] of [
      [0, endNs, 100],
      [endNs / 3, endNs / 2, 7],
      [endNs / 2, endNs / 2 + 50_000, 4096],
    ] as const) {
      const { counts, isSpread, longestNs } = store.events.tiles(id, { fromNs, toNs, buckets })
      expect(isSpread).toBe(false)
      const expected = eventKinds.map(() => new Float64Array(buckets))
      const longest = new Float64Array(buckets)
      for (const { time, kind, duration, count } of events)
        for (let row = 0; row < count; row++) {
          if (time[row]! < fromNs || time[row]! > toNs) continue
          const bucket = Math.min(buckets - 1, Math.floor((time[row]! - fromNs) / ((toNs - fromNs) / buckets)))
          expected[kind[row]!]![bucket]! += 1
          longest[bucket] = Math.max(longest[bucket]!, duration[row]!)
        }
      expect(counts).toEqual(expected)
      expect(longestNs).toEqual(longest)
    }
  }))

test('tiles of many chunks keep their totals, spread over the time of each chunk', () =>
  withStore((store) => {
    const { id, events, endNs } = recordChunks(store, 8)
    const { counts, isSpread } = store.events.tiles(id, { fromNs: 0, toNs: endNs, buckets: 50 })
    expect(isSpread).toBe(true)
    eventKinds.forEach((_, kind) => {
      const all = events.reduce((sum, chunk) => sum + chunk.kind.filter((each) => each === kind).length, 0)
      expect(counts[kind]!.reduce((sum, count) => sum + count, 0)).toBeCloseTo(all, 3)
    })
  }))

test('the neighbour of an event is the nearest of the kinds asked for', () =>
  withStore((store) => {
    const { id, events } = recordChunks(store, 2)
    const rows = events.flatMap((chunk) => [...chunk.kind].map((kind, row) => ({ kind: eventKinds[kind]!, timeNs: chunk.time[row]! })))
    for (const event of [0, 5, 70_000, EVENTS_PER_CHUNK, rows.length - 1])
      for (const kinds of [[], ['swapout'], ['swapoff', 'panic'], ['panic']]) {
        const isOne = (at: number) => kinds.length === 0 || kinds.includes(rows[at]!.kind)
        let after = event + 1
        while (after < rows.length && !isOne(after)) after++
        let before = event - 1
        while (before >= 0 && !isOne(before)) before--
        const found = (at: number) => (rows[at] ? { event: at, timeNs: rows[at].timeNs } : null)
        expect(store.events.neighbour(id, { event, isAfter: true, kinds })).toEqual(found(after))
        expect(store.events.neighbour(id, { event, isAfter: false, kinds })).toEqual(found(before))
      }
  }))
