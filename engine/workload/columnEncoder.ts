/**
 * How the column codec (codec.ts, which has the layout) encodes, as functions of a program (program.ts): columns are taken from the
 * program's memory, and their bytes put there.
 *
 * What depends on the data is computed rather than branched on where rows are short: a branch that the processor cannot foresee costs
 * as much as the rest of the row. Four rows are encoded at once as long as each takes at most two bytes, as nearly all do.
 */
import { CodecError } from './codecError.ts'
import { partsOf, ROWS_AT_ONCE } from './columnParts.ts'
import type { Variable } from './columnParts.ts'
import { Program, withRoom } from './program.ts'
import type { Float, Int, RunningProgram, Table, Vector } from './program.ts'

export const columnModes = { empty: 0, constant: 1, runs: 2, deltas: 3, values: 4, bytes: 5 } as const

/** Longest varint: the difference of two f64 rows is at most 2^54 and takes 55 bits with its sign. */
export const VARINT_BYTES_MAX = 8
/** Bytes after the last one that may be written over. */
export const SLACK_BYTES = 16
const MAGNITUDE_MAX = 9007199254740992

/** Encodes columns of f64 or i32 rows in the memory of its program. `start` is the first row, `at` where the bytes go; the end is answered. */
export interface ColumnWriter {
  /** Throws CodecError `not-an-integer`. */
  numbers: (table: Table<'f64'>, start: number, count: number, at: number) => number
  /** `head` tells what the rows were: u8 are never worth a varint. */
  integers: (table: Table<'i32'>, start: number, count: number, at: number, head: number) => number
}

export const columnHeads = { f64: 0, i32: 1 << 4, u32: 2 << 4, u8: 3 << 4 } as const

/** Adds what encodes columns to a program; the bytes go to `out`, which has SLACK_BYTES more than they need. */
export function defineColumnEncoder(program: Program, out: Table<'u8'>): (running: RunningProgram) => ColumnWriter {
  const spreads = program.table('u8', 1 << (ROWS_AT_ONCE + 4))
  defineIntegers(program, out, spreads)
  defineNumbers(program, out, spreads)
  return (running) => {
    fillSpreads(running.view(spreads))
    return newWriter(running, running.view(out))
  }
}

/** The columns that `encodeColumn` takes, one at a time. */
export interface ColumnEncoder {
  rowsMax: number
  /** The bytes of a column, as a fresh array. Throws CodecError `not-an-integer`. */
  encode: (values: Float64Array | Int32Array | Uint32Array | Uint8Array, count: number) => Uint8Array
}

/** The encoder of this thread, with room for a column of so many rows. */
export const columnEncoder = withRoom(newEncoder)

function newEncoder(rowsMax: number): ColumnEncoder {
  const program = new Program()
  const numbers = program.table('f64', rowsMax)
  const integers = program.table('i32', rowsMax)
  const out = program.table('u8', rowsMax * VARINT_BYTES_MAX + 16 + SLACK_BYTES)
  const begin = defineColumnEncoder(program, out)
  const running = program.start()
  const writer = begin(running)
  const rows = { numbers: running.view(numbers), integers: running.view(integers), out: running.view(out) }
  return {
    rowsMax,
    encode: (values, count) => {
      if (values instanceof Float64Array) {
        rows.numbers.set(values.subarray(0, count))
        return rows.out.slice(0, writer.numbers(numbers, 0, count, 0))
      }
      rows.integers.set(values.subarray(0, count))
      const kind = values instanceof Int32Array ? 'i32' : values instanceof Uint32Array ? 'u32' : 'u8'
      return rows.out.slice(0, writer.integers(integers, 0, count, 0, columnHeads[kind]))
    },
  }
}

