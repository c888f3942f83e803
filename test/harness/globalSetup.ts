/** Unpacks Chromium once, before test files would race for it. */
import { chromiumPath } from './chromium.ts'

export default async function setup(): Promise<void> {
  process.env.CHROMIUM_BIN = await chromiumPath()
}
