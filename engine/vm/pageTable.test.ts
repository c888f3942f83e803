import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Columns } from '../sim/columns.ts'
import { PageTable } from './pageTable.ts'

describe('page table', () => {
  test('finds what a sorted map finds, within the table and beyond it, before and after a restore', () => {
    const index = fc.oneof(fc.nat(40), fc.constantFrom(2_000_000, 4294967295, 4294967296, 2251799813685310))
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 16, 30, 3_000_000),
        fc.array(fc.tuple(fc.constantFrom('insert', 'remove', 'save'), index), { maxLength: 60 }),
        index,
        index,
        (size, steps, from, span) => {
          const columns = new Columns()
          const table = new PageTable(columns, 100, 4)
          const other = 2
          table.begin(1, size)
          table.begin(other, 20)
          table.insert(other, 5, 99)
          const model = new Map<number, number>()
          steps.forEach(([step, at], number) => {
            if (step === 'save') columns.restore(columns.save())
            else if (step === 'remove') {
              if (model.delete(at)) table.remove(1, at)
            } else if (!model.has(at)) {
              model.set(at, number)
              table.insert(1, at, number)
            }
          })
          const sorted = [...model.keys()].sort((a, b) => a - b)
          for (const at of [...sorted, from]) expect(table.lookup(1, at)).toBe(model.get(at) ?? -1)
          const next = sorted.find((at) => at >= from && at <= from + span)
          expect(table.lookupFrom(1, from, from + span)).toBe(next === undefined ? -1 : model.get(next))
          const least = Math.max(0, from - span)
          const previous = sorted.findLast((at) => at <= from && at >= least)
          expect(table.lookupUpTo(1, from, least)).toBe(previous === undefined ? -1 : model.get(previous))
          expect(table.lookup(other, 5)).toBe(99)
        },
      ),
    )
  })

  test('the table of an ended object is used again, empty', () => {
    const columns = new Columns()
    const table = new PageTable(columns, 100, 4)
    table.begin(0, 1000)
    table.insert(0, 7, 3)
    table.remove(0, 7)
    const bytes = columns.byteLength()
    table.end(0)
    for (let round = 0; round < 100; round++) {
      table.begin(1, 900)
      expect(table.lookupFrom(1, 0, 2000)).toBe(-1)
      table.end(1)
    }
    expect(columns.byteLength()).toBe(bytes)
  })
})