function newWriter({ run }: RunningProgram, out: Uint8Array): ColumnWriter {
  const { constant, runs, deltas, values, bytes } = columnModes

  /**
   * The rule for the mode, from the number of rows that differ from the row before and, summed over every eighth row, the bits of the
   * difference to the row before and of the value itself. Runs of at least four rows on average pay for their lengths; else the
   * shorter of differences and values, or the bytes themselves.
   */
  const modeOf = (changes: number, count: number, dense: () => number) => {
    if (changes === 0) return constant
    return changes + 1 <= count >> 2 ? runs : dense()
  }

  const integers: ColumnWriter['integers'] = (table, start, count, at, head) => {
    const row = (table.address >> 2) + start
    const longer = () => (run('integers are closer', row, count) === 1 ? deltas : values)
    const mode = modeOf(run('changes of integers', row, count), count, head === columnHeads.u8 ? () => bytes : longer)
    out[at] = head | mode
    if (mode === constant) return run('one integer', row, at + 1)
    if (mode === runs) return run('runs of integers', row, count, at + 1)
    if (mode === bytes) return run('bytes of integers', row, count, at + 1)
    return run('integers', row, count, at + 1, Number(mode === deltas))
  }

  const numbers: ColumnWriter['numbers'] = (table, start, count, at) => {
    const row = (table.address >> 3) + start
    let changes = run('changes of narrow numbers', row, count)
    let isTooWide = false
    if (changes < 0) {
      const misfit = run('first misfit', row, count)
      if (misfit < count)
        throw new CodecError(
          'not-an-integer',
          misfit,
          `row ${misfit} of a column is not an integer of magnitude up to 2^53`,
        )
      changes = run('changes of numbers', row, count)
      isTooWide = run('numbers are far apart', row, count) === 1
    }
    // a difference beyond 2^53 may not be exact; one such row is enough to store the values themselves
    const dense = () => (run('numbers are closer', row, count) === 1 ? deltas : values)
    const mode = isTooWide && changes > 0 ? values : modeOf(changes, count, dense)
    out[at] = columnHeads.f64 | mode
    if (mode === constant) return run('one number', row, at + 1)
    if (mode === runs) return run('runs of numbers', row, count, at + 1)
    return run('numbers', row, count, at + 1, Number(mode === deltas))
  }
  return { numbers, integers }
}

/** For each set of rows that take two bytes: where the bytes of all rows come from, those of a row standing in the lowest of its lane. */
function fillSpreads(spreads: Uint8Array): void {
  spreads.fill(0x80)
  for (let set = 0; set < 1 << ROWS_AT_ONCE; set++) {
    let place = set << 4
    for (let lane = 0; lane < ROWS_AT_ONCE; lane++) {
      spreads[place++] = lane * 4
      if ((set >> lane) & 1) spreads[place++] = lane * 4 + 1
    }
  }
}

