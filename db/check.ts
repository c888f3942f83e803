/**
 * Whether a workspace's database is whole: what SQLite says of the file, and what the store knows that SQLite does not: that chunks
 * follow on each other, decode, and have the digests and the tallies that were taken of them; that a run's digest is that of its chunks; that samples
 * of every resolution add up to the same; that workloads have the references they say.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { ChunkReader } from './chunkReader.ts'
import type { Connection } from './connection.ts'
import { digestOf } from './eventEncoder.ts'
import type { ChunkHead } from './eventFilter.ts'
import { tallyChunk } from './eventTally.ts'
import { numbersOf, parseJson } from './json.ts'
import { PackedColumns } from './pack.ts'
import { isGauge, LEVEL_STEP, METRICS, TILE_COLUMNS } from './pyramid.ts'
import type { TraceStore } from './traceStore.ts'
import type { RunDetail } from './types.ts'
import { decodeStreamChunk } from './workloads.ts'

/** Something that is wrong. */
export interface Finding {
  /** The table. */
  where: string
  /** The run or workload, where it is about one. */
  id: number | null
  message: string
}

export type CheckStep = { done: number; total: number; findings: Finding[] }

/** Statuses of runs that have all their events, and say their number and digest. */
const ENDED = ['finished', 'stopped', 'kernel-panic', 'livelock']

/** Checks piece by piece, with what was found in each. */
export function* checkStore(store: TraceStore, connection: Connection): Generator<CheckStep> {
  const runs = store.runs.list()
  const workloads = store.workloads.list()
  const total = 1 + runs.length * 2 + workloads.length
  let done = 0
  const step = (findings: Finding[]): CheckStep => ({ done: ++done, total, findings })
  yield step(connection.check().map((message) => ({ where: 'database', id: null, message })))
  for (const { id } of runs) {
    yield step(guarded('trace_chunks', id, () => checkTrace(store, store.runs.detail(id))))
    yield step(guarded('sample_chunks', id, () => [...checkSamples(connection, id), ...checkKeyframes(store, id)]))
  }
  for (const { id } of workloads) yield step(guarded('workloads', id, () => checkWorkload(store, connection, id)))
}

/** What a check finds; that it cannot even be made is a finding too. */
function guarded(where: string, id: number, body: () => Finding[]): Finding[] {
  try {
    return body()
  } catch (error) {
    return [{ where, id, message: error instanceof Error ? error.message : String(error) }]
  }
}

