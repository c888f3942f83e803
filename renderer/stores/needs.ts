/** Searches for the smallest RAM: what was asked since the window opened, and what came of it. */
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { NeedProgress } from '../../electron/contract/memoryNeed.ts'
import { useConnection } from './connection.ts'

export const useNeeds = defineStore('needs', () => {
  const connection = useConnection()
  /** By the search's number. */
  const searches = shallowReactive(new Map<number, NeedProgress>())

  function follow(): void {
    connection.on('need.progress', (progress) => searches.set(progress.search, progress))
  }
  async function start(file: unknown, within: number, deviceCounts: number[]): Promise<number> {
    return (await connection.request('need.start', { file, within, deviceCounts })).search
  }
  const cancel = (search: number) => connection.request('need.cancel', { search })

  return { searches, follow, start, cancel }
})
