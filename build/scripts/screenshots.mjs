/**
 * Makes docs/screenshots: every view of the window in a real Chromium, over a fresh workspace that gets some history first
 * (the demo, its replay with LRU, a loop). Needs `npm run build` before it.
 *   node build/scripts/screenshots.mjs
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { node24OrExit, root, runAsync } from './project.mjs'

if (Number(process.versions.node.split('.')[0]) < 24) {
  const { status, output } = await runAsync(node24OrExit(), [import.meta.filename], { capture: true })
  console.log(output)
  process.exit(status)
}
const { openInBrowser } = await import('../../test/harness/browserApp.ts')

const folder = mkdtempSync(path.join(os.tmpdir(), 'lab-'))
const workspace = path.join(folder, 'PagerWorkbench')
const target = path.join(root, 'docs/screenshots')
mkdirSync(target, { recursive: true })

const demo = {
  machine: { footprintPercent: 25 },
  swap: {
    maxZoneBytes: 1048576,
    devices: [
      { image: 'swap0.img', create: '64 MiB', timing: { model: 'hdd' } },
      { image: 'swap1.img', create: '64 MiB', timing: { model: 'ssd' } },
    ],
  },
  processes: [{ name: 'cc1', workload: { name: 'cc1-demo' } }],
  sampling: { bucketNs: 10_000_000 },
}
const lru = { ...demo, name: 'GCC under LRU', daemon: { policy: 'lru' } }
const loop = {
  ...demo,
  name: 'A loop over twice the memory',
  machine: { footprintPercent: 50 },
  processes: [{ name: 'loop', workload: { generator: 'loop', parameters: { pages: 2048, references: 400_000 } } }],
}

const ramAndDaemon = {
  name: 'RAM and page daemon',
  experiment: {
    machine: { nsPerReference: 2000 },
    swap: { devices: [{ image: 'sweep.img', create: '16 MiB' }] },
    processes: [{ workload: { generator: 'zipf', parameters: { pages: 2000, references: 20000 } } }],
    untouched: 'zero',
  },
  vary: { 'machine.frames': [400, 800, 1200, 1600, 2200], 'daemon.policy': ['lru', 'fifo', 'clock'] },
}

async function pager(...args) {
  const { status, output } = await runAsync(
    process.execPath,
    [path.join(root, 'build/bin/pager.mjs'), ...args, '--workspace', workspace],
    { capture: true },
  )
  if (status !== 0) throw new Error(`pager ${args.join(' ')} ended with status ${status}\n${output}`)
}
function experiment(name, content) {
  const file = path.join(folder, name)
  writeFileSync(file, JSON.stringify(content))
  return file
}

const app = await openInBrowser({ workspace, viewport: { width: 1440, height: 900 } })
const { page } = app
page.setDefaultTimeout(20_000)
const at = (name) => page.locator(`[data-test="${name}"]`)
const go = async (place) => {
  await page.goto(new URL(`/#/${place}`, app.url).href)
  await page.locator('main h1').waitFor()
}
async function shoot(name, pointer = [720, 2]) {
  await page.waitForTimeout(600)
  await page.mouse.move(...pointer)
  await page.waitForTimeout(300)
  await page.screenshot({ path: path.join(target, `${name}.png`), animations: 'disabled', caret: 'hide' })
}
async function theme(name) {
  await go('settings')
  await at(`theme-${name}`).click()
}

try {
  await at('summary').waitFor()
  await theme('light')
  await go('bench')
  await at('summary').waitFor()
  await at('run').click()
  await at('replay').waitFor()
  await pager('replay', '1', '--with', experiment('lru.json', lru))
  await pager('run', experiment('loop.json', loop))
  await pager('replay', '1')
  await pager('sweep', experiment('sweep.json', ramAndDaemon))
  await pager('import', path.join(root, 'examples/traces/cc1-demo.pgt.zst'), '--name', 'cc1-start', '--limit', '500000')
  await go('workloads')
  await at('generate').click()
  await at('generate-name').fill('sequential')
  await at('generate-start').click()
  await at('workload-sequential').waitFor()
  await page.reload()

  await go('bench')
  await at('summary').waitFor()
  await shoot('bench')
  for (const place of ['workloads', 'runs', 'compare/1,2', 'settings']) {
    await go(place)
    await shoot(place.split('/')[0])
  }
  await go('sweeps/1')
  await at('plot').waitFor()
  await shoot('sweep')
  await go('need')
  await at('need-within').fill('200')
  await at('need-start').click()
  await at('need-answer').waitFor()
  await shoot('need')
  for (const tab of ['overview', 'devices', 'events', 'log', 'configuration']) {
    await go(`runs/1/${tab}`)
    await shoot(`run-${tab}`)
  }
  await go('runs/1/report')
  await at('report-csv').click()
  await at('report-text').waitFor()
  await at('report-html').click()
  await at('report-frame').waitFor()
  await shoot('run-report')
  await go('reports')
  await at('report-frame').waitFor()
  await shoot('reports')

  // the memory of the first run as it was in its middle
  await go('runs/1/memory')
  const strip = await at('strip').boundingBox()
  await page.mouse.click(strip.x + strip.width * 0.45, strip.y + strip.height / 2)
  await at('clock-note').getByText('looking back').waitFor()
  await page.waitForTimeout(600)
  // a frame, for the history of its page
  await page.mouse.click(560, 420)
  await shoot('run-moment', [560, 420])

  await go('gallery/devices')
  await at('gallery-choice-1').click()
  await at('gallery-figure').waitFor()
  await shoot('gallery')
  await at('gallery-present').click()
  await at('gallery-stage').waitFor()
  await shoot('gallery-presented')
  await page.keyboard.press('Escape')
  await at('gallery-stage').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await at('palette-input').fill('sw')
  await shoot('palette')
  await page.keyboard.press('Escape')

  // a machine that is paused in the middle of its run
  await go('bench')
  await at('run-more').click()
  await at('run-paused').click()
  await page.waitForURL(/#\/runs\/\d+/)
  await at('speed').click()
  await page.locator('.el-select-dropdown__item:visible', { hasText: '10×' }).first().click()
  await at('play').click()
  while (Number.parseFloat(await at('virtual-time').innerText()) < 30) await page.waitForTimeout(50)
  await at('play').click()
  await at('step').waitFor()
  await at('tab-memory').click()
  await shoot('run-memory', [560, 420])
  await at('theme').click()
  await shoot('run-memory-dark', [560, 420])
  await at('stop').click()
  await go('runs/1/overview')
  await shoot('run-overview-dark')
  await go('bench')
  await shoot('bench-dark')
  if (app.pageErrors.length > 0) throw new Error(app.pageErrors.join('\n'))
} finally {
  await app.close()
  rmSync(folder, { recursive: true, force: true })
}
const bytes = readdirSync(target).reduce((sum, file) => sum + statSync(path.join(target, file)).size, 0)
console.log(`${readdirSync(target).length} pictures, ${(bytes / 1048576).toFixed(1)} MiB`)
