/**
 * What a workspace keeps when whoever writes it is killed (SIGKILL) at whatever moment: everything that was reported finished, and
 * nothing that says it is finished and is not. Moments are drawn from a seed; CRASH_SEED and CRASH_ROUNDS change it.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkspace } from '../../db/workspace.ts'
import { smallExperiment } from '../../electron/service/testing.ts'
import { createWorkbench } from '../../electron/service/workbench.ts'
import { Random } from '../torture/random.ts'

const root = path.resolve(import.meta.dirname, '../..')
const seed = Number(process.env['CRASH_SEED'] ?? 1)
const rounds = Number(process.env['CRASH_ROUNDS'] ?? 3)
const TRACE_REFERENCES = 200_000

let folder = ''
let workspace = ''
const file = (name: string) => path.join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pager-crash-'))
  workspace = file('workspace')
  const random = new Random(seed)
  const addresses = Array.from({ length: TRACE_REFERENCES }, () => `0x${(random.below(2000) * 4096).toString(16)}`)
  writeFileSync(file('trace.txt'), `${addresses.join('\n')}\n`)
  writeFileSync(file('long.json'), JSON.stringify(smallExperiment({}, 150_000)))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Reported {
  /** Digests of runs by number. */
  runs: Map<number, string>
  workloads: Set<number>
}

/** What a child said on standard output until it was killed `delayMs` after it began to work, or until it ended by itself. */
function killed(command: string[], delayMs: number, hasBegun: (out: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let complaint = ''
    let timer: NodeJS.Timeout | undefined
    const look = () => {
      if (timer === undefined && hasBegun(out)) timer = setTimeout(() => child.kill('SIGKILL'), delayMs)
    }
    look()
    child.stdout.on('data', (piece: Buffer) => {
      out += piece.toString()
      look()
    })
    child.stderr.on('data', (piece: Buffer) => (complaint += piece.toString()))
    child.on('error', reject)
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (signal === 'SIGKILL' || status === 0) resolve(out)
      else reject(new Error(`${command.join(' ')} ended with ${status ?? signal}: ${complaint}`))
    })
  })
}

/** Opens the workspace as its next owner, and holds it to what was reported. */
function inspect({ runs, workloads }: Reported): { interrupted: number } {
  const opened = openWorkspace(workspace)
  try {
    const { store } = opened
    const wrong = [...store.checkAll()].flatMap(({ findings }) => findings)
    expect(wrong).toEqual([])
    for (const [id, digest] of runs)
      expect(store.runs.get(id), `run ${id}`).toMatchObject({ status: 'finished', totals: { traceDigest: digest } })
    for (const { id, status } of store.runs.list()) {
      if (opened.interrupted.includes(id)) expect(status).toBe('interrupted')
      else expect(['finished', 'interrupted']).toContain(status)
      // what an interrupted run has can be looked at
      const window = store.events.query(id, { fromNs: 0, toNs: Infinity, kinds: [], offset: 0, limit: 10 })
      if (status === 'finished') expect(window.count).toBe(10)
    }
    const kept = store.workloads.list()
    for (const id of workloads) expect(kept.map((each) => each.id)).toContain(id)
    for (const each of kept) expect(each.references).toBe(TRACE_REFERENCES)
    return { interrupted: opened.interrupted.length }
  } finally {
    opened.close()
  }
}

describe('a workspace whose owner is killed', () => {
  const reported: Reported = { runs: new Map(), workloads: new Set() }
  const random = new Random(seed + 1)
  const take = (out: string) => {
    // a line that was cut off has reported nothing
    for (const line of out.split('\n').slice(0, -1)) {
      const [what, id, digest = ''] = line.split(' ')
      if (what === 'run') reported.runs.set(Number(id), digest)
      if (what === 'workload') reported.workloads.add(Number(id))
    }
  }

  it('keeps what was reported finished while it recorded and imported, and marks the rest interrupted', async () => {
    const recorder = path.join(import.meta.dirname, 'recorder.ts')
    let interrupted = 0
    // a child may be killed while it imports, and no run be interrupted by that: then more are
    for (let round = 0; round < rounds || (interrupted === 0 && round < 5 * rounds); round++) {
      // 'ready', and as many reports as this round waits for
      const lines = 1 + (round % 3)
      take(
        await killed(
          [recorder, workspace, file('trace.txt')],
          random.below(700),
          (out) => out.split('\n').length > lines,
        ),
      )
      interrupted += inspect(reported).interrupted
    }
    expect(reported.runs.size + reported.workloads.size).toBeGreaterThan(0)
    expect(interrupted).toBeGreaterThan(0)
  })

  it('keeps it when a command is killed, and the next one works', async () => {
    const pager = path.join(root, 'build/bin/pager.mjs')
    const commands = [
      ['import', file('trace.txt'), '--format', 'address', '--json'],
      ['run', file('long.json'), '--json'],
    ]
    for (const command of commands) {
      await killed([pager, ...command, '--workspace', workspace], 200 + random.below(900), () => true)
      inspect(reported)
    }
    await expect(killed([pager, 'check', '--workspace', workspace], 60_000, () => true)).resolves.toContain(
      'all is well',
    )
  })

  it('is left with no overlay of a dead run once a workbench has opened it', async () => {
    const workbench = await createWorkbench({ workspace, host: 'command', seed: false })
    await workbench.close()
    expect(readdirSync(path.join(workspace, 'overlays'))).toEqual([])
  })
})
