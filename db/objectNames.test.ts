import { expect, it } from 'vitest'
import { nameOfLabels, noNames, ObjectNames, type NamedObject } from './objectNames.ts'

const row = (object: number, firstEvent: number, name: string, labels: NamedObject['labels'] = []): NamedObject => ({
  ...{ object, firstEvent, name, labels, kind: 'anonymous', process: 0, startPage: 16, pages: 100 },
})

it('an object is called by the labels that most of its pages have, files by their last name', () => {
  const weights = new Map([
    ['heap', 5],
    ['/usr/lib/libc.so.6', 4],
    ['/usr/lib/libc.so.6 (zero-filled data)', 3],
    ['stack', 1],
    ['anonymous', 1],
  ])
  expect(nameOfLabels(weights)).toBe('libc.so.6, heap and 2 more')
  expect(
    nameOfLabels(
      new Map([
        ['heap', 1],
        ['stack', 2],
      ]),
    ),
  ).toBe('stack and heap')
  expect(nameOfLabels(new Map([['heap', 1]]))).toBe('heap')
})

it('a name holds from its event on, until the number is used again', () => {
  const names = new ObjectNames([row(3, 50, 'stack'), row(3, 0, 'heap'), row(4, 10, '')])
  expect([0, 49, 50, 999].map((event) => names.text(3, event))).toEqual([
    'object 3 (heap)',
    'object 3 (heap)',
    'object 3 (stack)',
    'object 3 (stack)',
  ])
  expect([3, 4, 9].map((object) => names.throughout(object))).toEqual([
    'object 3 (heap, later others)',
    'object 4',
    'object 9',
  ])
  expect([names.text(4, 5), names.text(4, 20), names.text(9, 20), noNames.text(3, 0)]).toEqual([
    'object 4',
    'object 4',
    'object 9',
    'object 3',
  ])
})

it('a page is called by its own label, where it has one', () => {
  const labels = [
    { page: 2, pages: 3, label: '/lib/ld.so (zero-filled data)' },
    { page: 8, pages: 1, label: 'heap' },
  ]
  const names = new ObjectNames([row(1, 0, 'ld.so and heap', labels)])
  expect([1, 2, 4, 5, 8].map((page) => names.name(1, 0, page))).toEqual([
    'ld.so and heap',
    'ld.so',
    'ld.so',
    'ld.so and heap',
    'heap',
  ])
})
