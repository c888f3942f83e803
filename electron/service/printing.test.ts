import { afterEach, expect, test, vi } from 'vitest'
import { findChromium, pageOfFigure, sizeOfSvg } from './printing.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('a Chromium that is named is taken, and one that is no program is refused with its name', async () => {
  vi.stubEnv('PAGER_CHROMIUM', process.execPath)
  expect(await findChromium()).toBe(process.execPath)
  vi.stubEnv('PAGER_CHROMIUM', '/nowhere/chromium')
  await expect(findChromium()).rejects.toMatchObject({
    code: 'no-chromium',
    message: 'PAGER_CHROMIUM names /nowhere/chromium, which is no program',
  })
})

test('the paper of a figure is as large as the figure', () => {
  const svg = '<svg viewBox="0 0 680 240"></svg>'
  expect(sizeOfSvg(svg)).toEqual({ width: 680, height: 240 })
  expect(pageOfFigure(svg)).toContain('size:720px 280px')
})
