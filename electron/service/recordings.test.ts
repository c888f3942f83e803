import { readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Notice, Params, RecordingInfo, WorkbenchClient, WorkloadInfo } from '../contract/contract.ts'
import { answerRequest } from '../hosts/dispatch.ts'
import { PathGrants } from '../hosts/pathGrants.ts'
import { findOnPath } from './recording/valgrind.ts'
import { runToEnd, smallExperiment, withService } from './testing.ts'

const program = (name: string): Params<'workloads.record'> => ({
  program: name,
  arguments: [],
  directory: '',
  name: '',
  filterSize: 1,
  referencesMax: 0,
  secondsMax: 0,
  followChildren: true,
  output: 'notices',
})

interface Recorded {
  job: Notice<'job'>
  output: string
  progress: Notice<'recording.progress'>[]
}

/** Records to the job's end; `meanwhile` hears each time that there are more references. */
async function record(
  client: WorkbenchClient,
  params: Params<'workloads.record'>,
  meanwhile: (job: number) => void = () => undefined,
): Promise<Recorded> {
  const progress: Notice<'recording.progress'>[] = []
  let output = ''
  const ends = [
    client.on('recording.progress', (notice) => {
      progress.push(notice)
      if (notice.references > 0) meanwhile(notice.job)
    }),
    client.on('recording.output', ({ text }) => (output += text)),
  ]
  const ended = new Promise<Notice<'job'>>((resolve) => {
    ends.push(client.on('job', (notice) => notice.state !== 'running' && resolve(notice)))
  })
  await client.request('workloads.record', params)
  const job = await ended
  for (const end of ends) end()
  return { job, output, progress }
}

async function workloadOf(client: WorkbenchClient, { job }: Recorded): Promise<{ workload: WorkloadInfo; recording: RecordingInfo }> {
  expect(job).toMatchObject({ state: 'finished', error: null })
  const id = job.result?.workload ?? 0
  const recording = await client.request('workloads.recording', { id })
  if (!recording) throw new Error('the workload has no recording')
  return { workload: await client.request('workloads.get', { id }), recording }
}

const wants = (name: string) => (findOnPath(name) === undefined ? `skipped: no ${name}` : '')
const missing = wants('valgrind') || wants('sqlite3')
if (missing) console.log(`Recording programs: ${missing}`)

