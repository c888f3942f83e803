/** The real Electron, by Playwright's `_electron`: where its binary and a display are there. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { _electron } from 'playwright-core'
import { expect, test } from 'vitest'
import { electronBinary } from '../harness/launch.ts'

const appDir = path.resolve(import.meta.dirname, '../..')
const binary = electronBinary(appDir)
const obstacle =
  binary === null
    ? 'no Electron binary'
    : process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY
      ? 'no display'
      : null
// Chromium's sandbox refuses to run as root, which containers are
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
if (obstacle !== null) console.log(`skipped: ${obstacle}`)

test.skipIf(obstacle !== null)(
  `the workbench opens in Electron${obstacle === null ? '' : ` (skipped: ${obstacle})`}`,
  async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-electron-'))
    const app = await _electron.launch({
      executablePath: binary ?? '',
      args: [
        appDir,
        ...asRoot,
        `--user-data-dir=${path.join(folder, 'user')}`,
        '--workspace',
        path.join(folder, 'workspace'),
      ],
    })
    try {
      const page = await app.firstWindow()
      const answer: any = await page.evaluate(() => (window as any).workbench.request('workbench.info', {}))
      expect(answer.result).toMatchObject({ host: 'desktop' })
      const found = await page.evaluate(() => ({
        node: ['require', 'process'].filter((name) => name in window),
        secure: isSecureContext,
        frozen: Object.isFrozen((window as any).workbench),
      }))
      expect(found).toEqual({ node: [], secure: true, frozen: true })
      expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
    } finally {
      await app.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
