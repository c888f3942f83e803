/**
 * How the column codec (codec.ts, which has the layout) encodes, as a program over its own memory (program.ts): a column is copied
 * into it, and its bytes are copied out.
 *
 * What depends on the data is computed rather than branched on where rows are short: a branch that the processor cannot foresee costs
 * as much as the rest of the row.
 */
import { Program } from './program.ts'
import type { Float, Int } from './program.ts'

export const columnModes = { empty: 0, constant: 1, runs: 2, deltas: 3, values: 4, bytes: 5 } as const

/** Longest varint: the difference of two f64 rows is at most 2^54 and takes 55 bits with its sign. */
const VARINT_BYTES_MAX = 8
const MAGNITUDE_MAX = 9007199254740992
/** Differences of integers up to this are i32. */
const NARROW_MAX = 0x3fffffff
/** Every eighth row is looked at to choose a mode. */
const SAMPLE_MASK = 7
const ROWS = 65536

export interface ColumnEncoder {
  rowsMax: number
  /** The bytes of a column of f64 rows, as a fresh array; else the first row that is not an integer of magnitude up to 2^53. */
  numbers: (values: Float64Array, count: number, head: number) => Uint8Array | number
  /** The bytes of a column of i32, u32 or u8 rows, as a fresh array. */
  integers: (values: Int32Array | Uint32Array | Uint8Array, count: number, head: number) => Uint8Array
}

let largest: ColumnEncoder | undefined

/** The encoder of this thread, with room for a column. */
export function columnEncoder(count: number): ColumnEncoder {
  if (!largest || largest.rowsMax < count) largest = newEncoder(Math.max(ROWS, count))
  return largest
}

