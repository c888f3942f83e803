/** Saved experiments. What is being edited is in stores/bench.ts. */
import { defineStore } from 'pinia'
import type { ExperimentInfo } from '../../electron/contract/contract.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export const useExperiments = defineStore('experiments', () => {
  const connection = useConnection()
  const list = loadedList<ExperimentInfo>('experiments', () => connection.request('experiments.list', {}))

  async function save(id: number | null, file: unknown): Promise<ExperimentInfo> {
    const saved = await connection.request('experiments.save', { id, file })
    await list.load()
    return saved
  }
  async function remove(id: number): Promise<void> {
    await connection.request('experiments.remove', { id })
    await list.load()
  }

  return { ...list, save, remove }
})
