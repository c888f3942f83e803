/** Sweeps of the workspace, how those under way stand, and what has come of them. */
import { defineStore } from 'pinia'
import { ref, shallowReactive } from 'vue'
import type { Params } from '../../electron/contract/contract.ts'
import type { SweepInfo, SweepProgress, SweepResult } from '../../electron/contract/sweep.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export const isUnderWay = (progress: SweepProgress | undefined): boolean => progress?.state === 'running' || progress?.state === 'paused'

export const useSweeps = defineStore('sweeps', () => {
  const connection = useConnection()
  const list = loadedList<SweepInfo>('sweeps', () => connection.request('sweeps.list', {}))
  /** The newest word of each sweep that was under way since the window opened. */
  const progress = shallowReactive(new Map<number, SweepProgress>())

  /** The experiment that a new sweep was asked for, until the dialog has taken it up. */
  const asked = ref<number | null>(null)

  function follow(): void {
    list.follow()
    connection.on('sweep.progress', (notice) => progress.set(notice.sweep, notice))
    connection.request('sweeps.progress', {}).then(
      (known) => {
        for (const each of known) progress.set(each.sweep, each)
      },
      // the list says why nothing can be asked
      () => undefined,
    )
  }

  const check = (file: unknown) => connection.request('sweeps.check', { file })
  async function save(file: unknown): Promise<SweepInfo> {
    const saved = await connection.request('sweeps.save', { file })
    await list.load()
    return saved
  }
  async function start(id: number): Promise<void> {
    // what it said the last time is no longer so
    progress.delete(id)
    await connection.request('sweeps.start', { id, workers: 0 })
  }
  const control = (id: number, action: Params<'sweeps.control'>['action']) => connection.request('sweeps.control', { id, action })
  const result = (id: number): Promise<SweepResult> => connection.request('sweeps.result', { id })
  async function remove(id: number): Promise<void> {
    await connection.request('sweeps.remove', { id })
    progress.delete(id)
    await list.load()
  }

  return { ...list, progress, asked, follow, check, save, start, control, result, remove }
})
