/**
 * How grouped columns (groupedColumn.ts, which has the layout) are encoded, as functions of a program (program.ts): keys and columns are
 * taken from the program's memory, and bytes put there, so that of the columns of a chunk nothing is copied.
 *
 * Order of calls: the keys are put into `keys`; `group` finds where each row stands when rows are sorted by key; then columns are encoded,
 * each to where the one before ended.
 */
import { columnHeads, columnModes, defineColumnEncoder, SLACK_BYTES, VARINT_BYTES_MAX } from './columnEncoder.ts'
import type { Int, Program, RunningProgram, Table } from './program.ts'

const KEYS = 256
/** Rows that are looked at to choose a predictor: the first 64 of every 512. */
const SAMPLE_STEP = 512
const SAMPLE_ROWS = 64
/** More than the first row of a group can cost it, so that what is constant in a group stays so. */
const LEAST_GAIN_BITS = 64
const MAGNITUDE_MAX = 9007199254740992
/** Most bytes of a group's head. */
const HEAD_BYTES = 5

export interface GroupedTables {
  keys: Table<'u8'>
  /** Where each row stands when rows are sorted by key. */
  places: Table<'u32'>
  /** Of each key all ones if its rows are told against the row before. */
  against: Table<'i32'>
  sortedIntegers: Table<'i32'>
  sortedNumbers: Table<'f64'>
  begin: (running: RunningProgram) => GroupedEncoder
}

export interface GroupedEncoder {
  /** Where the bytes are. */
  readonly out: Uint8Array
  /** Rows, and the keys that they have, ascending. */
  readonly count: number
  readonly present: readonly number[]
  /** Rows of key k stand at starts[k] .. starts[k + 1] - 1 when they are sorted. */
  readonly starts: Uint32Array
  /** Takes the keys of `count` rows. */
  group(count: number): void
  /** Puts the keys as a plain column. These and the following put bytes from `at` on, and answer their end. */
  keys(at: number): number
  /** Puts a column as encodeGroupedColumn does. Throws CodecError `not-an-integer`. */
  column(values: Table<'i32'> | Table<'f64'>, at: number): number
  /** Puts a column whose rows are sorted by key already; nothing in them is told against the row before. Throws as above. */
  sorted(values: Table<'i32'> | Table<'f64'>, at: number): number
}

