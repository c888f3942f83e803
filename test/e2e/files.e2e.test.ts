/** Files in the window: a file is found on a partitioned disk, paged by a kernel's vnode pager, and its file system is checked. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProgram, makeImage, run, shapes } from '../../engine/ufs/testing.ts'
import { openInBrowser, type BrowserApp } from '../harness/browserApp.ts'

const isPossible = hasProgram('makefs') && hasProgram('sgdisk')
if (!isPossible) console.log('makefs or sgdisk is not installed: no file on a disk is chosen in the window')

describe.skipIf(!isPossible)('files on a partitioned disk', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-files-'))
  const workspace = path.join(folder, 'workspace')
  let app: BrowserApp
  let page: Page
  const at = (name: string): Locator => page.locator(`[data-test="${name}"]`)

  beforeAll(async () => {
    const disk = path.join(workspace, 'images', 'disk.img')
    mkdirSync(path.dirname(disk), { recursive: true })
    writeFileSync(disk, '')
    truncateSync(disk, 16 << 20)
    run('sgdisk', ['-n', '1:2048:+12M', '-t', '1:a503', disk])
    const bytes = readFileSync(disk)
    makeImage(shapes[5]!).copy(bytes, 1 << 20)
    writeFileSync(disk, bytes)
    app = await openInBrowser({ workspace, viewport: { width: 1440, height: 900 } })
    page = app.page
  })
  afterAll(async () => {
    expect(app.pageErrors).toEqual([])
    await app.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a file is chosen in its directory and paged by the kernel that is chosen', async () => {
    await at('new-experiment').click()
    await at('pager-netbsd').click()
    await at('files-image').click()
    await page.locator('.el-select-dropdown__item:visible', { hasText: 'disk.img' }).click()
    await at('files-browse').click()
    await at('choose-indirect').click()
    await expect.poll(() => at('files-path').inputValue()).toBe('indirect')
    await at('mapping-shared').click()
    await at('parameter-pages').fill('200')
    await at('parameter-references').fill('5000')
    await at('ram-frames').click()
    await at('machine.frames').fill('400')
    await at('machine.frames').blur()
    await expect.poll(() => at('run').isEnabled()).toBe(true)
    await at('run').click()
    await expect.poll(() => at('status').first().getAttribute('data-status')).toBe('finished')
  })

  test('the file system is looked at and checked in the settings', async () => {
    await page.goto(new URL('/#/settings', app.url).href)
    await at('image-actions-disk.img').click()
    await at('image-inside-disk.img').click()
    await page.getByRole('button', { name: 'sub/' }).click()
    await expect.poll(() => at('folder').innerText()).toBe('/sub')
    await at('check-image').click()
    await expect.poll(() => at('check-result').innerText()).toMatch(/^Clean: \d+ files/)
  })
})
