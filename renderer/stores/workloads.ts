/** Workloads of the workspace, and imports on their way. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { Notice, Params, WorkloadInfo } from '../../electron/contract/contract.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export type Job = Notice<'job'>

export const useWorkloads = defineStore('workloads', () => {
  const connection = useConnection()
  const list = loadedList<WorkloadInfo>('workloads', () => connection.request('workloads.list', {}))
  /** Running jobs, and ended ones until they are dismissed. */
  const jobs = shallowRef<readonly Job[]>([])
  const running = computed(() => jobs.value.filter((job) => job.state === 'running'))

  function follow(): void {
    list.follow()
    connection.on('job', (job) => {
      const others = jobs.value.filter((other) => other.job !== job.job)
      jobs.value = [...others, job].sort((a, b) => a.job - b.job)
      if (job.state === 'finished') void list.load()
    })
  }

  const importFile = (params: Params<'workloads.import'>) => connection.request('workloads.import', params)
  const generate = async (params: Params<'workloads.generate'>): Promise<WorkloadInfo> => {
    const made = await connection.request('workloads.generate', params)
    await list.load()
    return made
  }
  const rename = async (id: number, name: string): Promise<void> => {
    await connection.request('workloads.rename', { id, name })
    await list.load()
  }
  const remove = async (id: number): Promise<void> => {
    await connection.request('workloads.remove', { id })
    await list.load()
  }
  const cancel = (job: number) => connection.request('jobs.cancel', { job })
  function dismiss(job: number): void {
    jobs.value = jobs.value.filter((other) => other.job !== job)
  }

  return { ...list, jobs, running, follow, importFile, generate, rename, remove, cancel, dismiss }
})