describe('recording a program', () => {
  it.skipIf(missing)('sqlite3 becomes a workload with its command line, and a run of it replays to the same trace', () =>
    withService(async (client, folder) => {
      const query = ['-batch', ':memory:', 'select 6 * 7']
      const recorded = await record(client, { ...program('sqlite3'), arguments: query, filterSize: 16, directory: folder })
      expect(recorded.output).toBe('42\n')
      const { workload, recording } = await workloadOf(client, recorded)
      expect(workload).toMatchObject({ name: 'sqlite3', processes: 1, eventsPerReference: recording.events / workload.references })
      expect(workload.source).toContain("user mode only, filter 16: sqlite3 -batch :memory: 'select 6 * 7'")
      expect(recording).toMatchObject({ command: ['sqlite3', ...query], directory: folder, end: 'finished', exitStatus: 0, signal: null, notes: [] })
      expect(recording.events).toBeGreaterThan(500_000)
      expect(recorded.progress.at(-1)).toMatchObject({ references: workload.references, footprint: workload.footprint, processes: 1 })

      const [one] = recording.processes
      const pages = (test: (label: string) => boolean) =>
        (one?.labels ?? []).filter(({ label }) => test(label)).reduce((sum, { pageCount }) => sum + pageCount, 0)
      expect(pages((label) => label.includes('/libc.so.6'))).toBeGreaterThan(20)
      expect(pages((label) => label === 'stack')).toBeGreaterThan(0)
      expect(pages((label) => label === 'heap')).toBeGreaterThan(0)
      expect(pages((label) => label === 'unknown')).toBeLessThan(workload.footprint / 10)

      const file = { ...smallExperiment(), processes: [{ name: '', workload: { name: 'sqlite3' } }] }
      const run = await runToEnd(client, () => client.request('runs.start', { file, record: true, startPaused: false }))
      expect(run.totals).toMatchObject({ status: 'finished', references: workload.references })
      const replay = await runToEnd(client, () => client.request('runs.replay', { id: run.id, file: null }))
      expect(replay.totals.traceDigest).toBe(run.totals.traceDigest)
      const report = await client.request('reports.create', { runs: [run.id], format: 'md', name: '' })
      expect((await client.request('reports.get', { id: report.id })).content).toMatch(/recorded under valgrind, user mode only, filter 16: sqlite3/)
      expect(readdirSync(path.join(folder, 'incoming'))).toEqual([])
    }),
  )

  it.skipIf(missing)('processes that it starts are streams of their own, begin where they did in each run, and have their objects named', () =>
    withService(async (client) => {
      const script = 'x=1; (y=2; : $x $y); /bin/true; exit 7'
      const recorded = await record(client, { ...program('sh'), arguments: ['-c', script], name: 'a shell', filterSize: 4 })
      const { workload, recording } = await workloadOf(client, recorded)
      expect(workload.name).toBe('a shell')
      expect(recording).toMatchObject({ end: 'finished', exitStatus: 7 })
      const names = recording.processes.map((each) => each.name)
      expect(names[0]).toBe('sh')
      expect(names.some((name) => /^true \d+$/.test(name))).toBe(true)
      expect(workload.processes).toBe(names.length)
      expect(recording.processes.reduce((sum, each) => sum + each.references, 0)).toBe(workload.references)
      const [parent, forked, ...others] = recording.processes
      expect(forked?.parentPid).toBe(parent?.pid)
      expect(forked?.begins).toMatchObject({ how: 'fork', process: 0, isExact: true })
      expect(forked?.begins?.at).toBeGreaterThan(0)
      expect(forked?.begins?.at).toBeLessThan(parent?.references ?? 0)
      expect(forked?.labels.every(({ label }) => label !== 'unknown')).toBe(true)
      expect(others.map(({ begins }) => begins?.isExact)).not.toContain(false)
      expect(others.at(-1)?.begins?.how).toMatch(/exec|spawn/)

      const file = { ...smallExperiment({ untouched: 'file' }), processes: [{ name: '', workload: { name: 'a shell' } }] }
      const run = await runToEnd(client, () => client.request('runs.start', { file, record: true, startPaused: false }))
      expect(run.totals).toMatchObject({ status: 'finished', references: workload.references })
      expect(run.totals.copyOnWriteFaults).toBeGreaterThan(0)
      const replay = await runToEnd(client, () => client.request('runs.replay', { id: run.id, file: null }))
      expect(replay.totals.traceDigest).toBe(run.totals.traceDigest)

      const objects = await client.request('runs.objects', { id: run.id })
      const named = (kind: string, name: RegExp) => objects.filter((each) => each.kind === kind && name.test(each.name))
      expect(named('file', /libc\.so\.6.* of sh$/).length).toBeGreaterThan(0)
      expect(named('anonymous', /^stack of sh$/)).toMatchObject([{ process: 0, labels: [] }])
      expect(named('copy', /^copy of stack of /).length).toBeGreaterThan(0)
      const sql = `SELECT DISTINCT o.name FROM event(${run.id}) AS e JOIN objects AS o
        ON o.run = ${run.id} AND o.object = e.object AND e.event BETWEEN o.first_event AND o.last_event`
      const { rows } = await client.request('sql.run', { sql, rows: 1000, seconds: 10 })
      expect(rows.flat()).toContain('stack of sh')
    }),
  )

  it.skipIf(missing)('ends at the limit of references, exactly, and without its children', () =>
    withService(async (client) => {
      const limited = { ...program('sh'), arguments: ['-c', '/bin/true; while :; do :; done'], referencesMax: 100_000, followChildren: false }
      const { workload, recording } = await workloadOf(client, await record(client, limited))
      expect(workload).toMatchObject({ references: 100_000, processes: 1 })
      expect(recording).toMatchObject({ end: 'references', exitStatus: null, signal: null })
      expect(recording.events).toBeLessThan(1_000_000)
    }),
  )

  it.skipIf(missing)('one that is ended is kept, one that is cancelled leaves nothing', () =>
    withService(async (client) => {
      const endless = { ...program('sh'), arguments: ['-c', 'while :; do :; done'] }
      let asked = false
      const once = (ask: () => Promise<unknown>) => {
        if (!asked) void ask()
        asked = true
      }
      const kept = await record(client, endless, (job) => once(() => client.request('workloads.endRecording', { job })))
      expect((await workloadOf(client, kept)).recording.end).toBe('stopped')
      asked = false
      const dropped = await record(client, endless, (job) => once(() => client.request('jobs.cancel', { job })))
      expect(dropped.job.state).toBe('cancelled')
      expect(await client.request('workloads.list', {})).toHaveLength(1)
    }),
  )

  it.skipIf(missing)('what cannot be executed is refused at once, by name', () =>
    withService(async (client) => {
      await expect(client.request('workloads.record', program('no-such-program'))).rejects.toMatchObject({
        code: 'no-program',
        message: 'there is no program "no-such-program" on the PATH',
        field: 'program',
      })
      await expect(client.request('workloads.record', program('/etc/passwd'))).rejects.toMatchObject({ code: 'no-program' })
    }),
  )
})

describe('a window that wants a program executed', () => {
  const ask = (client: WorkbenchClient, confirm?: () => Promise<boolean>) =>
    answerRequest(client, new PathGrants('/'), 'workloads.record', program('true'), confirm)

  it('is refused where nobody can be asked, and where the person says no', () =>
    withService(async (client) => {
      expect(await ask(client)).toMatchObject({ error: { code: 'recording-not-allowed' } })
      expect(await ask(client, () => Promise.resolve(false))).toMatchObject({ error: { code: 'cancelled' } })
      expect(await client.request('workloads.list', {})).toEqual([])
    }))
})