/** Adds what encodes up to `columns` columns of up to `rowsMax` rows to a program. */
export function defineGroupedEncoder(program: Program, rowsMax: number, columns: number): GroupedTables {
  const keys = program.table('u8', rowsMax)
  const places = program.table('u32', rowsMax)
  const starts = program.table('u32', KEYS + 1)
  const next = program.table('u32', KEYS)
  // of each key: whether it is told against the row before, as a mask and as a factor
  const against = program.table('i32', KEYS)
  const factors = program.table('f64', KEYS)
  const lastIntegers = program.table('i32', KEYS)
  const lastNumbers = program.table('f64', KEYS)
  // bits that samples take: against their group's row before, by themselves, against the row before
  const bits = program.table('i32', KEYS * 3)
  const sortedIntegers = program.table('i32', rowsMax)
  const sortedNumbers = program.table('f64', rowsMax)
  const columnBytes = rowsMax * VARINT_BYTES_MAX + KEYS * (HEAD_BYTES + VARINT_BYTES_MAX + 1)
  const out = program.table('u8', columns * columnBytes + SLACK_BYTES)
  const beginColumns = defineColumnEncoder(program, out)
  const integers = program.memory('i32')
  const numbers = program.memory('f64')

  program.define('group rows', (count) => {
    starts.clear()
    program.count(count, (row) => {
      const after = program.int(keys.at(row).plus(1))
      starts.put(after, starts.at(after).plus(1))
    })
    program.count(KEYS, (key) => {
      const start = program.int(starts.at(key))
      next.put(key, start)
      starts.put(key.plus(1), starts.at(key.plus(1)).plus(start))
    })
    program.count(count, (row) => {
      const key = program.int(keys.at(row))
      const place = program.int(next.at(key))
      places.put(row, place)
      next.put(key, place.plus(1))
    })
    return count
  })

  program.define('widen keys', (count) => {
    program.count(count, (row) => sortedIntegers.put(row, keys.at(row)))
    return count
  })

  /** Runs over the rows that are samples, of all but the first. */
  const eachSample = (count: Int, body: (row: Int, key: Int) => void) => {
    const block = program.int(0)
    program.while(block.isBelow(count), () => {
      const row = program.int(block.atLeast(program.constant(1)))
      const end = program.int(count.atMost(block.plus(SAMPLE_ROWS)))
      program.while(row.isBelow(end), () => {
        body(row, program.int(keys.at(row)))
        row.set(row.plus(1))
      })
      block.set(block.plus(SAMPLE_STEP))
    })
  }

  const addBits = (key: Int, sum: number, more: Int) =>
    bits.put(key.plus(sum * KEYS), bits.at(key.plus(sum * KEYS)).plus(more))

  program.define('sample integers', (first, count) => {
    bits.clear()
    lastIntegers.clear()
    const bitsOf = (value: Int) => program.constant(32).minus(value.xor(value.shiftRight(31)).leadingZeros())
    eachSample(count, (row, key) => {
      const value = program.int(integers.at(first.plus(row)))
      addBits(key, 0, bitsOf(program.int(value.minus(lastIntegers.at(key)))))
      addBits(key, 1, bitsOf(value))
      addBits(key, 2, bitsOf(program.int(value.minus(integers.at(first.plus(row).minus(1))))))
      lastIntegers.put(key, value)
    })
    return count
  })

  program.define('sort integers', (first, count) => {
    program.count(count, (row) => sortedIntegers.put(places.at(row), integers.at(first.plus(row))))
    return count
  })

  program.define('sort integers against the row before', (first, count) => {
    const before = program.int(0)
    program.count(count, (row) => {
      const value = program.int(integers.at(first.plus(row)))
      sortedIntegers.put(places.at(row), value.minus(before.and(against.at(keys.at(row)))))
      before.set(value)
    })
    return count
  })

  program.define('sample numbers', (first, count) => {
    bits.clear()
    lastNumbers.clear()
    const bitsOf = (value: ReturnType<typeof numbers.at>) => {
      const magnitude = program.double(value.absolute())
      const high = program.int(magnitude.times(program.float(1 / 4294967296)).toUnsigned())
      const low = program.constant(32).minus(magnitude.toUnsigned().leadingZeros())
      return program.int(high.isZero().choose(low, program.constant(64).minus(high.leadingZeros())))
    }
    eachSample(count, (row, key) => {
      const value = program.double(numbers.at(first.plus(row)))
      addBits(key, 0, bitsOf(value.minus(lastNumbers.at(key))))
      addBits(key, 1, bitsOf(value))
      addBits(key, 2, bitsOf(value.minus(numbers.at(first.plus(row).minus(1)))))
      lastNumbers.put(key, value)
    })
    return count
  })

  program.define('sort numbers', (first, count) => {
    program.count(count, (row) => sortedNumbers.put(places.at(row), numbers.at(first.plus(row))))
    return count
  })

  // whether all differences are exact
  program.define('sort numbers against the row before', (first, count) => {
    const before = program.double(program.float(0))
    const isExact = program.int(1)
    program.count(count, (row) => {
      const value = program.double(numbers.at(first.plus(row)))
      const residual = program.double(value.minus(before.times(factors.at(keys.at(row)))))
      isExact.set(isExact.and(residual.absolute().isBelow(program.float(MAGNITUDE_MAX))))
      sortedNumbers.put(places.at(row), residual)
      before.set(value)
    })
    return isExact
  })

  return {
    ...{ keys, places, against, sortedIntegers, sortedNumbers },
    begin: (running) => {
      const { run, view } = running
      const writer = beginColumns(running)
      const bytes = view(out)
      const startOf = view(starts)
      const masks = view(against)
      const factorOf = view(factors)
      const sums = view(bits)
      let rows = 0
      let present: number[] = []

      const putVarint = (value: number, at: number) => {
        let rest = value
        let end = at
        for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 0x80
        bytes[end++] = rest
        return end
      }

      const putGroups = (values: Table<'i32'> | Table<'f64'>, at: number): number => {
        let end = at
        for (const key of present) {
          const start = startOf[key]!
          const count = startOf[key + 1]! - start
          const from = end + HEAD_BYTES
          const to = isNumbers(values)
            ? writer.numbers(values, start, count, from)
            : writer.integers(values, start, count, from, columnHeads.i32)
          end = putVarint((to - from) * 2 + (masks[key]! & 1), end)
          bytes.copyWithin(end, from, to)
          end += to - from
        }
        return end
      }

      /** Takes the row before as predictor for keys that it predicts better than their own rows do; whether for any. */
      const choosePredictors = (): boolean => {
        let any = false
        for (const key of present) {
          const [ofGroup, ofValue, ofRow] = [sums[key]!, sums[key + KEYS]!, sums[key + 2 * KEYS]!]
          const isBetter = ofRow + LEAST_GAIN_BITS < Math.min(ofGroup, ofValue)
          masks[key] = isBetter ? -1 : 0
          factorOf[key] = isBetter ? 1 : 0
          any ||= isBetter
        }
        return any
      }

      return {
        out: bytes,
        starts: startOf,
        get count() {
          return rows
        },
        get present() {
          return present
        },
        group: (count) => {
          rows = count
          run('group rows', count)
          present = []
          for (let key = 0; key < KEYS; key++) if (startOf[key + 1]! > startOf[key]!) present.push(key)
        },
        keys: (at) => {
          if (rows === 0) {
            bytes[at] = columnHeads.u8 | columnModes.empty
            return at + 1
          }
          run('widen keys', rows)
          return writer.integers(sortedIntegers, 0, rows, at, columnHeads.u8)
        },
        column: (values, at) => {
          if (isNumbers(values)) {
            const first = values.address >> 3
            run('sample numbers', first, rows)
            if (!choosePredictors() || run('sort numbers against the row before', first, rows) === 0) {
              masks.fill(0)
              run('sort numbers', first, rows)
            }
            return putGroups(sortedNumbers, at)
          }
          const first = values.address >> 2
          run('sample integers', first, rows)
          run(choosePredictors() ? 'sort integers against the row before' : 'sort integers', first, rows)
          return putGroups(sortedIntegers, at)
        },
        sorted: (values, at) => {
          masks.fill(0)
          return putGroups(values, at)
        },
      }
    },
  }
}

const isNumbers = (table: Table<'i32'> | Table<'f64'>): table is Table<'f64'> => table.kind === 'f64'
