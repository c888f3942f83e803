import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { eventKinds, newEventChunk } from '../engine/sim/events.ts'
import { classOf, CLASSES, kindOfClass, NOBODY, OTHERS, packTally, tallyChunk, unpackTally, type ChunkTally } from './eventTally.ts'
import { recordChunks, withStore } from './testing.ts'
import type { TraceStore } from './traceStore.ts'

const TRACKS = 3

function tallied(store: TraceStore, id: number, chunks: readonly number[]): Map<number, ChunkTally> {
  return new Map(chunks.map((chunk) => [chunk, store.events.tally(id, chunk)!]))
}

const sumOf = (counts: Float64Array | null | undefined) => counts?.reduce((sum, count) => sum + count, 0) ?? 0

test('each event of the range is in the bucket of its time, in the track of its process or object', () =>
  withStore((store) => {
    const { id, events, endNs } = recordChunks(store, 3)
    const tallies = tallied(store, id, [0, 1, 2])
    for (const by of ['processes', 'objects'] as const)
      for (const [fromNs, toNs, buckets] of [
        [0, endNs, 2],
        [endNs / 3, endNs / 2, 50],
      ] as const) {
        const { tracks, isSpread, isEstimated } = store.events.trackTiles(id, { fromNs, toNs, kinds: ['fault', 'evict'], by, tracks: TRACKS, buckets }, tallies)
        expect([isSpread, isEstimated]).toEqual([false, false])
        const expected = new Map<string, number>()
        const totals = new Map<number, number>()
        const asked: { who: number; what: number; bucket: number }[] = []
        for (const { time, kind, detail, count, process, object } of events)
          for (let row = 0; row < count; row++) {
            if (time[row]! < fromNs || time[row]! > toNs || (kind[row] !== 0 && kind[row] !== 5)) continue
            const who = (by === 'processes' ? process : object)[row]!
            totals.set(who, (totals.get(who) ?? 0) + 1)
            const bucket = Math.min(buckets - 1, Math.floor((time[row]! - fromNs) / ((toNs - fromNs) / buckets)))
            asked.push({ who, what: classOf(kind[row]!, detail[row]!), bucket })
          }
        const busiest = [...totals.keys()].filter((who) => who >= 0).sort((a, b) => totals.get(b)! - totals.get(a)!).slice(0, TRACKS)
        for (const { who, what, bucket } of asked) {
          const key = [who < 0 || busiest.includes(who) ? who : OTHERS, what, bucket].join()
          expected.set(key, (expected.get(key) ?? 0) + 1)
        }
        const found = tracks.flatMap(({ who, counts }) =>
          counts.flatMap((ofClass, what) => [...(ofClass ?? [])].flatMap((count, bucket) => (count > 0 ? [[[who, what, bucket].join(), count] as const] : []))),
        )
        expect(new Map(found)).toEqual(expected)
        const order = tracks.map(({ who }) => who)
        expect(order).toEqual([...busiest.sort((a, b) => a - b), ...[OTHERS, NOBODY].filter((who) => order.includes(who))])
      }
  }))

test('chunks without a tally have as many events of each kind as they have, divided as in the nearest chunk', () =>
  withStore((store) => {
    const { id, events, endNs } = recordChunks(store, 9)
    const range = { fromNs: 0, toNs: endNs, kinds: [], by: 'objects' as const, tracks: 8, buckets: 40 }
    const estimated = store.events.trackTiles(id, range, tallied(store, id, [2, 7]))
    const exact = store.events.trackTiles(id, range, tallied(store, id, [0, 1, 2, 3, 4, 5, 6, 7, 8]))
    expect([estimated.isSpread, estimated.isEstimated, exact.isEstimated]).toEqual([true, true, false])
    const ofKind = (tracks: typeof exact.tracks, kind: number) =>
      tracks.reduce((sum, { counts }) => sum + counts.reduce((part, each, what) => part + (kindOfClass(what) === kind ? sumOf(each) : 0), 0), 0)
    for (let kind = 0; kind < eventKinds.length; kind++) {
      const all = events.reduce((sum, chunk) => sum + chunk.kind.filter((each) => each === kind).length, 0)
      expect(ofKind(exact.tracks, kind)).toBeCloseTo(all, 3)
      expect(ofKind(estimated.tracks, kind)).toBeCloseTo(all, 3)
    }
    // the events are alike all along, so the estimate is near
    for (const track of exact.tracks) expect(estimated.tracks.find(({ who }) => who === track.who)!.total / track.total).toBeCloseTo(1, 1)
  }))

test('kept tallies come back as they were, once, and go with their run; damaged ones are not there', () =>
  withStore((store, file) => {
    const { id } = recordChunks(store, 2)
    const before = store.runs.get(id).storedBytes
    const tallies = tallied(store, id, [0, 1])
    const numbered = [...tallies].map(([chunk, tally]) => ({ chunk, ...tally }))
    store.tallies.put(id, numbered)
    const bytes = store.runs.get(id).storedBytes - before
    store.tallies.put(id, numbered)
    expect(store.tallies.of(id)).toEqual(tallies)
    expect([bytes > 0, store.runs.get(id).storedBytes - before]).toEqual([true, bytes])
    const raw = new Database(file)
    raw.exec('UPDATE chunk_tallies SET objects = substr(objects, 3) WHERE chunk = 1')
    raw.close()
    expect([...store.tallies.of(id).keys()]).toEqual([0])
    store.markInterrupted()
    store.runs.remove(id)
    store.tallies.put(id, numbered)
    expect(store.tallies.of(id).size).toBe(0)
  }))

test('of many objects those with most events are told apart; numbers that cannot be are among the others', () => {
  const chunk = newEventChunk(3000)
  chunk.count = 3000
  for (let row = 0; row < chunk.count; row++) {
    chunk.object[row] = row < 1500 ? row % 300 : row
    chunk.detail[row] = row % 40
  }
  chunk.object[0] = 2 ** 31 - 1
  const columns = {
    kinds: () => chunk.kind,
    numbers: (name: 'time' | 'page' | 'block' | 'duration') => chunk[name],
    integers: (name: 'process' | 'object' | 'pages' | 'device' | 'detail') => chunk[name],
  }
  for (let again = 0; again < 2; again++) {
    const { objects } = tallyChunk(columns, chunk.count)
    const told = new Set(objects.who)
    expect([told.size, told.has(OTHERS), told.has(7), told.has(2 ** 31 - 1)]).toEqual([257, true, true, false])
    expect(objects.count.reduce((sum, count) => sum + count, 0)).toBe(chunk.count)
    expect(unpackTally(packTally(objects), objects.who.length)).toEqual(objects)
  }
  const wrong = { who: Int32Array.of(1), what: Int32Array.of(CLASSES), count: Int32Array.of(1) }
  expect(() => unpackTally(packTally(wrong), 1)).toThrow(/class that there is not/)
})
