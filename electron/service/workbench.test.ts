import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawImage } from '../../engine/disk/rawImage.ts'
import { requests, type Notice, type WorkbenchClient } from '../contract/contract.ts'
import { decodeTable } from '../contract/dataPlane.ts'
import { follow, inFolder, runToEnd, smallExperiment, withService } from './testing.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

const lackey = fileURLToPath(new URL('../../examples/traces/python3-startup.lackey.txt.gz', import.meta.url))
const start = (client: WorkbenchClient, file: unknown, record = true) =>
  runToEnd(client, () => client.request('runs.start', { file, record, startPaused: false }))

describe('runs', () => {
  it('a run is recorded: totals, samples, events and messages can be asked for afterwards', () =>
    withService(async (workbench) => {
      const ended = await start(workbench, smallExperiment())
      expect(ended).toMatchObject({ status: 'finished', problem: null })
      const { totals } = ended
      expect(totals.references).toBe(10_000)
      expect(totals.swapins).toBeGreaterThan(100)
      expect(totals.bytesVerified).toBe(totals.bytesRead)
      expect(totals.traceDigest).toMatch(/^[\da-f]{64}$/)
      const detail = await workbench.request('runs.get', { id: ended.id })
      expect(requests['runs.get'].result.safeParse(detail).error).toBeUndefined()
      expect(detail.totals).toEqual(totals)
      expect(Object.values(detail.eventCounts).reduce((sum, count) => sum + count, 0)).toBe(totals.events)
      expect(detail.messages.map((message) => message.text).join()).toContain('swapped on')

      const window = { id: ended.id, fromNs: 0, toNs: detail.endTimeNs + 1 }
      const samples = decodeTable(await workbench.request('runs.samples', { ...window, buckets: 64, columns: ['faults', 'swapins'] }))
      const sumOf = (column: number) => Array.from(samples.columns[column] ?? []).reduce((sum, value) => sum + value, 0)
      expect(sumOf(2)).toBe(totals.faults)
      expect(sumOf(5)).toBe(totals.swapins)
      const events = decodeTable(await workbench.request('runs.events', { ...window, kinds: ['swapin'], offset: 0, limit: 10000 }))
      expect(events.rows).toBe(totals.swapins)
    }))

  it('the trace is the same without recording, and at another speed', () =>
    withService(async (workbench) => {
      const recorded = await start(workbench, smallExperiment())
      const not = await start(workbench, smallExperiment(), false)
      expect(not.id).toBeLessThan(0)
      expect(not.totals).toMatchObject({ run: null, traceDigest: recorded.totals.traceDigest, events: recorded.totals.events })
      // it is not stored, but how it ended is known until it is forgotten
      const known = await workbench.request('runs.get', { id: not.id })
      expect([known.status, known.totals.faults]).toEqual(['finished', recorded.totals.faults])
      expect((await workbench.request('runs.list', {})).map(({ id }) => id)).toEqual([not.id, recorded.id])
      await workbench.request('runs.remove', { id: not.id })
      expect((await workbench.request('runs.list', {})).map(({ id }) => id)).toEqual([recorded.id])
      const slow = await runToEnd(workbench, async () => {
        const begun = await workbench.request('runs.start', { file: smallExperiment({}, 10_000), record: false, startPaused: true })
        await workbench.request('runs.speed', { ...begun, speed: 2 })
        await workbench.request('runs.control', { ...begun, action: 'resume' })
        return begun
      })
      expect(slow.totals.traceDigest).toBe(recorded.totals.traceDigest)
    }))

  it('another seed or device gives another trace', () =>
    withService(async (workbench) => {
      const one = await start(workbench, smallExperiment())
      const small = smallExperiment()
      const devices = (small.swap?.devices ?? []).map((device) => ({ ...device, timing: { model: 'hdd' } }))
      const other = await start(workbench, { ...small, swap: { devices } })
      expect(other.totals.traceDigest).not.toBe(one.totals.traceDigest)
    }))

  it('a paused run stands still; steps move it by a reference, to a fault, to a request; stop ends it', () =>
    withService(async (workbench) => {
      const follower = follow(workbench)
      const { id } = await workbench.request('runs.start', { file: smallExperiment({}, 5_000_000), record: true, startPaused: true })
      expect((await workbench.request('runs.list', {}))[0]).toMatchObject({ id, status: 'paused' })
      const step = async (action: 'step-reference' | 'step-fault' | 'step-io', from: number) => {
        await workbench.request('runs.control', { id, action })
        return follower.progress(id, (notice) => notice.references > from)
      }
      expect(await step('step-reference', 0)).toMatchObject({ references: 1, status: 'paused' })
      const fault = await step('step-fault', 1)
      expect(fault.totals.faults).toBe(2)
      const request = await step('step-io', fault.references)
      expect(request.totals.deviceReads + request.totals.deviceWrites).toBeGreaterThan(0)
      const frames = decodeTable(await workbench.request('runs.frames', { id }))
      expect(frames.rows).toBe(256)
      await workbench.request('runs.control', { id, action: 'resume' })
      await follower.progress(id, (notice) => notice.references > request.references + 1000)
      await workbench.request('runs.control', { id, action: 'stop' })
      const ended = await follower.ended(id)
      expect(ended.status).toBe('stopped')
      expect(await workbench.request('runs.get', { id })).toMatchObject({ status: 'stopped', totals: { references: ended.totals.references } })
      await expect(workbench.request('runs.control', { id, action: 'pause' })).rejects.toMatchObject({ code: 'not-running' })
    }))

  it('what is done to a running machine is stored and replayed to the same digest', () =>
    withService(async (workbench) => {
      const follower = follow(workbench)
      const { id } = await workbench.request('runs.start', { file: smallExperiment({}, 100_000), record: true, startPaused: false })
      await follower.progress(id, (notice) => notice.references > 0)
      await workbench.request('runs.control', { id, action: 'pause' })
      await follower.progress(id, (notice) => notice.status === 'paused')
      const { at } = await workbench.request('runs.intervene', { id, action: 'swapoff', device: 1 })
      expect(at).toBeGreaterThan(0)
      await workbench.request('runs.intervene', { id, action: 'tunable', name: 'vm.swap_async_max', value: 2 })
      await expect(workbench.request('runs.intervene', { id, action: 'swapoff', device: 9 })).rejects.toMatchObject({ field: 'device' })
      await expect(workbench.request('runs.intervene', { id, action: 'tunable', name: 'vm.nonsense', value: 2 })).rejects.toMatchObject({ field: 'name' })
      await workbench.request('runs.control', { id, action: 'resume' })
      const ended = await follower.ended(id)
      expect(ended).toMatchObject({ status: 'finished', problem: null })
      const replay = await runToEnd(workbench, () => workbench.request('runs.replay', { id, file: null }))
      expect(replay.totals.traceDigest).toBe(ended.totals.traceDigest)
      expect(await workbench.request('runs.get', { id: replay.id })).toMatchObject({ replayOf: id, replayAgrees: true })
      const without = await start(workbench, smallExperiment({}, 100_000), false)
      expect(without.totals.traceDigest).not.toBe(ended.totals.traceDigest)
    }))

  it('a run on measured devices is replayed with the times that it had; one without contents has nothing to measure', () =>
    withService(async (workbench) => {
      const devices = [{ image: 'a.img', create: '16 MiB', timing: { model: 'measured' } }]
      const experiment = smallExperiment({ swap: { devices } }, 2000)
      const ended = await start(workbench, experiment)
      expect(ended.status).toBe('finished')
      expect(ended.totals.swapins).toBeGreaterThan(200)
      const replay = await runToEnd(workbench, () => workbench.request('runs.replay', { id: ended.id, file: null }))
      expect(replay.totals.traceDigest).toBe(ended.totals.traceDigest)
      // a replay is itself a recorded run
      const second = await runToEnd(workbench, () => workbench.request('runs.replay', { id: replay.id, file: null }))
      expect(second.totals.traceDigest).toBe(ended.totals.traceDigest)
      await expect(start(workbench, { ...experiment, contents: 'none' })).rejects.toMatchObject({ field: 'swap.devices[0].timing.model' })
    }))

  it('a replay on a changed image is refused', () =>
    withService(async (workbench, folder) => {
      const { id } = await start(workbench, smallExperiment())
      writeFileSync(path.join(folder, 'images', 'a.img'), new Uint8Array(16 << 20).fill(1))
      await expect(workbench.request('runs.replay', { id, file: null })).rejects.toMatchObject({
        code: 'base-changed',
        field: 'swap.devices[0].image',
      })
    }))

  it('a replay on a changed image of its files is refused too, and one on the image as it was is not', () =>
    withService(async (workbench, folder) => {
      const image = path.join(folder, 'images', 'files.img')
      const before = new Uint8Array(4 << 20).fill(7)
      writeFileSync(image, before)
      const files = { pager: 'dragonfly' as const, image: 'files.img' }
      const { id, totals } = await start(workbench, smallExperiment({ untouched: 'file', files }))
      const { fileImage } = await workbench.request('runs.get', { id })
      expect(fileImage).toEqual({ image: 'files.img', baseDigest: expect.stringMatching(/^[0-9a-f]{64}$/) })
      writeFileSync(image, before.with(1 << 20, 8))
      await expect(workbench.request('runs.replay', { id, file: null })).rejects.toMatchObject({ code: 'base-changed', field: 'files.image' })
      writeFileSync(image, before)
      const again = await runToEnd(workbench, () => workbench.request('runs.replay', { id, file: null }))
      expect(again.totals.traceDigest).toBe(totals.traceDigest)
      expect(totals.vnodePagesIn).toBeGreaterThan(0)
    }))

  it('a run leaves the images as they were, and no files behind', () =>
    withService(async (workbench, folder) => {
      await start(workbench, smallExperiment({ untouched: 'file' }))
      expect(readdirSync(path.join(folder, 'overlays'))).toEqual([])
      expect(readdirSync(path.join(folder, 'images'))).toEqual(['a.img', 'b.img'])
      const images = await workbench.request('images.list', {})
      expect(images.map(({ name, allocatedBytes, inUse, problem }) => ({ name, allocatedBytes, inUse, problem }))).toEqual(
        ['a.img', 'b.img'].map((name) => ({ name, allocatedBytes: 0, inUse: false, problem: null })),
      )
    }))

  it('closing stops what runs, and keeps it', () =>
    inFolder(async (folder) => {
      const workbench = await createWorkbench({ workspace: folder, host: 'command', seed: false })
      const { id } = await workbench.request('runs.start', { file: smallExperiment({}, 500_000_000), record: true, startPaused: false })
      await workbench.close()
      const again = await createWorkbench({ workspace: folder, host: 'command', seed: false })
      expect(await again.request('runs.get', { id })).toMatchObject({ status: 'stopped' })
      expect(existsSync(path.join(folder, 'owner.sock'))).toBe(true)
      await again.close()
      expect(existsSync(path.join(folder, 'owner.sock'))).toBe(false)
      expect(existsSync(path.join(folder, 'owner.lock'))).toBe(false)
    }))

  it('two machines run side by side', () =>
    withService(async (workbench) => {
      const follower = follow(workbench)
      const ids = await Promise.all(
        [7, 7].map(async (seed) => (await workbench.request('runs.start', { file: smallExperiment({ seed }), record: true, startPaused: false })).id),
      )
      const [one, two] = await Promise.all(ids.map((id) => follower.ended(id)))
      expect(one?.status).toBe('finished')
      expect(two?.totals.traceDigest).toBe(one?.totals.traceDigest)
    }))
})

