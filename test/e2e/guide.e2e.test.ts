/** The path that docs/guide.md leads a reader along in a fresh workspace: what it says of each place is there. What the other tests of the window hold is left to them. */
import { expect, test } from 'vitest'
import { railPlaces } from '../../renderer/router.ts'
import { windowTest } from '../harness/windowTest.ts'

const { at, go, isEnabled, page, says } = windowTest()
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
const header = () => expect.poll(() => page().locator('header').first().innerText(), { timeout: 30_000 })

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
    await expect.poll(() => page().locator('main').innerText(), { timeout: 30_000 }).toMatch(said)
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

test('Alt and a number go to each place, in the order of the rail', async () => {
  for (const [i, place] of railPlaces.entries()) {
    await page().keyboard.press(`Alt+${i + 1}`)
    await page().waitForURL((url) => url.hash.startsWith(`#/${place}`))
  }
})
