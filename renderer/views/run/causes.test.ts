import { expect, test } from 'vitest'
import { causesOf } from './causes.ts'
import type { EventRow } from './events.ts'

const kinds = ['fault', 'swapin', 'swapout', 'filein', 'fileout', 'evict', 'free', 'daemon', 'swapoff', 'io-error']
const kindOf = (kind: number) => kinds[kind] ?? ''
const row = (kind: string, changes: Partial<EventRow>): EventRow => ({
  number: 0, time: 0, kind: kinds.indexOf(kind), process: -1, object: 1, page: 7, pages: 1, device: -1, block: 0, durationNs: 0, detail: 0, ...changes,
})

test('a fault that waited for a device is told from its beginning to the wake, whichever of its events is looked at', () => {
  const request = row('swapin', { number: 10, time: 1000, durationNs: 500, pages: 8, device: 0 })
  const fault = row('fault', { number: 12, time: 1500, durationNs: 510, process: 0, detail: 2 })
  const titles = ['Page fault', 'The pager is asked', 'Request submitted', 'The device answers', 'The process wakes']
  for (const chosen of [request, fault]) {
    const steps = causesOf(chosen, [request, fault], kindOf)
    expect(steps.map(({ title }) => title)).toEqual(titles)
    expect(steps.map(({ time }) => time)).toEqual([990, 1000, 1000, 1500, 1500])
    expect(steps.map(({ event }) => event?.number ?? null)).toEqual([null, null, 10, null, 12])
  }
})

test('a page out is told with what wanted it and what became of the page; an error takes the place of the answer', () => {
  const write = row('swapout', { number: 3, time: 100, durationNs: 50, pages: 4, device: 1 })
  const evict = row('evict', { number: 9, time: 160 })
  expect(causesOf(write, [write, evict], kindOf).map(({ title }) => title)).toEqual(['Memory is wanted', 'Request submitted', 'The device answers', 'The frame is taken'])
  const failed = row('io-error', { number: 4, time: 100, detail: 5 })
  expect(causesOf(write, [write, failed], kindOf).map(({ title }) => title)).toContain('The device fails')
})

test('an event with neither causes nor effects has no chain', () => {
  expect(causesOf(row('daemon', {}), [], kindOf)).toEqual([])
})
