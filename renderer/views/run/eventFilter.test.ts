import { expect, test } from 'vitest'
import { parseSearch } from './eventFilter.ts'

const known = { kinds: ['fault', 'swapin', 'swapout', 'evict', 'io-error'], devices: ['swap0.img', 'fast.img'] }
const parse = (text: string) => parseSearch(text, known)

test('columns are named with their values, kinds by the names that the table shows or the store has', () => {
  expect(parse('object 12, page 0x1a2')).toEqual({ kinds: [], object: 12, page: 0x1a2, unknown: [] })
  expect(parse('Swap in, evicted device fast')).toEqual({ kinds: ['swapin', 'evict'], device: 1, unknown: [] })
  expect(parse('swapout device 0').device).toBe(0)
  expect(parse('event 1000').event).toBe(1000)
  expect(parse('  ')).toEqual({ kinds: [], unknown: [] })
})

test('what is not known is told', () => {
  expect(parse('faults').unknown).toEqual(['faults'])
  expect(parse('device nvme').unknown).toEqual(['nvme'])
  expect(parse('page 7')).toEqual({ kinds: [], unknown: ['page without object'] })
  expect(parse('object x').unknown).toEqual(['object', 'x'])
})