describe('what cannot be run', () => {
  // what is refused leaves nothing, so one workspace serves all
  let folder = ''
  let workbench: Workbench
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'pager-service-'))
    workbench = await createWorkbench({ workspace: folder, host: 'command', seed: false })
  })
  afterAll(async () => {
    await workbench.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const device = (image: string, changes = {}) => ({ image, create: '16 MiB', ...changes })
  const withDevices = (...devices: object[]) => ({ ...smallExperiment(), swap: { devices } })

  it.each([
    ['a missing image', () => withDevices({ image: 'nowhere.img' }), 'missing-image', 'swap.devices[0].image'],
    ['two devices on one image', () => withDevices(device('a.img'), device('a.img')), 'image-used-twice', 'swap.devices[1].image'],
    ['a partition that is not there', () => withDevices(device('a.img', { partition: 2 })), 'no-such-partition', 'swap.devices[0].partition'],
    ['an unknown timing model', () => withDevices(device('a.img', { timing: { model: 'drum' } })), 'no-such-timing-model', 'swap.devices[0].timing.model'],
    ['a workload that is not there', () => smallExperiment({ processes: [{ workload: { name: 'x' } }] }), 'no-such-workload', 'processes[0].workload.name'],
    ['a parameter that is not one', () => smallExperiment({ processes: [{ workload: { generator: 'zipf', parameters: { size: 1 } } }] }), 'unknown-parameter', 'processes[0].workload.parameters.size'],
    ['a machine too small for its thresholds', () => smallExperiment({ machine: { frames: 30 }, daemon: { policy: 'freebsd' } }), 'machine-too-small', 'machine.frames'],
    ['an unknown field', () => ({ ...smallExperiment(), ram: 1 }), 'bad-experiment', 'ram'],
    ['an injected fault of no device', () => smallExperiment({ faults: [{ device: 5 }] }), 'bad-experiment', 'faults[0].device'],
  ])('%s is refused with its field', async (_, file, code, field) => {
    await expect(start(workbench, file())).rejects.toMatchObject({ code, field })
    expect(await workbench.request('runs.list', {})).toEqual([])
  })

  it('an image that is no multiple of a sector, or too small, is refused', async () => {
    const file = path.join(folder, 'images', 'odd.img')
    writeFileSync(file, new Uint8Array(1_000_000))
    await expect(start(workbench, withDevices({ image: 'odd.img' }))).rejects.toMatchObject({ code: 'not-sector-multiple' })
    truncateSync(file, 8192)
    await expect(start(workbench, withDevices({ image: 'odd.img' }))).rejects.toMatchObject({ code: 'image-too-small' })
    const check = await workbench.request('experiments.check', { file: withDevices({ image: 'odd.img' }) })
    expect(check.issues.map((issue) => issue.field)).toEqual(['swap.devices[0].image'])
  })

  it('a check says what an experiment amounts to, without making anything', async () => {
    const check = await workbench.request('experiments.check', { file: withDevices(device('new.img'), device('other.img')) })
    expect(check).toMatchObject({ issues: [], frames: 256, footprint: 1024, references: 10_000, nsPerReference: 1000 })
    expect(check.summary).toContain('2 swap devices')
    expect(existsSync(path.join(folder, 'images', 'new.img'))).toBe(false)
    expect((await workbench.request('experiments.check', { file: {} })).issues[0]?.field).toBe('processes')
  })

  it('an image that another thread writes to is refused while it does, and is no mistake of the experiment', async () => {
    const file = path.join(folder, 'images', 'held.img')
    writeFileSync(file, new Uint8Array(1 << 24))
    const experiment = withDevices({ image: 'held.img' })
    const held = RawImage.open(file, 'write')
    try {
      await expect(start(workbench, experiment)).rejects.toMatchObject({ code: 'image-in-use', field: 'swap.devices[0].image' })
      expect((await workbench.request('experiments.check', { file: experiment })).issues).toEqual([])
    } finally {
      held.close()
    }
    expect(await start(workbench, experiment, false)).toMatchObject({ status: 'finished' })
  })

  it('a check finds verbs out of order, and those about a process that is not there', async () => {
    const workload = { generator: 'loop', parameters: { pages: 10, references: 100 } }
    const verbs = [{ at: 9, verb: 'fork', child: 1 }, { at: 9, verb: 'fork', child: 0 }, { at: 8, verb: 'wait', child: 2 }]
    const check = await workbench.request('experiments.check', { file: { ...smallExperiment(), processes: [{ workload, verbs }, { workload }] } })
    expect(check.issues.map(({ field }) => field)).toEqual(['processes[0].verbs[1].child', 'processes[0].verbs[2].at', 'processes[0].verbs[2].child'])
  })
})

