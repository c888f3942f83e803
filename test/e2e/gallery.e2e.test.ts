/** The gallery as a person has it: a question, an answer, runs that are made for it, figures, and the presenter's screen. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openInBrowser, type BrowserApp } from '../harness/browserApp.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-gallery-'))
let app: BrowserApp
let page: Page
beforeAll(async () => {
  app = await openInBrowser({ workspace: path.join(folder, 'workspace'), viewport: { width: 1280, height: 800 } })
  page = app.page
  page.setDefaultTimeout(20_000)
})
afterEach(() => {
  expect(app.pageErrors).toEqual([])
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true, force: true })
})

const at = (name: string): Locator => page.locator(`[data-test="${name}"]`)
const go = async (hash: string): Promise<void> => {
  await page.goto(new URL(`/#/${hash}`, app.url).href)
  await page.locator('main h1').waitFor()
}

describe('the gallery', () => {
  test('hides the result until the question is answered, then runs the experiment', async () => {
    await go('gallery/livelock')
    await at('gallery-cover').waitFor()
    expect(await at('gallery-figure').count()).toBe(0)
    await page.keyboard.press('3')
    await at('gallery-figure').waitFor()
    expect(await at('gallery-choice-2').innerText()).toContain('Right.')
    expect(await at('gallery-row-kernel').innerText()).toContain('Livelock')
    expect(await at('gallery-row-repaired').innerText()).toContain('2,004')
    const claims = at('gallery-claims').locator('li')
    expect(await claims.count()).toBe(4)
    expect(await at('gallery-claims').locator('.failed').count()).toBe(0)
    await at('gallery-chart').waitFor()
  })

  test('a result is there again after the window was closed, and no run is made anew', async () => {
    await page.reload()
    await at('gallery-figure').waitFor()
    await go('runs')
    await expect.poll(() => page.locator('main').innerText()).toContain("The allocator's livelock: Repaired")
    expect((await page.locator('main').innerText()).split("The allocator's livelock: Repaired").length - 1).toBe(1)
  })

  test('an experiment goes to the bench as it is', async () => {
    await go('gallery/livelock')
    await at('gallery-bench').click()
    await expect.poll(() => at('experiment-name').inputValue()).toBe("The allocator's livelock: As in the kernel")
  })

  test('the presenter goes from one to the next and shows results with the keyboard', async () => {
    await go('gallery/rescued-by-swapon')
    await at('gallery-present').click()
    await at('gallery-stage').waitFor()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => at('gallery-stage').innerText()).toContain('Holes in a file')
    await page.keyboard.press('Enter')
    await at('gallery-stage').locator('[data-test="gallery-figure"]').waitFor()
    await page.keyboard.press('Escape')
    await at('gallery-stage').waitFor({ state: 'detached' })
    await at('gallery-holes').waitFor()
  })
})

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(['gallery/holes', 'gallery/devices'])(
    'nothing serious stands in the way of anybody at %s',
    async (place) => {
      await page.evaluate((name) => window.localStorage.setItem('pager-workbench.theme', name), theme)
      await go(place)
      await page.reload()
      await page.locator('main h2').first().waitFor()
      await page.waitForTimeout(350)
      await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'))
      const found = await page.evaluate<AxeResults>(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })",
      )
      const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`)).toEqual([])
    },
  )
})
