import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import type { RecordingInfo, RunDetail } from '../contract/contract.ts'
import { inScratch } from '../../db/testing.ts'
import { readRecords, writeRecords } from '../../db/recordFile.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { packRun } from './runPack.ts'
import { memoryWorkload } from '../../engine/workload/streamFile.ts'
import type { WorkloadVerb } from '../../engine/workload/verbs.ts'
import { unpackRun } from './runUnpack.ts'
import { packSnapshot } from './snapshotBytes.ts'
import { inFolder, runToEnd, smallExperiment, withService } from './testing.ts'

const generated = { generator: 'uniform', parameters: { pages: 600, references: 5000 } }

const recording: RecordingInfo = {
  ...{ command: ['ls', '-l'], directory: '/', startedAt: '2026-01-01T00:00:00.000Z', seconds: 1.5, end: 'finished' },
  ...{ exitStatus: 0, signal: null, filterSize: 1, events: 9000, notes: [] },
  processes: [
    {
      ...{ name: 'ls', pid: 1, parentPid: null, command: 'ls -l', references: 5000, footprint: 600 },
      begins: null,
      labels: [{ startPage: 0, pageCount: 600, label: 'heap' }],
    },
  ],
}
const keyframe = { data: packSnapshot(new Map([['clock', { kind: 'f64', data: Float64Array.of(1, 2) }]])) }

/** A run without what its workspace says of it. */
const alike = (run: RunDetail) => ({
  ...run,
  ...{ id: 0, file: null, workloadNames: [], workloadIds: [], storedBytes: 0, totals: { ...run.totals, run: 0 } },
})