describe('workloads', () => {
  const importing = async (client: WorkbenchClient, params: { path: string; limit?: number; name?: string; format?: string }) => {
    const ended = new Promise<Notice<'job'>>((resolve) => {
      client.on('job', (notice) => {
        if (notice.state !== 'running') resolve(notice)
      })
    })
    await client.request('workloads.import', { format: '', name: '', limit: 0, eventsPerReference: 1, ...params })
    return ended
  }

  it('a trace is imported, renamed, run and removed', () =>
    withService(async (workbench) => {
      const job = await importing(workbench, { path: lackey })
      expect(job).toMatchObject({ state: 'finished', error: null })
      const [workload] = await workbench.request('workloads.list', {})
      expect(workload).toMatchObject({ id: job.result?.workload, references: 100_021, footprint: 156 })
      expect(workload?.eventsPerReference).toBeGreaterThan(1)
      const id = workload?.id ?? 0
      expect(await workbench.request('workloads.rename', { id, name: 'python' })).toMatchObject({ name: 'python' })
      const file = smallExperiment({ machine: { frames: 60 }, processes: [{ workload: { name: 'python' } }] })
      const stored = await start(workbench, file)
      const direct = await start(workbench, { ...file, processes: [{ workload: { file: lackey } }] })
      expect(stored.totals.references).toBe(100_021)
      expect(direct.totals.traceDigest).toBe(stored.totals.traceDigest)
      await workbench.request('workloads.remove', { id })
      expect(await workbench.request('workloads.list', {})).toEqual([])
    }))

  it('a limit takes the beginning, stored or from the file', () =>
    withService(async (workbench) => {
      await importing(workbench, { path: lackey, limit: 70_000, name: 'short' })
      const [workload] = await workbench.request('workloads.list', {})
      expect(workload?.references).toBe(70_000)
      const machine = { frames: 60 }
      const stored = await start(workbench, smallExperiment({ machine, processes: [{ workload: { name: 'short' } }] }))
      const direct = await start(workbench, smallExperiment({ machine, processes: [{ workload: { file: lackey, limit: 70_000 } }] }))
      expect(direct.totals).toMatchObject({ references: 70_000, traceDigest: stored.totals.traceDigest })
    }))

  it('a trace that is cut off fails with its place, and nothing of it stays', () =>
    withService(async (workbench, folder) => {
      const cut = path.join(folder, 'cut.txt')
      writeFileSync(cut, '==1== Lackey\nI  04001000,3\n S 1ffe')
      const job = await importing(workbench, { path: cut, format: 'lackey' })
      expect(job.state).toBe('failed')
      expect(job.error).toContain('cut.txt')
      expect(job.error).toContain('line 3')
      expect(await workbench.request('workloads.list', {})).toEqual([])
    }))

  it('a generated workload is stored, and gives the trace of its generator', () =>
    withService(async (workbench) => {
      const parameters = { pages: 1024, references: 10_000 }
      const info = await workbench.request('workloads.generate', { name: 'u', generator: 'uniform', parameters })
      expect(info).toMatchObject({ references: 10_000, footprint: 1024 })
      const stored = await start(workbench, smallExperiment({ processes: [{ name: 'p', workload: { name: 'u' } }] }))
      const direct = await start(workbench, smallExperiment())
      expect(direct.totals.traceDigest).toBe(stored.totals.traceDigest)
    }))
})

