import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError, encodeColumn } from './codec.ts'
import type { ColumnArray, ColumnKind } from './codec.ts'
import { RowGroups, decodeGroupedColumn, encodeGroupedColumn } from './groupedColumn.ts'

const LIMIT = 2 ** 53

function roundTrip(values: ColumnArray, keys: Uint8Array, kind: ColumnKind): Uint8Array {
  const groups = new RowGroups(keys, values.length)
  const bytes = encodeGroupedColumn(values, groups)
  expect(decodeGroupedColumn(bytes, kind, groups)).toEqual(values)
  return bytes
}

/** Rows as a trace has them: some keys repeat the row before, some count up, some are anything. */
function rowsOf(random: number[], keys: Uint8Array): number[] {
  const rows: number[] = []
  random.forEach((value, row) => {
    const key = keys[row]! % 3
    rows.push(key === 0 ? (rows.at(-1) ?? 0) : key === 1 ? row * 3 : value)
  })
  return rows
}

describe('a grouped column', () => {
  const integer = fc.oneof(
    fc.integer({ min: -50, max: 50 }),
    fc.maxSafeInteger(),
    fc.constantFrom(LIMIT, -LIMIT, 2 ** 31, -(2 ** 31), 2 ** 32),
  )
  const cells = fc.array(fc.tuple(integer, fc.constantFrom(0, 1, 2, 3, 255)), { maxLength: 200 })

  it('comes back exactly, for every kind of array', () => {
    fc.assert(
      fc.property(cells, (pairs) => {
        const keys = Uint8Array.from(pairs, ([, key]) => key)
        const values = pairs.map(([value]) => value)
        const rows = rowsOf(values, keys)
        roundTrip(Float64Array.from(rows), keys, 'f64')
        roundTrip(Float64Array.from(values), keys, 'f64')
        roundTrip(Int32Array.from(rows), keys, 'i32')
        roundTrip(Uint32Array.from(rows), keys, 'u32')
        roundTrip(Uint8Array.from(rows), keys, 'u8')
      }),
    )
  })

  it('that is constant for each key takes a few bytes a key', () => {
    const keys = Uint8Array.from({ length: 65536 }, (_, row) => (row * 7) % 5)
    const values = Int32Array.from(keys, (key) => key * 1000 - 1)
    expect(roundTrip(values, keys, 'i32').length).toBeLessThanOrEqual(5 * 5)
    expect(encodeColumn(values, values.length).length).toBeGreaterThan(65536)
  })

  it('in which rows of a key repeat the row before takes nothing for them', () => {
    const keys = Uint8Array.from({ length: 10000 }, (_, row) => row & 1)
    const values = Float64Array.from(keys, (_, row) => ((row >> 1) * 7919) % 5003)
    const bytes = roundTrip(values, keys, 'f64')
    expect(bytes.length).toBeLessThan(5000 * 2 + 20)
  })

  it('has these bytes, which stored traces and digests rest on', () => {
    const groups = new RowGroups(Uint8Array.of(4, 1, 4, 4, 1), 5)
    expect(Buffer.from(encodeGroupedColumn(Int32Array.of(7, -1, 7, 7, -1), groups)).toString('hex')).toBe(
      '04' + '1101' + '04' + '110e',
    )
  })

  it('does not look beyond the rows that are in use', () => {
    const keys = Uint8Array.of(1, 2, 1, 9, 9)
    const groups = new RowGroups(keys, 3)
    const bytes = encodeGroupedColumn(Int32Array.of(5, 6, 7, 8, 9), groups)
    expect(bytes).toEqual(encodeGroupedColumn(Int32Array.of(5, 6, 7), groups))
    expect([...decodeGroupedColumn(bytes, 'i32', groups)]).toEqual([5, 6, 7])
  })

  it('of no rows has no bytes', () => {
    expect(roundTrip(new Int32Array(0), new Uint8Array(0), 'i32')).toHaveLength(0)
  })

  it('refuses what is not an integer', () => {
    const groups = new RowGroups(Uint8Array.of(0, 1, 0), 3)
    for (const bad of [0.5, NaN, Infinity, 2 * LIMIT])
      expect(() => encodeGroupedColumn(Float64Array.of(1, 2, bad), groups)).toThrow(CodecError)
  })
})

describe('damaged bytes of a grouped column', () => {
  it('give a CodecError or a column of the right length, never anything else', () => {
    const kind = fc.constantFrom<ColumnKind>('f64', 'i32', 'u32', 'u8')
    const keys = fc.uint8Array({ max: 3, maxLength: 20 })
    fc.assert(
      fc.property(kind, keys, fc.uint8Array({ maxLength: 30 }), fc.nat(200), (of, keysOf, noise, at) => {
        const groups = new RowGroups(keysOf, keysOf.length)
        const good = encodeGroupedColumn(Int32Array.from(keysOf), groups)
        const flipped = good.slice()
        if (good.length > 0) flipped[at % good.length]! ^= 1 << (at & 7)
        for (const bytes of [noise, good.subarray(0, at), flipped])
          try {
            expect(decodeGroupedColumn(bytes, of, groups)).toHaveLength(keysOf.length)
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
          }
      }),
      { numRuns: 1000 },
    )
  })

  it('cut short or with something after them are refused', () => {
    const groups = new RowGroups(Uint8Array.of(0, 1, 0, 2), 4)
    const bytes = encodeGroupedColumn(Float64Array.of(1, 2 ** 40, 3, -5), groups)
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeGroupedColumn(bytes.subarray(0, length), 'f64', groups)).toThrow(CodecError)
    expect(() => decodeGroupedColumn(Uint8Array.of(...bytes, 0), 'f64', groups)).toThrow('goes on')
  })
})
