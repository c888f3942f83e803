/**
 * Runs: what was executed, how it stands and how it ended.
 *
 * Life cycle of a run's row:
 *  1. `create` makes it with status `running`.
 *  2. `saveProgress` keeps its totals fresh and `setStatus` says paused or running; its samples, events, messages and
 *     keyframes are appended meanwhile by the other tables.
 *  3. `finish` is the end: it returns when the disk has everything.
 *  4. A run whose program died is still `running` or `paused`: the next owner of the workspace calls `markInterrupted`.
 */
import { eventKinds } from '../engine/sim/events.ts'
import { sampleColumnNames } from '../engine/sim/metrics.ts'
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import { TRACE_FORMAT } from './eventEncoder.ts'
import { isObject, numbersOf, parseJson, textAt } from './json.ts'
import { runStatuses, totalNumbers, zeroTotals } from './types.ts'
import type {
  NewRun,
  RunDetail,
  RunDevice,
  RunEnd,
  RunFileImage,
  RunInfo,
  RunMessage,
  RunStatus,
  RunTotals,
  RunVariant,
  StoredIntervention,
} from './types.ts'

interface RunRow {
  id: number
  name: string
  experiment_name: string
  experiment: string
  seed: number
  engine_version: string
  status: string
  problem: string | null
  replay_of: number | null
  same_configuration: number
  recorded: number
  started_at: string
  ended_at: string | null
  wall_seconds: number
  frames: number
  ns_per_reference: number
  footprint: number
  references_total: number
  bucket_ns: number
  end_time_ns: number
  thresholds: string
  totals: string
  trace_digest: string
  stored_bytes: number
  variant: string | null
  trace_format: number
  note: string
  original_digest: string | null
  original_format: number | null
}

const SELECT_RUN =
  'SELECT runs.*, original.trace_digest AS original_digest, original.trace_format AS original_format FROM runs LEFT JOIN runs AS original ON original.id = runs.replay_of'

export class RunTable {
  readonly #connection: Connection
  readonly #list
  readonly #get
  readonly #workloads
  readonly #devices
  readonly #fileImage
  readonly #messages
  readonly #interventions
  readonly #counts
  readonly #kernelView
  readonly #format
  readonly #tags
  readonly #tagged
  readonly #progress
  readonly #status
  readonly #addBytes
  readonly #addMessage
  readonly #addIntervention