function checkTrace(store: TraceStore, run: RunDetail): Finding[] {
  const findings: Finding[] = []
  const found = (message: string) => findings.push({ where: 'trace_chunks', id: run.id, message })
  const isOfChunks = store.runs.traceFormat(run.id) > 1
  const whole = createHash('sha256')
  const foundIn = (chunk: number, what: string) => findings.push({ where: 'chunk_tallies', id: run.id, message: `the counts by process and object of chunk ${chunk} ${what}` })
  const tallies = store.tallies.of(run.id, (chunk) => foundIn(chunk, 'cannot be read'))
  let events = 0
  let before = 0
  let expected = 0
  for (const { head, reader, digest } of store.events.storedChunks(run.id)) {
    const { chunk } = head
    if (chunk !== expected) found(`chunk ${expected} is missing`)
    expected = chunk + 1
    if (head.first_event !== chunk * EVENTS_PER_CHUNK) found(`chunk ${chunk} begins at event ${head.first_event}`)
    if (head.begin_ns < before)
      found(`chunk ${chunk} begins at ${head.begin_ns} ns, before the end of the one before it`)
    before = head.end_ns
    events += head.event_count
    try {
      const canonical = eventColumns.map(({ name }) => reader.canonical(name))
      const own = digestOf(head.event_count, canonical)
      if (isOfChunks) whole.update(own)
      else updatePlain(whole, head.event_count, canonical)
      if (isOfChunks && head.complete === 1)
        if (digest === null) found(`chunk ${chunk} has no digest`)
        else if (Buffer.compare(digest, own) !== 0) found(`chunk ${chunk} has not the digest that was taken of it`)
      findings.push(...checkRows(run.id, head, reader))
      const tally = tallies.get(chunk)
      if (tally && !isDeepStrictEqual(tally, tallyChunk(reader, head.event_count)))
        foundIn(chunk, 'are not those of its events')
    } catch (error) {
      found(`chunk ${chunk} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (run.recorded && ENDED.includes(run.status)) {
    if (events !== run.totals.events) found(`there are ${events} of ${run.totals.events} events`)
    else if (whole.digest('hex') !== run.totals.traceDigest)
      found('the trace has not the digest that the run ended with')
  }
  return findings
}

/** The digest of format 1 is over the chunks themselves. */
function updatePlain(hash: ReturnType<typeof createHash>, count: number, canonical: Uint8Array[]): void {
  const word = new Uint32Array([count])
  hash.update(word)
  for (const bytes of canonical) {
    word[0] = bytes.length
    hash.update(word).update(bytes)
  }
}

/** That a chunk decodes to what its head says. */
function checkRows(id: number, head: ChunkHead, reader: ChunkReader): Finding[] {
  const findings: Finding[] = []
  const found = (message: string) =>
    findings.push({ where: 'trace_chunks', id, message: `chunk ${head.chunk} ${message}` })
  const { count, kind, time } = reader.events()
  const counts = new Array<number>(256).fill(0)
  for (let row = 0; row < count; row++) {
    counts[kind[row]!]! += 1
    if (row > 0 && time[row]! < time[row - 1]!) {
      found(`goes back in time at its event ${row}`)
      break
    }
  }
  const said = numbersOf(parseJson(head.kind_counts))
  if (eventKinds.some((name, number) => counts[number] !== (said[name] ?? 0)))
    found('has other events by kind than it says')
  if (count > 0 && (time[0] !== head.begin_ns || time[count - 1] !== head.end_ns))
    found('has another range of time than it says')
  return findings
}

interface SampleRow {
  level: number
  first_bucket: number
  end_bucket: number
  row_count: number
  data: Buffer
}

/** Whether a level's chunks cover a base bucket; asked for rising ones. */
function covers(level: { covered: { begin: number; end: number }[]; at: number }, bucket: number): boolean {
  const { covered } = level
  while (level.at < covered.length && covered[level.at]!.end <= bucket) level.at++
  return level.at < covered.length && covered[level.at]!.begin <= bucket
}

/** That samples decode, and that tiles of every level add up to what the samples below them do. */
function checkSamples(connection: Connection, id: number): Finding[] {
  const findings: Finding[] = []
  const found = (message: string) => findings.push({ where: 'sample_chunks', id, message })
  const select = connection.sqlite.prepare<[number], SampleRow>(
    'SELECT level, first_bucket, end_bucket, row_count, data FROM sample_chunks WHERE run_id = ? ORDER BY level DESC, first_bucket',
  )
  const counters = Array.from({ length: METRICS }, (_, metric) => metric).filter((metric) => !isGauge[metric])
  /** By level what its chunks cover, its sums of all counters and those of the samples that lie there. */
  const levels: { level: number; covered: { begin: number; end: number }[]; at: number; sums: Float64Array; base: Float64Array }[] = []
  for (const row of select.iterate(id)) {
    const place = `level ${row.level}, bucket ${row.first_bucket}`
    try {
      const packed = new PackedColumns(row.data)
      const tiles = packed.column(0)
      const size = LEVEL_STEP ** row.level
      if (packed.rows !== row.row_count) found(`${place}: there are ${packed.rows} of ${row.row_count} rows`)
      if (tiles[0] !== Math.floor(row.first_bucket / size))
        found(`${place}: its first row is that of bucket ${(tiles[0] ?? NaN) * size}`)
      let known = levels.find(({ level }) => level === row.level)
      if (!known) levels.push((known = { level: row.level, covered: [], at: 0, sums: new Float64Array(METRICS), base: new Float64Array(METRICS) }))
      if (row.first_bucket < (known.covered.at(-1)?.end ?? 0)) found(`${place}: it begins before the chunk before it ends`)
      known.covered.push({ begin: row.first_bucket, end: row.end_bucket })
      // where each sample of the lowest level lies, which come last and in order
      const covering = row.level > 0 ? [] : Array.from(tiles, (bucket) => levels.filter((level) => covers(level, bucket)))
      for (const metric of counters) {
        const sums = packed.column(row.level === 0 ? 1 + metric : 1 + metric * TILE_COLUMNS)
        if (row.level > 0) for (const value of sums) known.sums[metric]! += value
        else for (let tile = 0; tile < sums.length; tile++) for (const { base } of covering[tile]!) base[metric]! += sums[tile]!
      }
    } catch (error) {
      found(`${place}: it cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (const { level, sums, base } of levels)
    if (level > 0 && counters.some((metric) => sums[metric] !== base[metric]))
      found(`level ${level} does not add up to the samples that it is made of`)
  return findings
}

function checkKeyframes(store: TraceStore, id: number): Finding[] {
  const findings: Finding[] = []
  for (const { reference } of store.keyframes.list(id)) {
    try {
      store.keyframes.atReference(id, reference)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      findings.push({ where: 'keyframes', id, message: `the one at reference ${reference} cannot be read: ${why}` })
    }
  }
  return findings
}

function checkWorkload(store: TraceStore, connection: Connection, id: number): Finding[] {
  const findings: Finding[] = []
  const { processes } = store.workloads.open(id)
  const select = connection.sqlite.prepare<[number, number], { chunk: number; reference_count: number; data: Buffer }>(
    'SELECT chunk, reference_count, data FROM stream_chunks WHERE workload_id = ? AND process = ? ORDER BY chunk',
  )
  for (const [process, { name, referenceCount, pageCount, verbs = [] }] of processes.entries()) {
    const foundIn = (where: string, message: string) =>
      findings.push({ where, id, message: `process "${name}": ${message}` })
    const found = (message: string) => foundIn('stream_chunks', message)
    verbs.forEach((verb, number) => {
      const before = verbs[number - 1]?.at ?? 0
      if (verb.at < before || verb.at > referenceCount)
        foundIn('workload_verbs', `verb ${number} stands at reference ${verb.at}`)
      const isStray =
        verb.verb === 'map'
          ? !(verb.page >= 0 && verb.pages >= 1)
          : verb.child === process || processes[verb.child] === undefined
      if (isStray) foundIn('workload_verbs', `verb ${number}, ${verb.verb}, names what there is not`)
    })
    let references = 0
    let expected = 0
    for (const { chunk, reference_count, data } of select.iterate(id, process)) {
      if (chunk !== expected) found(`chunk ${expected} is missing`)
      expected = chunk + 1
      references += reference_count
      try {
        const beyond = decodeStreamChunk(data, reference_count).find((reference) => reference >>> 2 >= pageCount)
        if (beyond !== undefined) found(`chunk ${chunk} refers to page ${beyond >>> 2} of ${pageCount}`)
      } catch (error) {
        found(`chunk ${chunk} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (references !== referenceCount) found(`there are ${references} of ${referenceCount} references`)
  }
  return findings
}
