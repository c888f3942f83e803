/** What a report is made from: one typed value, built from the store, that every format takes. */
import { machineMetricNames, metricNames } from '../samples.ts'
import type { SampleTable } from '../samples.ts'
import type { TraceStore } from '../traceStore.ts'
import type { RunDetail } from '../types.ts'
import type { ReportSection } from './content.ts'

export interface ReportRun {
  /** A, B, C ... in the order of the report. */
  letter: string
  detail: RunDetail
  /** Where its workloads come from, each once; of those that are still in the workspace. */
  workloadSources: string[]
  /** All metrics over the whole run in at most some hundred rows: what charts draw. */
  chart: SampleTable
  /** All metrics over the whole run, as finely as 4096 rows allow: what tables and data formats give. */
  samples: SampleTable
}

export interface ReportInput {
  title: string
  /** UTC, ISO 8601. */
  generatedAt: string
  runs: ReportRun[]
  /** Those that the report has; all unless told. */
  sections?: readonly ReportSection[]
}

export interface ReportOptions {
  title?: string
  generatedAt?: string
  sections?: readonly ReportSection[] | undefined
  /** Most rows of the data; 4096 unless told. */
  dataRows?: number
}

const CHART_ROWS = 480

/** Throws StoreError `not-found` for a run that is not there. */
export function buildReportInput(
  store: TraceStore,
  runIds: readonly number[],
  options: ReportOptions = {},
): ReportInput {
  const sources = new Map(store.workloads.list().map(({ id, source }) => [id, source]))
  const runs = runIds.map((id, number) => {
    const detail = store.runs.detail(id)
    const columns = [...machineMetricNames, ...deviceColumns(detail.devices.length)]
    const whole = { fromNs: 0, toNs: Number.MAX_SAFE_INTEGER, columns }
    return {
      letter: String.fromCharCode(65 + (number % 26)),
      detail,
      workloadSources: [...new Set(detail.workloadIds.flatMap((workload) => sources.get(workload ?? -1) ?? []))],
      chart: store.samples.query(id, { ...whole, buckets: CHART_ROWS }),
      samples: store.samples.query(id, { ...whole, buckets: options.dataRows ?? 4096 }),
    }
  })
  return {
    title: options.title ?? runs.map((run) => run.detail.name).join(' against '),
    generatedAt: options.generatedAt ?? new Date().toISOString(),
    runs,
    ...(options.sections ? { sections: options.sections } : {}),
  }
}

function deviceColumns(devices: number): string[] {
  return metricNames.filter((name) => {
    const device = /^device(\d+)\./.exec(name)
    return device !== null && Number(device[1]) < devices
  })
}
