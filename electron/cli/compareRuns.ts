/** Shows recorded runs next to each other: configurations, totals, and where their traces part. */
import type { Comparison, CountRow, Divergence, FieldValue } from '../contract/comparison.ts'
import { ContractError } from '../contract/contract.ts'
import { runNumber, withReader } from './client.ts'
import { print, printJson, UsageError } from './command.ts'
import { requireWorkspace } from './requireWorkspace.ts'
import { compareRuns as compared } from '../service/comparison.ts'
import { bytes, count, seconds, table } from './terminal.ts'

/** Answers the exit status: 0 whatever differs. Throws what is wrong with the input. */
export function compareRuns(runs: readonly string[], options: { workspace: string; json: boolean }): number {
  const ids = runs.map(runNumber)
  if (ids.length < 2) throw new UsageError('two runs or more, or --pagers and an experiment; see --help')
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw new UsageError(`run ${twice} is named twice`)
  requireWorkspace(options.workspace)
  const comparison = withReader(options.workspace, ({ store }) => {
    const known = new Set(store.runs.list().map(({ id }) => id))
    for (const id of ids)
      if (!known.has(id))
        throw new ContractError({
          code: 'not-found',
          message: `there is no run ${id}; "pager runs" lists them`,
          field: 'run',
        })
    return compared(store, ids)
  })
  if (options.json) printJson(comparison)
  else print(comparisonText(comparison))
  return 0
}

function comparisonText({ runs, configuration, totals, neutral, divergences }: Comparison): string {
  const heads = runs.map(({ run }) => `run ${run}`)
  const lines = runs.map(({ run, name, status }) => `run ${run}: ${name}, ${status}`)
  lines.push('')
  if (configuration.length === 0) lines.push('Their configurations are the same.')
  else
    lines.push(
      table(
        ['what differs', ...heads],
        configuration.map(({ field, values, absent }) => [
          field,
          ...values.map((value, i) => (absent.includes(i) ? '-' : valueText(value))),
        ]),
      ),
    )
  lines.push('', countTable('totals', heads, totals))
  if (neutral.length > 0) {
    lines.push('', countTable('files, the same counts for every kernel', heads, neutral))
    for (const { run, pager, ownCounters } of runs) {
      const own = Object.entries(ownCounters).map(([name, value]) => `${name} ${count(value)}`)
      if (pager !== null) lines.push(`run ${run}: ${pager}'s own counters: ${own.join(', ') || 'none were kept'}`)
    }
  }
  lines.push('', ...divergences.flatMap(({ run, against, divergence }) => divergenceText(divergence, against, run)))
  return lines.join('\n')
}

function valueText(value: FieldValue): string {
  if (value === null) return 'by formula'
  return value === '' ? '(empty)' : String(value)
}

/** Value and ratio of each run; counts that are 0 in all are left out. */
function countTable(title: string, heads: readonly string[], rows: readonly CountRow[]): string {
  const header = heads.flatMap((head, i) => (i === 0 ? [`${head}#`] : [`${head}#`, 'difference#', 'ratio#']))
  const shown = rows.filter(({ values }) => values.some((value) => value !== 0))
  return table(
    [title, ...header],
    shown.map(({ name, unit, values, differences, ratios }) => [
      name,
      ...values.flatMap((value, i) => {
        const difference = differences[i] ?? 0
        const cell = amount(value, unit)
        return i === 0
          ? [cell]
          : [
              cell,
              difference === 0 ? 'same' : `${difference > 0 ? '+' : '-'}${amount(Math.abs(difference), unit)}`,
              ratioText(ratios[i] ?? null),
            ]
      }),
    ]),
  )
}

function amount(value: number, unit: string): string {
  if (unit === 's') return seconds(value)
  if (unit === 'ns') return seconds(value / 1e9)
  if (unit === 'bytes') return bytes(value)
  return Number.isInteger(value) ? count(value) : value.toFixed(2)
}

const ratioText = (ratio: number | null) => (ratio === null ? '' : ratio.toFixed(3))

function divergenceText(divergence: Divergence, against: number, run: number): string[] {
  if (divergence.outcome === 'not-comparable')
    return [`The traces of runs ${against} and ${run} cannot be compared: ${divergence.reason}.`]
  if (divergence.outcome === 'same')
    return [`Runs ${against} and ${run} made the same trace, ${count(divergence.events)} events.`]
  const { event, timeNs, fields, first, second } = divergence
  const how = first && second ? ` (${fields.join(', ')})` : ''
  return [
    `The traces of runs ${against} and ${run} part at event ${count(event)}, ${count(timeNs)} ns${how}:`,
    ...[first, second].map(
      (each, i) => `  run ${i === 0 ? against : run}: ${each ? `${count(each.timeNs)} ns, ${each.text}` : 'has ended'}`,
    ),
  ]
}
