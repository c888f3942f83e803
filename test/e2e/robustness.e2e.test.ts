/** What goes wrong outside of the window: it says what, and what to do, and goes on. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { workspacePaths } from '../../db/workspace.ts'
import { smallExperiment } from '../../electron/service/testing.ts'
import { createWorkbench } from '../../electron/service/workbench.ts'
import { RawImage } from '../../engine/disk/rawImage.ts'
import { windowTest } from '../harness/windowTest.ts'

/** Fails while pages that were read along wait for a page of theirs that could not be read. */
const readFails = {
  name: 'A read that fails',
  machine: { frames: 1024, nsPerReference: 1000 },
  untouched: 'zero' as const,
  onSignal: 'continue' as const,
  swap: {
    devices: [
      { image: 'one.img', create: '16 MiB', timing: { model: 'ssd' as const } },
      { image: 'two.img', create: '16 MiB', timing: { model: 'ssd' as const } },
    ],
  },
  processes: [{ workload: { generator: 'loop', parameters: { pages: 2000, references: 12000, writeFraction: 1 } } }],
  interventions: [
    { at: 8000, action: 'inject' as const, fault: { device: 0, errno: 5, direction: 'read' as const, fromRequest: 0, count: 1 } },
    { at: 9000, action: 'swapoff' as const, device: 0 },
  ],
}

async function saveAll(workspace: string, files: readonly unknown[]): Promise<void> {
  const workbench = await createWorkbench({ workspace, host: 'command', seed: false })
  try {
    for (const file of files) await workbench.request('experiments.save', { id: null, file })
  } finally {
    await workbench.close()
  }
}

