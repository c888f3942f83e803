/**
 * How the column codec (codec.ts, which has the layout) decodes, as functions of a program (program.ts): bytes are taken from the
 * program's memory, and rows put there. Four rows of one byte each, as most are, are decoded at once.
 */
import { CodecError } from './codecError.ts'
import { columnModes, VARINT_BYTES_MAX } from './columnEncoder.ts'
import { Program, withRoom } from './program.ts'
import type { Float, Int, RunningProgram, Table, Vector } from './program.ts'

/** Bytes beyond the last one that may be read. */
export const SLACK_BYTES = 16
const MAGNITUDE_MAX = 9007199254740992
const ROWS_AT_ONCE = 4
/** Top bits of four bytes: set in all but the last byte of a varint. */
const TOP_BITS = 0x80808080 | 0
const failures = { truncated: 1, tooLong: 2, longRun: 3 } as const

/** Decodes the payload of a column, which is what follows its head byte, from the bytes `from` to `end` - 1 into rows from `start` on. */
export interface ColumnReader {
  /** Throws CodecError, whose offsets count from the head byte. */
  numbers: (mode: number, table: Table<'f64'>, start: number, count: number, from: number, end: number) => void
  integers: (mode: number, table: Table<'i32'>, start: number, count: number, from: number, end: number) => void
}

/** Adds what decodes columns to a program; the bytes are taken from `input`, which has SLACK_BYTES more than they are. */
export function defineColumnDecoder(program: Program, input: Table<'u8'>): (running: RunningProgram) => ColumnReader {
  const stopped = program.table('i32', 2)
  defineIntegers(program, input, stopped)
  defineNumbers(program, input, stopped)
  return (running) => {
    const { run } = running
    const [where, why] = [0, 1]
    const status = running.view(stopped)
    const decode = (rows: 'integers' | 'numbers'): ColumnReader['integers'] & ColumnReader['numbers'] => {
      const shift = rows === 'integers' ? 2 : 3
      return (mode, table, start, count, from, end) => {
        const first = (table.address >> shift) + start
        const { constant, runs, deltas, values } = columnModes
        if (mode === deltas || mode === values) run(`decode ${rows}`, first, count, from, end, Number(mode === deltas))
        else if (mode === constant || mode === runs)
          run(`decode runs of ${rows}`, first, count, from, end, Number(mode === constant))
        else throw new CodecError('bad-head', 0, `unknown column mode ${mode}`)
        const at = (status[where] ?? 0) - from + 1
        const failure = status[why]
        if (failure === failures.truncated)
          throw new CodecError('truncated', at, `the column ends at byte ${at}, before its last row`)
        if (failure === failures.tooLong)
          throw new CodecError('bad-value', at, `the varint that reaches byte ${at} is too large for its column`)
        if (failure === failures.longRun)
          throw new CodecError('bad-value', at - 1, 'a run has more rows than are left of its column')
        if (at !== end - from + 1)
          throw new CodecError('trailing-bytes', at, `the column goes on at byte ${at}, after its last row`)
      }
    }
    return { integers: decode('integers'), numbers: decode('numbers') }
  }
}

/** Decodes the columns that `decodeColumn` takes, one at a time. */
export interface ColumnDecoder {
  rowsMax: number
  /** Fills rows 0..count-1 of `out` from the whole bytes of a column, which its head has told to be of this mode. Throws CodecError. */
  decode: (mode: number, bytes: Uint8Array, out: Float64Array | Int32Array, count: number) => void
}

/** The decoder of this thread, with room for a column of so many rows. */
export const columnDecoder = withRoom(newDecoder)

