import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { someEnd, someEvents, someRun } from '../../../db/testing.ts'
import { EventEncoder } from '../../../db/eventEncoder.ts'
import { openWorkspace } from '../../../db/workspace.ts'
import { createWorkbench, type Workbench } from '../../service/workbench.ts'
import { main } from '../main.ts'

let workspace = ''
let workbench: Workbench | undefined

beforeAll(async () => {
  workspace = mkdtempSync(path.join(tmpdir(), 'pager-runs-'))
  const opened = openWorkspace(workspace)
  for (let number = 1; number <= 5; number++) {
    const id = opened.store.createRun(someRun({ name: `run ${number}` }))
    const encoder = new EventEncoder(true)
    opened.store.appendEvents(id, encoder.add(someEvents(5000, number)))
    opened.store.finishRun(id, someEnd())
  }
  opened.close()
  // commands go to who has the workspace open, which saves each of them the making of a workbench
  workbench = await createWorkbench({ workspace, host: 'command', seed: false })
})
afterAll(async () => {
  await workbench?.close()
  rmSync(workspace, { recursive: true, force: true })
})

/** Runs the command in this process. */
async function runs(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [[] as string[], [] as string[]]
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out.push(String(text)), true))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err.push(String(text)), true))
  try {
    const status = await main(['runs', ...args, '--workspace', workspace])
    return { status, out: out.join(''), err: err.join('') }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

async function json<T>(read: (value: unknown) => T, ...args: string[]): Promise<T> {
  const { status, out, err } = await runs(...args, '--json')
  expect([status, err]).toEqual([0, ''])
  return read(JSON.parse(out))
}

interface Listed {
  runs: { id: number; name: string; note: string; tags: string[]; storedBytes: number }[]
}
interface Storage {
  bytes: number
  runBytes: number
  limits: { runs: number | null; bytes: number | null }
}
// what the command prints as JSON is what the contract's schemas let through
const listed = (value: unknown) => value as Listed
const storage = (value: unknown) => value as Storage

describe('pager runs', () => {
  it('lists the newest first, and what was said of them', async () => {
    expect((await runs('rename', '2', 'the second')).out).toBe('run 2 is "the second"\n')
    expect((await runs('note', '2', 'look at its swapouts')).out).toBe('run 2: look at its swapouts\n')
    expect((await runs('tag', '2', 'odd', 'keep')).out).toBe('run 2: keep, odd\n')
    expect((await runs('tag', '1', 'keep')).status).toBe(0)
    const all = (await json(listed)).runs
    expect(all.map(({ id }) => id)).toEqual([5, 4, 3, 2, 1])
    expect(all[3]).toMatchObject({ name: 'the second', note: 'look at its swapouts', tags: ['keep', 'odd'] })
    expect((await json(listed, '--tag', 'odd')).runs.map(({ id }) => id)).toEqual([2])
    expect((await runs('untag', '2', 'odd')).out).toBe('run 2: keep\n')
    expect((await runs('--tag', 'odd')).out).toBe('No run has the tag "odd".\n')
    expect((await runs('note', '2', '')).out).toBe('run 2 has no note\n')
    expect((await runs()).out).toMatch(/the second\s+finished/)
  })

  it('keeps as many as the limits say, says which went, and never those that are to be kept', async () => {
    const before = await json(storage, 'storage')
    expect(before.limits).toEqual({ runs: null, bytes: null })
    expect((await runs('storage')).out).toContain('no limit of runs, no limit of bytes')
    expect((await runs('limit', '4', 'none')).out).toBe('removed 3\n')
    expect((await runs('storage')).out).toContain('4 runs, no limit of bytes')
    expect((await runs('limit', '4', '1 KiB')).out).toBe('removed 4\n')
    const after = await json(storage, 'storage')
    expect(after.limits).toEqual({ runs: 4, bytes: 1024 })
    expect(after.runBytes).toBeLessThan(before.runBytes)
    expect((await json(listed)).runs.map(({ id }) => id)).toEqual([5, 2, 1])
    expect((await runs('limit', 'none', 'none')).out).toBe('nothing had to go\n')
    expect((await runs('remove', '2', '1')).out).toBe('removed 2, 1\n')
    expect((await json(listed)).runs.map(({ id }) => id)).toEqual([5])
    expect((await runs('compact')).out).toMatch(/before, .* now/)
  })

  it('says in one line what is wrong, and changes nothing then', async () => {
    for (const [args, word] of [
      [['frob'], 'there is no action "frob"'],
      [['remove'], 'which run?'],
      [['remove', '5', '77'], 'there is no run 77'],
      [['rename', '5'], 'it is: pager runs rename RUN NAME'],
      [['tag', '5'], 'it is: pager runs tag RUN TAG...'],
      [['note', 'x', 'y'], '"x" is no number of a run'],
      [['limit', '0', 'none'], 'RUNS'],
      [['limit', '3', 'much'], 'SIZE: "much" is no size'],
      [['rename', '5', 'a', '--tag', 't'], '--tag goes with the list only'],
    ] as const) {
      const { status, out, err } = await runs(...args)
      expect([status, out]).toEqual([2, ''])
      expect(err).toContain(word)
      expect(err.trimEnd()).not.toContain('\n')
    }
    expect((await json(listed)).runs.map(({ id, name }) => [id, name])).toEqual([[5, 'run 5']])
  })
})
