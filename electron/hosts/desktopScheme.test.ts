import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { answerScheme, ownsPage, WINDOW_URL } from './desktopScheme.ts'

const root = mkdtempSync(path.join(os.tmpdir(), 'scheme-'))
const folder = path.join(root, 'renderer')
mkdirSync(folder)
writeFileSync(path.join(folder, 'index.html'), 'window')
writeFileSync(path.join(root, 'secret'), 'secret')
const get = (url: string, method = 'GET') => answerScheme(new Request(url, { method }), folder)

test('serves the window with a strict policy', async () => {
  const response = await get(WINDOW_URL)
  expect(await response.text()).toBe('window')
  expect(response.headers.get('content-type')).toContain('text/html')
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
})

test('serves nothing else', async () => {
  expect((await get('workbench://app/missing.js')).status).toBe(404)
  expect((await get('workbench://app/%2e%2e%2fsecret')).status).toBe(404)
  expect((await get('workbench://other/')).status).toBe(403)
  expect((await get(WINDOW_URL, 'POST')).status).toBe(405)
})

test('knows its own pages', () => {
  expect(ownsPage('workbench://app/#/runs/1')).toBe(true)
  for (const url of ['workbench://app.evil/', 'workbench://evil/', 'http://app/', 'not an address'])
    expect(ownsPage(url)).toBe(false)
})
