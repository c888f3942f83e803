import { describe, expect, it } from 'vitest'
import type { WorkbenchClient } from '../contract/contract.ts'
import type { SweepProgress } from '../contract/sweep.ts'
import { runToEnd, smallExperiment, withService } from './testing.ts'

const sweepOf = (vary: object, changes: object = {}, references = 2000) => ({
  name: 'sizes',
  experiment: smallExperiment({}, references),
  vary,
  ...changes,
})

/** Notices of sweeps from now on. */
function listen(client: WorkbenchClient) {
  const heard: SweepProgress[] = []
  let wake = () => {}
  client.on('sweep.progress', (progress) => {
    heard.push(progress)
    wake()
  })
  const until = async (accepts: (progress: SweepProgress) => boolean): Promise<SweepProgress> => {
    for (;;) {
      const found = heard.findLast(accepts)
      if (found) return found
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return { heard, until, ended: () => until(({ state }) => state !== 'running' && state !== 'paused') }
}

async function swept(client: WorkbenchClient, file: unknown, workers = 2) {
  const { id } = await client.request('sweeps.save', { file })
  const { ended } = listen(client)
  await client.request('sweeps.start', { id, workers })
  const progress = await ended()
  return { id, progress, result: await client.request('sweeps.result', { id }) }
}

describe('a sweep', () => {
  it('records a run for each cell, in grid order whatever ends first, and makes none of them twice', () =>
    withService(async (workbench) => {
      const file = sweepOf({ 'machine.frames': [256, 1200], 'daemon.policy': ['lru', 'fifo'] })
      const { id, progress, result } = await swept(workbench, file)
      expect(progress).toMatchObject({ state: 'finished', cells: 4, done: 4, skipped: 0, problems: [], running: [] })
      expect(result.cells.map(({ point }) => point)).toEqual(
        [256, 1200].flatMap((frames) => [
          [frames, 'lru'],
          [frames, 'fifo'],
        ]),
      )
      expect(result.cells.every(({ status }) => status === 'finished')).toBe(true)
      const runs = await workbench.request('runs.list', {})
      expect(runs).toHaveLength(4)
      for (const { run, key, measures } of result.cells) {
        const found = runs.find((each) => each.id === run)
        expect(found?.tags).toEqual([`key ${key}`, 'sweep sizes'])
        expect(measures).toMatchObject({
          faults: found?.totals.faults,
          virtualSeconds: found?.totals.virtualSeconds,
          bytesRead: found?.totals.bytesRead,
        })
      }
      expect(new Set(result.cells.map(({ key }) => key)).size).toBe(4)
      // all of it fits into 1200 frames
      expect(result.cells.map(({ measures }) => (measures?.peakSwapPages ?? 0) > 0)).toEqual([true, true, false, false])

      const again = await swept(workbench, file)
      expect(again.progress).toMatchObject({ skipped: 4, done: 4 })
      expect(again.result).toEqual(result)
      expect(again.id).toBe(id)
      // another value is one more run
      const more = await swept(workbench, sweepOf({ 'machine.frames': [256, 200], 'daemon.policy': ['lru'] }))
      expect(more.progress).toMatchObject({ cells: 2, skipped: 1 })
      expect(await workbench.request('runs.list', {})).toHaveLength(5)
    }))

  it('goes on past cells that cannot be run, and says which', () =>
    withService(async (workbench) => {
      const vary = { 'daemon.policy': ['freebsd'], 'machine.frames': [3, 400] }
      const { progress, result } = await swept(workbench, sweepOf(vary))
      expect(progress.problems).toMatchObject([{ cell: 0, problem: expect.stringContaining('machine.frames') }])
      expect(result.cells.map(({ status, run }) => [status, run])).toEqual([
        ['missing', null],
        ['finished', 1],
      ])
    }))

  it('repeated with several seeds has means with confidence intervals', () =>
    withService(async (workbench) => {
      const vary = { 'processes[0].workload.parameters.seed': [1, 2, 3], 'machine.frames': [256] }
      const { result } = await swept(workbench, sweepOf(vary))
      const faults = result.cells.map(({ measures }) => measures?.faults ?? NaN)
      expect(new Set(faults).size).toBeGreaterThan(1)
      const [group, ...others] = result.groups
      expect(others).toEqual([])
      expect(group).toMatchObject({ point: [256], count: 3 })
      const mean = (faults[0]! + faults[1]! + faults[2]!) / 3
      expect(group?.measures.faults?.mean).toBeCloseTo(mean, 9)
      const deviation = Math.sqrt(faults.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2)
      expect(group?.measures.faults?.half).toBeCloseTo((4.30265273 * deviation) / Math.sqrt(3), 5)
    }))

  it('leaves a warm-up out of what it measures', () =>
    withService(async (workbench) => {
      const { result: whole } = await swept(workbench, sweepOf({ seed: [1] }))
      const { result: warm } = await swept(workbench, sweepOf({ seed: [1] }, { warmup: 1000 }))
      const [all, rest] = [whole.cells[0]?.measures, warm.cells[0]?.measures]
      // a sample is 1 ms, a reference a microsecond: what is left is the second half, but for one sample
      expect(rest?.references).toBeLessThanOrEqual(1000)
      expect(rest?.references).toBeGreaterThan(0)
      expect(rest?.virtualSeconds).toBeLessThan(all?.virtualSeconds ?? 0)
      expect(rest?.zeroFills).toBeLessThan((all?.zeroFills ?? 0) / 2)
      expect(rest?.peakSwapPages).toBe(all?.peakSwapPages)
      // the same run serves both
      expect(whole.cells[0]?.run).toBe(warm.cells[0]?.run)
    }))

  it('is held while paused, and what was under way when it is cancelled leaves nothing behind', () =>
    withService(async (workbench) => {
      const { id } = await workbench.request('sweeps.save', { file: sweepOf({ seed: [1, 2, 3] }, {}, 20_000_000) })
      const { until, ended } = listen(workbench)
      await workbench.request('sweeps.start', { id, workers: 2 })
      await until(({ running }) => running.length === 2)
      await expect(workbench.request('sweeps.start', { id, workers: 2 })).rejects.toMatchObject({ code: 'running' })
      await expect(workbench.request('sweeps.remove', { id })).rejects.toMatchObject({ code: 'running' })
      await workbench.request('sweeps.control', { id, action: 'pause' })
      expect(await workbench.request('sweeps.progress', {})).toMatchObject([{ sweep: id, state: 'paused', done: 0 }])
      const states = async () => (await workbench.request('runs.list', {})).map(({ status }) => status)
      await expect.poll(states, { timeout: 10_000 }).toEqual(['paused', 'paused'])
      await workbench.request('sweeps.control', { id, action: 'resume' })
      await expect.poll(states, { timeout: 10_000 }).toEqual(['running', 'running'])
      await workbench.request('sweeps.control', { id, action: 'cancel' })
      // it is not over before its runs are
      expect(await ended()).toMatchObject({ state: 'cancelled', done: 0, running: [] })
      expect(await workbench.request('runs.list', {})).toEqual([])
      expect((await workbench.request('sweeps.result', { id })).cells.map(({ status }) => status)).toEqual([
        'missing',
        'missing',
        'missing',
      ])
    }))

  it('does not count runs of others, and keeps its runs when it is forgotten', () =>
    withService(async (workbench) => {
      await runToEnd(workbench, () =>
        workbench.request('runs.start', { file: smallExperiment({ seed: 1 }, 2000), record: true, startPaused: false }),
      )
      const { id, progress } = await swept(workbench, sweepOf({ seed: [1] }))
      expect(progress.skipped).toBe(0)
      await workbench.request('sweeps.remove', { id })
      expect(await workbench.request('sweeps.list', {})).toEqual([])
      expect(await workbench.request('runs.list', {})).toHaveLength(2)
    }))

  it('with pager variants starts only where somebody answers for them', () =>
    withService(async (workbench) => {
      const { id } = await workbench.request('sweeps.save', { file: sweepOf({ variant: ['', '/nowhere/mine.ts'] }) })
      await expect(workbench.request('sweeps.start', { id, workers: 1 })).rejects.toMatchObject({
        code: 'variant-not-trusted',
      })
      await expect(
        workbench.request('sweeps.save', { file: sweepOf({ 'machine.frames': [0] }) }),
      ).rejects.toMatchObject({
        code: 'bad-sweep',
        field: 'vary.machine.frames[0]',
      })
    }))
})
