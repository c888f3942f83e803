/** How a comparison of runs (runs.compare) is written: counts in their units, ratios, values of fields, and the answer in a sentence. Pure. */
import type { CountRow, FieldValue } from '../../../electron/contract/comparison.ts'
import type { RunDetail } from '../../../electron/contract/contract.ts'
import { formatCount, formatDifference, formatDuration, formatPercent, formatRatio } from '../../format.ts'

/** Names of counts as people say them; what is not here keeps its own. */
const labels: Record<string, string> = {
  virtualSeconds: 'Virtual time',
  seconds: 'Wall time',
  references: 'References',
  faults: 'Faults',
  softFaults: 'Faults on resident pages',
  zeroFills: 'Zero fills',
  copyOnWriteFaults: 'Copies on write',
  swapins: 'Swapins',
  pagesIn: 'Pages swapped in',
  swapouts: 'Swapouts',
  pagesOut: 'Pages swapped out',
  vnodeins: 'File reads',
  vnodePagesIn: 'File pages in',
  vnodeouts: 'File writes',
  vnodePagesOut: 'File pages out',
  pagesPerRead: 'Pages in a file read',
  evictions: 'Evictions',
  deviceReads: 'Device reads',
  deviceWrites: 'Device writes',
  bytesRead: 'Bytes read',
  bytesWritten: 'Bytes written',
  bytesVerified: 'Bytes verified',
  transitWaits: 'Waits for a page on its way',
  memoryWaits: 'Waits for memory',
  stallNs: 'Time blocked on faults',
  stallSeconds: 'Time blocked on faults',
  peakSwapPages: 'Most swap in use',
  reactivations: 'Reactivations',
  daemonWakeups: "Page daemon's wakeups",
  events: 'Events',
}
export const labelOf = (name: string): string => labels[name] ?? name

/** What follows a count's label: its unit, where the label and the figure do not say it. */
export function unitText(name: string, unit: string): string {
  const isSaid = unit === '' || unit === 'ns' || labelOf(name).toLowerCase().startsWith(unit)
  return isSaid ? '' : `, ${unit}`
}

/** A count with what its unit wants; the unit itself stands in the row's head. */
export function amountText(value: number, unit: string): string {
  if (unit === 's') return value.toLocaleString('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 })
  if (unit === 'ns') return formatDuration(value)
  return Number.isInteger(value) ? formatCount(value) : value.toLocaleString('en-US', { maximumFractionDigits: 2 })
}

export function differenceText(value: number, unit: string): string {
  if ((unit === 'ns' || unit === 's') && value !== 0) return `${value > 0 ? '+' : '−'}${amountText(Math.abs(value), unit)}`
  return formatDifference(Number(value.toFixed(6)))
}

/** 1.5 -> "1.50×", 1 -> "same", "–" where there is nothing to divide by. */
export function ratioText(ratio: number | null): string {
  if (ratio === null) return '–'
  return ratio === 1 ? 'same' : formatRatio(ratio)
}

/** Rows in which some run has counted something; what a run took comes first, what it cost here last. */
export function counted(rows: readonly CountRow[]): CountRow[] {
  const order = ({ name }: CountRow): number => (name === 'virtualSeconds' ? -1 : name === 'seconds' || name === 'events' ? 1 : 0)
  return rows.filter(({ values }) => values.some((value) => value !== 0)).sort((a, b) => order(a) - order(b))
}

export function fieldText(value: FieldValue, isAbsent: boolean): string {
  if (isAbsent) return '–'
  if (value === null) return 'by formula'
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
  return value === '' ? 'empty' : String(value)
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
      const ratio = time > 0 ? run.totals.virtualSeconds / time : 1
      const times =
        ratio === 1
          ? 'takes the same virtual time as'
          : ratio >= 2
            ? `takes ${Number(ratio.toPrecision(3)).toLocaleString('en-US')} times the virtual time of`
            : `takes ${formatPercent(Math.abs(ratio - 1))} ${ratio > 1 ? 'more' : 'less'} virtual time than`
      const faults = run.totals.faults - base.totals.faults
      const more = faults === 0 ? 'with as many faults' : `with ${formatCount(Math.abs(faults))} ${faults > 0 ? 'more' : 'fewer'} faults`
      return `Run ${run.id} ${times} run ${base.id}, ${more}.`
    })
    .join(' ')
}

/** A, B, C: what a run is called in a comparison. */
export const letterOf = (i: number): string => String.fromCharCode(65 + i)
