import { expect, test } from 'vitest'
import { Columns } from '../sim/columns.ts'
import { Errno, FaultInjection } from './faultInjection.ts'
import { diskErrorOf } from './testing.ts'

test('without faults nothing fails', () => {
  const faults = new FaultInjection(new Columns())
  expect(faults.check(0, true, 0, 0, 0, 1)).toBe(0)
})

test('a fault takes its device, its direction, and so many requests from the given one on', () => {
  const faults = new FaultInjection(new Columns())
  const row = faults.add({ device: 1, direction: 'write', errno: Errno.EIO, fromRequest: 3, count: 2 })
  const answers = (device: number, isWrite: boolean): number[] =>
    [0, 1, 2, 3, 4, 5, 6].map((request) => faults.check(device, isWrite, request, 0, 0, 1))
  expect(answers(0, true)).toEqual([0, 0, 0, 0, 0, 0, 0])
  expect(answers(1, false)).toEqual([0, 0, 0, 0, 0, 0, 0])
  expect(faults.remaining(row)).toBe(2)
  expect(answers(1, true)).toEqual([0, 0, 0, 5, 5, 0, 0])
  expect(faults.remaining(row)).toBe(0)
  expect(faults.active).toBe(0)
})

test('a fault can begin at a time and be bound to pages', () => {
  const faults = new FaultInjection(new Columns())
  faults.add({ device: 0, direction: 'read', errno: Errno.ENXIO, fromNs: 1000, count: 10, firstPage: 20, pages: 4 })
  expect(faults.check(0, false, 0, 999, 20, 4)).toBe(0)
  expect(faults.check(0, false, 1, 1000, 16, 4)).toBe(0)
  expect(faults.check(0, false, 2, 1000, 24, 4)).toBe(0)
  expect(faults.check(0, false, 3, 1000, 16, 5)).toBe(Errno.ENXIO)
  expect(faults.check(0, false, 4, 1001, 23, 1)).toBe(Errno.ENXIO)
})

test('of several faults the first takes the request, then the next', () => {
  const faults = new FaultInjection(new Columns())
  faults.add({ device: 0, direction: 'read', errno: Errno.EIO, count: 1 })
  faults.add({ device: 0, direction: 'read', errno: Errno.ENOMEM, count: 1 })
  expect([0, 1, 2].map((request) => faults.check(0, false, request, 0, 0, 1))).toEqual([Errno.EIO, Errno.ENOMEM, 0])
})

test('a restored state has the faults of its time, however many were added since', () => {
  const columns = new Columns()
  const faults = new FaultInjection(columns)
  faults.add({ device: 0, direction: 'read', errno: Errno.EIO, count: 2 })
  expect(faults.check(0, false, 0, 0, 0, 1)).toBe(Errno.EIO)
  const snapshot = columns.save()
  for (let i = 0; i < 50; i++) faults.add({ device: i, direction: 'write', errno: Errno.EIO, count: 1 })
  for (let i = 0; i < 50; i++) expect(faults.check(i, true, 0, 0, 0, 1)).toBe(Errno.EIO)
  faults.check(0, false, 1, 0, 0, 1)
  expect(faults.active).toBe(0)
  columns.restore(snapshot)
  expect(faults.active).toBe(1)
  expect(faults.remaining(0)).toBe(1)
  expect(faults.remaining(1)).toBe(0)
  expect(faults.check(0, false, 1, 0, 0, 1)).toBe(Errno.EIO)
  expect(faults.check(0, true, 0, 0, 0, 1)).toBe(0)
})

test('a fault that makes no sense is refused by field', () => {
  const faults = new FaultInjection(new Columns())
  const base = { device: 0, direction: 'read', errno: Errno.EIO, count: 1 } as const
  expect(diskErrorOf(() => faults.add({ ...base, count: 0 })).field).toBe('count')
  expect(diskErrorOf(() => faults.add({ ...base, errno: 0 })).field).toBe('errno')
  expect(diskErrorOf(() => faults.add({ ...base, fromRequest: -1 })).field).toBe('fromRequest')
  expect(diskErrorOf(() => faults.add({ ...base, pages: 0 })).field).toBe('pages')
  expect(faults.active).toBe(0)
})
