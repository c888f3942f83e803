/** What a comparison of runs shows, computed from their details: differing fields, totals with ratios, and a sentence. Pure. */
import type { RunDetail, Totals } from '../../electron/contract/contract.ts'
import { formatCount, formatPercent, formatRatio } from '../format.ts'

export interface DifferingField {
  field: string
  /** The value in each run, as text; '–' where a run lacks the field. */
  values: string[]
}

function flatten(value: unknown, path: string, into: Map<string, string>): void {
  if (value === null) into.set(path, 'by formula')
  else if (typeof value === 'number') into.set(path, value.toLocaleString('en-US', { maximumFractionDigits: 6 }))
  else if (typeof value !== 'object') into.set(path, typeof value === 'string' ? value : JSON.stringify(value))
  if (value === null || typeof value !== 'object') return
  for (const [key, inner] of Object.entries(value)) flatten(inner, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`, into)
}

/** Fields of the experiments that are not the same in all runs, in the order in which they are first met. */
export function differingFields(files: readonly unknown[]): DifferingField[] {
  const flat = files.map((file) => {
    const fields = new Map<string, string>()
    flatten(file, '', fields)
    return fields
  })
  const names = [...new Set(flat.flatMap((fields) => [...fields.keys()]))].filter((name) => name !== 'name' && name !== '$schema')
  return names
    .map((field) => ({ field, values: flat.map((fields) => fields.get(field) ?? '–') }))
    .filter(({ values }) => values.some((value) => value !== values[0]))
}

export const comparedTotals = [
  { key: 'virtualSeconds', label: 'Virtual time', unit: 's' },
  { key: 'references', label: 'References', unit: '' },
  { key: 'faults', label: 'Faults', unit: '' },
  { key: 'softFaults', label: 'Faults on resident pages', unit: '' },
  { key: 'zeroFills', label: 'Zero fills', unit: 'pages' },
  { key: 'swapins', label: 'Swapins', unit: 'requests' },
  { key: 'pagesIn', label: 'Pages swapped in', unit: 'pages' },
  { key: 'swapouts', label: 'Swapouts', unit: 'requests' },
  { key: 'pagesOut', label: 'Pages swapped out', unit: 'pages' },
  { key: 'vnodeins', label: 'File reads', unit: 'requests' },
  { key: 'vnodePagesIn', label: 'File pages in', unit: 'pages' },
  { key: 'vnodePagesOut', label: 'File pages out', unit: 'pages' },
  { key: 'evictions', label: 'Evictions', unit: 'pages' },
  { key: 'bytesRead', label: 'Bytes read', unit: 'bytes' },
  { key: 'bytesWritten', label: 'Bytes written', unit: 'bytes' },
] as const satisfies readonly { key: keyof Totals; label: string; unit: string }[]

/** b as a multiple of a: "1.55×", "same", or "–" where there is nothing to divide by. */
export function ratioText(a: number, b: number): string {
  if (a === b) return 'same'
  return a === 0 ? '–' : formatRatio(b / a)
}

type Compared = Pick<RunDetail, 'id' | 'name' | 'totals'>

/** The answer in a sentence: which run takes less virtual time, and how its faults stand to the other's. */
export function answerOf(runs: readonly Compared[]): string {
  const [base, ...others] = runs
  if (!base || others.length === 0) return ''
  const digest = base.totals.traceDigest
  if (digest !== '' && others.every((run) => run.totals.traceDigest === digest)) return `${runs.length === 2 ? 'Both' : `All ${runs.length}`} runs made the same trace, event by event.`
  return others
    .map((run) => {
      const time = base.totals.virtualSeconds
      const change = time > 0 ? run.totals.virtualSeconds / time - 1 : 0
      const times = change === 0 ? 'takes the same virtual time as' : `takes ${formatPercent(Math.abs(change))} ${change > 0 ? 'more' : 'less'} virtual time than`
      const faults = run.totals.faults - base.totals.faults
      const more = faults === 0 ? 'with as many faults' : `with ${formatCount(Math.abs(faults))} ${faults > 0 ? 'more' : 'fewer'} faults`
      return `Run ${run.id} ${times} run ${base.id}, ${more}.`
    })
    .join(' ')
}