  constructor(connection: Connection) {
    const { sqlite } = connection
    this.#connection = connection
    this.#list = sqlite.prepare<[], RunRow>(`${SELECT_RUN} ORDER BY runs.id DESC`)
    this.#get = sqlite.prepare<[number], RunRow>(`${SELECT_RUN} WHERE runs.id = ?`)
    this.#tagged = sqlite.prepare<[string], RunRow>(
      `${SELECT_RUN} WHERE runs.id IN (SELECT run_id FROM run_tags WHERE tag = ?) ORDER BY runs.id`,
    )
    this.#workloads = sqlite.prepare<[number], { workload_id: number | null; workload_name: string }>(
      'SELECT workload_id, workload_name FROM run_workloads WHERE run_id = ? ORDER BY process',
    )
    this.#devices = sqlite.prepare<[number], RunDevice>(
      'SELECT name, image, pages, timing, base_digest AS baseDigest FROM run_devices WHERE run_id = ? ORDER BY device',
    )
    this.#fileImage = sqlite.prepare<[number], RunFileImage>(
      'SELECT image, base_digest AS baseDigest FROM run_file_images WHERE run_id = ?',
    )
    this.#messages = sqlite.prepare<[number], RunMessage>(
      'SELECT time_ns AS time, level, routine, text FROM messages WHERE run_id = ? ORDER BY number',
    )
    this.#interventions = sqlite.prepare<[number], { at_reference: number; action: string; detail: string }>(
      'SELECT at_reference, action, detail FROM interventions WHERE run_id = ? ORDER BY number',
    )
    this.#counts = sqlite.prepare<[number], { kind_counts: string }>(
      'SELECT kind_counts FROM trace_chunks WHERE run_id = ?',
    )
    this.#kernelView = sqlite.prepare<[number], { view: string }>('SELECT view FROM kernel_views WHERE run_id = ?')
    this.#tags = sqlite.prepare<[number], { tag: string }>('SELECT tag FROM run_tags WHERE run_id = ? ORDER BY tag')
    this.#format = sqlite.prepare<[number], { trace_format: number }>('SELECT trace_format FROM runs WHERE id = ?')
    this.#progress = sqlite.prepare<[string, string, number, number, number]>(
      'UPDATE runs SET totals = ?, trace_digest = ?, end_time_ns = ?, wall_seconds = ? WHERE id = ?',
    )
    this.#status = sqlite.prepare<[string, number]>('UPDATE runs SET status = ? WHERE id = ?')
    this.#addBytes = sqlite.prepare<[number, number]>('UPDATE runs SET stored_bytes = stored_bytes + ? WHERE id = ?')
    this.#addMessage = sqlite.prepare<[number, number, string, string, string, number]>(
      'INSERT INTO messages (run_id, number, time_ns, level, routine, text) ' +
        'SELECT ?, coalesce(max(number) + 1, 0), ?, ?, ?, ? FROM messages WHERE run_id = ?',
    )
    this.#addIntervention = sqlite.prepare<[number, number, string, string, number]>(
      'INSERT INTO interventions (run_id, number, at_reference, action, detail) ' +
        'SELECT ?, coalesce(max(number) + 1, 0), ?, ?, ? FROM interventions WHERE run_id = ?',
    )
  }

  /** Newest first. */
  list(): RunInfo[] {
    return this.#connection.read(() => this.#list.all().map((row) => this.#info(row)))
  }

  /** Oldest first. */
  withTag(tag: string): RunInfo[] {
    return this.#connection.read(() => this.#tagged.all(tag).map((row) => this.#info(row)))
  }

  /** Throws StoreError `not-found`. */
  get(id: number): RunInfo {
    return this.#connection.read(() => this.#info(this.#row(id)))
  }

  /** Everything about a run but its samples and events. Throws StoreError `not-found`. */
  detail(id: number): RunDetail {
    return this.#connection.read(() => {
      const row = this.#row(id)
      return {
        ...this.#info(row),
        file: parseJson(row.experiment),
        seed: row.seed,
        engineVersion: row.engine_version,
        recorded: row.recorded !== 0,
        sameConfiguration: row.same_configuration !== 0,
        endedAt: row.ended_at,
        frames: row.frames,
        nsPerReference: row.ns_per_reference,
        thresholds: numbersOf(parseJson(row.thresholds)),
        footprint: row.footprint,
        bucketNs: row.bucket_ns,
        endTimeNs: row.end_time_ns,
        workloadIds: this.#workloads.all(id).map((workload) => workload.workload_id),
        devices: this.#devices.all(id),
        interventions: this.interventions(id),
        eventCounts: this.eventCounts(id),
        messages: this.messages(id),
        ...this.#fileImageOf(id),
        ...variantOf(row),
      }
    })
  }

  /** Events of a run by kind, over all its chunks; kinds that did not occur are left out. */
  eventCounts(id: number): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { kind_counts } of this.#connection.read(() => this.#counts.all(id)))
      for (const [kind, count] of Object.entries(numbersOf(parseJson(kind_counts))))
        sums[kind] = (sums[kind] ?? 0) + count
    return Object.fromEntries(eventKinds.flatMap((kind) => (sums[kind] === undefined ? [] : [[kind, sums[kind]]])))
  }

  /**
   * A run under the kernel's names at its end, as JSON data; null for one that has not ended, or ended before it could be told.
   * Throws StoreError `not-found`.
   */
  kernelView(id: number): unknown {
    return this.#connection.read(() => {
      this.#row(id)
      const view = this.#kernelView.get(id)
      return view === undefined ? null : parseJson(view.view)
    })
  }

  /** The format of a run's events. Throws StoreError `not-found`. */
  traceFormat(id: number): number {
    const row = this.#connection.read(() => this.#format.get(id))
    if (row === undefined) throw new StoreError('not-found', `there is no run ${id}`, 'id')
    return row.trace_format
  }

  /** For a run that came from elsewhere, and was recorded in another format. */
  setTraceFormat(id: number, format: number): void {
    this.#connection.write(() =>
      this.#connection.sqlite.prepare('UPDATE runs SET trace_format = ? WHERE id = ?').run(format, id),
    )
  }

  messages(id: number): RunMessage[] {
    return this.#connection.read(() => this.#messages.all(id))
  }

  interventions(id: number): StoredIntervention[] {
    const rows = this.#connection.read(() => this.#interventions.all(id))
    return rows.map(({ at_reference, action, detail }) => {
      const members = parseJson(detail)
      return { ...(isObject(members) ? members : {}), at: at_reference, action }
    })
  }

  /** Answers the new run's id. */
  create(run: NewRun): number {
    return this.#connection.write(() => {
      const { sqlite } = this.#connection
      const { lastInsertRowid } = sqlite
        .prepare(
          `INSERT INTO runs (name, experiment_name, experiment, seed, engine_version, status, replay_of, same_configuration,
             recorded, started_at, frames, ns_per_reference, footprint, references_total, bucket_ns, sample_columns, thresholds, variant, trace_format, totals)
           VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}')`,
        )
        .run(
          run.name,
          run.experimentName,
          JSON.stringify(run.file),
          run.seed,
          run.engineVersion,
          run.replayOf,
          Number(run.sameConfiguration),
          Number(run.recorded),
          new Date().toISOString(),
          run.frames,
          run.nsPerReference,
          run.footprint,
          run.referencesTotal,
          run.bucketNs,
          JSON.stringify(sampleColumnNames().slice(1)),
          JSON.stringify(run.thresholds),
          run.variant === undefined ? null : JSON.stringify(run.variant),
          TRACE_FORMAT,
        )
      const id = Number(lastInsertRowid)
      const addWorkload = sqlite.prepare('INSERT INTO run_workloads VALUES (?, ?, ?, ?)')
      run.workloads.forEach((workload, process) => addWorkload.run(id, process, workload.id, workload.name))
      const addDevice = sqlite.prepare('INSERT INTO run_devices VALUES (?, ?, ?, ?, ?, ?, ?)')
      run.devices.forEach((device, number) =>
        addDevice.run(id, number, device.name, device.image, device.pages, device.timing, device.baseDigest),
      )
      if (run.fileImage)
        sqlite
          .prepare('INSERT INTO run_file_images VALUES (?, ?, ?)')
          .run(id, run.fileImage.image, run.fileImage.baseDigest)
      if (run.tags) this.#addTags(id, run.tags)
      return id
    })
  }

  setStatus(id: number, status: 'running' | 'paused'): void {
    this.#connection.write(() => this.#status.run(status, id))
  }

  /** Keeps what a run has counted so far, so that an interrupted one shows it. */
  saveProgress(id: number, totals: RunTotals, endTimeNs: number): void {
    this.#connection.write(() =>
      this.#progress.run(JSON.stringify(totals), totals.traceDigest, endTimeNs, totals.seconds, id),
    )
  }

  /** Ends a run. Returns when the disk has it and everything appended before. */
  finish(id: number, end: RunEnd): void {
    this.#connection.writeDurably(() => {
      this.saveProgress(id, end.totals, end.endTimeNs)
      this.#connection.sqlite
        .prepare('UPDATE runs SET status = ?, problem = ?, ended_at = ? WHERE id = ?')
        .run(end.status, end.problem, new Date().toISOString(), id)
      if (end.kernelView !== undefined)
        this.#connection.sqlite
          .prepare('INSERT OR REPLACE INTO kernel_views VALUES (?, ?)')
          .run(id, JSON.stringify(end.kernelView))
    })
  }

  /**
   * Marks the runs that a dead owner left running or paused; they end where their samples and events end. Only for the
   * workspace's owner, before it starts a run. Answers their ids.
   */
  markInterrupted(): number[] {
    return this.#connection.writeDurably(() =>
      this.#connection.sqlite
        .prepare<[string, string], { id: number }>(
          `UPDATE runs SET status = 'interrupted', ended_at = ?, problem = ?,
             end_time_ns = max(end_time_ns,
               coalesce((SELECT max(end_ns) FROM trace_chunks WHERE run_id = runs.id), 0),
               coalesce((SELECT max(end_bucket) FROM sample_chunks WHERE run_id = runs.id AND level = 0), 0) * bucket_ns)
           WHERE status IN ('running', 'paused') RETURNING id`,
        )
        .all(
          new Date().toISOString(),
          'The program that ran it ended before the run did. What it had recorded until then is here.',
        )
        .map((row) => row.id),
    )
  }

  /** Of a run that was recorded elsewhere: when, and under which names its samples' columns are stored. */
  setOrigin(id: number, startedAt: string, endedAt: string | null, sampleColumns: readonly string[]): void {
    this.#connection.write(() =>
      this.#connection.sqlite
        .prepare('UPDATE runs SET started_at = ?, ended_at = ?, sample_columns = ? WHERE id = ?')
        .run(startedAt, endedAt, JSON.stringify(sampleColumns), id),
    )
  }

  /** What somebody wrote about a run. Throws StoreError `not-found`. */
  setNote(id: number, note: string): void {
    this.#connection.write(() => {
      this.#row(id)
      this.#connection.sqlite.prepare('UPDATE runs SET note = ? WHERE id = ?').run(note, id)
    })
  }

  /** Replaces a run's tags. Throws StoreError `not-found`. */
  setTags(id: number, tags: readonly string[]): void {
    this.#connection.write(() => {
      this.#row(id)
      this.#connection.sqlite.prepare('DELETE FROM run_tags WHERE run_id = ?').run(id)
      this.#addTags(id, tags)
    })
  }

  /** Throws StoreError `not-found`. */
  rename(id: number, name: string): RunInfo {
    return this.#connection.write(() => {
      this.#connection.sqlite.prepare('UPDATE runs SET name = ? WHERE id = ?').run(name, id)
      return this.get(id)
    })
  }

  /** Removes a run with all that was recorded, and gives the space back. Throws StoreError `not-found`, `in-use`. */
  remove(id: number): void {
    this.#connection.write(() => {
      const { status } = this.#row(id)
      if (status === 'running' || status === 'paused')
        throw new StoreError('in-use', `run ${id} is ${status}; stop it before you remove it`)
      this.#connection.sqlite.prepare('DELETE FROM runs WHERE id = ?').run(id)
    })
    try {
      this.#connection.sqlite.pragma('incremental_vacuum')
    } catch {
      // the run is gone all the same; its space is used again by the next one, or given back with the next removal
    }
  }

  /** Removes a run that never came to be one, whatever its status. */
  discard(id: number): void {
    this.#connection.write(() => this.#connection.sqlite.prepare('DELETE FROM runs WHERE id = ?').run(id))
  }

  /** Accounts for bytes that were added to (or, negative, taken from) a run's samples, events or keyframes. */
  addStoredBytes(id: number, bytes: number): void {
    this.#addBytes.run(bytes, id)
  }

  appendMessages(id: number, messages: readonly RunMessage[]): void {
    if (messages.length === 0) return
    this.#connection.write(() => {
      for (const message of messages)
        this.#addMessage.run(id, message.time, message.level, message.routine, message.text, id)
    })
  }

  appendIntervention(id: number, intervention: StoredIntervention): void {
    this.#connection.write(() =>
      this.#addIntervention.run(id, intervention.at, intervention.action, JSON.stringify(intervention), id),
    )
  }

  #addTags(id: number, tags: readonly string[]): void {
    const insert = this.#connection.sqlite.prepare('INSERT OR IGNORE INTO run_tags VALUES (?, ?)')
    for (const tag of tags) insert.run(id, tag)
  }

  #fileImageOf(id: number): { fileImage?: RunFileImage } {
    const fileImage = this.#fileImage.get(id)
    return fileImage === undefined ? {} : { fileImage }
  }

  #row(id: number): RunRow {
    const row = this.#get.get(id)
    if (row === undefined) throw new StoreError('not-found', `there is no run ${id}`, 'id')
    return row
  }

  #info(row: RunRow): RunInfo {
    const status = runStatuses.find((name) => name === row.status) ?? 'failed'
    const comparable =
      row.same_configuration !== 0 &&
      row.trace_digest !== '' &&
      (row.original_digest ?? '') !== '' &&
      // digests of different formats say nothing about each other
      row.trace_format === row.original_format
    return {
      id: row.id,
      name: row.name,
      experimentName: row.experiment_name,
      workloadNames: this.#workloads.all(row.id).map((workload) => workload.workload_name),
      startedAt: row.started_at,
      status,
      replayOf: row.replay_of,
      replayAgrees: comparable && status === 'finished' ? row.trace_digest === row.original_digest : null,
      problem: row.problem,
      referencesTotal: row.references_total,
      storedBytes: row.stored_bytes,
      note: row.note,
      tags: this.#tags.all(row.id).map(({ tag }) => tag),
      totals: totalsOf(row, status),
    }
  }
}

function variantOf(row: RunRow): { variant?: RunVariant } {
  if (row.variant === null) return {}
  const stored = parseJson(row.variant)
  const text = (name: string) => textAt(stored, name)
  return {
    variant: { name: text('name'), description: text('description'), file: text('file'), digest: text('digest') },
  }
}

function totalsOf(row: RunRow, status: RunStatus): RunTotals {
  const stored = numbersOf(parseJson(row.totals))
  const totals: RunTotals = { ...zeroTotals(row.id), traceDigest: row.trace_digest, status }
  for (const name of totalNumbers) totals[name] = stored[name] ?? 0
  return totals
}
