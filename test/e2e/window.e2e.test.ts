/**
 * The window as a person has it: the real page in a real Chromium, through the browser host. One story from the bench to
 * a report that is opened again; each test goes on where the one before it ended.
 */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { windowTest } from '../harness/windowTest.ts'

const runName = 'Three devices'
const { app, at, choose, confirm, drop, go, isEnabled, page, saved, says, seriousFaults, setTheme, workspace } =
  windowTest({
    viewport: { width: 1440, height: 900 },
  })

/** A count among the totals: its exact value begins with digits. */
async function total(name: string): Promise<number> {
  const exact = (await at(`total-${name}`).getAttribute('data-value')) ?? ''
  return Number(/^[\d,]+/.exec(exact)?.[0].replaceAll(',', '') ?? NaN)
}
/** What a chart's canvas shows, as text that differs where its pixels do. */
const pixels = (chart: string): Promise<string> =>
  at(`chart-${chart}`)
    .locator('canvas')
    .evaluate((canvas) => (canvas instanceof HTMLCanvasElement ? canvas.toDataURL() : ''))
const runNumber = (): number => Number(/runs\/(\d+)/.exec(page().url())?.[1])

/** The file that the report's button saves. */
const exported = (): Promise<string> => saved(() => at('export-report').click())

describe('the bench', () => {
  test('a new workspace has a demo that is ready to run', async () => {
    await expect.poll(() => at('experiment-name').inputValue()).toBe('GCC in a quarter of its memory')
    await isEnabled('run').toBe(true)
    await says('summary').toContain('2 swap devices')
  })

  test('what is wrong is said at its field, and nothing runs until it is mended', async () => {
    await at('daemon.pageoutCluster').fill('33')
    await says('issue-daemon.pageoutCluster').toBe('must be 32 at the most')
    expect(await at('run').isEnabled()).toBe(false)
    await says('issues').toContain('1 field to mend')
    await at('daemon.pageoutCluster').fill('32')

    await at('machine.quantum').fill('a few')
    await says('issue-machine.quantum').toBe('"a few" is no number')
    await at('machine.quantum').fill('10000')

    await at('ram-frames').click()
    await at('machine.frames').fill('4')
    await expect.poll(() => page().locator('[data-test^="issue-machine"]').count()).toBe(1)
    expect(await at('run').isEnabled()).toBe(false)
    await at('machine.frames').fill('700')
    await expect.poll(() => at('issues').count()).toBe(0)
    await isEnabled('run').toBe(true)
  })

  test('RAM, daemon and a new device on a new raw image make an experiment that is saved', async () => {
    await at('duplicate').click()
    await at('experiment-name').fill(runName)
    await at('machine.frames').fill('600')
    await choose('daemon.policy', 'clock')
    await at('add-device').click()
    await at('add-device-create').click()
    await at('image-name').fill('window.img')
    await at('image-size').fill('16 MiB')
    await at('image-make').click()
    await at('device-2').waitFor()
    await choose('device-timing-2', 'nvme')
    await says('device-2').toContain('4,096')
    await says('summary').toContain('3 swap devices')
    await at('save-experiment').click()
    await says('bench-state').toBe('saved')
  })

  test('an image that is there already is not made again', async () => {
    await at('add-device').click()
    await at('add-device-create').click()
    await at('image-name').fill('window.img')
    await at('image-make').click()
    await says('image-problem').toContain('window.img')
    await page().keyboard.press('Escape')
    await at('image-dialog').waitFor({ state: 'hidden' })
  })
})

