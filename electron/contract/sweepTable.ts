/** A sweep's results as CSV: one line a run, in the order of the grid. */
import type { SweepResult } from './sweep.ts'

export function sweepCsv({ fields, measures, cells }: SweepResult): string {
  const head = ['cell', ...fields.map(({ field }) => field), 'run', 'status', ...measures.map(({ name }) => name)]
  const rows = cells.map(({ index, point, run, status, measures: measured }) => [
    index,
    ...point.map((value) => (typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value))),
    run ?? '',
    status,
    ...measures.map(({ name }) => measured?.[name] ?? ''),
  ])
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('')
}

function quoted(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
