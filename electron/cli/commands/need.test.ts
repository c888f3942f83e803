import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { needResultSchema, type NeedProgress } from '../../contract/memoryNeed.ts'
import { inFolder, runToEnd, smallExperiment, withService } from '../../service/testing.ts'
import { createWorkbench } from '../../service/workbench.ts'
import { pager } from '../testing.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'pager-need-'))
const workspace = path.join(folder, 'workspace')
const file = (name: string) => path.join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Pages of very different use, and so much time between references that a few faults more are borne. */
const skewed = smallExperiment({
  machine: { nsPerReference: 100_000 },
  processes: [{ name: 'p', workload: { generator: 'zipf', parameters: { pages: 400, references: 6000 } } }],
})

describe('pager need', () => {
  it('finds a RAM that is within, next to one that is not; a run of each says so too', async () => {
    writeFileSync(file('skewed.json'), JSON.stringify(skewed))
    const { status, out } = await pager(
      workspace,
      'need',
      file('skewed.json'),
      '--within',
      '20',
      '--devices',
      '1,2',
      '--json',
    )
    expect(status).toBe(0)
    const result = needResultSchema.parse(JSON.parse(out))
    expect(result).toMatchObject({ within: 20, references: 6000, name: 'small' })
    const limit = result.unlimited.virtualSeconds * 1.2
    const workbench = await createWorkbench({ workspace, host: 'command', seed: false })
    try {
      const { frames, virtualSeconds } = result.layouts[0]!
      const timeWith = async (size: number) => {
        const run = {
          ...skewed,
          machine: { ...skewed.machine, frames: size },
          swap: { devices: [{ image: 'own.img', create: '64 MiB', timing: { model: 'ssd' } }] },
        }
        return (
          await runToEnd(workbench, () =>
            workbench.request('runs.start', { file: run, record: false, startPaused: false }),
          )
        ).totals.virtualSeconds
      }
      expect(frames).toBeLessThan(result.footprint)
      expect(virtualSeconds).toBeLessThanOrEqual(limit)
      expect(await timeWith(frames)).toBeLessThanOrEqual(limit)
      expect(await timeWith(frames - 1)).toBeGreaterThan(limit)
    } finally {
      await workbench.close()
    }
    const [one, two] = result.layouts
    expect([one?.devices, two?.devices]).toEqual([1, 2])
    for (const layout of result.layouts) {
      expect(layout.peakSwapPages).toBeGreaterThan(0)
      expect(layout.swapPages).toBeGreaterThanOrEqual(layout.peakSwapPages)
    }
    expect(result.best).toBe((one?.frames ?? 0) <= (two?.frames ?? 0) ? 1 : 2)
  }, 60_000)

  it('says it in a line', async () => {
    writeFileSync(
      file('few.json'),
      JSON.stringify({
        ...skewed,
        processes: [{ workload: { generator: 'loop', parameters: { pages: 50, references: 500 } } }],
      }),
    )
    const { out } = await pager(workspace, 'need', file('few.json'), '--devices', '1')
    expect(out.split('\n')[0]).toMatch(
      /^small: within 5 % of unlimited RAM from [\d,]+ pages \([\d.]+ KiB\), \d+ % of the footprint, with 1 device; /,
    )
  })

  it.each([
    [['nowhere.pgt'], 'no such file, and the workspace has no workload of that name'],
    [[folder], 'is a directory'],
    [['few.json', '--within', 'five'], '--within: "five"'],
    [['few.json', '--devices', '1,9'], '--devices: 9'],
  ])('%s cannot be used', async (args, expected) => {
    expect(await pager(workspace, 'need', ...args)).toMatchObject({
      status: 2,
      out: '',
      err: expect.stringContaining(expected),
    })
  })
})

it('a search can be cancelled', () =>
  withService(async (workbench) => {
    const ended = new Promise<NeedProgress>((resolve) =>
      workbench.on('need.progress', (progress) => {
        if (progress.state !== 'running') resolve(progress)
      }),
    )
    const large = smallExperiment({}, 3_000_000)
    const { search } = await workbench.request('need.start', { file: large, within: 5, deviceCounts: [1, 2] })
    await workbench.request('need.cancel', { search })
    expect(await ended).toMatchObject({ search, state: 'cancelled', result: null })
    await workbench.request('need.cancel', { search })
  }))

it('a workbench that is closed ends its searches', () =>
  inFolder(async (directory) => {
    const workbench = await createWorkbench({ workspace: directory, host: 'command', seed: false })
    await workbench.request('need.start', { file: smallExperiment({}, 3_000_000), within: 5, deviceCounts: [1] })
    await workbench.close()
  }))