/** Functions over i32 rows; each begins with the number in the memory of the first row. */
function defineIntegers(program: Program, out: Table<'u8'>, spreads: Table<'u8'>): void {
  const { putUnsigned, zigzagOf, putZigzag, putRows, runEnd, changes, areDeltasShorter } = partsOf(
    program,
    out,
    spreads,
  )
  const rows = program.memory('i32')

  program.define('changes of integers', (first, count) =>
    changes(
      count,
      ROWS_AT_ONCE,
      (row) =>
        rows
          .vectorAt(first.plus(row))
          .differs(rows.vectorAt(first.plus(row).minus(1)))
          .topBits(),
      (row) => rows.at(first.plus(row)).differs(rows.at(first.plus(row).minus(1))),
    ),
  )

  program.define('integers are closer', (first, count) =>
    areDeltasShorter(count, (row) => {
      const value = program.int(rows.at(first.plus(row)))
      const delta = program.int(value.minus(rows.at(first.plus(row).minus(1))))
      const bitsOf = (each: Int) => program.constant(32).minus(each.xor(each.shiftRight(31)).leadingZeros())
      return { ofDelta: bitsOf(delta), ofValue: bitsOf(value) }
    }),
  )

  program.define('one integer', (first, position) => {
    const at = program.int(position)
    putUnsigned(at, zigzagOf(rows.at(first)))
    return at
  })

  program.define('bytes of integers', (first, count, position) => {
    program.count(count, (row) => out.put(position.plus(row), rows.at(first.plus(row))))
    return position.plus(count)
  })

  program.define('runs of integers', (first, count, position) => {
    const at = program.int(position)
    const row = program.int(0)
    const before = program.int(0)
    program.while(row.isBelow(count), () => {
      const value = program.int(rows.at(first.plus(row)))
      const four = program.vector(program.inEachLane(value))
      const end = runEnd(
        row,
        count,
        ROWS_AT_ONCE,
        (from) => rows.vectorAt(first.plus(from)).differs(four).topBits(),
        (next) => rows.at(first.plus(next)).equals(value),
      )
      putZigzag(at, zigzagOf(value.minus(before)))
      putUnsigned(at, end.minus(row).minus(1))
      before.set(value)
      row.set(end)
    })
    return at
  })

  program.define('integers', (first, count, position, isDeltas) => {
    const at = program.int(position)
    putZigzag(at, zigzagOf(rows.at(first)))
    const before = (row: Int) => rows.at(first.plus(row).minus(1))
    const valueOf = (row: Int) => rows.at(first.plus(row))
    program.if(
      isDeltas,
      () => {
        putRows(
          count,
          at,
          (row) => ({
            rows: program.vector(rows.vectorAt(first.plus(row)).minus(rows.vectorAt(first.plus(row).minus(1)))),
          }),
          (row) => putZigzag(at, zigzagOf(program.int(valueOf(row).minus(before(row))))),
        )
      },
      () => {
        putRows(
          count,
          at,
          (row) => ({ rows: program.vector(rows.vectorAt(first.plus(row))) }),
          (row) => putZigzag(at, zigzagOf(program.int(valueOf(row)))),
        )
      },
    )
    return at
  })
}

