import { describe, expect, it } from 'vitest'
import { DataKind, encodeTable } from '../../../electron/contract/dataPlane.ts'
import { decodeEvents, describeEvent, glyphOf, type EventRow } from './events.ts'

const row = (values: Partial<EventRow>): EventRow => ({ number: 0, time: 0, kind: 0, process: -1, object: -1, page: 0, pages: 1, device: -1, block: 0, durationNs: 0, detail: 0, ...values })

describe('events', () => {
  it('are decoded with their numbers, and whether more follow', () => {
    const one = (value: number) => Float64Array.of(value)
    const int = (value: number) => Int32Array.of(value)
    const buffer = encodeTable({
      kind: DataKind.events,
      rows: 1,
      extra: [1, 0, 0],
      columns: [one(5e9), Uint8Array.of(1), int(0), int(12), one(418), int(8), int(1), one(5118), one(8.31e6), int(0), one(118171)],
    })
    const { rows, more } = decodeEvents(buffer)
    expect(more).toBe(true)
    expect(rows).toEqual([row({ number: 118171, time: 5e9, kind: 1, process: 0, object: 12, page: 418, pages: 8, device: 1, block: 5118, durationNs: 8.31e6 })])
  })
  it('say in words what happened', () => {
    expect(describeEvent('fault', row({ detail: 2 + 16 }))).toBe('write, swapped in')
    expect(describeEvent('fault', row({ detail: 1 }))).toBe('read, zero fill')
    expect(describeEvent('swapin', row({ pages: 8, block: 5118 }))).toBe('8 pages, blocks 5,118 – 5,125')
    expect(describeEvent('process', row({ detail: 1 }))).toBe('exits')
    expect(describeEvent('io-error', row({ detail: 5, block: 7 }))).toBe('errno 5, 1 page at block 7')
  })
  it('have the glyph of their kind, a fault that of what answered it', () => {
    expect(glyphOf('swapout')).toBe('swapout')
    expect(glyphOf('fault', 1)).toBe('zero')
    expect(glyphOf('fault', 2 + 16)).toBe('swapin')
    expect(glyphOf('reserve')).toBe('other')
  })
})
