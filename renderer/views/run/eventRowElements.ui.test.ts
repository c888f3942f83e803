import { expect, it } from 'vitest'
import { EventRowElements, indexAt, type ShownRow } from './eventRowElements.ts'

const row = (index: number, what: string): ShownRow => ({
  index,
  isSelected: index === 1,
  glyph: 'swapin',
  cells: { number: String(index), time: '0.1', after: '', kind: 'swap in', process: 'cc1', object: '3', page: '0x2', what, device: 'swap0', took: '1 ms' },
})

it('rows keep their elements when they show other events, and what is not there yet says so', () => {
  const body = document.createElement('tbody')
  const elements = new EventRowElements(body)
  elements.show([row(0, '8 pages'), row(1, '3 pages'), { index: 2, isSelected: false, glyph: null, cells: null }])
  const before = [...body.children]
  expect(before.map((each) => each.querySelector('.what')?.textContent)).toEqual(['8 pages', '3 pages', ''])
  expect(before.map((each) => each.getAttribute('aria-selected'))).toEqual(['false', 'true', 'false'])
  expect(before[2]?.textContent.trim()).toBe('…')
  elements.show([row(5, '1 page'), row(6, '2 pages')])
  expect([...body.children]).toEqual(before.slice(0, 2))
  expect(before[0]?.querySelector('.what')?.textContent).toBe('1 page')
  expect(indexAt(before[1]?.querySelector('path') ?? null)).toBe(6)
  expect(indexAt(body)).toBeNull()
})
