// npm run icon: draws build/resources/icon.png from icon.svg, in the Chromium that the tests use.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './project.mjs'

const { launchChromium } = await import('../../test/harness/chromium.ts')
const browser = await launchChromium()
const page = await browser.newPage({ viewport: { width: 512, height: 512 } })
const svg = readFileSync(path.join(root, 'build/resources/icon.svg'), 'utf8')
await page.setContent(`<style>body{margin:0}svg{display:block}</style>${svg}`)
await page.screenshot({ path: path.join(root, 'build/resources/icon.png'), omitBackground: true })
await browser.close()
