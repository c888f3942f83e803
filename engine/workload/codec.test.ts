import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError, compressBytes, decodeColumn, decompressBytes, encodeColumn } from './codec.ts'
import type { ColumnArray, ColumnKind } from './codec.ts'

const LIMIT = 2 ** 53

function kindOf(values: ColumnArray): ColumnKind {
  if (values instanceof Float64Array) return 'f64'
  if (values instanceof Int32Array) return 'i32'
  return values instanceof Uint32Array ? 'u32' : 'u8'
}

function roundTrip(values: ColumnArray): Uint8Array {
  const bytes = encodeColumn(values, values.length)
  expect(decodeColumn(bytes, kindOf(values), values.length)).toEqual(values)
  return bytes
}

function failure(action: () => unknown): CodecError {
  try {
    action()
  } catch (error) {
    if (error instanceof CodecError) return error
    throw error
  }
  throw new Error('no error was thrown')
}

/** Numbers as columns have them: near each other, in runs, and the far ends. */
const integer = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 32 }),
  fc.maxSafeInteger(),
  fc.constantFrom(LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT, 2 ** 31, -(2 ** 31), 2 ** 32, 0),
)
const withRuns = <T>(value: fc.Arbitrary<T>) =>
  fc
    .array(fc.tuple(value, fc.integer({ min: 1, max: 12 })), { maxLength: 40 })
    .map((runs) => runs.flatMap(([item, length]) => new Array<T>(length).fill(item)))

describe('a column', () => {
  it('comes back exactly, for integers up to 2^53 of either sign', () => {
    fc.assert(fc.property(withRuns(integer), (rows) => void roundTrip(Float64Array.from(rows, (row) => row + 0))))
  })

  it('comes back exactly for every kind of narrow array, over the whole range of the kind', () => {
    const i32 = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 3 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1))
    fc.assert(fc.property(withRuns(i32), (rows) => void roundTrip(Int32Array.from(rows))))
    fc.assert(fc.property(withRuns(i32), (rows) => void roundTrip(Uint32Array.from(rows))))
    fc.assert(fc.property(withRuns(i32), (rows) => void roundTrip(Uint8Array.from(rows))))
  })

  it('of nearly 2^54 between neighbours is stored by values, because differences would not be exact', () => {
    roundTrip(Float64Array.of(LIMIT, -LIMIT, LIMIT - 1, -LIMIT + 1))
    roundTrip(Float64Array.of(1 - LIMIT, 1 - LIMIT, 1 - LIMIT, 1 - LIMIT, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2))
    roundTrip(Float64Array.of(-LIMIT, 1))
  })

  it('of no rows is its head byte', () => {
    expect(roundTrip(new Float64Array(0))).toHaveLength(1)
    expect(roundTrip(new Uint8Array(0))).toHaveLength(1)
  })

  it('of one value takes a few bytes whatever its length', () => {
    expect(roundTrip(new Int32Array(65536).fill(-1)).length).toBe(2)
    expect(roundTrip(new Float64Array(65536).fill(1e15)).length).toBeLessThan(10)
    expect(roundTrip(new Uint8Array(65536).fill(200)).length).toBe(3)
  })

  it('in long runs takes a few bytes a run', () => {
    const column = new Int32Array(65536)
    column.fill(7, 30000).fill(-5, 60000)
    expect(roundTrip(column).length).toBeLessThan(16)
  })

  it('that climbs steadily takes a byte a row', () => {
    expect(roundTrip(Float64Array.from({ length: 1000 }, (_, row) => 2 ** 40 + 50 * row)).length).toBeLessThan(2010)
    expect(roundTrip(Float64Array.from({ length: 1000 }, (_, row) => 2 ** 40 + 5 * row)).length).toBeLessThan(1010)
  })

  it('has these bytes, which stored traces and digests rest on', () => {
    const hex = (values: ColumnArray) => Buffer.from(encodeColumn(values, values.length)).toString('hex')
    expect(hex(Float64Array.of(1, 300, -300))).toBe('03' + '02' + 'd604' + 'af09')
    expect(hex(Int32Array.of(5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6))).toBe('12' + '0a07' + '0203')
    expect(hex(Int32Array.of(-1, -1))).toBe('1101')
    expect(hex(Uint32Array.of(4294967295, 0))).toBe('23' + '01' + '02')
    expect(hex(Uint8Array.of(1, 2, 255))).toBe('35' + '0102ff')
    expect(hex(Uint8Array.of())).toBe('30')
    expect(hex(Float64Array.of(LIMIT))).toBe('01' + '80808080808080' + '20')
  })

  it('gives the same bytes for rows 0..count-1 whatever follows them in the array', () => {
    const rows = Int32Array.of(1, 2, 3, 99, 98)
    expect(encodeColumn(rows, 3)).toEqual(encodeColumn(Int32Array.of(1, 2, 3), 3))
  })

  it('refuses what is not an integer of magnitude up to 2^53, naming the row', () => {
    for (const bad of [0.5, 5e-324, NaN, Infinity, -Infinity, LIMIT + 2, -LIMIT - 2, 1e300]) {
      const error = failure(() => encodeColumn(Float64Array.of(1, 2, bad, 3), 4))
      expect(error.code).toBe('not-an-integer')
      expect(error.offset).toBe(2)
      expect(failure(() => encodeColumn(Float64Array.of(bad), 1)).code).toBe('not-an-integer')
    }
  })
})