function newDecoder(rowsMax: number): ColumnDecoder {
  const program = new Program()
  const numbers = program.table('f64', rowsMax)
  const integers = program.table('i32', rowsMax)
  const input = program.table('u8', (rowsMax + 2) * VARINT_BYTES_MAX + SLACK_BYTES)
  const begin = defineColumnDecoder(program, input)
  const running = program.start()
  const reader = begin(running)
  const rows = { numbers: running.view(numbers), integers: running.view(integers), input: running.view(input) }
  return {
    rowsMax,
    decode: (mode, bytes, out, count) => {
      // a column with more bytes than its rows can take has some after its last row
      const end = Math.min(bytes.length, rows.input.length - SLACK_BYTES)
      rows.input.set(bytes.subarray(0, end))
      if (out instanceof Float64Array) {
        reader.numbers(mode, numbers, 0, count, 1, end)
        out.set(rows.numbers.subarray(0, count))
      } else {
        reader.integers(mode, integers, 0, count, 1, end)
        out.set(rows.integers.subarray(0, count))
      }
    },
  }
}

type Variable = ReturnType<Program['int']>

/** Parts that functions are made of. `at` is the byte that is next, `failed` why no further one is looked at. */
function partsOf(program: Program, input: Table<'u8'>, stopped: Table<'i32'>) {
  /** The next byte, or 0 and a failure where there is none. */
  const nextByte = (at: Variable, end: Int, failed: Variable) => {
    const byte = program.int(0)
    program.if(
      at.isBelow(end),
      () => {
        byte.set(input.at(at))
        at.set(at.plus(1))
      },
      () => failed.set(failures.truncated),
    )
    return byte
  }

  /** A varint of at most 32 bits, as the 32-bit pattern. */
  const unsigned = (at: Variable, end: Int, failed: Variable) => {
    const value = program.int(0)
    const shift = program.int(0)
    const more = program.int(1)
    program.while(more, () => {
      const byte = nextByte(at, end, failed)
      program.if(shift.equals(28).and(byte.isAbove(15)), () => failed.set(failures.tooLong))
      value.set(value.or(byte.and(0x7f).shiftLeft(shift)))
      shift.set(shift.plus(7))
      more.set(byte.isAbove(0x7f).and(failed.isZero()))
    })
    return value
  }

  /** A zigzag varint of a whole number of magnitude up to 2^53. */
  const signed = (at: Variable, end: Int, failed: Variable) => {
    const byte = nextByte(at, end, failed)
    const isNegative = program.int(byte.and(1))
    const magnitude = program.double(byte.and(0x7f).shiftRight(1).toFloat())
    const most = program.double(program.float(MAGNITUDE_MAX).minus(isNegative.toFloat()))
    const scale = program.double(program.float(64))
    program.while(byte.isAbove(0x7f).and(failed.isZero()), () => {
      byte.set(nextByte(at, end, failed))
      const part = program.double(byte.and(0x7f).toFloat().times(scale))
      const isTooLong = part.isAbove(most.minus(magnitude)).or(scale.isAbove(program.float(MAGNITUDE_MAX)))
      program.if(isTooLong.and(failed.isZero()), () => failed.set(failures.tooLong))
      magnitude.set(magnitude.plus(part))
      scale.set(scale.times(program.float(128)))
    })
    const negative = program.float(-1).minus(magnitude)
    return program.double(isNegative.choose<Float>(negative, magnitude))
  }

  const unzigzag = (value: Int) => value.shiftRightUnsigned(1).xor(program.constant(0).minus(value.and(1)))

  /**
   * Runs over rows: `four` takes four at once from the zigzag numbers of one byte each, `short` one of at most four bytes, `long` any.
   */
  const eachRow = (
    bounds: { count: Int; end: Int; at: Variable; failed: Variable },
    four: (row: Int, values: Vector) => void,
    short: (row: Int, value: Int) => void,
    long: (row: Int) => void,
  ) => {
    const { count, end, at, failed } = bounds
    const row = program.int(0)
    const wordsEnd = program.int(end.minus(3))
    const one = program.vector(program.inEachLane(1))
    const nothing = program.vector(program.inEachLane(0))
    program.while(row.isBelow(count).and(failed.isZero()), () => {
      const isWord = program.int(at.isBelow(wordsEnd))
      const word = program.int(input.wordAt(at))
      const areFour = isWord.and(word.and(TOP_BITS).isZero()).and(row.plus(ROWS_AT_ONCE).isAtMost(count))
      program.if(
        areFour,
        () => {
          const zigzag = program.vector(program.inEachLane(word).bytesToInts())
          four(row, zigzag.shiftRight(1).xor(nothing.minus(zigzag.and(one))))
          at.set(at.plus(ROWS_AT_ONCE))
          row.set(row.plus(ROWS_AT_ONCE))
        },
        () => {
          // the lowest top bit that is clear ends the varint
          const stop = program.int(word.xor(-1).and(TOP_BITS))
          program.if(
            isWord.and(stop.differs(0)),
            () => {
              const last = program.int(stop.and(program.constant(0).minus(stop)))
              const bits = program.int(word.and(last.minus(1)))
              const zigzag = program.int(
                bits
                  .and(0x7f)
                  .or(bits.shiftRightUnsigned(1).and(0x3f80))
                  .or(bits.shiftRightUnsigned(2).and(0x1fc000))
                  .or(bits.shiftRightUnsigned(3).and(0xfe00000)),
              )
              at.set(at.plus(last.trailingZeros().plus(1).shiftRightUnsigned(3)))
              short(row, program.int(unzigzag(zigzag)))
            },
            () => long(row),
          )
          row.set(row.plus(1))
        },
      )
    })
  }

  /** Runs over runs; `next` reads a run's value, `fill` puts it into rows from one to one before another. */
  const eachRun = (
    bounds: { count: Int; end: Int; at: Variable; failed: Variable; isConstant: Int },
    next: () => void,
    fill: (from: Variable, to: Int) => void,
  ) => {
    const { count, end, at, failed, isConstant } = bounds
    const row = program.int(0)
    program.while(row.isBelow(count).and(failed.isZero()), () => {
      next()
      const length = program.int(count)
      program.if(isConstant.isZero().and(failed.isZero()), () => {
        length.set(unsigned(at, end, failed))
        const left = program.int(count.minus(row))
        // the length less one, without sign
        const fits = length.isAtLeast(0).and(length.isBelow(left))
        program.if(fits.isZero().and(failed.isZero()), () => failed.set(failures.longRun))
        length.set(length.plus(1))
      })
      program.if(failed.isZero(), () => {
        const stop = program.int(row.plus(length))
        fill(row, stop)
      })
    })
  }

  /** Ends a function. */
  const stop = (at: Int, end: Int, failed: Int) => {
    const isOver = failed.equals(failures.truncated)
    // a varint that is too long reaches the byte before the next
    const where = isOver.choose<Int>(end, at.minus(failed.equals(failures.tooLong)))
    stopped.put(0, where)
    stopped.put(1, failed)
    return program.constant(0)
  }
  return { unsigned, signed, unzigzag, eachRow, eachRun, stop }
}

