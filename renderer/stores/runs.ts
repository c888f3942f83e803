/** Runs, and how far those that are running have come. */
import { defineStore } from 'pinia'
import { computed, shallowReactive } from 'vue'
import type { Params, RunInfo, RunProgress } from '../../electron/contract/contract.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export type RunStatus = RunInfo['status']

export const isLive = (status: RunStatus): boolean => status === 'running' || status === 'paused'

/** Runs that are not recorded have negative numbers. */
const isRecorded = (run: number): boolean => run > 0

/** What a status says to a person. */
export const statusTexts: Record<RunStatus, string> = {
  running: 'Running',
  paused: 'Paused',
  finished: 'Finished',
  stopped: 'Stopped',
  failed: 'Failed',
  'kernel-panic': 'Kernel panic',
  livelock: 'Livelock',
  interrupted: 'Interrupted',
}

export const useRuns = defineStore('runs', () => {
  const connection = useConnection()
  const list = loadedList<RunInfo>('runs', () => connection.request('runs.list', {}))
  /** Newest progress of each run that has been running since the window opened. */
  const progress = shallowReactive(new Map<number, RunProgress>())

  function follow(): void {
    list.follow()
    connection.on('run.progress', (notice) => {
      progress.set(notice.run, notice)
    })
    connection.on('run.ended', (notice) => {
      progress.delete(notice.run)
      void list.load()
    })
  }

  /** Runs with their newest status and totals, newest run first. */
  const newest = computed<RunInfo[]>(() =>
    list.items.value
      .map((run) => {
        const now = progress.get(run.id)
        return now && isLive(run.status) ? { ...run, status: now.status, totals: now.totals, referencesTotal: now.referencesTotal } : run
      })
      .sort((a, b) => orderOf(b.id) - orderOf(a.id)),
  )
  /** Those that are not recorded run now, so they come after all others. */
  const orderOf = (run: number): number => (isRecorded(run) ? run : Number.MAX_SAFE_INTEGER + run)
  const live = computed(() => newest.value.filter((run) => isLive(run.status)))

  /** Share of its references that a run has made, 0 to 1. */
  function shareDone(run: RunInfo): number {
    return run.referencesTotal > 0 ? Math.min(1, run.totals.references / run.referencesTotal) : 0
  }

  async function start(params: Params<'runs.start'>): Promise<number> {
    const { id } = await connection.request('runs.start', params)
    await list.load()
    return id
  }
  async function replay(id: number, file: unknown = null): Promise<number> {
    const answer = await connection.request('runs.replay', { id, file })
    await list.load()
    return answer.id
  }
  const control = (id: number, action: Params<'runs.control'>['action'], kinds: readonly string[] = []) => connection.request('runs.control', { id, action, kinds: [...kinds] })
  const setSpeed = (id: number, speed: number) => connection.request('runs.speed', { id, speed })
  const intervene = (params: Params<'runs.intervene'>) => connection.request('runs.intervene', params)
  async function rename(id: number, name: string): Promise<void> {
    await connection.request('runs.rename', { id, name })
    await list.load()
  }
  async function remove(id: number): Promise<void> {
    await connection.request('runs.remove', { id })
    await list.load()
  }

  return { ...list, isRecorded, orderOf, progress, newest, live, follow, shareDone, start, replay, control, setSpeed, intervene, rename, remove }
})
