import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { comparisonSchema } from '../../contract/comparison.ts'
import { runToEnd, smallExperiment } from '../../service/testing.ts'
import { createWorkbench } from '../../service/workbench.ts'
import { pager } from '../testing.ts'

const workspace = mkdtempSync(path.join(tmpdir(), 'pager-compare-'))
const updated = { generator: 'uniform', parameters: { pages: 600, references: 3000 } }

beforeAll(async () => {
  const workbench = await createWorkbench({ workspace, host: 'command', seed: false })
  const run = (file: unknown) =>
    runToEnd(workbench, () => workbench.request('runs.start', { file, record: true, startPaused: false }))
  try {
    await run(smallExperiment())
    await run(smallExperiment({ name: 'another name' }))
    await run(smallExperiment({ machine: { frames: 300, nsPerReference: 1000 }, swap: { devices: [] } }))
    for (const kernel of ['freebsd', 'netbsd'] as const)
      await run({
        name: kernel,
        machine: { frames: 400 },
        processes: [{ workload: updated }],
        files: { pager: kernel, mapping: 'shared' },
      })
  } finally {
    await workbench.close()
  }
}, 60_000)
afterAll(() => rmSync(workspace, { recursive: true, force: true }))

async function compared(...runs: string[]) {
  const { status, out, err } = await pager(workspace, 'compare', ...runs, '--json')
  expect([status, err]).toEqual([0, ''])
  return comparisonSchema.parse(JSON.parse(out))
}

describe('pager compare RUN RUN', () => {
  it('runs of the same configuration made the same trace, whatever they are called', async () => {
    const { configuration, divergences, totals } = await compared('1', '2')
    expect(configuration).toEqual([])
    expect(divergences).toMatchObject([{ run: 2, against: 1, divergence: { outcome: 'same' } }])
    expect(totals.find(({ name }) => name === 'faults')?.ratios).toEqual([1, 1])
  })

  it('names each field that differs, also those that one run lacks, and the first event that does', async () => {
    const { configuration, divergences, totals, neutral } = await compared('1', '3', '2')
    const fieldNamed = (name: string) => configuration.find(({ field }) => field === name)
    expect(fieldNamed('machine.frames')).toEqual({ field: 'machine.frames', values: [256, 300, 256], absent: [] })
    expect(fieldNamed('swap.devices[0].timing.model')).toEqual({
      field: 'swap.devices[0].timing.model',
      values: ['ssd', null, 'ssd'],
      absent: [1],
    })
    expect(fieldNamed('seed')).toBeUndefined()
    expect(divergences.map(({ run, divergence }) => [run, divergence.outcome])).toEqual([
      [3, 'differs'],
      [2, 'same'],
    ])
    const faults = totals.find(({ name }) => name === 'faults')
    expect(faults?.differences).toEqual(faults?.values.map((value) => value - (faults.values[0] ?? 0)))
    expect(neutral).toEqual([])
  })

  it('shows runs of several vnode pagers with counts that mean the same, and with their own', async () => {
    const { runs, neutral } = await compared('4', '5')
    expect(runs.map((run) => run.pager)).toEqual(['freebsd', 'netbsd'])
    expect(Object.keys(runs[0]?.ownCounters ?? {})).toContain('vm.stats.vm.v_vnodein')
    expect(Object.keys(runs[1]?.ownCounters ?? {})).toContain('uvmexp.pdfreed')
    const valuesOf = (name: string) => neutral.find((row) => row.name === name)?.values ?? []
    const [reads, pages] = [valuesOf('vnodeins'), valuesOf('vnodePagesIn')]
    expect(Math.min(...reads)).toBeGreaterThan(0)
    expect(valuesOf('pagesPerRead')).toEqual(pages.map((value, i) => value / (reads[i] ?? 0)))
    expect((await pager(workspace, 'compare', '4', '5')).out).toMatch(/run 5: netbsd's own counters: uvmexp/)
  })

  it('says it in words too', async () => {
    const { out } = await pager(workspace, 'compare', '1', '3')
    expect(out).toMatch(/machine\.frames +256 +300/)
    expect(out).toMatch(/The traces of runs 1 and 3 part at event/)
  })

  it.each([
    [['1', '99'], 'there is no run 99'],
    [['1'], 'two runs or more'],
    [['1', 'two'], '"two" is no number'],
    [['1', '1'], 'named twice'],
  ])('%s cannot be compared', async (runs, expected) => {
    const { status, out, err } = await pager(workspace, 'compare', ...runs)
    expect([status, out]).toEqual([2, ''])
    expect(err).toContain(expected)
    expect(err.trimEnd()).not.toContain('\n')
  })

  it('the service answers the same, and refuses a run that there is not', async () => {
    const workbench = await createWorkbench({ workspace, host: 'command', seed: false })
    try {
      expect(await workbench.request('runs.compare', { ids: [1, 3] })).toEqual(await compared('1', '3'))
      await expect(workbench.request('runs.compare', { ids: [1, 99] })).rejects.toMatchObject({ code: 'not-found' })
    } finally {
      await workbench.close()
    }
  })
})
