/** Engine threads that end by themselves. A pager variant is a program that runs in them, so it can do what an error of the workbench would. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { workspacePaths } from '../../db/workspace.ts'
import { follow, runToEnd, smallExperiment } from './testing.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

const ENDLESS = 2 ** 31
/** Searches for blocks, before something happens. */
const CALLS = 2000

const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-dead-'))
const workspace = path.join(folder, 'workspace')
const happened = path.join(folder, 'happened')
let workbench: Workbench
beforeAll(async () => {
  workbench = await createWorkbench({ workspace, host: 'command', seed: false })
})
afterAll(async () => {
  await workbench.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A variant that does something in the middle of a run. */
function variantThat(does: string): string {
  const file = path.join(folder, 'bad.mjs')
  rmSync(happened, { force: true })
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs'
let calls = 0
const searchStart = () => {
  if (++calls === ${CALLS}) {
    writeFileSync(${JSON.stringify(happened)}, '')
    ${does}
  }
  return 0
}
export default { name: 'bad', description: 'Has an error.', searchStart }
`,
  )
  return file
}
const start = (references: number, variant?: string) =>
  workbench.request('runs.start', { file: smallExperiment({}, references), record: true, startPaused: false, ...(variant === undefined ? {} : { variant }) })

test.each([
  ['does not catch an error', "setTimeout(() => { throw new Error('a bug') })", 'failed: a bug'],
  ['ends', 'process.exit(7)', 'failed: it ended'],
  ['takes more memory than it may have', 'const kept = []\n    for (;;) kept.push(new Array(1e6).fill(kept.length + 0.5))', 'more memory than a thread may have'],
])('a thread that %s ends its run as failed, with what it recorded', async (_, does, why) => {
  const ended = await runToEnd(workbench, () => start(ENDLESS, variantThat(does)))
  expect([ended.status, ended.problem]).toEqual(['failed', expect.stringContaining(why)])
  expect(ended.problem).toMatch(/^The machine's thread failed: .*\. What was recorded until then is kept\. It ran with the pager variant bad, .*bad\.mjs\.$/)
  const stored = await workbench.request('runs.get', { id: ended.id })
  expect([stored.status, stored.problem]).toEqual(['failed', ended.problem])
  // as far as it was heard of
  expect(stored.totals.faults).toBe(ended.totals.faults)
  // none of its own files is left
  expect(readdirSync(workspacePaths(workspace).overlays)).toEqual([])
})

test('a thread that does not come back from what it does is ended when its run is stopped', async () => {
  const follower = follow(workbench)
  const { id } = await start(ENDLESS, variantThat('for (;;);'))
  await vi.waitFor(() => expect(existsSync(happened)).toBe(true), { timeout: 20_000 })
  await workbench.request('runs.control', { id, action: 'stop' })
  const { status, problem } = await follower.ended(id)
  expect([status, problem]).toEqual(['failed', expect.stringContaining('did not stop when it was told to')])
})

test('after all that, a run on the same images is well', async () => {
  expect((await runToEnd(workbench, () => start(3000))).status).toBe('finished')
})