describe('images, experiments and reports', () => {
  it('images are created, added by path, and forgotten or deleted', () =>
    withService(async (workbench, folder) => {
      const outside = path.join(folder, 'outside.img')
      writeFileSync(outside, new Uint8Array(65536))
      await workbench.request('images.create', { name: 'in.img', sizeBytes: 1 << 20 })
      await expect(workbench.request('images.create', { name: 'in.img', sizeBytes: 1 << 20 })).rejects.toMatchObject({ code: 'exists' })
      await expect(workbench.request('images.create', { name: '../x.img', sizeBytes: 1 << 20 })).rejects.toMatchObject({ field: 'name' })
      expect(await workbench.request('images.add', { path: outside })).toMatchObject({ name: 'outside.img', sizeBytes: 65536 })
      await expect(workbench.request('images.add', { path: path.join(folder, 'no.img') })).rejects.toMatchObject({ code: 'missing-image' })
      expect((await workbench.request('images.list', {})).map((image) => image.name)).toEqual(['in.img', 'outside.img'])
      await workbench.request('images.remove', { name: 'outside.img', deleteFile: true })
      expect(existsSync(outside)).toBe(true)
      await expect(workbench.request('images.remove', { name: 'in.img', deleteFile: false })).rejects.toMatchObject({ field: 'deleteFile' })
      await workbench.request('images.remove', { name: 'in.img', deleteFile: true })
      expect(await workbench.request('images.list', {})).toEqual([])
    }))

  it('an experiment is kept with its defaults filled in', () =>
    withService(async (workbench) => {
      const saved = await workbench.request('experiments.save', { id: null, file: smallExperiment() })
      expect(saved.file.paging.readCluster).toBe(16)
      const renamed = await workbench.request('experiments.save', { id: saved.id, file: { ...saved.file, name: 'other' } })
      expect(await workbench.request('experiments.list', {})).toEqual([renamed])
      await workbench.request('experiments.remove', { id: saved.id })
      await expect(workbench.request('experiments.get', { id: saved.id })).rejects.toMatchObject({ code: 'not-found' })
    }))

  it('reports of every format are made of a run and kept', () =>
    withService(async (workbench) => {
      const { id, totals } = await start(workbench, smallExperiment())
      for (const format of ['html', 'csv', 'json', 'md'] as const) {
        const info = await workbench.request('reports.create', { runs: [id], format, name: `as ${format}` })
        const report = await workbench.request('reports.get', { id: info.id })
        expect(report.content.length).toBeGreaterThan(500)
        // in pieces, so that a person can read it
        if (format !== 'csv') expect(report.content.replaceAll(/\s|<[^>]*>/g, '')).toContain(totals.traceDigest)
      }
      expect(await workbench.request('reports.list', {})).toHaveLength(4)
    }))

  it('every request answers what the contract says', () =>
    withService(async (workbench) => {
      const info = await workbench.request('workbench.info', {})
      expect(requests['workbench.info'].result.safeParse(info).error).toBeUndefined()
      expect(info.importFormats.map((format) => format.name)).toContain('pgtrace')
    }))
})

describe('the owner of a workspace', () => {
  it('a new workspace has the demo, ready to run', () =>
    inFolder(async (folder) => {
      const workbench = await createWorkbench({ workspace: path.join(folder, 'new'), host: 'command' })
      try {
        const [experiment] = await workbench.request('experiments.list', {})
        expect(experiment?.file.processes[0]?.workload).toEqual({ name: 'cc1-demo' })
        expect((await workbench.request('workloads.list', {}))[0]).toMatchObject({ references: 2_000_000, eventsPerReference: 30.9 })
        expect((await workbench.request('images.list', {})).map((image) => image.sizeBytes)).toEqual([64 << 20, 64 << 20])
        expect((await workbench.request('experiments.check', { file: experiment?.file })).issues).toEqual([])
      } finally {
        await workbench.close()
      }
    }))

  it('is one at a time', () =>
    withService(async (_workbench, folder) => {
      await expect(createWorkbench({ workspace: folder, host: 'command' })).rejects.toMatchObject({ code: 'owned' })
    }))
})
