/** Workspaces of every earlier version of the schema, with rows in all the tables that it had, brought up to today's. */
import path from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { memoryStream } from '../engine/workload/streamFile.ts'
import { openConnection } from './connection.ts'
import { EventEncoder } from './eventEncoder.ts'
import { migrations } from './migrations/index.ts'
import { batchOf } from './sampleBatch.ts'
import { formatOneChunk, inScratch, sampleRows, someEnd, someEvents, someRun } from './testing.ts'
import { TraceStore } from './traceStore.ts'

/** From this version on runs say the format of their trace. */
const TRACE_FORMAT_SINCE = 3
const events = someEvents(3000)
const everything = { fromNs: 0, toNs: Infinity, kinds: [] }

/** A workspace with something of each sort; its trace as the version had it. */
function fill(file: string, version: number): { run: number; workload: number } {
  const store = TraceStore.open(file)
  const stream = memoryStream('p', Uint32Array.of(0, 5, 9), Float64Array.of(10, 11, 12))
  const workload = store.workloads.add({ name: 'w', source: 'made up', eventsPerReference: 1, processes: [stream] }).id
  const run = store.createRun(someRun({ workloads: [{ id: workload, name: 'w' }] }))
  const encoder = new EventEncoder(true)
  const today = encoder.add(events)
  const old = formatOneChunk(events)
  store.appendEvents(run, version < TRACE_FORMAT_SINCE ? old.encoded : today)
  store.appendSamples(run, batchOf(sampleRows([0, 1, 5]), 3))
  store.appendMessages(run, [{ time: 1, level: 'info', routine: 'swap_pager_init', text: 'hello' }])
  store.appendIntervention(run, { at: 7, action: 'swapoff', device: 0 })
  store.putKeyframe(run, { reference: 5, timeNs: 5, data: new Uint8Array(100).fill(3) })
  const end = someEnd()
  const traceDigest = version < TRACE_FORMAT_SINCE ? old.traceDigest : encoder.finish()
  store.finishRun(run, { ...end, totals: { ...end.totals, events: events.count, traceDigest } })
  store.experiments.save(null, 'e', { name: 'e' })
  store.images.add('i.img', '/i.img')
  store.close()
  return { run, workload }
}

/** Rows of today's file `from` in a new file of an earlier version: the tables and columns that it had. */
function asOf(version: number, from: string, to: string): void {
  const old = openConnection(to, { migrations: migrations.slice(0, version) })
  const { sqlite } = old
  sqlite.pragma('foreign_keys = OFF')
  sqlite.prepare('ATTACH ? AS today').run(from)
  const tables = sqlite
    .prepare<[], string>("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all()
  for (const table of tables) {
    const columns = sqlite.prepare<[], string>(`SELECT name FROM pragma_table_info('${table}', 'main')`).pluck().all()
    sqlite.exec(`INSERT INTO main.${table} (${columns.join()}) SELECT ${columns.join()} FROM today.${table}`)
  }
  old.close()
}

for (const { version, name } of migrations.slice(0, -1))
  it(`a workspace of version ${version} (${name}) keeps all it has, is whole, and takes new runs`, () => {
    inScratch((directory) => {
      const file = path.join(directory, 'old.sqlite')
      const today = path.join(directory, 'today.sqlite')
      const { run, workload } = fill(today, version)
      asOf(version, today, file)
      const raw = new Database(file, { readonly: true })
      expect(raw.pragma('user_version', { simple: true })).toBe(version)
      raw.close()

      const store = TraceStore.open(file)
      expect([...store.checkAll()].flatMap(({ findings }) => findings)).toEqual([])
      const detail = store.runs.detail(run)
      expect(detail).toMatchObject({ name: 'a run', status: 'finished', workloadNames: ['w'], note: '', tags: [] })
      expect(detail).toMatchObject({
        devices: someRun().devices,
        interventions: [{ at: 7, action: 'swapoff', device: 0 }],
      })
      expect(detail.messages.map(({ text }) => text)).toEqual(['hello'])
      expect(detail).not.toHaveProperty('fileImage')
      const read = store.events.query(run, { ...everything, offset: 0, limit: 10_000 })
      expect([read.count, read.page, read.time]).toEqual([
        3000,
        events.page.subarray(0, 3000),
        events.time.subarray(0, 3000),
      ])
      expect(store.samples.query(run, { fromNs: 0, toNs: 1e9, buckets: 16, columns: ['faults'] }).rows).toBeGreaterThan(
        0,
      )
      expect(store.keyframes.atReference(run, 6)?.data).toEqual(new Uint8Array(100).fill(3))
      expect(store.workloads.open(workload).processes[0]?.open().read(0)).toEqual(Uint32Array.of(0, 5, 9))
      expect(store.experiments.list().map((each) => each.name)).toEqual(['e'])
      expect(store.images.list().map((each) => each.name)).toEqual(['i.img'])

      const next = store.createRun(
        someRun({ fileImage: { image: 'f', baseDigest: 'ab' }, tags: ['t'], replayOf: run, sameConfiguration: true }),
      )
      const encoder = new EventEncoder(true)
      store.appendEvents(next, encoder.add(events))
      const end = someEnd()
      store.finishRun(next, { ...end, totals: { ...end.totals, events: events.count, traceDigest: encoder.finish() } })
      expect(store.runs.get(next).replayAgrees).toBe(version < TRACE_FORMAT_SINCE ? null : true)
      expect([...store.checkAll()].flatMap(({ findings }) => findings)).toEqual([])
      store.close()
    })
  })
