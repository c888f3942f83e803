/** What the objects of a run are called, from what the engine made them for and what the pages of a recorded program were. */
import { nameOfLabels, type NamedObject, type ObjectLabel } from '../../db/objectNames.ts'
import type { TraceStore } from '../../db/traceStore.ts'
import type { ObjectOrigin } from '../../engine/sim/objectOrigin.ts'
import { PageUse, type StreamTables } from '../../engine/workload/workload.ts'
import { recordingInfoSchema } from '../contract/contract.ts'
import type { ResolvedWorkloads } from './workloads.ts'

/** Further objects of a run have no row: a workload that forks for ever must not fill the store with names. */
const OBJECTS_MAX = 10_000

/** Where it is kept how a workload was recorded. */
interface RecordingStore {
  workloads: Pick<TraceStore['workloads'], 'recording'>
}

interface LabelledProcess {
  name: string
  stream: StreamTables
  /** Dense pages with their label, ascending by page number; empty: the process was not recorded. */
  pages: { number: number; use: number; label: string }[]
}

/** Names objects as they are made, and keeps them until they are asked for. */
export class ObjectNamer {
  readonly #processes: LabelledProcess[]
  #made: NamedObject[] = []
  #count = 0

  constructor(resolved: Pick<ResolvedWorkloads, 'processes' | 'workloads'>, store: RecordingStore) {
    this.#processes = resolved.processes.map(({ name, stream }) => ({ name, stream, pages: [] }))
    const recordings = new Map<number, ReturnType<typeof recordingOf>>()
    resolved.workloads.forEach(({ id, process }, number) => {
      if (id === null) return
      if (!recordings.has(id)) recordings.set(id, recordingOf(store, id))
      const labels = recordings.get(id)?.processes[process]?.labels
      const labelled = this.#processes[number]
      if (labels && labelled) labelled.pages = labelledPages(labelled.stream, labels)
    })
  }

  readonly take = (origin: ObjectOrigin): void => {
    if (this.#count >= OBJECTS_MAX) return
    this.#count += 1
    this.#made.push(this.#named(origin))
  }

  /** Those that were made since it was last asked. */
  drain(): NamedObject[] {
    const made = this.#made
    this.#made = []
    return made
  }

  #named({ object, event, kind, process, startPage, pages, name }: ObjectOrigin): NamedObject {
    const row = { object, firstEvent: event, kind, process, startPage, pages }
    if (name !== '') return { ...row, name: `${kind === 'file' ? 'file' : 'shared memory'} ${name}`, labels: [] }
    const labelled = this.#processes[process]?.pages ?? []
    const own = labelled.slice(firstAtLeast(labelled, startPage), firstAtLeast(labelled, startPage + pages))
    if (own.length === 0) return { ...row, name: '', labels: [] }
    // a file has the pages that are never written, what lies before it the others
    const isOfFile = ({ use }: { use: number }) => (use & PageUse.write) === 0
    const mine = own.filter((page) => isOfFile(page) === (kind === 'file'))
    const weights = new Map<string, number>()
    for (const { label } of mine.length > 0 ? mine : own) weights.set(label, (weights.get(label) ?? 0) + 1)
    const what = `${kind === 'copy' ? 'copy of ' : ''}${nameOfLabels(weights)}`
    const whose = this.#processes.length > 1 ? ` of ${this.#processes[process]?.name ?? ''}` : ''
    return {
      ...row,
      name: `${what}${whose}`,
      labels: own.every(({ label }) => label === own[0]?.label) ? [] : runsOf(own, startPage),
    }
  }
}

function recordingOf(store: RecordingStore, id: number) {
  return recordingInfoSchema.nullable().safeParse(store.workloads.recording(id)).data ?? null
}

function labelledPages(
  stream: StreamTables,
  labels: readonly { startPage: number; pageCount: number; label: string }[],
): LabelledProcess['pages'] {
  const order = Uint32Array.from(stream.pageNumbers.keys()).sort(
    (a, b) => stream.pageNumbers[a]! - stream.pageNumbers[b]!,
  )
  const pages: LabelledProcess['pages'] = []
  let at = 0
  for (const dense of order) {
    const number = stream.pageNumbers[dense]!
    while (at < labels.length && labels[at]!.startPage + labels[at]!.pageCount <= number) at += 1
    const found = labels[at]
    if (found !== undefined && found.startPage <= number)
      pages.push({ number, use: stream.pageUse[dense]!, label: found.label })
  }
  return pages
}

/** Pages of one label in a row, as ranges of the object that begins at `startPage`. */
function runsOf(pages: LabelledProcess['pages'], startPage: number): ObjectLabel[] {
  const runs: ObjectLabel[] = []
  for (const { number, label } of pages) {
    const last = runs.at(-1)
    if (last?.label === label) last.pages = number - startPage - last.page + 1
    else runs.push({ page: number - startPage, pages: 1, label })
  }
  return runs
}

function firstAtLeast(pages: LabelledProcess['pages'], number: number): number {
  let low = 0
  let high = pages.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (pages[middle]!.number < number) low = middle + 1
    else high = middle
  }
  return low
}
