/** What the functions that encode columns (columnEncoder.ts) are made of: varints, rows and runs, of whatever kind. */
import type { Float, Int, Program, Table, Vector } from './program.ts'

/** Every eighth row is looked at to choose between differences and values. */
const SAMPLE_STEP = 8
/** Rows that are encoded at once, and the numbers that are: those of two groups of seven bits. */
export const ROWS_AT_ONCE = 4
const SHORT_BITS = 0x3fff

export type Variable = ReturnType<Program['int']>

/** Parts that functions are made of. */
export function partsOf(program: Program, out: Table<'u8'>, spreads: Table<'u8'>) {
  /** Puts the varint of a 32-bit number without sign. */
  const putUnsigned = (at: Variable, value: Int) => {
    const rest = program.int(value)
    program.while(rest.and(~0x7f), () => {
      out.put(at, rest.or(0x80))
      at.set(at.plus(1))
      rest.set(rest.shiftRightUnsigned(7))
    })
    out.put(at, rest)
    at.set(at.plus(1))
  }

  const zigzagOf = (value: Int) => program.int(value.shiftLeft(1).xor(value.shiftRight(31)))

  /** Puts the varint of a zigzag number, in one piece where it is short. */
  const putZigzag = (at: Variable, zigzag: Int) => {
    program.if(
      zigzag.and(~0xfffffff),
      () => putUnsigned(at, zigzag),
      () => {
        // groups beyond the first, from 0 to 3
        const more = program.int(
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
        out.putWord(at, groups.or(continued))
        at.set(at.plus(more).plus(1))
      },
    )
  }

  /** Puts the zigzag varint of a whole number of magnitude up to 2^54. */
  const putNumber = (at: Variable, value: Float) => {
    const zero = program.float(0)
    // the sign and six bits go first, so that twice the value, which may not be exact, is never formed
    const isNegative = program.int(value.isBelow(zero))
    const magnitude = program.double(isNegative.choose<Float>(zero.minus(value).minus(program.float(1)), value))
    const rest = program.double(magnitude.times(program.float(1 / 64)).floor())
    const first = magnitude
      .minus(rest.times(program.float(64)))
      .toInt()
      .shiftLeft(1)
      .or(isNegative)
    out.put(at, first.or(rest.isAbove(zero).shiftLeft(7)))
    at.set(at.plus(1))
    program.while(rest.isAbove(zero), () => {
      const high = program.double(rest.times(program.float(1 / 128)).floor())
      const group = rest.minus(high.times(program.float(128))).toInt()
      out.put(at, group.or(high.isAbove(zero).shiftLeft(7)))
      at.set(at.plus(1))
      rest.set(high)
    })
  }

  /**
   * The varints of all rows but the first: four rows at once by `four`, which answers their differences or values, and what of it
   * does not hold; where that is anything, or one is long, row by row.
   */
  const putRows = (
    count: Int,
    at: Variable,
    four: (row: Int) => { rows: Vector; misfits?: Vector },
    put: (row: Int) => void,
  ) => {
    const row = program.int(1)
    const end = program.int(count.minus(ROWS_AT_ONCE))
    program.while(row.isAtMost(end), () => {
      const { rows, misfits } = four(row)
      const zigzag = program.vector(rows.shiftLeft(1).xor(rows.shiftRight(31)))
      const long = zigzag.and(program.inEachLane(~SHORT_BITS))
      program.if(
        (misfits ? long.or(misfits) : long).isAny(),
        () => {
          program.count(ROWS_AT_ONCE, (i) => put(row.plus(i)))
        },
        () => {
          const isTwo = program.vector(zigzag.isAbove(program.inEachLane(0x7f)))
          const bytes = zigzag
            .and(program.inEachLane(0x7f))
            .or(zigzag.and(program.inEachLane(0x3f80)).shiftLeft(1))
            .or(isTwo.and(program.inEachLane(0x80)))
          const set = program.int(isTwo.topBits())
          out.putVector(at, bytes.rearranged(spreads.vectorAt(set.shiftLeft(4))))
          at.set(at.plus(set.bitCount()).plus(ROWS_AT_ONCE))
        },
      )
      row.set(row.plus(ROWS_AT_ONCE))
    })
    program.while(row.isBelow(count), () => {
      put(row)
      row.set(row.plus(1))
    })
  }

  /** One past the last row of the run that begins at `row`. `differing` tells, of some rows at once, which differ from the first, lowest first. */
  const runEnd = (row: Int, count: Int, atOnce: number, differing: (from: Int) => Int, isSame: (next: Int) => Int) => {
    const end = program.int(row.plus(1))
    const found = program.int(0)
    program.while(found.isZero().and(end.plus(atOnce).isAtMost(count)), () => {
      found.set(differing(end))
      end.set(end.plus(found.isZero().choose<Int>(program.constant(atOnce), found.trailingZeros())))
    })
    program.while(found.isZero().and(end.isBelow(count)), () => {
      found.set(isSame(end).isZero())
      end.set(end.plus(found.isZero()))
    })
    return end
  }

  /** How many rows differ from the row before. */
  const changes = (count: Int, atOnce: number, differing: (row: Int) => Int, differs: (row: Int) => Int) => {
    const found = program.int(0)
    const row = program.int(1)
    program.while(row.plus(atOnce).isAtMost(count), () => {
      found.set(found.plus(differing(row).bitCount()))
      row.set(row.plus(atOnce))
    })
    program.while(row.isBelow(count), () => {
      found.set(found.plus(differs(row)))
      row.set(row.plus(1))
    })
    return found
  }

  /** Whether differences take no more bits than values. `bits` answers both of a row. */
  const areDeltasShorter = (count: Int, bits: (row: Int) => { ofDelta: Int; ofValue: Int }) => {
    const excess = program.int(0)
    const row = program.int(SAMPLE_STEP)
    program.while(row.isBelow(count), () => {
      const { ofDelta, ofValue } = bits(row)
      excess.set(excess.plus(ofDelta).minus(ofValue))
      row.set(row.plus(SAMPLE_STEP))
    })
    return excess.isAtMost(0)
  }
  return { putUnsigned, zigzagOf, putZigzag, putNumber, putRows, runEnd, changes, areDeltasShorter }
}
