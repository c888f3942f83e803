/** Samples as CSV: a row per stretch of virtual time, growth of counters and means of gauges. */
import { sampleColumnNames, SAMPLE_WIDTH } from '../../engine/sim/metrics.ts'
import type { SampleTable } from '../samples.ts'
import type { ReportInput } from './input.ts'

/**
 * The samples of a report's runs. Columns: run (only with several), begin_ns, length_ns, then each metric: a counter's growth
 * in the row, a gauge's mean over it.
 */
export function reportCsv(input: ReportInput): string {
  const several = input.runs.length > 1
  const widest = input.runs.reduce<readonly string[]>((names, run) => {
    const own = run.samples.columns.map((column) => column.name)
    return own.length > names.length ? own : names
  }, [])
  let text = `${several ? 'run,' : ''}begin_ns,length_ns,${widest.join(',')}\n`
  for (const { detail, samples } of input.runs) {
    const columns = widest.map((name) => samples.columns.find((column) => column.name === name))
    for (let row = 0; row < samples.rows; row++) {
      text += `${several ? `${detail.id},` : ''}${samples.begin[row]},${samples.length[row]}`
      for (const column of columns) text += `,${column ? valueOf(samples, column, row) : ''}`
      text += '\n'
    }
  }
  return text
}

/**
 * All recorded sample rows of one run (SampleTableStore.rows), as finely as they were taken, in pieces of many lines. Buckets
 * in which nothing happened have no row.
 */
export function* samplesAsCsv(pieces: Iterable<{ rows: Float64Array; count: number }>): Generator<string> {
  yield `${sampleColumnNames().join(',')}\n`
  for (const { rows, count } of pieces) {
    let text = ''
    for (let row = 0; row < count; row++)
      text += `${rows.subarray(row * SAMPLE_WIDTH, (row + 1) * SAMPLE_WIDTH).join(',')}\n`
    yield text
  }
}

function valueOf(table: SampleTable, column: SampleTable['columns'][number], row: number): string {
  if (!column.gauge) return String(column.sum[row])
  const mean = (column.sum[row]! * table.bucketNs) / table.length[row]!
  return String(Number(mean.toPrecision(9)))
}