describe('a run', () => {
  test('charts and totals change while it goes on, and stand still while it is paused', async () => {
    await at('run-more').click()
    await at('run-paused').click()
    await page().waitForURL(/#\/runs\/\d+/)
    await choose('speed', '0.1×')
    await at('play').click()
    await expect.poll(() => total('faults')).toBeGreaterThan(0)
    const before = { faults: await total('faults'), chart: await pixels('faults') }
    await expect.poll(() => total('faults')).toBeGreaterThan(before.faults)
    await expect.poll(() => pixels('faults')).not.toBe(before.chart)

    await at('play').click()
    await isEnabled('step').toBe(true)
    const time = await at('virtual-time').innerText()
    await page().waitForTimeout(400)
    expect(await at('virtual-time').innerText()).toBe(time)
  })

  test('a step goes to the next fault', async () => {
    // the exact value is "5,033, and 986 on resident pages": a step may end at either
    const faults = async () => {
      const exact = (await at('total-faults').getAttribute('data-value')) ?? ''
      return (exact.match(/\d[\d,]*\d|\d/g) ?? []).reduce((sum, count) => sum + Number(count.replaceAll(',', '')), 0)
    }
    const before = await faults()
    await at('step').click()
    await expect.poll(faults).toBe(before + 1)
    await isEnabled('step').toBe(true)
  })

  test('a tunable is set and a request made to fail while it is paused; what makes no sense is refused', async () => {
    await at('change').click()
    await at('change-value').fill('many')
    await at('change-confirm').click()
    await says('change-problem').toContain('"many" is no whole number')
    await at('change-value').fill('2')
    await at('change-confirm').click()
    await at('change-dialog').waitFor({ state: 'hidden' })
    await at('change').click()
    await at('change-inject').check()
    // a write that fails leaves its pages dirty; a read that fails would end the process
    await choose('change-direction', 'write')
    await at('change-confirm').click()
    await at('change-dialog').waitFor({ state: 'hidden' })
  })

  test('changing the machine is in reach of the keyboard, and of whoever does not see it', async () => {
    await at('change').focus()
    await page().keyboard.press('Enter')
    await at('change-dialog').waitFor()
    expect(await seriousFaults()).toEqual([])
    await at('change-tunable').focus()
    await page().keyboard.press('ArrowDown')
    expect(await at('change-inject').isChecked()).toBe(true)
    await page().keyboard.press('Escape')
    await at('change-dialog').waitFor({ state: 'hidden' })
    await expect.poll(() => at('change').evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true)
  })

  test('a paused machine shows its frames', async () => {
    await at('tab-memory').click()
    await page().locator('main canvas').last().waitFor()
    await expect.poll(() => page().locator('main').innerText()).toContain('600')
  })

  test('a device is swapped off and on while the machine runs', async () => {
    await at('tab-devices').click()
    await at('play').click()
    const state = () => expect.poll(() => at('device-row-0').locator('td').nth(1).innerText())
    await at('swapoff-0').click()
    await confirm()
    await state().toBe('off')
    await at('swapon-0').click()
    await state().toBe('on')
    await at('tab-log').click()
    await expect.poll(() => page().locator('main').innerText()).toContain('Device 0 is swapped off')
  })

  test('it finishes when speed is not limited any more, with every byte checked', async () => {
    await choose('speed', 'max')
    await at('replay').waitFor()
    await at('tab-overview').click()
    expect(await total('references')).toBe(2_000_000)
    expect(await total('swapouts')).toBeGreaterThan(0)
    await says('total-verified').toContain('100 %')
  })

  test('a range that is dragged in one chart is what the totals count', async () => {
    const whole = await total('references')
    const box = await at('chart-faults').locator('canvas').boundingBox()
    if (!box) throw new Error('the chart has no place')
    const y = box.y + box.height / 2
    await page().mouse.move(box.x + box.width * 0.3, y)
    await page().mouse.down()
    await page().mouse.move(box.x + box.width * 0.6, y, { steps: 5 })
    await page().mouse.up()
    await says('total-references').toContain('selection of')
    await expect.poll(() => total('references')).toBeLessThan(whole)
    await page().keyboard.press('Escape')
    await expect.poll(() => total('references')).toBe(whole)
  })

  test('events are listed with the process that caused them, and with what was done to the machine', async () => {
    await at('tab-events').click()
    await expect.poll(() => page().locator('main').innerText()).toContain('cc1')
    await at('kind-admin').click()
    await says('events').toContain('tunable changed')
    expect(await at('events').innerText()).toContain('fault injected')
  })

  test('its replay, with what was done to the machine, has the same trace', async () => {
    const first = runNumber()
    await at('replay').click()
    await page().waitForURL((url) => !url.hash.includes(`runs/${first}`) && /runs\/\d+/.test(url.hash))
    await expect
      .poll(() => at('replay-of').innerText())
      .toBe(`replay of run ${first}, digests agree`)
  })

  test('one that is not recorded shows what there is of it, and is told from the others', async () => {
    await go('bench')
    await isEnabled('run').toBe(true)
    await at('run-more').click()
    await at('run-unrecorded').click()
    await page().waitForURL(/#\/runs\/-1/)
    await expect.poll(() => page().locator('header').innerText()).toContain('Finished')
    await says('problem').toContain('This run was not recorded')
    expect(await total('references')).toBe(2_000_000)
    expect(await page().locator('nav.tabs a').allInnerTexts()).toEqual(['Overview', 'Log', 'Configuration'])
    expect(await seriousFaults()).toEqual([])
    // an address of a tab that it has not shows what it has
    await go('runs/-1/events')
    await expect.poll(() => total('references')).toBe(2_000_000)
    await go('runs')
    await expect.poll(() => page().locator('tbody tr').first().innerText()).toMatch(/Finished[\s\S]*not recorded/)
    await at('run-actions--1').click()
    await page().getByRole('menuitem', { name: 'Delete…' }).click()
    await confirm()
    await expect.poll(() => at('run--1').count()).toBe(0)
  })

  test('one that is stopped says so', async () => {
    await go('bench')
    await isEnabled('run').toBe(true)
    await at('run-more').click()
    await at('run-paused').click()
    await page().waitForURL(/#\/runs\/\d+/)
    await choose('speed', '0.1×')
    await at('play').click()
    await expect.poll(() => total('faults')).toBeGreaterThan(0)
    await at('stop').click()
    await expect.poll(() => page().locator('header').innerText()).toContain('Stopped')
  })
})

describe('a report', () => {
  test('is one page that opens without the workbench', async () => {
    await go('runs/1/report')
    await at('report-html').click()
    await at('report-frame').waitFor()
    const file = await exported()
    expect(file).toMatch(/\.html$/)

    const stranger = await app().browser.newContext()
    await stranger.setOffline(true)
    const reader = await stranger.newPage()
    const asked: string[] = []
    reader.on('request', (request) => asked.push(request.url()))
    await reader.goto(pathToFileURL(file).href)
    expect(asked).toEqual([pathToFileURL(file).href])
    const text = await reader.locator('body').innerText()
    expect(text).toContain(runName)
    expect(text).toContain('window.img')
    expect(text).toMatch(/\b[0-9a-f]{64}\b/)
    expect(text).toContain('2,000,000')
    expect(await reader.locator('svg').count()).toBeGreaterThan(3)
    expect(await reader.locator('svg path').count()).toBeGreaterThan(3)
    expect(await reader.locator('script:not([type="application/json"])').count()).toBe(0)
    await stranger.close()
  })

  test('is a table of samples as CSV', async () => {
    await at('report-csv').click()
    await at('report-text').waitFor()
    const lines = readFileSync(await exported(), 'utf8')
      .trim()
      .split('\n')
    const headings = lines.find((line) => !line.startsWith('#'))?.split(',') ?? []
    expect(headings).toContain('faults')
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.at(-1)?.split(',')).toHaveLength(headings.length)
  })

  test('is configuration, totals and samples as JSON', async () => {
    await at('report-json').click()
    await says('report-text').toMatch(/^\s*\{/)
    const report: unknown = JSON.parse(readFileSync(await exported(), 'utf8'))
    expect(JSON.stringify(report)).toContain('traceDigest')
    expect(JSON.stringify(report)).toContain('window.img')
  })
})

test('after a reload everything is still there', async () => {
  await go('runs')
  await page().reload()
  await says('runs').toContain('of run 1, agrees')
  expect(await page().locator('[data-test^="run-actions-"]').count()).toBe(3)
  await at('place-reports').click()
  await expect.poll(() => at('reports').locator('a').count()).toBe(3)
  await at('place-bench').click()
  await at('experiment').click()
  await expect.poll(() => page().locator('.el-select-dropdown__item:visible').allInnerTexts()).toContain(runName)
  await page().keyboard.press('Escape')
})

describe('reports', () => {
  test('a report of chosen runs and sections is made, and exported as PDF', async () => {
    await go('reports')
    await at('new-report').click()
    await at('report-dialog').waitFor()
    for (const section of ['figures', 'devices', 'messages']) await at(`report-section-${section}`).click()
    await at('report-title').fill('Short')
    await at('report-make').click()
    await at('report-frame').waitFor()
    const page1 = (await at('report-frame').getAttribute('srcdoc')) ?? ''
    expect(page1).toContain('What is modelled and what is not')
    expect(page1).not.toContain('What happened')
    const file = await saved(() => at('export-pdf').click())
    expect(readFileSync(file).subarray(0, 5).toString()).toBe('%PDF-')
  })

  test('a figure is saved by itself, as drawing, as picture and as numbers', async () => {
    await at('report-figures').click()
    const figure = at('figure-queues')
    await figure.waitFor()
    const figureAs = async (kind: string): Promise<Buffer> =>
      readFileSync(await saved(() => figure.locator(`[data-test="figure-${kind}"]`).click()))
    expect((await figureAs('svg')).toString()).toMatch(/^<svg .*Where the page frames are.*trace SHA-256/s)
    expect((await figureAs('png')).subarray(1, 4).toString()).toBe('PNG')
    expect((await figureAs('csv')).toString()).toContain('begin_s,end_s')
    await page().keyboard.press('Escape')
    await at('figure-dialog').waitFor({ state: 'detached' })
  })
})

describe('the keyboard', () => {
  test('Ctrl K finds a run, an action and an experiment of the gallery by a few letters', async () => {
    await go('runs')
    await at('view-runs').waitFor()
    // the window has the keyboard again once something of it was clicked
    await page().locator('main h1').click()
    await page().keyboard.press('Control+k')
    await at('palette-input').fill('run 1')
    await page().keyboard.press('Enter')
    await expect.poll(() => page().url()).toMatch(/#\/runs\/1$/)
    await at('palette').waitFor({ state: 'detached' })
    await page().keyboard.press('Control+k')
    await at('palette-input').fill('stalled')
    await says('palette').toContain('A stalled disk')
    await page().keyboard.press('Enter')
    await expect.poll(() => page().url()).toContain('#/gallery/stalled-disk')
    await page().keyboard.press('Control+k')
    await at('palette-input').fill('nothing of the kind')
    await says('palette').toContain('Nothing here is called')
    await page().keyboard.press('Escape')
    await at('palette').waitFor({ state: 'detached' })
  })

  test('Alt and a number go to the places, and ? shows all keys', async () => {
    await page().keyboard.press('Alt+2')
    await at('view-workloads').waitFor()
    await page().keyboard.press('?')
    await says('shortcuts').toContain('Command palette')
    await page().keyboard.press('Escape')
    await at('shortcuts').waitFor({ state: 'detached' })
  })

  test('an experiment that is dropped on the window goes to the bench, and one that is none is refused by its field', async () => {
    await drop('dropped.json', JSON.stringify({ name: 'Dropped', processes: [{ workload: { generator: 'loop' } }] }))
    await expect.poll(() => at('experiment-name').inputValue()).toBe('Dropped')
    await drop('other.json', JSON.stringify({ seed: -1, processes: [{ workload: { generator: 'loop' } }] }))
    await expect
      .poll(() => page().locator('.el-message').last().innerText())
      .toContain('other.json is no experiment: seed')
  })
})

test('a damaged trace that is dropped is refused with what is wrong, and nothing of it is kept', async () => {
  await go('workloads')
  await drop('damaged.pgt', 'no trace at all')
  await says('job-failed').toContain('not imported, nothing was kept')
  const said = await at('job-failed').innerText()
  expect(said).toMatch(/\n(byte offset|line) \d+: |\ndamaged\.pgt: /)
  expect(said).not.toContain(workspace)
  await at('job-failed').locator('button').click()
  await at('job-failed').waitFor({ state: 'detached' })
})

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test('the theme holds over a reload', async () => {
    await setTheme(theme)
    await page().reload()
    expect(await page().evaluate(() => document.documentElement.dataset.theme)).toBe(theme)
    const background = await page().evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = Math.max(...(background.match(/\d+/g) ?? []).slice(0, 3).map(Number))
    if (theme === 'dark') expect(light).toBeLessThan(80)
    else expect(light).toBeGreaterThan(200)
  })

  test.each([
    ...['bench', 'workloads', 'runs', 'compare/1,3', 'gallery', 'reports', 'settings'],
    ...['overview', 'memory', 'devices', 'events', 'log', 'configuration', 'report'].map((tab) => `runs/1/${tab}`),
  ])('nothing serious stands in the way of anybody at %s', async (place) => {
    await go(place)
    await expect.poll(() => page().getByText('Loading', { exact: false }).count()).toBe(0)
    expect(await seriousFaults()).toEqual([])
  })
})
