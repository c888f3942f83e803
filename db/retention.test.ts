import { describe, expect, it } from 'vitest'
import { EventEncoder } from './eventEncoder.ts'
import { someEnd, someEvents, someRun, withStore } from './testing.ts'
import type { TraceStore } from './traceStore.ts'

function record(store: TraceStore, events = 2000): number {
  const id = store.createRun(someRun())
  store.appendEvents(id, new EventEncoder(true).add(someEvents(events)))
  store.finishRun(id, someEnd())
  return id
}

const ids = (store: TraceStore) => store.runs.list().map(({ id }) => id)

describe('limits of what a workspace keeps', () => {
  it('are none at first, and are kept', () => {
    withStore((store) => {
      expect(store.retention.get()).toEqual({ runs: null, bytes: null })
      record(store)
      expect(store.retention.apply()).toEqual([])
      store.retention.set({ runs: 5, bytes: null })
      store.retention.set({ runs: 5, bytes: 1e6 })
      expect(store.retention.get()).toEqual({ runs: 5, bytes: 1e6 })
    })
  })

  it('take the oldest runs that have ended and are not to be kept', () => {
    withStore((store) => {
      const [first, second, third, fourth] = [record(store), record(store), record(store), record(store)]
      const running = store.createRun(someRun())
      const newest = record(store)
      store.runs.setTags(first, ['keep', 'other'])
      store.retention.set({ runs: 4, bytes: null })
      expect(store.retention.apply()).toEqual([second, third])
      expect(ids(store)).toEqual([newest, running, fourth, first])
      store.retention.set({ runs: 1, bytes: null })
      store.retention.apply()
      expect(ids(store)).toEqual([newest, running, first])
      expect(store.check()).toEqual([])
    })
  })

  it('hold for bytes, and leave the newest run however large it is', () => {
    withStore((store) => {
      const [first, second] = [record(store), record(store)]
      const newest = record(store, 30_000)
      const bytes = store.runs.get(second).storedBytes + store.runs.get(newest).storedBytes
      store.retention.set({ runs: null, bytes })
      expect(store.retention.apply()).toEqual([first])
      store.retention.set({ runs: null, bytes: 10 })
      expect(store.retention.apply()).toEqual([second])
      expect(ids(store)).toEqual([newest])
    })
  })

  it('and room that runs left is given back by compaction', () => {
    withStore((store) => {
      const removed = record(store, 60_000)
      record(store)
      store.runs.remove(removed)
      store.compact()
      expect(store.unusedBytes).toBe(0)
      expect(store.check()).toEqual([])
      expect(ids(store)).toHaveLength(1)
    })
  })
})