describe('damaged column bytes', () => {
  it('of any kind give a CodecError or a column of the right length, never anything else', () => {
    const kinds: ColumnKind[] = ['f64', 'i32', 'u32', 'u8']
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 3),
        fc.integer({ min: 0, max: 6 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 0, max: 30 }),
        (code, mode, payload, count) => {
          const kind = kinds[code] ?? 'f64'
          try {
            expect(decodeColumn(Uint8Array.of(mode | (code << 4), ...payload), kind, count)).toHaveLength(count)
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('cut short are refused at the byte where they end', () => {
    for (const values of [
      Float64Array.of(1, 2 ** 40, 3, 2 ** 50),
      Int32Array.of(1, 200000, -7, 5),
      Uint8Array.of(1, 2, 3, 4),
      new Int32Array(64).fill(7, 20),
    ]) {
      const bytes = encodeColumn(values, values.length)
      for (let length = 0; length < bytes.length; length++) {
        const error = failure(() => decodeColumn(bytes.subarray(0, length), kindOf(values), values.length))
        expect(error.code).toBe('truncated')
        expect(error.offset).toBe(length)
      }
    }
  })

  it('that go on after the last row are refused', () => {
    for (const values of [Float64Array.of(1, 2), Int32Array.of(1, 2), Uint8Array.of(1, 2), Int32Array.of(1, 1)]) {
      const bytes = encodeColumn(values, 2)
      const error = failure(() => decodeColumn(Uint8Array.of(...bytes, 0), kindOf(values), 2))
      expect(error.code).toBe('trailing-bytes')
      expect(error.offset).toBe(bytes.length)
    }
  })

  it('are refused when read as another kind or with another number of rows', () => {
    const bytes = encodeColumn(Int32Array.of(1, 2, 3), 3)
    expect(failure(() => decodeColumn(bytes, 'f64', 3)).code).toBe('bad-head')
    expect(failure(() => decodeColumn(bytes, 'i32', 2)).code).toBe('trailing-bytes')
    expect(failure(() => decodeColumn(bytes, 'i32', 4)).code).toBe('truncated')
    expect(failure(() => decodeColumn(bytes, 'i32', 0)).code).toBe('bad-head')
  })

  it('with a number too large for the column or a run too long are refused', () => {
    const ff = [255, 255, 255, 255]
    expect(failure(() => decodeColumn(Uint8Array.of(0x13, ...ff, 31), 'i32', 1)).code).toBe('bad-value')
    expect(failure(() => decodeColumn(Uint8Array.of(0x03, ...ff, ...ff, 127), 'f64', 1)).code).toBe('bad-value')
    expect(failure(() => decodeColumn(Uint8Array.of(0x12, 2, 5), 'i32', 5)).code).toBe('bad-value')
    expect(failure(() => decodeColumn(Uint8Array.of(0x32, 1, 4), 'u8', 5)).code).toBe('bad-value')
  })
})

describe('compressed bytes', () => {
  it('come back exactly', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(new Uint8Array(decompressBytes(compressBytes(bytes), bytes.length))).toEqual(bytes)
      }),
    )
  })

  it('that are damaged, or of another length than said, are refused', () => {
    const raw = new Uint8Array(1000).fill(3, 500)
    const bytes = compressBytes(raw)
    expect(failure(() => decompressBytes(bytes, 999)).code).toBe('bad-compression')
    expect(failure(() => decompressBytes(bytes, 1001)).code).toBe('bad-compression')
    expect(failure(() => decompressBytes(bytes.subarray(0, bytes.length - 2), 1000)).code).toBe('bad-compression')
    expect(failure(() => decompressBytes(Uint8Array.of(1, 2, 3), 1000)).code).toBe('bad-compression')
  })
})