/** Functions into i32 rows; each begins with the number in the memory of the first row. */
function defineIntegers(program: Program, input: Table<'u8'>, stopped: Table<'i32'>): void {
  const { unsigned, unzigzag, eachRow, eachRun, stop } = partsOf(program, input, stopped)
  const rows = program.memory('i32')

  program.define('decode integers', (first, count, from, end, isDeltas) => {
    const at = program.int(from)
    const failed = program.int(0)
    const bounds = { count, end, at, failed }
    program.if(
      isDeltas,
      () => {
        const before = program.int(0)
        const put = (row: Int, delta: Int) => {
          before.set(before.plus(delta))
          rows.put(first.plus(row), before)
        }
        eachRow(
          bounds,
          (row, values) => {
            const two = program.vector(values)
            two.set(two.plus(two.movedUp(1)))
            two.set(two.plus(two.movedUp(2)).plus(program.inEachLane(before)))
            rows.putVector(first.plus(row), two)
            before.set(two.lastInt())
          },
          put,
          (row) => put(row, program.int(unzigzag(unsigned(at, end, failed)))),
        )
      },
      () => {
        eachRow(
          bounds,
          (row, values) => rows.putVector(first.plus(row), values),
          (row, value) => rows.put(first.plus(row), value),
          (row) => {
            const value = unsigned(at, end, failed)
            rows.put(first.plus(row), unzigzag(value))
          },
        )
      },
    )
    return stop(at, end, failed)
  })

  program.define('decode runs of integers', (first, count, from, end, isConstant) => {
    const at = program.int(from)
    const failed = program.int(0)
    const value = program.int(0)
    eachRun(
      { count, end, at, failed, isConstant },
      () => {
        const delta = unsigned(at, end, failed)
        value.set(value.plus(unzigzag(delta)))
      },
      (row, to) => {
        const four = program.vector(program.inEachLane(value))
        program.while(row.plus(ROWS_AT_ONCE).isAtMost(to), () => {
          rows.putVector(first.plus(row), four)
          row.set(row.plus(ROWS_AT_ONCE))
        })
        program.while(row.isBelow(to), () => {
          rows.put(first.plus(row), value)
          row.set(row.plus(1))
        })
      },
    )
    return stop(at, end, failed)
  })
}

