/** Compares recorded runs: what differs in their configurations, totals with ratios, and where their traces part. */
import { firstDivergence } from '../../db/divergence.ts'
import { isObject, memberAt, textAt } from '../../db/json.ts'
import type { TraceStore } from '../../db/traceStore.ts'
import { totalNumbers, type RunDetail, type TotalNumber } from '../../db/types.ts'
import { counterDefinitions, type CounterName } from '../../engine/sim/metrics.ts'
import type { Comparison, CountRow, FieldValue } from '../contract/comparison.ts'
import { ContractError } from '../contract/contract.ts'

/** Throws StoreError `not-found`, ContractError `too-few`. */
export function compareRuns(store: TraceStore, ids: readonly number[]): Comparison {
  const [first, ...others] = ids
  if (first === undefined || others.length === 0)
    throw new ContractError({ code: 'too-few', message: 'two runs or more are compared', field: 'ids' })
  const runs = ids.map((id) => store.runs.detail(id))
  const pagers = runs.map(pagerOf)
  return {
    runs: runs.map((run, i) => ({
      run: run.id,
      name: run.name,
      status: run.status,
      traceDigest: run.totals.traceDigest,
      replayOf: run.replayOf,
      pager: pagers[i] ?? null,
      ownCounters: pagers[i] == null ? {} : ownCounters(store.runs.kernelView(run.id)),
    })),
    configuration: configurationDifferences(runs),
    totals: totalNumbers.map((name) =>
      countRow(
        definitionOf(name),
        runs.map((run) => run.totals[name]),
      ),
    ),
    neutral: pagers.some((pager) => pager !== null) ? neutralCounts(store, runs) : [],
    divergences: others.map((run) => ({ run, against: first, divergence: firstDivergence(store, first, run) })),
  }
}

// ---- configuration

/** Texts that name a run and say nothing about it. */
const labels = new Set(['name', '$schema'])

/** Leaves of the experiments that are not the same in all, and what else a run was made from. */
function configurationDifferences(runs: readonly RunDetail[]): Comparison['configuration'] {
  const flat = runs.map((run) => {
    const fields = new Map<string, FieldValue>()
    flatten(run.file, '', fields)
    for (const name of labels) fields.delete(name)
    fields.set('engineVersion', run.engineVersion)
    fields.set(
      'variant',
      run.variant === undefined ? 'none' : `${run.variant.name} (${run.variant.digest.slice(0, 12)})`,
    )
    fields.set('frames of the machine', run.frames)
    fields.set('workloads', run.workloadNames.join(', '))
    run.devices.forEach(({ baseDigest, pages }, device) => {
      fields.set(`device ${device}, pages`, pages)
      fields.set(`device ${device}, digest of its image`, baseDigest)
    })
    if (run.fileImage) fields.set('digest of the file image', run.fileImage.baseDigest)
    // what the file foresaw is among its fields; this is what was done, foreseen or not
    fields.set(
      'done to the running machine',
      run.interventions.map(({ action, at }) => `${action} at ${at}`).join(', ') || 'nothing',
    )
    return fields
  })
  const names = new Set(flat.flatMap((fields) => [...fields.keys()]))
  return [...names].flatMap((field) => {
    const absent = flat.flatMap((fields, i) => (fields.has(field) ? [] : [i]))
    const values = flat.map((fields) => fields.get(field) ?? null)
    const isSame = absent.length === 0 && values.every((value) => value === values[0])
    return isSame ? [] : [{ field, values, absent }]
  })
}

function flatten(value: unknown, path: string, into: Map<string, FieldValue>): void {
  if (Array.isArray(value)) value.forEach((member, i) => flatten(member, `${path}[${i}]`, into))
  else if (isObject(value))
    for (const [name, member] of Object.entries(value)) flatten(member, path === '' ? name : `${path}.${name}`, into)
  else if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean')
    into.set(path, value)
}

// ---- counts

type Definition = Pick<CountRow, 'name' | 'unit' | 'meaning'>

function definitionOf(name: TotalNumber): Definition {
  if (name === 'virtualSeconds')
    return { name, unit: 's', meaning: 'Virtual time from the first reference to the end.' }
  if (name === 'seconds') return { name, unit: 's', meaning: 'Wall time that the run took here.' }
  if (name === 'events') return { name, unit: 'events', meaning: 'Events of the trace.' }
  return counterNamed(name)
}

function counterNamed(name: CounterName): Definition {
  const { unit, meaning } = counterDefinitions.find((each) => each.name === name) ?? { unit: '', meaning: '' }
  return { name, unit, meaning }
}

function countRow(definition: Definition, values: number[]): CountRow {
  const [base = 0] = values
  return {
    ...definition,
    values,
    differences: values.map((value) => value - base),
    ratios: values.map((value) => (base === 0 ? null : value / base)),
  }
}

// ---- vnode pagers

function pagerOf({ file }: RunDetail): string | null {
  const pager = textAt(file, 'files.pager')
  return pager === '' ? null : pager
}

const neutralCounters = [
  'faults',
  'softFaults',
  'vnodeins',
  'vnodePagesIn',
  'vnodeouts',
  'vnodePagesOut',
  'deviceReads',
  'deviceWrites',
  'bytesRead',
  'bytesWritten',
  'evictions',
  'transitWaits',
  'memoryWaits',
  'stallNs',
] as const satisfies readonly CounterName[]

/** The pagers' kernels count differently, and not all of these; the machine counts them itself, at the devices. */
function neutralCounts(store: TraceStore, runs: readonly RunDetail[]): CountRow[] {
  const sums = runs.map((run) => {
    const { columns } = store.samples.query(run.id, {
      fromNs: 0,
      toNs: run.endTimeNs + run.bucketNs,
      buckets: 1,
      columns: neutralCounters,
    })
    return new Map(columns.map(({ name, sum }) => [name, sum.reduce((total, value) => total + value, 0)]))
  })
  const rows = neutralCounters.map((name) =>
    countRow(
      counterNamed(name),
      sums.map((sum) => sum.get(name) ?? 0),
    ),
  )
  const pagesARead = sums.map((sum) => {
    const requests = sum.get('vnodeins') ?? 0
    return requests === 0 ? 0 : (sum.get('vnodePagesIn') ?? 0) / requests
  })
  const definition = { name: 'pagesPerRead', unit: 'pages', meaning: 'File pages that one read brought, in the mean.' }
  return [...rows, countRow(definition, pagesARead)]
}

/** Those of a run's kernel values that begin with a vnode pager's names; none where the run kept no values. */
export function ownCounters(view: unknown): Record<string, number> {
  const values = memberAt(view, 'values')
  const own = Object.entries(isObject(values) ? values : {}).flatMap(([name, value]): [string, number][] =>
    typeof value === 'number' && /^(uvmexp\.|vm\.v_vnode|vm\.stats\.vm\.v_vnode)/.test(name) ? [[name, value]] : [],
  )
  // under another kernel FreeBSD's names are the machine's counts from the device's side
  const foreign = own.filter(([name]) => !name.startsWith('vm.stats.'))
  return Object.fromEntries(foreign.length > 0 ? foreign : own)
}