/** The same over f64 rows. */
function defineNumbers(program: Program, out: Table<'u8'>, spreads: Table<'u8'>): void {
  const { putUnsigned, zigzagOf, putZigzag, putNumber, putRows, runEnd, changes, areDeltasShorter } = partsOf(
    program,
    out,
    spreads,
  )
  const rows = program.memory('f64')
  const zero = program.float(0)
  const lanes = 2
  const differing = (first: Int) => (row: Int) =>
    rows
      .vectorAt(first.plus(row))
      .floatsDiffer(rows.vectorAt(first.plus(row).minus(1)))
      .topBitsOfFloats()
  const differs = (first: Int) => (row: Int) => rows.at(first.plus(row)).differs(rows.at(first.plus(row).minus(1)))

  const put = (at: Variable, value: Float) => {
    const small = program.int(value.toInt())
    program.if(
      small.toFloat().equals(value),
      () => putZigzag(at, zigzagOf(small)),
      () => putNumber(at, value),
    )
  }

  program.define('changes of numbers', (first, count) => changes(count, lanes, differing(first), differs(first)))

  // -1 where a row is not a whole number of 32 bits
  program.define('changes of narrow numbers', (first, count) => {
    const misfits = program.vector(program.inEachLane(0))
    const odd = program.int(0)
    const found = program.int(0)
    const seen = (row: Int) => {
      const value = program.double(rows.at(first.plus(row)))
      odd.set(odd.or(value.toInt().toFloat().differs(value)))
    }
    seen(program.constant(0))
    found.set(
      changes(
        count,
        lanes,
        (row) => {
          const two = program.vector(rows.vectorAt(first.plus(row)))
          misfits.set(misfits.or(two.toInts().toFloats().floatsDiffer(two)))
          return two.floatsDiffer(rows.vectorAt(first.plus(row).minus(1))).topBitsOfFloats()
        },
        (row) => {
          seen(row)
          return differs(first)(row)
        },
      ),
    )
    return odd.or(misfits.isAny()).choose<Int>(program.constant(-1), found)
  })

  // the first row that is not an integer of magnitude up to 2^53, or `count`
  program.define('first misfit', (first, count) => {
    const row = program.int(0)
    const isWhole = program.int(1)
    program.while(isWhole.and(row.isBelow(count)), () => {
      const value = program.double(rows.at(first.plus(row)))
      isWhole.set(value.absolute().isAtMost(program.float(MAGNITUDE_MAX)).and(value.floor().equals(value)))
      row.set(row.plus(isWhole))
    })
    return row
  })

  // whether a difference of two rows, or of one to 0, may be beyond 2^53
  program.define('numbers are far apart', (first, count) => {
    const least = program.double(zero)
    const greatest = program.double(rows.at(first))
    const lowest = program.double(greatest)
    program.count(count, (row) => {
      const value = program.double(rows.at(first.plus(row)))
      lowest.set(value.isBelow(lowest).choose<Float>(value, lowest))
      greatest.set(value.isAbove(greatest).choose<Float>(value, greatest))
    })
    least.set(lowest.isBelow(zero).choose<Float>(lowest, zero))
    const above = greatest.isAbove(zero).choose<Float>(greatest, zero)
    return greatest
      .minus(least)
      .isAtLeast(program.float(MAGNITUDE_MAX))
      .or(above.minus(lowest).isAtLeast(program.float(MAGNITUDE_MAX)))
  })

  program.define('numbers are closer', (first, count) =>
    areDeltasShorter(count, (row) => {
      const value = program.double(rows.at(first.plus(row)))
      const delta = program.double(value.minus(rows.at(first.plus(row).minus(1))))
      const bitsOf = (each: Float) => {
        const magnitude = program.double(each.absolute())
        const high = program.int(magnitude.times(program.float(1 / 4294967296)).toUnsigned())
        const low = program.constant(32).minus(magnitude.toUnsigned().leadingZeros())
        return high.isZero().choose(low, program.constant(64).minus(high.leadingZeros()))
      }
      return { ofDelta: program.int(bitsOf(delta)), ofValue: program.int(bitsOf(value)) }
    }),
  )

  program.define('one number', (first, position) => {
    const at = program.int(position)
    putNumber(at, program.double(rows.at(first)))
    return at
  })

  program.define('runs of numbers', (first, count, position) => {
    const at = program.int(position)
    const row = program.int(0)
    const before = program.double(zero)
    program.while(row.isBelow(count), () => {
      const value = program.double(rows.at(first.plus(row)))
      const two = program.vector(program.inEachLane(value))
      const end = runEnd(
        row,
        count,
        lanes,
        (from) => rows.vectorAt(first.plus(from)).floatsDiffer(two).topBitsOfFloats(),
        (next) => rows.at(first.plus(next)).equals(value),
      )
      put(at, program.double(value.minus(before)))
      putUnsigned(at, end.minus(row).minus(1))
      before.set(value)
      row.set(end)
    })
    return at
  })

  program.define('numbers', (first, count, position, isDeltas) => {
    const at = program.int(position)
    put(at, program.double(rows.at(first)))
    /** Four rows as Ints, and which are none. */
    const narrowed = (low: Vector, high: Vector) => {
      const pair = [program.vector(low), program.vector(high)] as const
      const ints = [program.vector(pair[0].toInts()), program.vector(pair[1].toInts())] as const
      return {
        rows: program.vector(ints[0].besides(ints[1])),
        misfits: ints[0].toFloats().floatsDiffer(pair[0]).or(ints[1].toFloats().floatsDiffer(pair[1])),
      }
    }
    const two = (row: Int, ahead: number) => rows.vectorAt(first.plus(row).plus(ahead))
    program.if(
      isDeltas,
      () => {
        putRows(
          count,
          at,
          (row) => narrowed(two(row, 0).minusFloats(two(row, -1)), two(row, 2).minusFloats(two(row, 1))),
          (row) => put(at, program.double(rows.at(first.plus(row)).minus(rows.at(first.plus(row).minus(1))))),
        )
      },
      () => {
        putRows(
          count,
          at,
          (row) => narrowed(two(row, 0), two(row, 2)),
          (row) => put(at, program.double(rows.at(first.plus(row)))),
        )
      },
    )
    return at
  })
}
