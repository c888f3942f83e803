/**
 * What every end-to-end test of the window needs: the page in a real Chromium over a fresh workspace, opened before the tests
 * of a file and closed after them. After each test the page must not have failed or written an error.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { openInBrowser, type BrowserApp } from './browserApp.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Colours that fade in would be measured half-way. */
const FADE_MS = 350

export interface WindowTestOptions {
  viewport?: { width: number; height: number }
  /** What is in the workspace before the window opens. */
  prepare?: (workspace: string) => void | Promise<void>
}

/** To be called once, at the top of a test file or of a `describe`. */
export function windowTest({
  viewport = { width: 1280, height: 800 },
  prepare,
}: WindowTestOptions = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-window-'))
  const workspace = path.join(folder, 'workspace')
  let app: BrowserApp
  let page: Page
  beforeAll(async () => {
    await prepare?.(workspace)
    app = await openInBrowser({ workspace, viewport })
    page = app.page
  })
  afterEach(() => {
    expect(app.pageErrors).toEqual([])
  })
  afterAll(async () => {
    await app.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const go = async (hash: string): Promise<void> => {
    await page.goto(new URL(`/#/${hash}`, app.url).href)
    await page.locator('main h1').waitFor()
  }
  const at = (name: string): Locator => page.locator(`[data-test="${name}"]`)
  return {
    /** Scratch, and the workspace in it. */
    folder,
    workspace,
    app: (): BrowserApp => app,
    page: (): Page => page,
    at,
    go,
    /** What stands at a place, waited for. */
    says: (name: string) => expect.poll(() => at(name).innerText()),
    isEnabled: (name: string) => expect.poll(() => at(name).isEnabled()),
    choose: async (select: string, choice: string): Promise<void> => {
      await at(select).click()
      await page.locator('.el-select-dropdown__item:visible', { hasText: choice }).first().click()
    },
    confirm: (): Promise<void> =>
      page
        .locator('.el-message-box__btns .el-button--primary, .el-message-box__btns .el-button--danger')
        .last()
        .click(),
    /** A file as if it were dropped on the window. */
    drop: (name: string, text: string): Promise<void> =>
      page.evaluate(
        ([fileName, content]) => {
          const carried = new DataTransfer()
          carried.items.add(new File([content], fileName))
          window.dispatchEvent(new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }))
        },
        [name, text] as const,
      ),
    /** Saves what an action offers; answers the file. */
    saved: async (act: () => Promise<void>): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent('download'), act()])
      const file = path.join(folder, download.suggestedFilename())
      await download.saveAs(file)
      return file
    },
    /** Stays over a reload. */
    setTheme: async (theme: 'light' | 'dark'): Promise<void> => {
      await go('settings')
      await at(`theme-${theme}`).click()
    },
    /** What axe calls serious or critical at the page as it is: WCAG 2.1 A and AA. */
    seriousFaults: async (): Promise<string[]> => {
      await page.waitForTimeout(FADE_MS)
      if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
      const found = await page.evaluate<AxeResults>(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], iframes: false })",
      )
      return found.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`))
    },
  }
}
