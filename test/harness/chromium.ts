/**
 * Which Chromium the tests drive: CHROMIUM_BIN, else a system one, else the one inside the package @sparticuz/chromium,
 * which unpacks itself (about 200 MB) into the temporary folder once. The package's own `args` are never used: they
 * switch off what the tests want to see (the web's security, separate processes).
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

export async function chromiumPath(): Promise<string> {
  const named = [process.env.CHROMIUM_BIN, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
    (file) => file && existsSync(file),
  )
  if (named) return named
  const { default: packaged } = await import('@sparticuz/chromium')
  return packaged.executablePath()
}

/** Started as tests want it. Chromium's own sandbox does not run as root, which containers are. */
export async function launchChromium(headless = true): Promise<Browser> {
  return chromium.launch({
    executablePath: await chromiumPath(),
    headless,
    chromiumSandbox: false,
    args: ['--disable-dev-shm-usage'],
  })
}
