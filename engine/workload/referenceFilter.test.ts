import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FILTER_SIZE_MAX, ReferenceFilter } from './referenceFilter.ts'

type Event = [page: number, kind: number]

const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 2 })), { maxLength: 300 })

function filtered(size: number, input: Event[]): Event[] {
  const passed: Event[] = []
  const filter = new ReferenceFilter(size, { add: (page, kind) => passed.push([page, kind]) })
  for (const [page, kind] of input) filter.add(page, kind)
  expect(filter.events).toBe(input.length)
  return passed
}

/** A translation buffer, plainly: a list of entries, the most recently used first. */
function misses(size: number, input: Event[]): Event[] {
  let entries: { page: number; isWritten: boolean }[] = []
  return input.filter(([page, kind]) => {
    const known = entries.find((entry) => entry.page === page)
    const entry = known ?? { page, isWritten: false }
    const traps = known === undefined || (kind === 1 && !entry.isWritten)
    entry.isWritten ||= kind === 1
    entries = [entry, ...entries.filter((other) => other !== entry)].slice(0, size)
    return traps
  })
}

describe('ReferenceFilter', () => {
  it('of size 1 drops exactly the events that repeat the one before', () => {
    fc.assert(
      fc.property(events, (input) => {
        const expected = input.filter(([page, kind], i) => input[i - 1]?.[0] !== page || input[i - 1]?.[1] !== kind)
        expect(filtered(1, input)).toEqual(expected)
      }),
    )
  })

  it('of more passes the refills and first-write traps of a translation buffer of as many entries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), events, (size, input) => {
        expect(filtered(size, input)).toEqual(misses(size, input))
      }),
    )
  })

  it('keeps which pages are referenced, in the order of their first reference, and which of them are written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), events, (size, input) => {
        const passed = filtered(size, input)
        const pages = (list: Event[]) => [...new Set(list.map(([page]) => page))]
        const written = (list: Event[]) => new Set(list.filter(([, kind]) => kind === 1).map(([page]) => page))
        expect(pages(passed)).toEqual(pages(input))
        expect(written(passed)).toEqual(written(input))
      }),
    )
  })

  it('refuses sizes that are none', () => {
    const sink = { add: () => undefined }
    for (const size of [0, -1, 1.5, FILTER_SIZE_MAX + 1])
      expect(() => new ReferenceFilter(size, sink)).toThrow(RangeError)
  })
})
