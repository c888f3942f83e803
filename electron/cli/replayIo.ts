/** pager replay RUN --io IMAGE: the device I/O of a run on a file of this host, and what is printed of it. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { openWorkspace } from '../../db/workspace.ts'
import { openScratch, planIo, replayIo, requestKinds, type IoReplayed } from '../service/ioReplay.ts'
import type { LatencySummary } from '../service/latencies.ts'
import { print, printJson, UsageError, wholeNumber, workspaceOf } from './command.ts'
import { bytes, count, ProgressLine, seconds, table } from './terminal.ts'

export const ioOptions = {
  io: { type: 'string' },
  speed: { type: 'string' },
  limit: { type: 'string' },
  cached: { type: 'boolean' },
  keep: { type: 'boolean' },
  force: { type: 'boolean' },
} as const

export interface IoArguments {
  workspace?: string | undefined
  json?: boolean | undefined
  speed?: string | undefined
  limit?: string | undefined
  cached?: boolean | undefined
  keep?: boolean | undefined
  force?: boolean | undefined
}

export async function replayIoOf(run: number, image: string, values: IoArguments): Promise<number> {
  const { speed = 'full', cached = false, keep = false, force = false } = values
  if (speed !== 'full' && speed !== 'recorded') throw new UsageError(`--speed: "${speed}" is neither full nor recorded`)
  if (image === '') throw new UsageError('--io: which file is the image to be?')
  const folder = path.dirname(path.resolve(image))
  if (!existsSync(folder)) throw new UsageError(`--io: ${image}: there is no folder ${folder} to make it in`)
  const limit = values.limit === undefined ? 0 : wholeNumber(values.limit, '--limit', 1)
  const workspace = openWorkspace(workspaceOf(values.workspace), { readOnly: true })
  const line = new ProgressLine()
  const abort = new AbortController()
  const onSignal = () => abort.abort()
  try {
    const plan = planIo(workspace.store, workspace.store.runs.detail(run), limit)
    const total = plan.requests.count
    const scratch = openScratch(image, plan, { exists: existsSync(image), force, keep, cached })
    process.once('SIGINT', onSignal)
    process.once('SIGTERM', onSignal)
    try {
      const done = await replayIo(plan, scratch.file, {
        speed,
        signal: abort.signal,
        onProgress: (begun) => line.show(`${count(begun)} of ${count(total)} requests`, begun / total),
      })
      line.clear()
      if (values.json) printJson(jsonOf(run, path.resolve(image), speed, total, done))
      else print(textOf(run, image, speed, total, done))
      return done.requests === total ? 0 : 1
    } finally {
      scratch.close()
    }
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    line.clear()
    workspace.close()
  }
}

function jsonOf(run: number, image: string, speed: string, requested: number, done: IoReplayed) {
  const { byKind, ...totals } = done
  const kinds = [...byKind].flatMap(([kind, { pages, measured, modelled }]) => {
    if (measured.count === 0) return []
    const [have, want] = [measured.histogram(), modelled.histogram()]
    return {
      ...{ kind, requests: measured.count, pages, measured: measured.summary(), modelled: modelled.summary() },
      histogram: Array.from({ length: Math.max(have.length, want.length) }, (_, i) => ({
        ...{ fromNs: i === 0 ? 0 : 2 ** i, measured: have[i] ?? 0, modelled: want[i] ?? 0 },
      })),
    }
  })
  return { run, image, speed, requested, ...totals, kinds }
}

function textOf(run: number, image: string, speed: string, requested: number, done: IoReplayed): string {
  const shares =
    speed === 'full' ? 'one after the other' : `late ${count(done.late)}, at most by ${latency(done.latestNs)}`
  const used = [...done.byKind].filter(([, { measured }]) => measured.count > 0)
  const rows = used.flatMap(([kind, { pages, measured, modelled }]) => [
    [kind, 'measured', count(measured.count), count(pages), ...cells(measured.summary())],
    ['', 'modelled', '', '', ...cells(modelled.summary())],
  ])
  return [
    `the device I/O of run ${run} on ${image}, ${speed} speed: ${count(done.requests)} of ${count(requested)} requests (${shares})`,
    `  ${bytes(done.bytesRead)} read, ${bytes(done.bytesWritten)} written in ${seconds(done.seconds)}, then ${seconds(done.syncSeconds)} to the medium; ` +
      `${seconds(done.virtualSeconds)} of the run's clock`,
    '',
    table(['kind', '', 'requests#', 'pages#', 'mean#', 'half within#', '90 %#', '99 %#', 'longest#'], rows),
    ...used.flatMap(([kind, { measured, modelled }]) => [
      '',
      histogramText(kind, measured.histogram(), modelled.histogram()),
    ]),
  ].join('\n')
}

const cells = ({ meanNs, p50Ns, p90Ns, p99Ns, maxNs }: LatencySummary) =>
  [meanNs, p50Ns, p90Ns, p99Ns, maxNs].map(latency)

const BAR_WIDTH = 30

function histogramText(kind: (typeof requestKinds)[number], measured: number[], modelled: number[]): string {
  const last = Math.max(measured.length, modelled.length) - 1
  const first =
    Array.from({ length: last + 1 }, (_, i) => i).find((i) => (measured[i] ?? 0) + (modelled[i] ?? 0) > 0) ?? 0
  const most = Math.max(...measured, ...modelled)
  const bar = (value: number) => '#'.repeat(value === 0 ? 0 : Math.max(1, Math.round((value / most) * BAR_WIDTH)))
  return table(
    [`${kind} from#`, 'measured#', 'modelled#', 'measured, modelled'],
    Array.from({ length: last - first + 1 }, (_, i) => {
      const [have, want] = [measured[first + i] ?? 0, modelled[first + i] ?? 0]
      return [
        latency(first + i === 0 ? 0 : 2 ** (first + i)),
        count(have),
        count(want),
        `${bar(have).padEnd(BAR_WIDTH)} ${bar(want)}`,
      ]
    }),
  )
}

function latency(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`
  if (ns < 1e6) return `${(ns / 1000).toPrecision(3)} µs`
  return ns < 1e9 ? `${(ns / 1e6).toPrecision(3)} ms` : `${(ns / 1e9).toPrecision(3)} s`
}