function newEncoder(rowsMax: number): ColumnEncoder {
  const program = new Program()
  const numbers = program.table('f64', rowsMax)
  const integers = program.table('i32', rowsMax)
  const out = program.table('u8', 16 + rowsMax * VARINT_BYTES_MAX)
  const { empty: none, constant, runs, deltas, values: plain, bytes: asBytes } = columnModes
  const { int, double, float } = {
    int: (value: Int | number) => program.int(value),
    double: (value: Float | number) => program.double(value),
    float: (value: number) => program.float(value),
  }

  /**
   * The rule for the mode, from the number of rows that differ from the row before (`changes`) and, summed over every eighth
   * row, the bits of the difference to the row before and of the value itself. Runs of at least four rows on average
   * pay for their lengths; else the shorter of differences and values; u8 rows are never worth a varint.
   */
  const modeOf = (changes: Int, count: Int, deltaBits: Int, valueBits: Int, isBytes: Int): Int => {
    const long = deltaBits.isAtMost(valueBits).choose(program.constant(deltas), program.constant(plain))
    const dense = isBytes.choose(program.constant(asBytes), long)
    const areRuns = changes.plus(1).isAtMost(count.shiftRight(2))
    return changes.isZero().choose(program.constant(constant), areRuns.choose(program.constant(runs), dense))
  }

  /** Puts the varint of a 32-bit number without sign. */
  const putUnsigned = (position: ReturnType<typeof int>, value: Int) => {
    const rest = int(value)
    program.while(rest.and(~0x7f), () => {
      out.put(position, rest.or(0x80))
      position.set(position.plus(1))
      rest.set(rest.shiftRightUnsigned(7))
    })
    out.put(position, rest)
    position.set(position.plus(1))
  }

  const zigzagOf = (value: Int) => value.shiftLeft(1).xor(value.shiftRight(31))

  /** Puts the varint of a zigzag number, in one piece where it is short. */
  const putZigzag = (position: ReturnType<typeof int>, zigzag: Int) => {
    program.if(
      zigzag.and(~0xfffffff),
      () => putUnsigned(position, zigzag),
      () => {
        // groups beyond the first, from 0 to 3
        const more = int(
          zigzag
            .isAtLeast(1 << 7)
            .plus(zigzag.isAtLeast(1 << 14))
            .plus(zigzag.isAtLeast(1 << 21)),
        )
        const continued = program.constant(0x808080).and(program.constant(1).shiftLeft(more.shiftLeft(3)).minus(1))
        const groups = zigzag
          .and(0x7f)
          .or(zigzag.and(0x3f80).shiftLeft(1))
          .or(zigzag.and(0x1fc000).shiftLeft(2))
          .or(zigzag.and(0xfe00000).shiftLeft(3))
        out.putWord(position, groups.or(continued))
        position.set(position.plus(more).plus(1))
      },
    )
  }

  /** From one row on, the first that differs from it, or `count`. */
  const runEnd = (row: Int, count: Int, isSame: (next: Int) => Int) => {
    const next = int(row.plus(1))
    const isLast = int(next.isBelow(count).isZero())
    program.while(isLast.isZero(), () => {
      program.if(
        isSame(next),
        () => {
          next.set(next.plus(1))
          isLast.set(next.isBelow(count).isZero())
        },
        () => isLast.set(1),
      )
    })
    return next
  }

  // copies f64 rows to `integers` where these hold them and their differences; whether they do
  program.define('narrow', (count) => {
    const misfits = int(0)
    const high = int(0)
    program.count(count, (row) => {
      const value = double(numbers.at(row))
      const small = int(value.toInt())
      integers.put(row, small)
      misfits.set(misfits.or(small.toFloat().differs(value)))
      high.set(high.or(small.xor(small.shiftRight(31))))
    })
    return misfits.isZero().and(high.isAtMost(NARROW_MAX))
  })

  // the bits of -1 are 0, those of a number (f64) 1; the end of the bytes
  program.define('encode integers', (count, head, isNumber, isBytes) => {
    const changes = int(0)
    const deltaBits = int(0)
    const valueBits = int(0)
    const before = int(integers.at(0))
    program.count(count, (row) => {
      const value = int(integers.at(row))
      changes.set(changes.plus(value.differs(before)))
      before.set(value)
    })
    const bitsOf = (value: Int) => {
      const magnitude = value.xor(value.shiftRight(31)).plus(value.shiftRightUnsigned(31).and(isNumber))
      return program.constant(32).minus(magnitude.leadingZeros())
    }
    const sampled = int(SAMPLE_MASK + 1)
    program.while(sampled.isBelow(count), () => {
      const value = int(integers.at(sampled))
      deltaBits.set(deltaBits.plus(bitsOf(int(value.minus(integers.at(sampled.minus(1)))))))
      valueBits.set(valueBits.plus(bitsOf(value)))
      sampled.set(sampled.plus(SAMPLE_MASK + 1))
    })
    const mode = int(modeOf(changes, count, deltaBits, valueBits, isBytes))
    out.put(0, head.or(mode))
    const position = int(1)
    before.set(0)
    program.if(mode.equals(constant), () => putUnsigned(position, zigzagOf(integers.at(0))))
    program.if(mode.equals(asBytes), () => {
      program.count(count, (row) => out.put(row.plus(1), integers.at(row)))
      position.set(count.plus(1))
    })
    program.if(mode.equals(runs), () => {
      const row = int(0)
      program.while(row.isBelow(count), () => {
        const value = int(integers.at(row))
        const end = runEnd(row, count, (next) => integers.at(next).equals(value))
        putUnsigned(position, zigzagOf(int(value.minus(before))))
        putUnsigned(position, end.minus(row).minus(1))
        before.set(value)
        row.set(end)
      })
    })
    program.if(mode.equals(deltas).or(mode.equals(plain)), () => {
      const kept = int(mode.equals(deltas).choose(program.constant(-1), program.constant(none)))
      program.count(count, (row) => {
        const value = int(integers.at(row))
        const delta = int(value.minus(before))
        before.set(value.and(kept))
        putZigzag(position, int(zigzagOf(delta)))
      })
    })
    return position
  })

  // the first f64 row that is not an integer of magnitude up to 2^53, or `count`
  program.define('first misfit', (count) => {
    const row = int(0)
    const isWhole = int(1)
    program.while(isWhole.and(row.isBelow(count)), () => {
      const value = double(numbers.at(row))
      isWhole.set(value.absolute().isAtMost(float(MAGNITUDE_MAX)).and(value.floor().equals(value)))
      row.set(row.plus(isWhole))
    })
    return row
  })

  // as above, of f64 rows without misfits
  program.define('encode numbers', (count, head) => {
    const zero = float(0)

    /** Puts the zigzag varint of an integer of magnitude up to 2^54. */
    const putNumber = (position: ReturnType<typeof int>, value: Float) => {
      // the sign and six bits go first, so that twice the value, which may not be exact, is never formed
      const isNegative = int(value.isBelow(zero))
      const magnitude = isNegative.choose<Float>(zero.minus(value).minus(float(1)), value)
      const rest = double(magnitude.times(float(1 / 64)).floor())
      const first = magnitude
        .minus(rest.times(float(64)))
        .toInt()
        .shiftLeft(1)
        .or(isNegative)
      out.put(position, first.or(rest.isAbove(zero).shiftLeft(7)))
      position.set(position.plus(1))
      program.while(rest.isAbove(zero), () => {
        const high = double(rest.times(float(1 / 128)).floor())
        const group = rest.minus(high.times(float(128))).toInt()
        out.put(position, group.or(high.isAbove(zero).shiftLeft(7)))
        position.set(position.plus(1))
        rest.set(high)
      })
    }

    const bitsOf = (value: Float) => {
      const magnitude = double(value.absolute())
      const high = int(magnitude.times(float(1 / 4294967296)).toUnsigned())
      const low = program.constant(32).minus(magnitude.toUnsigned().leadingZeros())
      return high.isZero().choose(low, program.constant(64).minus(high.leadingZeros()))
    }

    const changes = int(0)
    const deltaBits = int(0)
    const valueBits = int(0)
    const before = double(numbers.at(0))
    const least = double(before)
    const greatest = double(before)
    program.count(count, (row) => {
      const value = double(numbers.at(row))
      changes.set(changes.plus(value.differs(before)))
      least.set(value.isBelow(least).choose<Float>(value, least))
      greatest.set(value.isAbove(greatest).choose<Float>(value, greatest))
      program.if(row.and(SAMPLE_MASK).isZero().and(row.isAbove(0)), () => {
        deltaBits.set(deltaBits.plus(bitsOf(value.minus(before))))
        valueBits.set(valueBits.plus(bitsOf(value)))
      })
      before.set(value)
    })
    // a difference beyond 2^53 may not be exact; one such row is enough to store the values themselves
    const below = least.isBelow(zero).choose<Float>(least, zero)
    const above = greatest.isAbove(zero).choose<Float>(greatest, zero)
    const isTooWide = greatest
      .minus(below)
      .isAtLeast(float(MAGNITUDE_MAX))
      .or(above.minus(least).isAtLeast(float(MAGNITUDE_MAX)))
    program.if(isTooWide, () => {
      deltaBits.set(1)
      valueBits.set(0)
      program.if(changes, () => changes.set(count))
    })
    const mode = int(modeOf(changes, count, deltaBits, valueBits, program.constant(0)))
    out.put(0, head.or(mode))
    const position = int(1)
    before.set(0)
    program.if(mode.equals(constant), () => putNumber(position, double(numbers.at(0))))
    program.if(mode.equals(runs), () => {
      const row = int(0)
      program.while(row.isBelow(count), () => {
        const value = double(numbers.at(row))
        const end = runEnd(row, count, (next) => numbers.at(next).equals(value))
        putNumber(position, double(value.minus(before)))
        putUnsigned(position, end.minus(row).minus(1))
        before.set(value)
        row.set(end)
      })
    })
    program.if(mode.equals(deltas).or(mode.equals(plain)), () => {
      const isDeltas = int(mode.equals(deltas))
      program.count(count, (row) => {
        const value = double(numbers.at(row))
        const delta = double(value.minus(before))
        program.if(isDeltas, () => before.set(value))
        const small = int(delta.toInt())
        program.if(
          small.toFloat().equals(delta),
          () => putZigzag(position, int(zigzagOf(small))),
          () => putNumber(position, delta),
        )
      })
    })
    return position
  })

  const { run, view } = program.start()
  const memory = { numbers: view(numbers), integers: view(integers), out: view(out) }
  const encodeIntegers = (count: number, head: number, isNumber: boolean, isBytes: boolean) =>
    memory.out.slice(0, run('encode integers', count, head, Number(isNumber), Number(isBytes)))
  return {
    rowsMax,
    numbers: (values, count, head) => {
      memory.numbers.set(values.subarray(0, count))
      if (run('narrow', count) === 1) return encodeIntegers(count, head, true, false)
      const misfit = run('first misfit', count)
      return misfit < count ? misfit : memory.out.slice(0, run('encode numbers', count, head))
    },
    integers: (values, count, head) => {
      memory.integers.set(values.subarray(0, count))
      return encodeIntegers(count, head, false, values instanceof Uint8Array)
    },
  }
}
