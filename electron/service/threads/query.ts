/** The query thread: answers lists, charts and windows of events from a read-only connection. It can be ended at any time. */
import { statSync } from 'node:fs'
import path from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { eventRows } from '../../../db/events.ts'
import { eventTileRows } from '../../../db/eventTiles.ts'
import {
  buildReportInput,
  figuresOf,
  findReportFormat,
  standaloneCsv,
  standaloneSvg,
} from '../../../db/report/index.ts'
import { sampleTiles } from '../../../db/samples.ts'
import { TraceStore } from '../../../db/traceStore.ts'
import { ContractError } from '../../contract/contract.ts'
import { encodeTable } from '../../contract/dataPlane.ts'
import { compareRuns } from '../comparison.ts'
import { sweepResult } from '../sweepResults.ts'
import type { QueryCalls, QueryData } from '../protocol.ts'
import { serveCalls } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')
// what the service has passed
const { database } = workerData as QueryData
const store = TraceStore.open(database, { readOnly: true })

serveCalls<QueryCalls>(parentPort, {
  workloads: () => store.workloads.list(),
  workload: (id) => store.workloads.get(id),
  recording: (id) => store.workloads.recording(id),
  experiments: () => store.experiments.list(),
  experiment: (id) => store.experiments.get(id),
  runs: () => store.runs.list(),
  run: (id) => store.runs.detail(id),
  runInfo: (id) => store.runs.get(id),
  messages: (id) => store.runs.messages(id),
  objects: (id) => store.objects.list(id),
  compare: (ids) => compareRuns(store, ids),
  sweeps: () => store.sweeps.list(),
  sweep: (id) => store.sweeps.get(id),
  sweepResult: (file) => sweepResult(store, path.dirname(database), file),
  samples: ({ id, extremes, ...query }) => encodeTable(sampleTiles(store.samples.query(id, query), extremes)),
  events: ({ id, ...query }) => encodeTable(eventRows(store.events.query(id, query))),
  eventCount: ({ id, ...filter }) => ({ count: store.events.count(id, filter) }),
  eventTiles: ({ id, ...range }) => encodeTable(eventTileRows(store.events.tiles(id, range))),
  neighbour: ({ id, ...from }) => store.events.neighbour(id, from),
  pageChunks: ({ id, ...page }) => store.events.pageChunks(id, page),
  pageRows: ({ id, ...page }, chunk) => encodeTable(eventRows(store.events.pageRows(id, page, chunk))),
  reports: () => store.reports.list(),
  report: (id) => store.reports.get(id),
  renderReport: (runs, format, name, sections) => {
    const found = findReportFormat(format)
    if (!found)
      throw new ContractError({ code: 'bad-params', message: `there is no report format "${format}"`, field: 'format' })
    return {
      mediaType: found.mediaType,
      content: found.render(buildReportInput(store, runs, { ...(name === '' ? {} : { title: name }), sections })),
    }
  },
  reportFigures: (runs) => {
    const input = buildReportInput(store, runs)
    return figuresOf(input.runs).map((figure) => ({
      id: figure.id,
      title: figure.chart.title,
      caption: figure.caption,
      svg: standaloneSvg(figure, input),
      csv: standaloneCsv(figure, input),
    }))
  },
  addedImages: () => store.images.list().map(({ name, path }) => ({ name, path })),
  storage: () => ({
    bytes: workspaceBytes(),
    unusedBytes: store.unusedBytes,
    runBytes: store.runs.list().reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    workloadBytes: store.workloads.list().reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    limits: store.retention.get(),
  }),
  workspaceBytes,
  isEmpty: () =>
    store.workloads.list().length === 0 && store.experiments.list().length === 0 && store.runs.list().length === 0,
})

function workspaceBytes(): number {
  return [database, `${database}-wal`].reduce(
    (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}
