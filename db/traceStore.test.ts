import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { WorkloadVerb } from '../engine/workload/verbs.ts'
import { memoryWorkload } from '../engine/workload/streamFile.ts'
import { openConnection } from './connection.ts'
import { StoreError } from './errors.ts'
import { EventEncoder } from './eventEncoder.ts'
import { migrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { APPLICATION_ID, readUserVersion } from './schema.ts'
import { batchOf } from './sampleBatch.ts'
import { inScratch, sampleRows, sequenceOf, someEnd, someEvents, someRun, withStore } from './testing.ts'
import { TraceStore } from './traceStore.ts'

function codeOf(body: () => unknown): string {
  try {
    body()
  } catch (error) {
    if (error instanceof StoreError) return error.code
    throw error
  }
  return 'nothing was thrown'
}

describe('the database file', () => {
  it('has our application id, the newest version, WAL, and nothing but strict tables', () => {
    withStore((_store, file) => {
      const other = new Database(file, { readonly: true })
      expect(other.pragma('application_id', { simple: true })).toBe(APPLICATION_ID)
      expect(readUserVersion(other)).toBe(migrations.length)
      expect(other.pragma('journal_mode', { simple: true })).toBe('wal')
      const loose = other.prepare(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
      )
      expect(loose.all()).toEqual([])
      other.close()
    })
  })

  it('refuses a database of another program, a file that is none, and a directory', () => {
    inScratch((directory) => {
      const foreign = path.join(directory, 'foreign.sqlite')
      const other = new Database(foreign)
      other.exec('CREATE TABLE t (a)')
      other.close()
      expect(codeOf(() => TraceStore.open(foreign))).toBe('not-a-store')
      const text = path.join(directory, 'text.sqlite')
      writeFileSync(text, 'this is no database, but it is long enough to be looked at as if it were one'.repeat(20))
      expect(codeOf(() => TraceStore.open(text))).toBe('not-a-store')
      expect(codeOf(() => TraceStore.open(directory))).toBe('unreadable')
      expect(codeOf(() => TraceStore.open(path.join(directory, 'none.sqlite'), { readOnly: true }))).toBe('unreadable')
    })
  })

  it('is brought up one version at a time, and an upgrade that fails leaves the version before it', () => {
    inScratch((directory) => {
      const file = path.join(directory, 'workbench.sqlite')
      TraceStore.open(file).close()
      const next = migrations.length + 1
      const second: Migration = {
        version: next,
        name: 'a mood for each run',
        up: (sqlite) => sqlite.exec("ALTER TABLE runs ADD COLUMN mood TEXT NOT NULL DEFAULT 'none'"),
      }
      const third: Migration = {
        version: next + 1,
        name: 'fails half way',
        up: (sqlite) => {
          sqlite.exec('CREATE TABLE half (a INTEGER) STRICT')
          throw new Error('cut off')
        },
      }
      const before = TraceStore.open(file)
      const id = before.createRun(someRun())
      before.close()
      expect(() => openConnection(file, { migrations: [...migrations, second, third] })).toThrow('cut off')
      const raw = new Database(file)
      expect(readUserVersion(raw)).toBe(next)
      expect(raw.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").pluck().get()).toBe(0)
      expect(raw.prepare('SELECT mood FROM runs WHERE id = ?').pluck().get(id)).toBe('none')
      raw.close()
      // this program does not know that version
      expect(codeOf(() => TraceStore.open(file))).toBe('newer-version')
      const reader = () => openConnection(file, { readOnly: true, migrations: [...migrations, second, third] })
      expect(codeOf(reader)).toBe('read-only')
    })
  })

  it('of the first version is brought up: its runs stay, with no variant and no view of the kernel', () => {
    inScratch((directory) => {
      const file = path.join(directory, 'workbench.sqlite')
      const old = openConnection(file, { migrations: migrations.slice(0, 1) })
      const { lastInsertRowid } = old.sqlite
        .prepare(
          `INSERT INTO runs (name, experiment_name, experiment, seed, engine_version, status, same_configuration, recorded, started_at,
             frames, ns_per_reference, footprint, references_total, bucket_ns, sample_columns, thresholds, totals)
           VALUES ('old', 'old', '{}', 1, '0.0.1', 'finished', 0, 1, '2026-01-01T00:00:00Z', 100, 1, 400, 1000, 1000, '[]', '{}', '{}')`,
        )
        .run()
      old.close()
      expect(codeOf(() => TraceStore.open(file, { readOnly: true }))).toBe('read-only')
      const store = TraceStore.open(file)
      const id = Number(lastInsertRowid)
      expect(store.runs.detail(id)).toMatchObject({ name: 'old', frames: 100, status: 'finished' })
      expect(store.runs.detail(id)).not.toHaveProperty('variant')
      expect(store.runs.kernelView(id)).toBeNull()
      expect(store.check()).toEqual([])
      store.close()
    })
  })

  it("keeps a run's variant, and the kernel's view of its end until the run is removed", () => {
    withStore((store) => {
      const variant = {
        name: 'first-fit',
        description: 'Low blocks first.',
        file: '/home/me/first-fit.ts',
        digest: 'ef'.repeat(32),
      }
      const id = store.createRun(someRun({ variant }))
      expect(store.runs.detail(id).variant).toEqual(variant)
      expect(store.runs.kernelView(id)).toBeNull()
      const kernelView = { timeNs: 5, values: { 'vm.nswapdev': 2 }, devices: [], processes: [] }
      store.finishRun(id, someEnd({ kernelView }))
      expect(store.runs.kernelView(id)).toEqual(kernelView)
      const other = store.createRun(someRun())
      store.finishRun(other, someEnd())
      expect(store.runs.kernelView(other)).toBeNull()
      expect(codeOf(() => store.runs.kernelView(99))).toBe('not-found')
      store.runs.remove(id)
      expect(store.query('SELECT count(*) FROM kernel_views').rows).toEqual([[0]])
    })
  })

  it('opened for reading refuses every write and sees what a writer commits', () => {
    withStore((store, file) => {
      const reader = TraceStore.open(file, { readOnly: true })
      const id = store.createRun(someRun())
      expect(reader.runs.get(id).name).toBe('a run')
      expect(codeOf(() => reader.createRun(someRun()))).toBe('read-only')
      expect(codeOf(() => reader.appendSamples(id, batchOf(sampleRows([1]), 1)))).toBe('read-only')
      expect(codeOf(() => reader.markInterrupted())).toBe('read-only')
      expect(codeOf(() => reader.experiments.remove(1))).toBe('read-only')
      reader.close()
    })
  })

  it('answers queries in SQL and refuses statements that change something', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      store.finishRun(id, someEnd())
      expect(store.query('SELECT id, faults, status FROM run_totals')).toEqual({
        columns: ['id', 'faults', 'status'],
        rows: [[id, 96, 'finished']],
      })
      expect(codeOf(() => store.query('DELETE FROM runs'))).toBe('read-only')
      expect(codeOf(() => store.query('DELETE FROM runs RETURNING id'))).toBe('read-only')
      expect(store.check()).toEqual([])
    })
  })

  it('says that the disk is full, keeps what was committed, and goes on when there is room', () => {
    inScratch((directory) => {
      const connectionFile = path.join(directory, 'workbench.sqlite')
      const store = TraceStore.open(connectionFile)
      const id = store.createRun(someRun())
      const encoder = new EventEncoder(true)
      store.appendEvents(id, encoder.add(someEvents(65536, 1)))
      const second = encoder.add(someEvents(65536, 2, 1e9))
      const pages = Number(store.query('PRAGMA page_count').rows[0]?.[0])
      store.limitPages(pages + 4)
      expect(codeOf(() => store.appendEvents(id, second))).toBe('disk-full')
      const buckets = Array.from({ length: 3000 }, (_, i) => i)
      expect(codeOf(() => store.appendSamples(id, batchOf(sampleRows(buckets), buckets.length)))).toBe('disk-full')
      expect(store.runs.eventCounts(id)).toEqual(store.events.counts(id, 0, Infinity))
      expect(store.events.count(id, { fromNs: 0, toNs: Infinity, kinds: [] })).toBe(65536)
      store.limitPages(1 << 30)
      store.appendEvents(id, second)
      store.appendSamples(id, batchOf(new Float64Array(0), 0))
      store.finishRun(id, someEnd())
      expect(store.events.count(id, { fromNs: 0, toNs: Infinity, kinds: [] })).toBe(131072)
      expect(store.samples.query(id, { fromNs: 0, toNs: 3e6, buckets: 4096, columns: ['faults'] }).rows).toBe(3000)
      expect(store.check()).toEqual([])
      store.close()
    })
  })
})

