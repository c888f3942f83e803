/**
 * The desktop host's own compiled main and preload, with the real page, in the harness (test/harness/README.md says what
 * that proves and what not).
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launch, type HarnessApp } from '../harness/launch.ts'

const appDir = path.resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-desktop-'))
const workspace = path.join(folder, 'workspace')
const userData = path.join(folder, 'user')
mkdirSync(userData)

let app: HarnessApp
let page: Page
beforeAll(async () => {
  app = await launch({ appDir, userData, args: ['--workspace', workspace] })
  page = await app.firstWindow()
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true, force: true })
})

/** By the preload's functions, as the page's own bridge does it. */
const ask = (method: string, params: unknown = {}): Promise<any> =>
  page.evaluate(([name, value]: any) => (window as any).workbench.request(name, value), [method, params])

test('the window shows the workbench of the workspace that was named', async () => {
  const { result } = await ask('workbench.info')
  expect(result).toMatchObject({ host: 'desktop', workspace, contractVersion: 1 })
  await page.waitForFunction(() => document.body.innerText.trim().length > 20)
})

test('the page has frozen functions and nothing of Node or Electron', async () => {
  const found = await page.evaluate(() => {
    const { workbench } = window as any
    return {
      frozen: Object.isFrozen(workbench),
      functions: Object.values(workbench).every((each) => typeof each === 'function'),
      node: ['require', 'process', 'module', 'Buffer'].filter((name) => name in window),
      secure: isSecureContext,
    }
  })
  expect(found).toEqual({ frozen: true, functions: true, node: [], secure: true })
})

test('what is asked is checked: unknown methods, parameters that do not fit, files that nobody gave', async () => {
  expect(await ask('toString')).toMatchObject({ error: { code: 'unknown-method' } })
  expect(await ask('runs.get', { id: 'x' })).toMatchObject({ error: { code: 'bad-params', field: 'id' } })
  expect(await ask('images.add', { path: '/etc/passwd' })).toMatchObject({ error: { code: 'path-not-given' } })
})

test('notices reach the page', async () => {
  await page.evaluate(() => {
    const heard: string[] = []
    Object.assign(window, { heard })
    ;(window as any).workbench.onNotice((name: string, data: any) => heard.push(`${name} ${data.what}`))
  })
  expect(await ask('images.create', { name: 'desktop-test', sizeBytes: 1 << 20 })).toMatchObject({
    result: { sizeBytes: 1 << 20 },
  })
  await page.waitForFunction(() => (window as any).heard.includes('changed images'))
  expect(existsSync(workspace)).toBe(true)
})

test('inline scripts, foreign scripts and foreign connections are refused by the page’s policy', async () => {
  const outcome = await page.evaluate(async () => {
    const script = document.createElement('script')
    script.textContent = 'window.inlineRan = true'
    document.body.append(script)
    const reached = await fetch('http://127.0.0.1:9/').then(
      () => 'reached',
      (error: unknown) => String(error),
    )
    return { inline: 'inlineRan' in window, reached }
  })
  expect(outcome.inline).toBe(false)
  expect(outcome.reached).toContain('TypeError')
})

test('navigation away and new windows are refused, permissions denied', async () => {
  const before = page.url()
  await page.evaluate(() => {
    location.href = 'http://127.0.0.1:9/away'
  })
  await page.waitForTimeout(300)
  expect(page.url()).toBe(before)
  await page.evaluate(() => void window.open('http://127.0.0.1:9/popup'))
  await expect
    .poll(async () => (await app.calls()).some(({ what, args }) => what === 'window.open' && args[1] === 'deny'))
    .toBe(true)
  expect(await app.allows('geolocation')).toBe(false)
  expect(await app.allows('media')).toBe(false)
})

describe('the native menu', () => {
  const click = (id: string) =>
    app.evaluate(({ Menu }, item: string) => void Menu.getApplicationMenu()?.getMenuItemById(item)?.click(), id)

  test('tells the page what was chosen', async () => {
    await page.evaluate(() => {
      const commands: any[] = []
      Object.assign(window, { commands })
      ;(window as any).workbench.onCommand((command: any) => commands.push(command))
    })
    for (const id of ['play', 'step-fault', 'show-runs']) await click(id)
    await page.waitForFunction(() => (window as any).commands.length === 3)
    expect(await page.evaluate(() => (window as any).commands)).toEqual([
      { name: 'play' },
      { name: 'step-fault' },
      { name: 'show', place: 'runs' },
    ])
  })

  test('a trace chosen in its dialog may then be named by the page', async () => {
    const file = path.join(folder, 'elsewhere.lackey')
    writeFileSync(file, ' L 1ffefffe78,8\n')
    const params = { path: file, format: '', name: 'x', limit: 0, eventsPerReference: 1 }
    expect(await ask('workloads.import', params)).toMatchObject({ error: { code: 'path-not-given' } })
    await app.evaluate(({ dialog }, chosen: string) => {
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] })
    }, file)
    await click('import-trace')
    await page.waitForFunction(() => (window as any).commands.length === 4)
    expect(await page.evaluate(() => (window as any).commands[3])).toEqual({ name: 'import-trace', path: file })
    expect((await ask('workloads.import', params)).error?.code).not.toBe('path-not-given')
  })
})

