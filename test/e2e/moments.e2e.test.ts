/**
 * A recorded run looked into: its memory at any moment, and its events from the timeline of all to the causes of one. The real page in a real
 * Chromium, through the browser host; each test goes on where the one before it ended.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openInBrowser, type BrowserApp } from '../harness/browserApp.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-moments-'))
let app: BrowserApp
let page: Page
beforeAll(async () => {
  app = await openInBrowser({ workspace: path.join(folder, 'workspace'), viewport: { width: 1280, height: 800 } })
  page = app.page
  // the demo
  await at('run').click()
  await at('replay').waitFor()
})
afterEach(() => {
  expect(app.pageErrors).toEqual([])
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true, force: true })
})

const at = (name: string): Locator => page.locator(`[data-test="${name}"]`)
/** Events up to the moment whose memory is shown, when it is. */
async function eventsShown(): Promise<number> {
  await expect.poll(() => at('memory').getAttribute('aria-busy')).toBe('false')
  return Number(await at('memory').getAttribute('data-events'))
}
async function clickAt(name: string, x: number, y: number): Promise<void> {
  const box = await at(name).boundingBox()
  if (!box) throw new Error(`${name} has no place`)
  await page.mouse.click(box.x + box.width * x, box.y + box.height * y)
}

describe('the memory of a run that has ended', () => {
  test('is shown as it was before its last reference', async () => {
    await at('tab-memory').click()
    await expect.poll(() => at('frame-legend').innerText()).toContain('active')
    expect(await eventsShown()).toBeGreaterThan(10_000)
  })

  test('is shown as it was at the moment that the strip is clicked at', async () => {
    const end = await eventsShown()
    await clickAt('strip', 0.4, 0.5)
    await expect.poll(() => at('clock-note').innerText()).toContain('looking back')
    const then = await eventsShown()
    expect(then).toBeGreaterThan(100)
    expect(then).toBeLessThan(end)
    expect(await at('free-0').innerText()).toMatch(/% of 16,384 blocks; .*free range/)
  })

  test('steps go to the fault before and after', async () => {
    const here = await eventsShown()
    await at('step-back').click()
    await expect.poll(eventsShown).toBeLessThan(here)
    const before = await eventsShown()
    await at('step').click()
    await expect.poll(eventsShown).toBeGreaterThan(before)
  })

  test('a frame that is clicked tells the history of its page, whose events are moments to go to', async () => {
    await clickAt('ram', 0.3, 0.2)
    // the oldest of the list, once it is all there
    await expect.poll(() => at('history-count').innerText()).toMatch(/\d events$/)
    const first = at('page-history').locator('button').last()
    const wanted = (await first.getAttribute('title'))?.replaceAll(',', '') ?? ''
    await first.click()
    await expect.poll(async () => wanted.endsWith(`event ${(await eventsShown()) - 1}`)).toBe(true)
    await at('to-now').click()
    await expect.poll(() => at('to-now').count()).toBe(0)
  })
})

describe('the trace explorer', () => {
  const rows = () => at('events').locator('tbody tr')

  test('shows all events as density, and each of them when zoomed in', async () => {
    await at('tab-events').click()
    await expect.poll(() => at('timeline-note').innerText()).toContain('as density')
    const box = await at('timeline').boundingBox()
    await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 20)
    for (let turn = 0; turn < 6; turn++) await page.mouse.wheel(0, -300)
    await expect.poll(() => at('timeline-note').innerText()).toContain('each drawn')
    const tracks = () => at('timeline').locator('canvas').getAttribute('aria-label')
    expect(await tracks()).toContain('cc1')
    await at('tracks-objects').click()
    await expect.poll(tracks).toMatch(/Object \d+/)
    await page.keyboard.press('Escape')
    await expect.poll(() => at('timeline-note').innerText()).toContain('as density')
    await expect.poll(tracks).toMatch(/as density.*Object \d+/)
    expect(await at('timeline-legend').innerText()).toMatch(/zero fill.*swap in/s)
    const tip = at('timeline').locator('.tip')
    let x = (box?.x ?? 0) + 110
    // a track is empty where its object has no events
    await expect.poll(async () => {
      await page.mouse.move((x += 9), (box?.y ?? 0) + 30)
      return tip.count()
    }).toBe(1)
    expect(await tip.innerText()).toMatch(/^Object \d+: .* [\d,]+ in \d/)
    await at('tracks-processes').click()
    await expect.poll(tracks).toMatch(/: cc1, No process$/)
    await at('tracks-machine').click()
    await expect.poll(tracks).toContain('Faults')
  })

  test('its table goes to the last event, of which the rows between were never fetched', async () => {
    const count = async () => Number(await at('event-scroller').getAttribute('data-total'))
    // the table follows the range a little later than the timeline
    await expect.poll(count).toBeGreaterThan(10_000)
    const total = await count()
    await at('event-scroller').focus()
    await page.keyboard.press('End')
    await expect.poll(() => rows().last().getAttribute('aria-rowindex')).toBe(String(total))
    await expect.poll(() => rows().last().innerText()).toContain((total - 1).toLocaleString('en-US'))
  })

  test('what is typed is looked up in the whole run, and what is not understood is told', async () => {
    await at('event-filter').fill('swap in device swap1')
    await expect.poll(() => rows().first().innerText()).toContain('swap1.img')
    expect(await rows().first().innerText()).toContain('swap in')
    await at('event-filter').fill('no such thing')
    await expect.poll(() => at('event-count').innerText()).toBe('not understood: no, such, thing')
  })

  test('a request leads to the fault that waited for it, and back to the memory at that moment', async () => {
    await at('event-filter').fill('swap in')
    await expect.poll(() => rows().first().innerText()).toContain('swap in')
    await rows().first().click()
    await at('next-of-kind').click()
    await expect.poll(() => at('chain').innerText()).toContain('Request submitted')
    await at('show-moment').click()
    expect(await eventsShown()).toBeGreaterThan(100)
  })

  test('a query in SQL is answered, and one that is wrong says why', async () => {
    await at('tab-events').click()
    await at('sql-toggle').click()
    await at('sql-run').click()
    await expect.poll(() => at('sql-rows').innerText()).toContain('evict')
    await at('sql').fill('select * from nowhere')
    await at('sql').press('Control+Enter')
    await expect.poll(() => at('sql-problem').innerText()).toContain('nowhere')
  })
})