describe('a packed run', () => {
  it('has the processes that its workload begins, and those that wait for them', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'run.pwb')
      const verbs: WorkloadVerb[] = [
        { at: 2, verb: 'fork', child: 1 },
        { at: 3, verb: 'wait', child: 1 },
      ]
      const workload = memoryWorkload('family', Uint32Array.of(1, 5, 9, 1), Uint32Array.of(1, 5))
      workload.processes[0]!.verbs = verbs
      const experiment = smallExperiment({ processes: [{ name: '', workload: { name: 'family' } }] })
      const digest = await withService(async (workbench, workspace) => {
        const store = TraceStore.open(path.join(workspace, 'workbench.sqlite'))
        store.workloads.add(workload)
        const run = await runToEnd(workbench, () =>
          workbench.request('runs.start', { file: experiment, record: true, startPaused: false }),
        )
        expect(run.totals).toMatchObject({ references: 6, copyOnWriteFaults: 2 })
        await packRun(store, run.id, file, workspace)
        store.close()
        return run.totals.traceDigest
      })
      await withService(async (workbench, workspace) => {
        const { id } = await workbench.request('runs.unpack', { path: file })
        const store = TraceStore.open(path.join(workspace, 'workbench.sqlite'), { readOnly: true })
        expect(
          store.workloads.open(store.workloads.find('family')!.id).processes.map((process) => process.verbs),
        ).toEqual([verbs, []])
        store.close()
        const replay = await runToEnd(workbench, () => workbench.request('runs.replay', { id, file: null }))
        expect(replay.totals.traceDigest).toBe(digest)
      })
    }))

  it('is taken over elsewhere and replays there to the same digest', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'run.pwb')
      const original = await withService(async (workbench, workspace) => {
        await workbench.request('workloads.generate', { name: 'w', ...generated })
        const experiment = smallExperiment({
          processes: [{ name: 'p', workload: { name: 'w' } }],
          machine: { frames: 128, nsPerReference: 1000 },
        })
        const { id } = await runToEnd(workbench, () =>
          workbench.request('runs.start', { file: experiment, record: true, startPaused: false }),
        )
        await workbench.request('runs.annotate', { id, note: 'as it was', tags: ['b', 'a'] })
        const database = path.join(workspace, 'workbench.sqlite')
        const [workload] = await workbench.request('workloads.list', {})
        const sqlite = new Database(database)
        sqlite.prepare('INSERT INTO workload_recordings VALUES (?, ?)').run(workload!.id, JSON.stringify(recording))
        sqlite.close()
        const store = TraceStore.open(database)
        for (const reference of [1000, 3000])
          store.putKeyframe(id, { ...keyframe, reference, timeNs: reference * 1000 })
        await packRun(store, id, file, workspace)
        store.close()
        return workbench.request('runs.get', { id })
      })
      await withService(async (workbench, workspace) => {
        // a workload of the same name, and another one
        await workbench.request('workloads.generate', {
          name: 'w',
          ...generated,
          parameters: { ...generated.parameters, seed: 5 },
        })
        const first = await workbench.request('runs.unpack', { path: file })
        const second = await workbench.request('runs.unpack', { path: file })
        const taken = await workbench.request('runs.get', first)
        expect(alike(taken)).toEqual(alike(original))
        expect(taken.file.processes[0]!.workload).toEqual({ name: 'w 2' })
        expect(taken.workloadNames).toEqual(['w 2'])
        const [, w2] = await workbench.request('workloads.list', {})
        expect(await workbench.request('workloads.recording', { id: w2!.id })).toEqual(recording)
        const names = (await workbench.request('workloads.list', {})).map(({ name }) => name)
        expect(names).toEqual(['w', 'w 2'])
        const replayed = await runToEnd(workbench, () => workbench.request('runs.replay', { ...first, file: null }))
        expect(replayed.totals.traceDigest).toBe(original.totals.traceDigest)
        expect((await workbench.request('runs.get', { id: replayed.id })).replayAgrees).toBe(true)
        await workbench.request('runs.remove', second)
        const store = TraceStore.open(path.join(workspace, 'workbench.sqlite'), { readOnly: true })
        expect(store.keyframes.list(first.id).map(({ reference }) => reference)).toEqual([1000, 3000])
        expect(store.keyframes.atReference(first.id, 3500)).toEqual({ ...keyframe, reference: 3000, timeNs: 3_000_000 })
        expect([...store.checkAll()].flatMap(({ findings }) => findings)).toEqual([])
        store.close()
      })
    }))

  it('that was changed, cut off or is none is refused, and nothing of it stays', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'run.pwb')
      await withService(async (workbench, workspace) => {
        await workbench.request('workloads.generate', { name: 'w', ...generated })
        const experiment = smallExperiment({ processes: [{ name: 'p', workload: { name: 'w' } }] })
        const { id } = await runToEnd(workbench, () =>
          workbench.request('runs.start', { file: experiment, record: true, startPaused: false }),
        )
        const store = TraceStore.open(path.join(workspace, 'workbench.sqlite'))
        store.putKeyframe(id, { ...keyframe, reference: 100, timeNs: 5 })
        await packRun(store, id, file, workspace)
        await expect(packRun(store, id, file, workspace)).rejects.toMatchObject({ code: 'EEXIST' })
        store.close()
      })
      const whole = readFileSync(file)
      const records = [...readRecords(file)]
      const at = (type: string) => records.findIndex(({ head }) => head['type'] === type)
      /** The file with one record otherwise, packed anew so that its digest is right. */
      const otherwise = (
        type: string,
        change: (record: (typeof records)[number]) => Partial<(typeof records)[number]>,
      ) => {
        const changed = path.join(folder, `changed-${Math.floor(performance.now() * 1000)}.pwb`)
        writeRecords(
          changed,
          records.map((record, i) => (i === at(type) ? { ...record, ...change(record) } : record)),
        )
        return readFileSync(changed)
      }
      const flipped = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 0x55 : byte))
      const hostile: [string, Uint8Array][] = [
        ['empty', new Uint8Array(0)],
        ['text', Buffer.from('this is no packed run at all')],
        ['cut off', whole.subarray(0, whole.length - 50)],
        ['longer', Buffer.concat([whole, Buffer.from('more')])],
        ['a flipped byte', flipped(whole)],
        ['a record of 4 GiB', Buffer.concat([whole.subarray(0, 8), Buffer.alloc(8, 0xff)])],
        ['other events', otherwise('events', ({ bytes }) => ({ bytes: flipped(bytes) }))],
        ['fewer events', otherwise('events', ({ head }) => ({ head: { ...head, count: 5 } }))],
        ['other samples', otherwise('samples', ({ bytes }) => ({ bytes: bytes.subarray(0, 20) }))],
        ['other references', otherwise('references', ({ bytes }) => ({ bytes: flipped(bytes) }))],
        [
          'fewer pages',
          otherwise('process', ({ head, bytes }) => ({
            head: { ...head, pageCount: 5 },
            bytes: bytes.subarray(0, 40),
          })),
        ],
        ['no experiment', otherwise('run', ({ head }) => ({ head: { ...head, file: { processes: [] } } }))],
        ['half a keyframe', otherwise('keyframe', ({ bytes }) => ({ bytes: bytes.subarray(0, bytes.length - 9) }))],
        ['a keyframe of later', otherwise('keyframe', ({ head }) => ({ head: { ...head, reference: 1e9 } }))],
        ['a status that runs', otherwise('run', ({ head }) => ({ head: { ...head, status: 'running' } }))],
        ['a trace of tomorrow', otherwise('run', ({ head }) => ({ head: { ...head, traceFormat: 3 } }))],
        ['an unknown record', otherwise('workload', () => ({ head: { type: 'surprise' } }))],
        ['two runs', otherwise('workload', () => ({ head: records[0]!.head }))],
      ]
      inScratch((directory) => {
        const store = TraceStore.open(path.join(directory, 'workbench.sqlite'))
        for (const [what, bytes] of hostile) {
          const bad = path.join(directory, 'bad.pwb')
          writeFileSync(bad, bytes)
          expect(() => unpackRun(store, bad), what).toThrow(
            /packed run|cannot be read|column|workload|zstd|experiment|page|keyframe/,
          )
          expect([what, store.runs.list().length, store.workloads.list().length]).toEqual([what, 0, 0])
        }
        expect(() => unpackRun(store, directory)).toThrow('folder')
        expect(() => unpackRun(store, path.join(directory, 'none'))).toThrow('no file')
        expect(store.query('SELECT count(*) FROM workloads').rows).toEqual([[0]])
        expect(unpackRun(store, file)).toBeGreaterThan(0)
        store.close()
      })
    }))
})
