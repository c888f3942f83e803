/**
 * How grouped columns (groupedColumn.ts, which has the layout) are decoded, as functions of a program (program.ts), in the memory of what
 * encodes them (groupedEncoder.ts): bytes are copied in, and rows stand there.
 */
import { CodecError } from './codecError.ts'
import { defineColumnDecoder, SLACK_BYTES } from './columnDecoder.ts'
import { columnHeads, columnModes, VARINT_BYTES_MAX } from './columnEncoder.ts'
import type { GroupedEncoder, GroupedTables } from './groupedEncoder.ts'
import type { Program, RunningProgram, Table } from './program.ts'

/** A group's length beyond this is none. */
const HEAD_SCALE_MAX = 34359738368

export interface GroupedDecoder {
  /** Rows of a column of GroupedEncoder.column into `out`. These throw CodecError. */
  column(bytes: Uint8Array, out: Table<'i32'> | Table<'f64'>): void
  /** The same of GroupedEncoder.sorted: rows stay sorted by key. */
  sorted(bytes: Uint8Array, out: Table<'i32'> | Table<'f64'>): void
}

/** Adds what decodes columns to a program; rows are grouped by the encoder. */
export function defineGroupedDecoder(
  program: Program,
  tables: GroupedTables,
): (running: RunningProgram, encoder: GroupedEncoder) => GroupedDecoder {
  const { keys, places, against, sortedIntegers, sortedNumbers } = tables
  const input = program.table('u8', (keys.length + 512) * VARINT_BYTES_MAX + SLACK_BYTES)
  const beginColumns = defineColumnDecoder(program, input)
  const integers = program.memory('i32')
  const numbers = program.memory('f64')

  program.define('spread integers', (first, count) => {
    program.count(count, (row) => integers.put(first.plus(row), sortedIntegers.at(places.at(row))))
    return count
  })

  program.define('spread integers against the row before', (first, count) => {
    const before = program.int(0)
    program.count(count, (row) => {
      before.set(sortedIntegers.at(places.at(row)).plus(before.and(against.at(keys.at(row)))))
      integers.put(first.plus(row), before)
    })
    return count
  })

  program.define('spread numbers', (first, count) => {
    program.count(count, (row) => numbers.put(first.plus(row), sortedNumbers.at(places.at(row))))
    return count
  })

  program.define('spread numbers against the row before', (first, count) => {
    const before = program.double(program.float(0))
    program.count(count, (row) => {
      const from = program.double(against.at(keys.at(row)).choose(before, program.float(0)))
      before.set(sortedNumbers.at(places.at(row)).plus(from))
      numbers.put(first.plus(row), before)
    })
    return count
  })

  return (running, encoder) => {
    const { run, view } = running
    const reader = beginColumns(running)
    const taken = view(input)
    const masks = view(against)

    /** Fills rows sorted by key; whether any of them are told against the row before. */
    const decodeGroups = (bytes: Uint8Array, out: Table<'i32'> | Table<'f64'>): boolean => {
      // more bytes than the rows can take are found after the last group
      taken.set(bytes.subarray(0, taken.length))
      let position = 0
      let any = false
      for (const key of encoder.present) {
        let head = 0
        for (let scale = 1, more = true; more; scale *= 128) {
          const byte = bytes[position]
          if (byte === undefined) throw new CodecError('truncated', position, `the column ends at byte ${position}`)
          if (scale > HEAD_SCALE_MAX) throw new CodecError('bad-value', position, 'the length of a group is too large')
          head += (byte & 0x7f) * scale
          more = byte > 0x7f
          position++
        }
        const end = position + Math.floor(head / 2)
        if (end > bytes.length)
          throw new CodecError(
            'truncated',
            bytes.length,
            `a group of ${end - position} bytes begins at byte ${position}`,
          )
        if (end > taken.length - SLACK_BYTES)
          throw new CodecError('trailing-bytes', position, `a group of ${end - position} bytes is longer than its rows`)
        masks[key] = head & 1 ? -1 : 0
        any ||= (head & 1) === 1
        decodeGroup(
          position,
          end,
          out,
          encoder.starts[key] ?? 0,
          (encoder.starts[key + 1] ?? 0) - (encoder.starts[key] ?? 0),
        )
        position = end
      }
      if (position !== bytes.length)
        throw new CodecError('trailing-bytes', position, `the column goes on at byte ${position}, after its last group`)
      return any
    }

    const decodeGroup = (from: number, end: number, out: Table<'i32'> | Table<'f64'>, start: number, count: number) => {
      if (from === end) throw new CodecError('truncated', 0, 'a group is empty: its head byte is missing')
      const head = taken[from] ?? 0
      const mode = head & 15
      const kind = out.kind === 'f64' ? columnHeads.f64 : columnHeads.i32
      if ((head & ~15) !== kind || mode === columnModes.empty)
        throw new CodecError('bad-head', 0, `a group was not written from ${out.kind} rows (head byte ${head})`)
      if (out.kind === 'f64') reader.numbers(mode, out, start, count, from + 1, end)
      else reader.integers(mode, out, start, count, from + 1, end)
    }

    return {
      column: (bytes, out) => {
        const isWide = out.kind === 'f64'
        const any = decodeGroups(bytes, isWide ? sortedNumbers : sortedIntegers)
        const name = `spread ${isWide ? 'numbers' : 'integers'}${any ? ' against the row before' : ''}`
        run(name, out.address >> (isWide ? 3 : 2), encoder.count)
      },
      sorted: (bytes, out) => {
        if (decodeGroups(bytes, out))
          throw new CodecError('bad-value', 0, 'a group of a sorted column is told against the row before')
      },
    }
  }
}
