/** Workloads of the workspace, and imports and recordings on their way. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { Notice, Params, WorkloadInfo } from '../../electron/contract/contract.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export type Job = Notice<'job'>

/** A program that is being recorded, or was and is not dismissed yet. Its job says how it stands. */
export interface Recording {
  job: number
  title: string
  progress: Notice<'recording.progress'> | null
  /** The end of what it wrote. */
  output: string
}

const OUTPUT_LENGTH_MAX = 20_000

export const useWorkloads = defineStore('workloads', () => {
  const connection = useConnection()
  const list = loadedList<WorkloadInfo>('workloads', () => connection.request('workloads.list', {}))
  /** Running jobs, and ended ones until they are dismissed. */
  const jobs = shallowRef<readonly Job[]>([])
  const recordings = shallowRef<readonly Recording[]>([])
  const running = computed(() => jobs.value.filter((job) => job.state === 'running'))

  function follow(): void {
    list.follow()
    connection.on('job', (job) => {
      const others = jobs.value.filter((other) => other.job !== job.job)
      jobs.value = [...others, job].sort((a, b) => a.job - b.job)
      if (job.state === 'finished') void list.load()
    })
    connection.on('recording.progress', (progress) => change(progress.job, () => ({ progress })))
    connection.on('recording.output', ({ job, text }) =>
      change(job, ({ output }) => ({ output: (output + text).slice(-OUTPUT_LENGTH_MAX) })),
    )
  }

  /** Recordings that another window or a command started are shown too. */
  function change(job: number, what: (recording: Recording) => Partial<Recording>): void {
    const known = recordings.value.find((recording) => recording.job === job) ?? { job, title: `Recording ${job}`, progress: null, output: '' }
    const others = recordings.value.filter((recording) => recording.job !== job)
    recordings.value = [...others, { ...known, ...what(known) }].sort((a, b) => a.job - b.job)
  }

  const record = async (params: Params<'workloads.record'>): Promise<void> => {
    const { job } = await connection.request('workloads.record', params)
    change(job, () => ({ title: [params.program, ...params.arguments].join(' ').slice(0, 80) }))
  }
  const endRecording = (job: number) => connection.request('workloads.endRecording', { job })
  /** How a workload was recorded; null for one that was not. */
  const recordingOf = (id: number) => connection.request('workloads.recording', { id })
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
    recordings.value = recordings.value.filter((recording) => recording.job !== job)
  }

  return { ...list, jobs, recordings, running, follow, importFile, record, endRecording, recordingOf, generate, rename, remove, cancel, dismiss }
})