test('a file that was dropped on the window may then be named by the page', async () => {
  const file = path.join(folder, 'dropped.img')
  writeFileSync(file, Buffer.alloc(64 << 10))
  expect(await ask('images.add', { path: file })).toMatchObject({ error: { code: 'path-not-given' } })
  const dropped = await page.evaluate((place) => {
    Object.assign(window, { harnessPaths: { 'dropped.img': place } })
    return (window as any).workbench.pathOfFile(new File([''], 'dropped.img'))
  }, file)
  expect(dropped).toBe(file)
  expect((await ask('images.add', { path: file })).error?.code).not.toBe('path-not-given')
})

test('a file is saved where its dialog says, and not at all if it is declined', async () => {
  const save = () =>
    page.evaluate(() => (window as any).workbench.saveFile('report.html', 'text/html', '<p>größer</p>'))
  const file = path.join(folder, 'saved.html')
  await app.evaluate(({ dialog }, chosen: string) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen })
  }, file)
  expect(await save()).toEqual({ saved: true })
  expect(readFileSync(file, 'utf8')).toBe('<p>größer</p>')
  await app.evaluate(({ dialog }) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: true, filePath: '' })
  })
  expect(await save()).toEqual({ saved: false })
})

test('a run goes on in its thread, tells its end, and its samples cross as bytes', async () => {
  const file = {
    name: 'desktop test',
    machine: { footprintPercent: 50 },
    swap: { devices: [{ image: 'desktop-swap', create: '64 MiB' }] },
    processes: [{ workload: { generator: 'loop', parameters: { pages: 512, references: 20000 } } }],
  }
  const ended = page.evaluate(
    () =>
      new Promise<any>((resolve) => {
        ;(window as any).workbench.onNotice((name: string, data: any) => {
          if (name === 'run.ended') resolve(data)
        })
      }),
  )
  const started = await ask('runs.start', { file, record: true, startPaused: false })
  expect(started.error).toBeUndefined()
  expect(await ended).toMatchObject({ run: started.result.id, status: 'finished' })
  const detail = (await ask('runs.get', { id: started.result.id })).result
  expect(detail.totals.swapouts).toBeGreaterThan(0)
  expect(detail.totals.bytesVerified).toBe(detail.totals.bytesRead)
  const params = { id: started.result.id, fromNs: 0, toNs: detail.endTimeNs, buckets: 64, columns: ['faults'] }
  const magic = await page.evaluate(async (value) => {
    const { result } = await (window as any).workbench.request('runs.samples', value)
    return result instanceof ArrayBuffer ? new Uint32Array(result, 0, 1)[0] : null
  }, params)
  expect(magic).toBe(0x31425750)
})

test('the page runs the demo, step by step and to its end, and its report is saved where the dialog says', async () => {
  const at = (name: string) => page.locator(`[data-test="${name}"]`)
  await page.goto(new URL('#/bench', page.url()).href)
  await expect.poll(() => at('run').isEnabled()).toBe(true)
  await at('run-more').click()
  await at('run-paused').click()
  await at('step').click()
  await expect.poll(() => at('total-faults').getAttribute('data-value')).toMatch(/^1,/)
  await at('play').click()
  await at('replay').waitFor()
  await expect.poll(() => at('total-references').getAttribute('data-value')).toBe('2,000,000')
  await expect.poll(() => at('total-verified').innerText()).toContain('100 %')

  const file = path.join(folder, 'demo.html')
  await app.evaluate(({ dialog }, chosen: string) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen })
  }, file)
  await at('tab-report').click()
  await at('report-html').click()
  await at('export-report').click()
  // it is there before it is written
  await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8')).toContain('GCC in a quarter of its memory')
})

test('quitting closes the workbench, ends with status 0, and keeps the window’s state', async () => {
  expect(await app.close()).toBe(0)
  expect(JSON.parse(readFileSync(path.join(userData, 'window.json'), 'utf8'))).toMatchObject({
    width: 1440,
    height: 900,
    workspace,
  })
})
