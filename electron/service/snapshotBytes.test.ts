import { expect, it } from 'vitest'
import { Columns } from '../../engine/sim/columns.ts'
import { packSnapshot, unpackSnapshot } from './snapshotBytes.ts'

it('a state comes back as it was packed, whatever its columns', () => {
  const columns = new Columns()
  columns.define('odd', 'u8', 3).set([1, 2, 255])
  columns.define('wide', 'f64', 2).set([2 ** 40, -0.5])
  columns.define('none', 'i32', 0)
  columns.define('signed', 'i16', 5).set([-1, 2, -3, 4, -5])
  const snapshot = columns.save()
  expect(unpackSnapshot(packSnapshot(snapshot))).toEqual(snapshot)
})

it('bytes that are cut off are refused', () => {
  const columns = new Columns()
  columns.define('a', 'f64', 10)
  const packed = packSnapshot(columns.save())
  for (const length of [0, 3, 20, packed.length - 1]) expect(() => unpackSnapshot(packed.subarray(0, length))).toThrow(RangeError)
})
