/** Many runs from the window: comparing them, sweeping over fields, how much RAM is needed, and replaying otherwise. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runToEnd, smallExperiment } from '../../electron/service/testing.ts'
import { createWorkbench } from '../../electron/service/workbench.ts'
import { windowTest } from '../harness/windowTest.ts'

const { at, choose, confirm, go, isEnabled, page, saved, says, seriousFaults, setTheme } = windowTest({ prepare })

async function prepare(workspace: string): Promise<void> {
  const workbench = await createWorkbench({ workspace, host: 'command', seed: false })
  try {
    const run = (file: unknown) =>
      runToEnd(workbench, () => workbench.request('runs.start', { file, record: true, startPaused: false }))
    const experiment = smallExperiment({ name: 'Uniform', machine: { frames: 300, nsPerReference: 50_000 } }, 3000)
    await workbench.request('experiments.save', { id: null, file: experiment })
    await run(experiment)
    await run({ ...experiment, name: 'Under FIFO', daemon: { policy: 'fifo' } })
    for (const kernel of ['freebsd', 'netbsd'] as const)
      await run({
        name: kernel,
        machine: { frames: 400 },
        processes: [{ workload: { generator: 'uniform', parameters: { pages: 600, references: 2000 } } }],
        files: { pager: kernel, mapping: 'shared' },
      })
    await workbench.request('workloads.generate', {
      name: 'skewed',
      generator: 'zipf',
      parameters: { pages: 300, references: 3000 },
    })
  } finally {
    await workbench.close()
  }
}

describe('comparing', () => {
  test('says what differs, by how much, and where the traces part', async () => {
    await go('compare/1,2')
    await says('answer').toMatch(/^Run 2 takes .* virtual time/)
    await says('compare-fields').toMatch(/daemon\.policy\s+lru\s+fifo/)
    await says('count-faults').toMatch(/Faults\s+[\d,]+\s+[\d,]+\s+[+−][\d,]+\s+[\d.]+×/)
    await says('divergence').toMatch(/B and A are the same for [\d,]+ events, until/)
    expect(await at('divergence').locator('tr').count()).toBe(2)
  })

  test('shows files under two kernels with counts that mean the same, and their own', async () => {
    await go('compare/3,4')
    await says('pager-counts').toMatch(/File pages in.*\s+[\d,]+\s+[\d,]+/)
    await says('own-4').toContain('uvmexp.pdfreed')
  })

  test('runs of which one is gone are told so', async () => {
    await go('compare/1,77')
    await says('problem').toContain('there is no run 77')
  })
})

describe('a sweep', () => {
  test('is written, checked as one types, and run', async () => {
    await go('sweeps')
    await at('empty').waitFor()
    await at('new-sweep').click()
    await at('sweep-name').fill('RAM and seeds')
    await at('vary-values-0').fill('250, few')
    await says('vary-issue-0').toContain('must be a number')
    expect(await at('sweep-save-run').isEnabled()).toBe(false)
    await at('vary-values-0').fill('250, 400, 1300')
    await at('vary-add').click()
    await at('vary-field-1').locator('input').fill('processes[0].workload.parameters.seed')
    await page().keyboard.press('Enter')
    await at('vary-values-1').fill('1, 2')
    await says('sweep-cells').toBe('6 runs: every combination of the values once.')
    await at('sweep-save-run').click()
    await expect.poll(() => page().url()).toMatch(/#\/sweeps\/1$/)
    await says('sweep-state').toBe('6 of 6 runs')
  })

  test('shows every run in the order of the grid, means with intervals, and a chart of any total', async () => {
    const rows = at('sweep-table').locator('tbody tr')
    expect(await rows.count()).toBe(6)
    expect(await rows.nth(0).innerText()).toMatch(/^250\s+1\s+\d+\s+Finished/)
    expect(await rows.nth(5).innerText()).toMatch(/^1,300\s+2\s+\d+\s+Finished/)
    await says('sweep-groups').toMatch(/250\s+2\s+[\d.]+ ± /)
    await says('sweep-answer').toMatch(
      /^Virtual time: least [\d.]+ s at RAM 1,300 frames, most [\d.]+ s at RAM 250 frames/,
    )
    expect(await at('plot').locator('circle').count()).toBe(3)
    await choose('sweep-measure', 'Swapins')
    await expect.poll(() => at('plot').locator('h2').innerText()).toBe('Swapins')
  })

  test('goes out as CSV', async () => {
    const file = await saved(() => at('sweep-csv').click())
    expect(file).toMatch(/RAM-and-seeds\.csv$/)
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(7)
    expect(lines[1]).toMatch(/^0,250,1,\d+,finished,/)
  })

  test('that gets another value runs only what is missing; it can be held and cancelled', async () => {
    await at('sweep-change').click()
    await at('vary-values-0').fill('250, 400, 1300, 500')
    await says('sweep-cells').toContain('8 runs')
    await at('sweep-save').click()
    await says('sweep-state').toBe('6 of 8 runs')
    await at('sweep-start').click()
    await says('sweep-state').toBe('8 of 8 runs')
    await go('runs')
    await expect.poll(() => at('runs').locator('tbody tr').count()).toBe(12)

    await go('bench')
    await isEnabled('run').toBe(true)
    await at('bench-more').click()
    await at('bench-sweep').click()
    await at('sweep-name').fill('long')
    await choose('vary-field-0', 'Seed')
    await at('vary-values-0').fill('1, 2')
    await at('vary-add').click()
    await at('vary-field-1').locator('input').fill('processes[0].workload.parameters.references')
    await page().keyboard.press('Enter')
    await at('vary-values-1').fill('20000000')
    await says('sweep-cells').toContain('2 runs')
    await at('sweep-save-run').click()
    await says('sweep-state').toContain('2 runs under way')
    await at('sweep-pause').click()
    await says('sweep-state').toBe('Paused, 0 of 2 runs')
    await at('sweep-resume').click()
    await says('sweep-state').toContain('under way')
    await at('sweep-cancel').click()
    await confirm()
    await says('sweep-state').toBe('0 of 2 runs')
    await go('runs')
    await expect.poll(() => at('runs').locator('tbody tr').count()).toBe(12)
  })
})

describe('the list of runs', () => {
  test('is filtered by words and by number, and those that are chosen are deleted after a question', async () => {
    const rows = at('runs').locator('tbody tr')
    await go('runs')
    await page().keyboard.press('/')
    await page().keyboard.type('under fifo')
    await expect.poll(() => rows.count()).toBe(1)
    await at('runs-filter').fill('nothing of the kind')
    await expect.poll(() => page().locator('main').innerText()).toContain('No run has all of these words.')
    await at('runs-filter').fill('seeds 400')
    await expect.poll(() => rows.count()).toBe(2)
    const ids = (await rows.locator('td:nth-child(2)').allInnerTexts()).map(Number)
    for (const id of ids) await at(`choose-${id}`).click()
    await at('delete-runs').click()
    await confirm()
    await expect.poll(() => rows.count()).toBe(0)
    await page().keyboard.press('Escape')
    await at('runs-filter').fill('')
    await expect.poll(() => rows.count()).toBe(10)
  })
})

describe('how much RAM is needed', () => {
  test('is asked from a workload, and answered with what it rests on', async () => {
    await go('workloads')
    await at('workload-actions-skewed').click()
    await page().locator('.el-dropdown-menu__item:visible', { hasText: 'How much RAM' }).click()
    await expect.poll(() => page().url()).toMatch(/#\/need\/\d+$/)
    await at('need-devices-4').click()
    await at('need-start').click()
    await says('need-answer').toMatch(/^[\d,]+ frames, [\d.]+ [KM]iB, are enough for skewed\./)
    expect(await at('need-table').locator('tbody tr').count()).toBe(2)
    await at('plot').waitFor()
  })
})

describe('replaying otherwise', () => {
  test("with another experiment's machine, linked to the first run", async () => {
    await go('runs/2')
    await at('replay-otherwise').click()
    await at('replay-way-experiment').check()
    await at('replay-confirm').click()
    await says('replay-of').toContain('replay of run 2')
  })

  test('changed on the bench, by keyboard', async () => {
    await go('runs/1')
    await at('replay-otherwise').focus()
    await page().keyboard.press('Enter')
    await at('replay-way-same').focus()
    await page().keyboard.press('ArrowUp')
    await at('replay-confirm').focus()
    await page().keyboard.press('Enter')
    await says('bench-replay').toBe('runs as a replay of run 1')
    await at('machine.frames').fill('500')
    await isEnabled('run').toBe(true)
    await page().keyboard.press('Control+Enter')
    await says('replay-of').toContain('replay of run 1')
  })
})

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test('nothing serious stands in the way of anybody', async () => {
    await setTheme(theme)
    for (const place of ['compare/1,2', 'compare/1,2,3,4', 'sweeps', 'sweeps/1', 'need']) {
      await go(place)
      expect([place, ...(await seriousFaults())]).toEqual([place])
    }
    await go('sweeps')
    await at('new-sweep').click()
    await at('sweep-name').waitFor()
    expect(await seriousFaults()).toEqual([])
    await page().keyboard.press('Escape')
    await at('sweep-dialog').waitFor({ state: 'hidden' })
  })
})
