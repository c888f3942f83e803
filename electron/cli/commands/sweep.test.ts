import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { withReader } from '../client.ts'
import { sweepResultSchema } from '../../contract/sweep.ts'
import { smallExperiment } from '../../service/testing.ts'
import { readSweepFile } from '../sweepFile.ts'
import { pager } from '../testing.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'pager-sweep-'))
const workspace = path.join(folder, 'workspace')
const file = (name: string) => path.join(folder, name)
const write = (name: string, value: object) => writeFileSync(file(name), JSON.stringify(value))
const printed = sweepResultSchema.extend({ skipped: z.int() })

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Resolves when `found` says so; looks at what another process does. */
async function eventually(found: () => boolean): Promise<void> {
  while (!found()) await new Promise((resolve) => setTimeout(resolve, 20))
}

it('killed in the middle, it goes on where it was: nothing that had ended is run again, and the workspace is whole', async () => {
  write('sweep.json', {
    name: 'killed',
    experiment: smallExperiment({}, 15_000),
    vary: { 'machine.frames': [300, 500, 700], 'daemon.policy': ['lru', 'clock'] },
  })
  const child = spawn(
    process.execPath,
    [path.join(root, 'build/bin/pager.mjs'), 'sweep', file('sweep.json'), '--workspace', workspace],
    { stdio: 'ignore' },
  )
  const gone = new Promise((resolve) => child.on('exit', resolve))
  const finished = () => {
    try {
      return withReader(workspace, ({ store }) =>
        store.runs
          .withTag('sweep killed')
          .filter(({ status }) => status === 'finished')
          .map(({ id }) => id),
      )
    } catch {
      // the workspace is still being made
      return []
    }
  }
  await eventually(() => finished().length >= 2)
  child.kill('SIGKILL')
  await gone
  const before = finished()
  expect(before.length).toBeLessThan(6)

  const { status, out } = await pager(workspace, 'sweep', file('sweep.json'), '--json', '--csv', file('out.csv'))
  expect(status).toBe(0)
  const { cells, skipped } = printed.parse(JSON.parse(out))
  expect(skipped).toBe(before.length)
  const runs = cells.map(({ run }) => run)
  expect(new Set(runs).size).toBe(6)
  expect(before.every((id) => runs.includes(id))).toBe(true)
  expect(finished()).toHaveLength(6)
  expect(await pager(workspace, 'check')).toMatchObject({ status: 0 })

  const lines = readFileSync(file('out.csv'), 'utf8').trimEnd().split('\n')
  expect(lines[0]).toMatch(/^cell,machine\.frames,daemon\.policy,run,status,virtualSeconds,/)
  expect(lines.slice(1).map((line) => line.split(',').slice(0, 5))).toEqual(
    cells.map(({ index, point, run }) => [index, ...point, run, 'finished'].map(String)),
  )
}, 60_000)

it('takes its experiment from a file beside it, with paths that start there', () => {
  write('experiment.json', smallExperiment({ swap: { devices: [{ image: './near.img', create: '4 MiB' }] } }))
  write('beside.json', {
    experiment: 'experiment.json',
    vary: { 'swap.devices[0].image': ['./one.img', 'plain.img'], variant: ['', 'mine.ts'] },
  })
  const sweep = readSweepFile(file('beside.json'))
  expect(sweep.name).toBe('beside')
  expect(sweep.vary).toEqual({
    'swap.devices[0].image': [file('one.img'), 'plain.img'],
    variant: ['', file('mine.ts')],
  })
  expect(sweep.experiment).toMatchObject({ swap: { devices: [{ image: file('near.img') }] } })
})

it('the example is a sweep', () => {
  expect(readSweepFile(path.join(root, 'examples/sweep.json')).name).toBe('memory and devices')
})

it.each<[string, string, RegExp]>([
  ['no JSON', '{"vary": ', /bad\.json: line 1/],
  ['a list', '[]', /is no sweep/],
  [
    'a value that does not fit',
    JSON.stringify({ experiment: smallExperiment(), vary: { 'machine.frames': [64, -1] } }),
    /bad\.json: vary\.machine\.frames\[1\]: must be at least 1/,
  ],
  ['an experiment that is not there', '{"experiment": "none.json", "vary": {}}', /none\.json: no such file/],
])('%s is refused in one line', async (_, text, expected) => {
  writeFileSync(file('bad.json'), text)
  const { status, out, err } = await pager(workspace, 'sweep', file('bad.json'))
  expect([status, out]).toEqual([2, ''])
  expect(err).toMatch(expected)
  expect(err.trimEnd()).not.toContain('\n')
})

it('a CSV file that cannot be written, and a column that there is not, are refused before anything runs', async () => {
  write('few.json', { experiment: smallExperiment({}, 1000), vary: { seed: [1] } })
  expect(await pager(workspace, 'sweep', file('few.json'), '--csv', file('none/out.csv'))).toMatchObject({
    status: 2,
    err: expect.stringMatching(/cannot be written/),
  })
  expect(await pager(workspace, 'sweep', file('few.json'), '--show', 'speed')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/no "speed"; there are virtualSeconds/),
  })
})
