/** The browser host with the real page: signing in, staying in, losing the host and finding it again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openInBrowser, type BrowserApp } from '../harness/browserApp.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-browser-'))
let app: BrowserApp
beforeAll(async () => {
  app = await openInBrowser({ workspace: path.join(folder, 'workspace') })
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true, force: true })
})

const hasContent = () => app.page.waitForFunction(() => document.body.innerText.trim().length > 20)

test('the printed address opens the workbench, once', async () => {
  await hasContent()
  expect(app.page.url()).not.toContain('token')
  const stranger = await app.browser.newContext()
  const refused = await stranger.newPage()
  expect((await refused.goto(app.url))?.status()).toBe(403)
  await stranger.close()
})

test('the page stays signed in over a reload', async () => {
  await app.page.reload()
  await hasContent()
})

test('the page’s policy is strict and nothing of it is broken by the page itself', async () => {
  const response = await app.page.goto(new URL('/', app.url).href)
  expect(response?.headers()['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
  await hasContent()
  expect(app.pageErrors).toEqual([])
})

test('a file is handed over and lands in the workspace', async () => {
  const file = path.join(folder, 'dropped trace.txt')
  writeFileSync(file, ' L 1ffefffe78,8\n')
  const answer = await app.page.evaluate(async () => {
    const response = await fetch('/upload?name=dropped%20trace.txt', {
      method: 'POST',
      body: new Blob(['x'.repeat(100_000)]),
    })
    return response.json() as Promise<{ path: string }>
  })
  expect(path.dirname(path.dirname(answer.path))).toBe(path.join(folder, 'workspace/incoming'))
})

test('Ctrl-C ends the host with status 0', async () => {
  expect(await app.close()).toBe(0)
})
