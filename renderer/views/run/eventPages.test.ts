import { expect, test } from 'vitest'
import { EventPages, PAGE_ROWS } from './eventPages.ts'
import type { EventRow } from './events.ts'

const rowOf = (number: number): EventRow => ({ number, time: number, kind: 0, process: 0, object: 0, page: 0, pages: 1, device: -1, block: 0, durationNs: 0, detail: 0 })
const rows = (first: number, count: number, step = 1) => Array.from({ length: Math.max(0, count) }, (_, i) => rowOf(first + i * step))
const settled = () => new Promise((resolve) => setTimeout(resolve))

test('only pages in sight are fetched, of those that were scrolled past none', async () => {
  const asked: number[] = []
  const pages = new EventPages(100_000_000, (from, limit) => {
    const offset = 'offset' in from ? from.offset : -1
    asked.push(offset)
    return Promise.resolve({ rows: rows(offset, limit), more: true })
  })
  void pages.want(0, 40)
  for (let at = 1; at < 60; at++) void pages.want(at * 1_000_000, at * 1_000_000 + 40)
  void pages.want(99_999_980, 100_000_020)
  await settled()
  expect(asked).toEqual([0, 99_999_500])
  expect(pages.row(99_999_990)?.number).toBe(99_999_990)
  expect(pages.row(5_000_000)).toBeUndefined()
})

test('rows that are not counted are fetched one page after the other, until there are no more', async () => {
  const all = rows(3, 2 * PAGE_ROWS + 7, 5)
  const pages = new EventPages(null, (from, limit) => {
    const event = 'event' in from ? from.event : NaN
    const rest = all.filter(({ number }) => number >= event)
    return Promise.resolve({ rows: rest.slice(0, limit), more: rest.length > limit })
  })
  for (let round = 0; round < 4; round++) {
    void pages.want(pages.total - 30, pages.total)
    await settled()
  }
  expect([pages.total, pages.isCounted]).toEqual([all.length, true])
  expect(Array.from({ length: pages.total }, (_, i) => pages.row(i))).toEqual(all)
})
