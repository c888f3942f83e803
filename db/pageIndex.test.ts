import { describe, expect, it } from 'vitest'
import { newEventChunk } from '../engine/sim/events.ts'
import { indexPages } from './chunkMemory.ts'
import { mayHaveObject, mayHavePage } from './pageIndex.ts'
import { sequenceOf, someEvents } from './testing.ts'

describe('the page index of a chunk', () => {
  it('has every page and object that an event covers, and seldom one that none does', () => {
    const chunk = someEvents(65536, 3)
    const index = indexPages(chunk)
    const covered = new Set<string>()
    for (let row = 0; row < chunk.count; row++)
      for (let i = 0; i < Math.max(1, chunk.pages[row]!); i++)
        covered.add(`${chunk.object[row]}:${chunk.page[row]! + i}`)
    for (const key of [...covered].filter((_, i) => i % 100 === 0)) {
      const [object = 0, page = 0] = key.split(':').map(Number)
      expect(mayHavePage(index, object, page)).toBe(true)
    }
    const next = sequenceOf(8)
    const strangers = Array.from({ length: 500 }, (): [number, number] => [next(4), 100_000 + next(1e6)])
    const mistaken = strangers.filter(([object, page]) => mayHavePage(index, object, page)).length
    expect(mistaken).toBeLessThan(500 / 10)
    expect([0, 1, 2, 3, 4].map((object) => mayHaveObject(index, object))).toEqual([true, true, true, true, false])
    expect(index.pages.length).toBeLessThan(covered.size * 1.5)
  })

  it('of a chunk without pages says no to every page', () => {
    const chunk = newEventChunk(10)
    chunk.count = 10
    chunk.object.fill(-1)
    const index = indexPages(chunk)
    expect(mayHavePage(index, 0, 0)).toBe(false)
    expect(mayHaveObject(index, 0)).toBe(false)
  })

  it('says maybe where an event covers too many pages, or objects have too large numbers', () => {
    const chunk = newEventChunk(2)
    chunk.count = 1
    chunk.object[0] = 1 << 20
    chunk.pages[0] = 1 << 20
    const index = indexPages(chunk)
    expect(mayHavePage(index, 5, 5)).toBe(true)
    expect(mayHaveObject(index, 5)).toBe(true)
  })
})
