import { expect, it } from 'vitest'
import { GivenUpPages } from './memoryCalls.ts'

it('of a range that was given up the written pages matter, in runs, where some had been referenced by then', () => {
  // in the order of their first reference; those of 13 and 40 are only read
  const numbers = [12, 10, 13, 16, 30, 40, 41, 11]
  const isWritten = (page: number) => numbers[page] !== 13 && numbers[page] !== 40
  const pages = new GivenUpPages({ count: numbers.length, number: (page) => numbers[page]!, isWritten })
  expect(pages.runs({ page: 0, pages: 100 }, 8)).toEqual([
    { page: 10, pages: 3 },
    { page: 16, pages: 15 },
    { page: 41, pages: 1 },
  ])
  // what comes later is zero as it is
  expect(pages.runs({ page: 14, pages: 100 }, 4)).toEqual([{ page: 16, pages: 15 }])
  expect(pages.runs({ page: 11, pages: 1 }, 4)).toEqual([])
  expect(pages.runs({ page: 11, pages: 2 }, 4)).toEqual([{ page: 11, pages: 2 }])
  expect(pages.runs({ page: 200, pages: 5 }, 8)).toEqual([])
})
