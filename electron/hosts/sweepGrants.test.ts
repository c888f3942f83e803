import path from 'node:path'
import { expect, it } from 'vitest'
import { smallExperiment } from '../service/testing.ts'
import { withService } from '../service/testing.ts'
import { answerRequest } from './dispatch.ts'
import { PathGrants } from './pathGrants.ts'

const sweepOf = (vary: object) => ({ file: { name: 's', experiment: smallExperiment({}, 100), vary } })

it('a window may vary no file that it was not given, in a sweep as in an experiment', () =>
  withService(async (workbench, folder) => {
    const grants = new PathGrants(folder)
    const outside = path.resolve('/etc/hosts')
    const save = (vary: object) => answerRequest(workbench, grants, 'sweeps.save', sweepOf(vary))
    for (const vary of [
      { 'swap.devices[0].image': ['a.img', outside] },
      { 'processes[0].workload': [{ file: outside }] },
      { files: [null, { pager: 'netbsd', image: outside }] },
    ])
      expect(await save(vary)).toMatchObject({ error: { code: 'path-not-given' } })
    const file = { ...smallExperiment({}, 100), files: { pager: 'netbsd', image: outside } }
    for (const [method, params] of [
      ['runs.start', { file, record: false, startPaused: false }],
      ['need.start', { file, within: 5, deviceCounts: [1] }],
    ] as const)
      expect(await answerRequest(workbench, grants, method, params)).toMatchObject({
        error: { code: 'path-not-given', field: 'files.image' },
      })
    expect(await save({ seed: [1, 2] })).toMatchObject({ result: { cells: 2 } })
    grants.grant(outside)
    expect(await save({ 'processes[0].workload': [{ file: outside }] })).toMatchObject({ result: { cells: 1 } })
  }))

it('a window may not have the pager variants of a sweep executed', () =>
  withService(async (workbench, folder) => {
    const grants = new PathGrants(folder)
    await workbench.request('sweeps.save', sweepOf({ variant: [path.join(folder, 'mine.ts')] }))
    for (const runVariants of [undefined, true])
      expect(
        await answerRequest(workbench, grants, 'sweeps.start', {
          id: 1,
          workers: 1,
          ...(runVariants && { runVariants }),
        }),
      ).toMatchObject({
        error: { code: 'variant-not-trusted' },
      })
  }))
