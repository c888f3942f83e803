/** What the tests of service and command line share: workspaces in scratch folders, and small experiments. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExperimentInput } from '../contract/experiment.ts'
import type { Notice, Totals, WorkbenchClient } from '../contract/contract.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

/** Runs `body` with a fresh folder that is removed afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pager-service-'))
  try {
    return await body(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs `body` with the workbench of a fresh, empty workspace. */
export function withService<T>(body: (workbench: Workbench, folder: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const workbench = await createWorkbench({ workspace: folder, host: 'command', seed: false })
    try {
      return await body(workbench, folder)
    } finally {
      await workbench.close()
    }
  })
}

/** A machine that pages: uniform over 1024 pages in 256 frames, on two small devices. */
export function smallExperiment(changes: Partial<ExperimentInput> = {}, references = 10_000): ExperimentInput {
  return {
    name: 'small',
    seed: 7,
    machine: { frames: 256, nsPerReference: 1000 },
    daemon: { policy: 'lru', pageoutCluster: 8 },
    swap: {
      devices: [
        { image: 'a.img', create: '16 MiB', timing: { model: 'ssd' } },
        { image: 'b.img', create: '16 MiB', timing: { model: 'ssd' } },
      ],
    },
    processes: [{ name: 'p', workload: { generator: 'uniform', parameters: { pages: 1024, references } } }],
    untouched: 'zero',
    ...changes,
  }
}

export interface Ended {
  id: number
  status: Totals['status']
  problem: string | null
  totals: Totals
}

/** Starts a run (or a replay) and waits for its end. */
export async function runToEnd(client: WorkbenchClient, start: () => Promise<{ id: number }>): Promise<Ended> {
  const follower = follow(client)
  const { id } = await start()
  return follower.ended(id)
}

/** Listens from now on, so that no notice of a run is missed that is started after. */
export function follow(client: WorkbenchClient) {
  const progress = new Map<number, Notice<'run.progress'>>()
  const ends = new Map<number, Notice<'run.ended'>>()
  const wakers = new Set<() => void>()
  const wake = () => {
    for (const each of wakers) each()
  }
  client.on('run.progress', (notice) => {
    progress.set(notice.run, notice)
    wake()
  })
  client.on('run.ended', (notice) => {
    ends.set(notice.run, notice)
    wake()
  })
  const until = <T>(found: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = () => {
        const value = found()
        if (value === undefined) return
        wakers.delete(look)
        resolve(value)
      }
      wakers.add(look)
      look()
    })
  return {
    /** The first progress of a run, from now on or the last one seen, that `accepts`. */
    progress: (id: number, accepts: (notice: Notice<'run.progress'>) => boolean) =>
      until(() => {
        const last = progress.get(id)
        return last && accepts(last) ? last : undefined
      }),
    ended: (id: number): Promise<Ended> =>
      until(() => {
        const end = ends.get(id)
        const totals = progress.get(id)?.totals
        return end && totals ? { id, status: end.status, problem: end.problem, totals } : undefined
      }),
  }
}