describe('the window over a workspace', () => {
  const { at, go, isEnabled, says, page, workspace } = windowTest({
    prepare: (folder) =>
      saveAll(folder, [
        readFails,
        smallExperiment({ name: 'Writes into its image', swap: { devices: [{ image: 'through.img', create: '16 MiB', mode: 'write-through' }] } }, 3000),
        smallExperiment({ name: 'Overlay', swap: { devices: [{ image: 'below.img', create: '16 MiB' }] } }, 100_000_000),
      ]),
  })
  const runFrom = async (experiment: number) => {
    await go(`bench/${experiment}`)
    await isEnabled('run').toBe(true)
    await at('run').click()
  }

  test('says of each address that leads nowhere what is not there, and leads back', async () => {
    for (const [hash, what, back] of [
      ['sweeps/9', 'There is no sweep 9', '#/sweeps'],
      ['reports/9', 'There is no report 9', '#/reports'],
      ['bench/99', 'There is no experiment 99', '#/bench'],
      ['gallery/no-such', 'The gallery has no experiment “no-such”', '#/gallery'],
      ['runs/1/nowhere', 'Nothing is at #/runs/1/nowhere', '#/bench'],
    ] as const) {
      await go(hash)
      await says('empty').toContain(what)
      expect(await at('way-back').getAttribute('href')).toBe(back)
    }
    await at('way-back').click()
    await isEnabled('run').toBe(true)
    await go('runs/99')
    await says('problem').toContain('there is no run 99')
  })

  test('names the defect that a swapoff waits for without end after a failed read, and replays the run with it repaired', async () => {
    await runFrom(1)
    await says('problem').toMatch(/never have come out of here[\s\S]*read-error-busy/)
    await at('replay-repaired').click()
    await expect.poll(() => page().url()).toMatch(/runs\/2\b/)
    await expect.poll(() => page().locator('.topbar, header').first().innerText()).toContain('Finished')
    expect(await at('problem').count()).toBe(0)
  })

  test('does not run on an image that another process writes to, and does when that has let go', async () => {
    await runFrom(2)
    await expect.poll(() => page().url()).toMatch(/runs\/\d+/)
    await expect.poll(() => page().locator('header').first().innerText()).toContain('Finished')
    const held = RawImage.open(path.join(workspacePaths(workspace).images, 'through.img'), 'write')
    try {
      // also where the bench looks at the experiment while the image is held
      await go('bench/3')
      await runFrom(2)
      await says('start-problem').toContain(`process ${process.pid} is writing to this image`)
    } finally {
      held.close()
    }
    await runFrom(2)
    await expect.poll(() => page().url()).toMatch(/runs\/\d+/)
  })

  test("tells that a machine's thread ended by itself and what to do, and the next run is well", async () => {
    // a pager variant is a program in that thread; windows start none, but show what the command line does in their workspace
    const variant = path.join(workspace, '..', 'ends.mjs')
    writeFileSync(variant, "let calls = 0\nexport default { name: 'ends', description: 'Has an error.', searchStart: () => (++calls === 500 ? process.exit(7) : 0) }\n")
    const experiment = path.join(workspace, '..', 'long.json')
    writeFileSync(experiment, JSON.stringify(smallExperiment({ name: 'Ended by its variant' }, 100_000_000)))
    await go('runs')
    const pager = path.resolve(import.meta.dirname, '../../build/bin/pager.mjs')
    const { status, stdout } = spawnSync(process.execPath, [pager, 'run', experiment, '--variant', variant, '--workspace', workspace], { encoding: 'utf8' })
    expect([status, stdout]).toEqual([1, expect.stringContaining("The machine's thread failed")])
    const row = page().locator('tr', { hasText: 'Ended by its variant' })
    await expect.poll(() => row.innerText()).toMatch(/Failed/)
    await row.getByRole('link').first().click()
    await says('problem').toMatch(/The run failed[\s\S]*it ended\. What was recorded until then is kept\. It ran with the pager variant ends/)
    await at('replay-outcome').click()
    await at('replay-confirm').click()
    await says('replay-problem').toContain('--variant')
    await page().keyboard.press('Escape')
    await runFrom(2)
    await expect.poll(() => page().locator('header').first().innerText()).toContain('Finished')
  })

  test('tells what was wrong where the bytes of a running machine are taken away, and goes on', async () => {
    await runFrom(3)
    await expect.poll(() => page().url()).toMatch(/runs\/\d+/)
    await expect.poll(() => at('total-swapins').getAttribute('data-value')).toMatch(/[1-9]/)
    await at('play').click()
    await says('clock-note').toContain('paused')
    const { overlays } = workspacePaths(workspace)
    const kept = readdirSync(overlays, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(kept.length).toBeGreaterThan(0)
    for (const entry of kept) truncateSync(path.join(entry.parentPath, entry.name), 0)
    await at('play').click()
    await says('problem').toContain('The run failed')
    await go('runs')
    await says('runs').toMatch(/Failed/)
  })
})

const MEBIBYTES = 24
/** Whether a file system of our own may be mounted here. */
function mountSmall(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEBIBYTES}m`, 'none', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const probe = mkdtempSync(path.join(os.tmpdir(), 'pager-mount-'))
const canMount = mountSmall(probe)
if (canMount) execFileSync('umount', [probe])
rmSync(probe, { recursive: true })

describe.skipIf(!canMount)(`a disk that fills up under a recording${canMount ? '' : ' (nothing may be mounted here)'}`, () => {
  const { at, go, isEnabled, says, page, workspace } = windowTest({
    prepare: async (folder) => {
      mkdirSync(folder)
      mountSmall(folder)
      await saveAll(folder, [smallExperiment({}, 20_000_000)])
    },
  })
  afterAll(() => void execFileSync('umount', ['-l', workspace]))

  test('ends the run and says so, what was stored is there, and the window goes on', async () => {
    await go('bench/1')
    await isEnabled('run').toBe(true)
    await at('run').click()
    await says('problem').toMatch(/disk is full/i)
    await page().locator('[data-test="tab-events"]').click()
    await says('event-count').toMatch(/[\d,]+ events/)
    await go('runs')
    await says('runs').toMatch(/Failed/)
  })
})
