/** The path that docs/guide.md leads a reader along in a fresh workspace: what it says of each place is there. What the other tests of the window hold is left to them. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { menuTemplate } from '../../electron/hosts/desktopMenu.ts'
import { railPlaces } from '../../renderer/router.ts'
import { windowTest } from '../harness/windowTest.ts'

const root = path.resolve(import.meta.dirname, '../..')
const { at, drop, folder, go, isEnabled, page, says, workspace } = windowTest()
const lines = async (selector: string): Promise<string[]> => (await page().locator(selector).allInnerTexts()).flatMap((text) => text.split('\n')).filter((text) => text.trim() !== '')
async function menuOf(button: string): Promise<string[]> {
  await at(button).first().click()
  const menu = page().locator('[role="menu"]:visible')
  await menu.first().waitFor()
  const entries = await lines('[role="menu"]:visible')
  await page().keyboard.press('Escape')
  await menu.first().waitFor({ state: 'hidden' })
  return entries
}
const header = () => expect.poll(() => page().locator('header').first().innerText())

test('the bench says in plain words what will run, and offers what the guide says', async () => {
  await go('bench')
  await isEnabled('run').toBe(true)
  await says('summary').toMatch(/2,000,000 references.*RAM is \d+ pages/s)
  await says('thresholds').toContain('freeTarget')
  expect(await menuOf('add-device')).toEqual(['Create a raw image…', 'Add an existing image…'])
  expect(await menuOf('run-more')).toEqual(['Start paused', 'Run without recording'])
  expect(await menuOf('bench-more')).toEqual(expect.arrayContaining(['Import an experiment…', 'Export as JSON']))
})

test('a click on the strip shows the machine at that moment, and End leads back', async () => {
  await at('run').click()
  await header().toContain('Finished')
  const box = await at('strip').boundingBox()
  await page().mouse.click((box?.x ?? 0) + (box?.width ?? 0) * 0.4, (box?.y ?? 0) + 10)
  await says('clock-note').toContain('looking back')
  expect(await at('to-now').innerText()).toBe('End')
  await at('to-now').click()
  await says('clock-note').toContain('virtual, in')
})

test('a run is replayed in three ways, and its replay agrees', async () => {
  await at('replay-otherwise').click()
  await says('replay-dialog').toMatch(/As it was.*With the machine of an experiment.*Changed on the bench/s)
  await at('replay-confirm').click()
  await says('replay-of').toBe('replay of run 1, digests agree')
  await go('compare/1,2')
  await says('answer').toContain('the same trace')
  expect(await at('compare-report').innerText()).toBe('Report of these')
})

test('an event is gone to by its number', async () => {
  await go('runs/1/events')
  await at('event-filter').fill('event 1000')
  await expect.poll(() => page().locator('aside').last().innerText()).toMatch(/Event\s+1,000/)
})

test('the list of runs is filtered with a key and opened with a double click', async () => {
  await go('runs')
  await page().locator('main h1').click()
  await page().keyboard.press('/')
  const rows = page().locator('tbody tr')
  await page().keyboard.type('finished no-such')
  await expect.poll(() => rows.count()).toBe(0)
  for (let letter = 0; letter < 'no-such'.length; letter++) await page().keyboard.press('Backspace')
  await expect.poll(() => rows.count()).toBe(2)
  await rows.first().locator('td').nth(4).dblclick()
  await page().waitForURL(/runs\/2/)
})

test("a sweep's page says where a total is least and most, or why nothing could run", async () => {
  for (const [values, said] of [
    ['600, 900', /least [\d.]+ s at RAM 900 frames, most [\d.]+ s at RAM 600 frames/],
    ['20, 30', /None of these could run/],
  ] as const) {
    await go('sweeps')
    await at('new-sweep').first().click()
    await at('sweep-dialog').waitFor()
    expect(await at('sweep-dialog').locator('[role="alert"]').count()).toBe(0)
    await at('vary-values-0').fill(values)
    await says('sweep-cells').toContain('2 runs')
    await at('sweep-save-run').click()
    await expect.poll(() => page().locator('main').innerText()).toMatch(said)
  }
})

test('how much RAM a workload needs is asked in its menu and on the page of sweeps', async () => {
  await go('workloads')
  expect(await menuOf('workload-actions-cc1-demo')).toEqual(expect.arrayContaining(['Put it on the bench', 'How much RAM does it need?']))
  await go('sweeps')
  await at('to-need').click()
  await page().waitForURL(/#\/need/)
})

test('the gallery has nineteen experiments, which fill the screen one after the other', async () => {
  await go('gallery')
  await expect.poll(() => page().locator('[data-test^="gallery-item-"]').count()).toBe(19)
  await at('gallery-present').click()
  await says('gallery-stage').toContain('1 of 19')
  await page().keyboard.press('ArrowRight')
  await says('gallery-stage').toContain('2 of 19')
  await page().keyboard.press('Escape')
  await at('gallery-stage').waitFor({ state: 'detached' })
})

test('verbs of a process stand under it on the bench, and follow the processes that they name', async () => {
  await go('bench')
  await drop('fork.json', readFileSync(path.join(root, 'examples/fork.json'), 'utf8'))
  await says('process-verbs-0').toContain('fork × 2, madvise, wait × 2')
  await at('process-verbs-0').hover()
  await expect.poll(() => page().locator('#tip').innerText()).toContain('before reference 150,000: fork snapshot')
  await page().getByRole('button', { name: 'Remove process 2' }).click()
  await says('process-verbs-0').toMatch(/fork, madvise, wait$/)
  await at('process-verbs-0').hover()
  await expect.poll(() => page().locator('#tip').innerText()).toContain('before reference 150,000: fork snapshot')
  await says('summary').toContain('3 processes')
})

test('the guide names every verb that an experiment may have', () => {
  const schema = readFileSync(path.join(root, 'docs/experiment.schema.json'), 'utf8')
  const verbs = [...schema.matchAll(/"verb":\s*\{[^}]*?"const":\s*"([a-z-]+)"/g)].map(([, name]) => name)
  expect(verbs.length).toBeGreaterThan(25)
  const guide = readFileSync(path.join(root, 'docs/guide.md'), 'utf8')
  expect(verbs.filter((name) => !guide.includes(`\`${name}\``))).toEqual([])
})

test("a run's device I/O is done again on a file of this host, which is not left there unless it is wanted", () => {
  const image = path.join(folder, 'disk.img')
  const replay = (...more: string[]) =>
    spawnSync(process.execPath, ['build/bin/pager.mjs', 'replay', '1', '--workspace', workspace, '--limit', '40', '--cached', ...more], { cwd: root, encoding: 'utf8' })
  const kept = replay('--io', image, '--keep')
  expect(kept.stdout).toContain('full speed: 40 of 40 requests')
  expect(existsSync(image)).toBe(true)
  const refused = replay('--io', image)
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('is there already')])
  expect(replay('--io', path.join(folder, 'nowhere', 'disk.img')).stderr).toContain('there is no folder')
})

test('the menu of the desktop has the places of the rail, in its order', () => {
  const chosen: string[] = []
  const nothing = () => {}
  const actions = { importTrace: nothing, openExperiment: nothing, openWorkspace: nothing, showWorkspace: nothing, about: nothing }
  const command: Parameters<typeof menuTemplate>[0]['command'] = (asked) => {
    if (asked.name === 'show') chosen.push(asked.place)
  }
  const menu = menuTemplate({ ...actions, command }, 'linux', false)
  const view = menu.find(({ label }) => label === '&View')?.submenu
  for (const item of Array.isArray(view) ? view : []) if (item.id?.startsWith('show-')) Reflect.apply(item.click ?? nothing, undefined, [])
  expect(chosen).toEqual(railPlaces)
})

test('Alt and a number go to each place, in the order of the rail', async () => {
  for (const [i, place] of railPlaces.entries()) {
    await page().keyboard.press(`Alt+${i + 1}`)
    await page().waitForURL((url) => url.hash.startsWith(`#/${place}`))
  }
})
