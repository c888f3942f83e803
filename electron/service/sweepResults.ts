/**
 * What has come of a sweep: its runs in the workspace, found by their tags, in the order of the grid.
 *
 * A cell's key is a digest of all that decides its run: experiment, engine, workloads, images with files, variant. A run with the
 * sweep's tag and the cell's key that has ended by itself is that cell's result, whoever made it and when.
 */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import type { TraceStore } from '../../db/traceStore.ts'
import type { RunInfo } from '../../db/types.ts'
import { ContractError } from '../contract/contract.ts'
import type { ExperimentFile } from '../contract/experiment.ts'
import { isRecord } from '../contract/fieldPath.ts'
import { expandSweep, type SweepCell, type SweepFile, type SweepResult } from '../contract/sweep.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { imagePath } from './images.ts'
import { measureDefinitions, measuresOf } from './measures.ts'
import { meanInterval } from './statistics.ts'
import { variantDigest } from './variants.ts'
import { engineVersion } from './version.ts'

export const sweepTag = (name: string) => `sweep ${name}`
export const keyTag = (key: string) => `key ${key}`

/** Statuses of runs that would end the same way again. */
const settled = new Set(['finished', 'kernel-panic', 'livelock'])
export const isSettled = (status: string): boolean => settled.has(status)

/** Throws ContractError `bad-sweep` with the first field at fault. */
export function cellsOf(file: unknown): { sweep: SweepFile; cells: SweepCell[] } {
  const { sweep, cells, issues } = expandSweep(file)
  if (sweep) return { sweep, cells }
  const [{ field, message }] = issues
  throw new ContractError({ code: 'bad-sweep', message: `${field}: ${message}`, field })
}

/** `workspace` is the folder that relative paths start from. Throws ContractError `bad-sweep`. */
export function sweepResult(store: TraceStore, workspace: string, file: unknown): SweepResult {
  const { sweep, cells } = cellsOf(file)
  const byKey = new Map<string, RunInfo>()
  for (const run of store.runs.withTag(sweepTag(sweep.name))) {
    const key = run.tags.find((tag) => tag.startsWith(keyTag('')))
    const known = key === undefined ? undefined : byKey.get(key)
    // a run that has ended counts more than one that was cut off later
    if (key !== undefined && !(known && isSettled(known.status) && !isSettled(run.status))) byKey.set(key, run)
  }
  const results = cells.map((cell): SweepResult['cells'][number] => {
    const { index, point } = cell
    const key = cellKey(store, workspace, cell)
    const run = byKey.get(keyTag(key))
    if (!run) return { index, point, key, run: null, status: 'missing', problem: null, measures: null }
    const measures = isSettled(run.status) ? measuresOf(store, run.id, sweep.warmup) : null
    return { index, point, key, run: run.id, status: run.status, problem: run.problem, measures }
  })
  const fields = Object.entries(sweep.vary).map(([field, values]) => ({ field, values }))
  return {
    name: sweep.name,
    warmup: sweep.warmup,
    fields,
    measures: [...measureDefinitions],
    cells: results,
    groups: groupsOf(fields, results),
  }
}

/** Runs that differ in their seed only, as one; none where seeds are not varied. */
function groupsOf(fields: SweepResult['fields'], cells: SweepResult['cells']): SweepResult['groups'] {
  const isSeed = fields.map(({ field }) => field === 'seed' || field.endsWith('.seed'))
  if (!fields.some(({ values }, i) => isSeed[i] && values.length > 1)) return []
  const groups = new Map<string, SweepResult['cells']>()
  for (const cell of cells) {
    const point = cell.point.filter((_, i) => !isSeed[i])
    const name = JSON.stringify(point)
    groups.set(name, [...(groups.get(name) ?? []), cell])
  }
  return [...groups.values()].map((members) => {
    const measured = members.flatMap(({ measures }) => (measures ? [measures] : []))
    const means = measureDefinitions.map(
      ({ name }) => [name, meanInterval(measured.map((measures) => measures[name] ?? NaN))] as const,
    )
    const point = members[0]?.point.filter((_, i) => !isSeed[i]) ?? []
    return { point, count: measured.length, measures: measured.length === 0 ? {} : Object.fromEntries(means) }
  })
}

/** 32 hexadecimal digits. */
function cellKey(store: TraceStore, workspace: string, { file, variant }: SweepCell): string {
  const inputs = {
    engine: engineVersion,
    variant: variant === '' ? '' : orWhy(() => variantDigest(variant)),
    workloads: file.processes.map(({ workload }) => {
      if ('name' in workload) return store.workloads.find(workload.name)?.id ?? 'missing'
      return 'file' in workload ? fileState(workload.file) : ''
    }),
    image: file.files?.image == null ? '' : fileState(imagePath(workspace, store.images.list(), file.files.image)),
    experiment: { ...file, name: '', $schema: '' } satisfies ExperimentFile,
  }
  return createHash('sha256').update(canonical(inputs)).digest('hex').slice(0, 32)
}

/** Changes when the file does, without reading it. */
function fileState(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${path} ${stat.size} ${stat.mtimeMs}` : 'missing'
}

function orWhy(body: () => string): string {
  try {
    return body()
  } catch (error) {
    return errorShape(error).code
  }
}

/** JSON with the members of objects in the order of their names. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    isRecord(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member,
  )
}