describe('runs', () => {
  it('that cannot be ended for want of room are ended when there is some, with all their samples', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      const buckets = Array.from({ length: 2500 }, (_, i) => i)
      store.appendSamples(id, batchOf(sampleRows(buckets), buckets.length))
      store.limitPages(Number(store.query('PRAGMA page_count').rows[0]?.[0]))
      expect(codeOf(() => store.finishRun(id, someEnd()))).toBe('disk-full')
      expect(store.runs.get(id).status).toBe('running')
      store.limitPages(1 << 30)
      store.finishRun(id, someEnd())
      expect(store.runs.get(id).status).toBe('finished')
      const query = { fromNs: 0, toNs: 1e9, columns: ['softFaults'] }
      const total = (rows: number) =>
        store.samples.query(id, { ...query, buckets: rows }).columns[0]!.sum.reduce((a, b) => a + b, 0)
      expect(total(100)).toBe(total(4096))
      expect(store.query('SELECT count(*) FROM sample_chunks WHERE level > 0').rows[0]![0]).toBeGreaterThan(0)
    })
  })

  it('come back as they were created and ended', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      expect(store.runs.get(id)).toMatchObject({ status: 'running', totals: { faults: 0, run: id, status: 'running' } })
      store.appendMessages(id, [
        { time: 5, level: 'warning', routine: 'swp_pager_meta_build', text: 'swap zone exhausted' },
        { time: 9, level: 'info', routine: '', text: 'swap zone ok' },
      ])
      store.appendMessages(id, [{ time: 12, level: 'error', routine: 'swapoff_one', text: 'failed' }])
      store.appendIntervention(id, { at: 1000, action: 'swapoff', device: 1 })
      store.putKeyframe(id, { reference: 500, timeNs: 15_500, data: new Uint8Array(10_000).fill(7) })
      store.finishRun(id, someEnd({ status: 'failed', problem: 'page 7 came back different' }))
      const detail = store.runs.detail(id)
      expect(detail).toMatchObject({
        ...{
          id,
          name: 'a run',
          status: 'failed',
          problem: 'page 7 came back different',
          replayOf: null,
          replayAgrees: null,
        },
        ...{
          file: someRun().file,
          devices: someRun().devices,
          thresholds: { freeMin: 10, freeTarget: 40 },
          endTimeNs: 5_000_000,
        },
        ...{ workloadNames: ['a workload'], interventions: [{ at: 1000, action: 'swapoff', device: 1 }] },
        totals: { faults: 96, seconds: 1.5, status: 'failed', traceDigest: 'cd'.repeat(32) },
      })
      expect(detail.messages.map((message) => message.time)).toEqual([5, 9, 12])
      expect(store.keyframes.atTime(id, 20_000)?.data).toEqual(new Uint8Array(10_000).fill(7))
      expect(store.keyframes.atReference(id, 499)).toBeNull()
      expect(detail.storedBytes).toBeGreaterThan(0)
    })
  })

  it('say of a replay whether its digest agrees', () => {
    withStore((store) => {
      const first = store.createRun(someRun())
      store.finishRun(first, someEnd())
      const same = store.createRun(someRun({ replayOf: first, sameConfiguration: true }))
      expect(store.runs.get(same).replayAgrees).toBeNull()
      store.finishRun(same, someEnd())
      const other = store.createRun(someRun({ replayOf: first, sameConfiguration: true }))
      const end = someEnd()
      store.finishRun(other, { ...end, totals: { ...end.totals, traceDigest: '00'.repeat(32) } })
      const changed = store.createRun(someRun({ replayOf: first, sameConfiguration: false }))
      store.finishRun(changed, someEnd())
      expect([same, other, changed].map((id) => store.runs.get(id).replayAgrees)).toEqual([true, false, null])
    })
  })

  it('are not removed while they run, and take everything with them when they are', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      const encoder = new EventEncoder(true)
      store.appendEvents(id, encoder.add(someEvents(1000)))
      store.appendSamples(id, batchOf(sampleRows([0, 1, 5]), 3))
      expect(codeOf(() => store.runs.remove(id))).toBe('in-use')
      store.finishRun(id, someEnd())
      store.runs.remove(id)
      expect(codeOf(() => store.runs.get(id))).toBe('not-found')
      for (const table of ['trace_chunks', 'sample_chunks', 'run_devices', 'run_workloads'])
        expect(store.query(`SELECT count(*) FROM ${table}`).rows).toEqual([[0]])
    })
  })

  it(
    'that were being recorded when the program was killed keep every completed piece and are marked interrupted',
    { timeout: 30_000 },
    async () => {
      const directory = mkdtempSync(path.join(tmpdir(), 'pager-store-'))
      const file = path.join(directory, 'workbench.sqlite')
      const child = spawn(process.execPath, [path.join(import.meta.dirname, 'testing.crash.ts'), file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      // each line says how many chunks and sample rows were committed before it was written
      let chunks = 0
      let rows = 0
      await new Promise<void>((resolve, reject) => {
        let text = ''
        child.stdout.on('data', (piece: Buffer) => {
          text += piece.toString()
          const lines = text.split('\n').slice(0, -1)
          const last = lines.at(-1)?.split(' ').map(Number)
          if (last) [chunks = 0, rows = 0] = last
          if (lines.length > 12) child.kill('SIGKILL')
        })
        child.on('exit', () => resolve())
        child.on('error', reject)
      })
      expect(chunks).toBeGreaterThan(5)
      const store = TraceStore.open(file)
      expect(store.markInterrupted()).toEqual([1])
      expect(store.runs.get(1)).toMatchObject({ status: 'interrupted' })
      expect(store.events.count(1, { fromNs: 0, toNs: Infinity, kinds: [] })).toBeGreaterThanOrEqual(chunks * 65536)
      const table = store.samples.query(1, { fromNs: 0, toNs: 1e15, buckets: 4096, columns: ['faults'] })
      expect(table.rows * table.bucketsPerRow).toBeGreaterThanOrEqual(rows)
      expect(store.runs.detail(1).endTimeNs).toBeGreaterThanOrEqual(rows * 1000)
      expect(store.workloads.list()).toEqual([])
      expect(store.query('SELECT count(*) FROM workloads').rows).toEqual([[0]])
      expect(store.check()).toEqual([])
      store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  )
})

describe('workloads', () => {
  it('come back reference by reference, with their tables and counts', () => {
    withStore((store) => {
      const next = sequenceOf(3)
      const streams = [200_000, 1, 65536].map((length, i) =>
        Uint32Array.from({ length }, () => (next(i === 0 ? 70_000 : 3) << 2) | next(3)),
      )
      const workload = memoryWorkload('three', ...streams)
      const verbs: WorkloadVerb[] = [
        { at: 70, verb: 'fork', child: 1 },
        { at: 70, verb: 'spawn', child: 2 },
        { at: 100, verb: 'map', page: 7, pages: 20, object: '', offset: 0 },
        { at: 200_000, verb: 'wait', child: 1 },
      ]
      workload.processes[0]!.verbs = verbs
      const heard: number[] = []
      const info = store.workloads.add(workload, (done) => heard.push(done))
      expect(heard.at(-1)).toBe(265_537)
      expect(info).toMatchObject({ name: 'three', processes: 3, references: 265_537, reads: expect.any(Number) })
      expect(info.reads + info.writes + info.fetches).toBe(265_537)
      const opened = store.workloads.open(info.id)
      expect(opened.processes.map((process) => process.verbs)).toEqual([verbs, [], []])
      opened.processes.forEach((process, i) => {
        const expected = workload.processes[i]!
        expect(process.pageNumbers).toEqual(expected.pageNumbers)
        expect(process.pageUse).toEqual(expected.pageUse)
        const reader = process.open()
        const read = new Uint32Array(process.referenceCount)
        for (let at = 0; at < read.length;) {
          const view = reader.read(at)
          read.set(view, at)
          at += view.length
        }
        expect(read).toEqual(streams[i])
        expect(reader.read(read.length).length).toBe(0)
      })
      expect(store.workloads.find('three')?.id).toBe(info.id)
    })
  })

  it('have one name each, and are not removed under a running run', () => {
    withStore((store) => {
      const workload = memoryWorkload('w', Uint32Array.of(0, 5, 9))
      const { id } = store.workloads.add(workload)
      expect(codeOf(() => store.workloads.add(workload))).toBe('exists')
      expect(store.workloads.unusedName('w')).toBe('w 2')
      const run = store.createRun(someRun({ workloads: [{ id, name: 'w' }] }))
      expect(codeOf(() => store.workloads.remove(id))).toBe('in-use')
      store.finishRun(run, someEnd())
      store.workloads.remove(id)
      expect(store.runs.detail(run)).toMatchObject({ workloadNames: ['w'], workloadIds: [null] })
    })
  })

  it('that fail on their way in leave nothing', () => {
    withStore((store) => {
      const workload = memoryWorkload('short', Uint32Array.of(0, 5, 9))
      const broken = { ...workload, processes: workload.processes.map((stream) => ({ ...stream, referenceCount: 10 })) }
      expect(() => store.workloads.add(broken)).toThrow('ends at 3 of 10')
      expect(store.query('SELECT count(*) FROM workloads').rows).toEqual([[0]])
    })
  })
})

describe('experiments, images and reports', () => {
  it('are kept, changed and removed', () => {
    withStore((store) => {
      const saved = store.experiments.save(null, 'one', { seed: 1 })
      store.experiments.save(saved.id, 'uno', { seed: 2 })
      expect(store.experiments.list()).toMatchObject([{ id: saved.id, name: 'uno', file: { seed: 2 } }])
      expect(codeOf(() => store.experiments.save(99, 'x', {}))).toBe('not-found')
      store.images.add('swap0', 'images/swap0.img')
      expect(codeOf(() => store.images.add('swap0', 'elsewhere'))).toBe('exists')
      expect(store.images.find('swap0')?.path).toBe('images/swap0.img')
      store.images.remove('swap0')
      expect(store.images.list()).toEqual([])
      const report = store.reports.add({
        name: 'r',
        format: 'md',
        mediaType: 'text/markdown',
        content: '# é',
        runs: [4, 2],
      })
      expect(report).toMatchObject({ runs: [4, 2], sizeBytes: 4 })
      expect(store.reports.get(report.id).content).toBe('# é')
      store.reports.remove(report.id)
      expect(store.reports.list()).toEqual([])
    })
  })
})
