import { expect, test } from 'vitest'
import { EventLog } from './eventLog.ts'
import { EVENTS_PER_CHUNK, EventKind, newEventChunk, type EventChunk } from './events.ts'

/** A log, what it handed out (pages of the events, chunk by chunk), and a way to record events whose pages count up. */
function logOf() {
  const chunks: number[][] = []
  const log = new EventLog({
    take: (chunk) => {
      chunks.push(pagesOf(chunk))
      return newEventChunk()
    },
  })
  let recorded = 0
  const record = (count: number, kind: number = EventKind.fault) => {
    for (const end = recorded + count; recorded < end; recorded++) log.emit(recorded * 10, kind, 1, 2, recorded, 1, -1, 3, 4, 5)
  }
  return { log, chunks, record }
}

const pagesOf = ({ page, count }: EventChunk) => [...page.subarray(0, count)]
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('chunks are full and in order, however often somebody looked at the open one', () => {
  const { log, chunks, record } = logOf()
  const total = 2 * EVENTS_PER_CHUNK + 777
  for (let done = 0; done < total;) {
    const count = Math.min(total - done, 1 + ((done * 7) % 5000))
    record(count)
    done += count
    const open = log.openChunk
    expect(open.page[open.count - 1] ?? chunks.at(-1)?.at(-1)).toBe(done - 1)
  }
  log.finish()
  expect(chunks).toEqual([
    numbers(0, EVENTS_PER_CHUNK),
    numbers(EVENTS_PER_CHUNK, 2 * EVENTS_PER_CHUNK),
    numbers(2 * EVENTS_PER_CHUNK, total),
  ])
})

test('every column of an event is kept', () => {
  const { log, record } = logOf()
  record(3, EventKind.evict)
  const { time, kind, process, object, page, pages, device, block, duration, detail } = log.openChunk
  const row = [time, kind, process, object, page, pages, device, block, duration, detail].map((column) => column[2])
  expect(row).toEqual([20, EventKind.evict, 1, 2, 2, 1, -1, 3, 4, 5])
})

test('what was recorded before one watches, or was dropped, does not count', () => {
  const { log, chunks, record } = logOf()
  record(1, EventKind.panic)
  log.watch(1 << EventKind.panic)
  record(5000)
  expect(log.sawWatched()).toBe(false)
  record(1, EventKind.panic)
  record(5000)
  expect(log.sawWatched()).toBe(true)
  log.watch(1 << EventKind.panic)
  expect(log.sawWatched()).toBe(false)
  log.forget()
  log.finish()
  expect(chunks).toEqual([])
})
