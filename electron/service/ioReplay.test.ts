import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { TraceStore } from '../../db/traceStore.ts'
import type { ExperimentInput } from '../contract/experiment.ts'
import { openScratch, planIo, replayIo, type IoPlan, type IoReplayOptions } from './ioReplay.ts'
import { runToEnd, smallExperiment, withService } from './testing.ts'

/** Runs an experiment and does something with what it asked of its devices. */
function withPlan(
  file: ExperimentInput,
  body: (plan: IoPlan, folder: string, ended: { reads: number; writes: number }) => Promise<void>,
) {
  return withService(async (workbench, folder) => {
    const { id, totals } = await runToEnd(workbench, () =>
      workbench.request('runs.start', { file, record: true, startPaused: false }),
    )
    const store = TraceStore.open(path.join(folder, 'workbench.sqlite'), { readOnly: true })
    try {
      await body(planIo(store, store.runs.detail(id)), folder, {
        reads: totals.deviceReads,
        writes: totals.deviceWrites,
      })
    } finally {
      store.close()
    }
  })
}

const cached = { exists: false, force: false, keep: false, cached: true }
const options = (speed: IoReplayOptions['speed'], signal = new AbortController().signal): IoReplayOptions => ({
  speed,
  signal,
  onProgress: () => undefined,
})
const short = smallExperiment({ untouched: 'file' }, 2000)

describe('the device I/O of a run', () => {
  it('is done request by request on an image that is gone afterwards, at either speed', () =>
    withPlan(short, async (plan, folder, { reads, writes }) => {
      expect(plan.requests.count).toBe(reads + writes)
      const pages = [...plan.requests].reduce((sum, each) => sum + each.pages, 0)
      for (const speed of ['full', 'recorded'] as const) {
        const image = path.join(folder, 'scratch.img')
        const scratch = openScratch(image, plan, cached)
        const done = await replayIo(plan, scratch.file, options(speed))
        scratch.close()
        expect(existsSync(image)).toBe(false)
        expect(done).toMatchObject({ requests: reads + writes, reads, writes })
        expect(done.bytesRead + done.bytesWritten).toBe(pages * 4096)
        expect([...done.byKind.values()].reduce((sum, { measured }) => sum + measured.count, 0)).toBe(reads + writes)
        expect(done.byKind.get('filein')?.modelled.count).toBeGreaterThan(0)
        // at recorded speed no request is begun before its time
        if (speed === 'recorded') expect(done.seconds).toBeGreaterThan(done.virtualSeconds * 0.5)
      }
      // told to end, it ends with what it has done
      const abort = new AbortController()
      abort.abort()
      const scratch = openScratch(path.join(folder, 'scratch.img'), plan, cached)
      expect(await replayIo(plan, scratch.file, options('full', abort.signal))).toMatchObject({ requests: 0 })
      scratch.close()
    }))

  it('never writes a label, also when a device went away and came back', () =>
    withPlan(
      smallExperiment(
        {
          interventions: [
            { at: 2000, action: 'swapoff', device: 0 },
            { at: 4000, action: 'swapon', device: 0 },
          ],
        },
        8000,
      ),
      async (plan, folder) => {
        const [of, limit] = [16 << 8, 2 * (16 << 8)]
        for (const { page, pages } of plan.requests) {
          expect(page % of).toBeGreaterThanOrEqual(2)
          expect(Math.floor(page / of)).toBe(Math.floor((page + pages - 1) / of))
          expect(page + pages).toBeLessThanOrEqual(limit)
        }
        // both devices are used after the second has taken the first one's place
        expect(new Set(Array.from(plan.requests, ({ page }) => Math.floor(page / of)))).toEqual(new Set([0, 1]))
        const image = path.join(folder, 'scratch.img')
        const label = new Uint8Array(8192).fill(9)
        writeFileSync(image, new Uint8Array(plan.imagePages * 4096))
        writeFileSync(image, Buffer.concat([label, readFileSync(image).subarray(8192)]))
        const scratch = openScratch(image, plan, { ...cached, exists: true, force: true })
        await replayIo(plan, scratch.file, options('full'))
        scratch.close()
        const after = readFileSync(image)
        expect(after.subarray(0, 8192).equals(label)).toBe(true)
        expect(after.subarray(8192).some((byte) => byte !== 0)).toBe(true)
      },
    ))

  it('is refused on a file that is there, on a partition table even with force, and on an image that is too small', () =>
    withPlan(short, async (plan, folder) => {
      const image = path.join(folder, 'user.img')
      const bytes = new Uint8Array(plan.imagePages * 4096)
      // a master boot record with one partition
      bytes.set([0, 0, 2, 0, 0xa5, 0, 0, 0, 1, 0, 0, 0, 0, 16, 0, 0], 446)
      bytes.set([0x55, 0xaa], 510)
      writeFileSync(image, bytes)
      expect(() => openScratch(image, plan, { ...cached, exists: true })).toThrow('--force')
      expect(() => openScratch(image, plan, { ...cached, exists: true, force: true })).toThrow('partition table')
      expect(readFileSync(image).equals(bytes)).toBe(true)
      writeFileSync(image, new Uint8Array(1 << 20))
      expect(() => openScratch(image, plan, { ...cached, exists: true, force: true })).toThrow('has 256 pages')
      expect(existsSync(image)).toBe(true)
      await Promise.resolve()
    }))

  it('of a run that has none cannot be done', () =>
    withService(async (workbench, folder) => {
      const file = smallExperiment({ machine: { frames: 2048 } }, 1000)
      const { id } = await runToEnd(workbench, () =>
        workbench.request('runs.start', { file, record: true, startPaused: false }),
      )
      const store = TraceStore.open(path.join(folder, 'workbench.sqlite'), { readOnly: true })
      expect(() => planIo(store, store.runs.detail(id))).toThrow('asked nothing of a device')
      store.close()
    }))
})