/** The same into f64 rows. */
function defineNumbers(program: Program, input: Table<'u8'>, stopped: Table<'i32'>): void {
  const { signed, eachRow, eachRun, stop } = partsOf(program, input, stopped)
  const rows = program.memory('f64')

  program.define('decode numbers', (first, count, from, end, isDeltas) => {
    const at = program.int(from)
    const failed = program.int(0)
    const bounds = { count, end, at, failed }
    program.if(
      isDeltas,
      () => {
        const before = program.double(program.float(0))
        const put = (row: Int, delta: Float) => {
          before.set(before.plus(delta))
          rows.put(first.plus(row), before)
        }
        eachRow(
          bounds,
          (row, values) => {
            const two = program.vector(values)
            two.set(two.plus(two.movedUp(1)))
            two.set(two.plus(two.movedUp(2)))
            const each = program.vector(program.inEachLane(before))
            rows.putVector(first.plus(row), two.toFloats().plusFloats(each))
            rows.putVector(first.plus(row).plus(2), two.upperHalf().toFloats().plusFloats(each))
            before.set(before.plus(two.lastInt().toFloat()))
          },
          (row, value) => put(row, value.toFloat()),
          (row) => put(row, signed(at, end, failed)),
        )
      },
      () => {
        eachRow(
          bounds,
          (row, values) => {
            const ints = program.vector(values)
            rows.putVector(first.plus(row), ints.toFloats())
            rows.putVector(first.plus(row).plus(2), ints.upperHalf().toFloats())
          },
          (row, value) => rows.put(first.plus(row), value.toFloat()),
          (row) => {
            const value = signed(at, end, failed)
            rows.put(first.plus(row), value)
          },
        )
      },
    )
    return stop(at, end, failed)
  })

  program.define('decode runs of numbers', (first, count, from, end, isConstant) => {
    const at = program.int(from)
    const failed = program.int(0)
    const value = program.double(program.float(0))
    eachRun(
      { count, end, at, failed, isConstant },
      () => {
        const delta = signed(at, end, failed)
        value.set(value.plus(delta))
      },
      (row, to) => {
        const two = program.vector(program.inEachLane(value))
        program.while(row.plus(2).isAtMost(to), () => {
          rows.putVector(first.plus(row), two)
          row.set(row.plus(2))
        })
        program.while(row.isBelow(to), () => {
          rows.put(first.plus(row), value)
          row.set(row.plus(1))
        })
      },
    )
    return stop(at, end, failed)
  })
}
