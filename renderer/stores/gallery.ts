/**
 * The gallery: its experiments, what one has answered, and what their runs came to. Runs are the workspace's own, found again by
 * their tags, so that a result is there when the window is opened the next time.
 */
import { defineStore } from 'pinia'
import { ref, shallowReactive, shallowRef } from 'vue'
import { z } from 'zod'
import type { GalleryItem } from '../../electron/contract/gallery.ts'
import { galleryTag, measurePolicy, measureRun, type VariationResult } from '../../electron/contract/galleryRun.ts'
import { problemText } from '../notify.ts'
import { useConnection } from './connection.ts'
import { isLive, useRuns } from './runs.ts'

export type Results = ReadonlyMap<string, VariationResult>

export interface Running {
  name: string
  /** The variation that runs, and how many of how many there are. */
  variation: string
  number: number
  count: number
}

const storageKey = 'pager-workbench.gallery'
const answersSchema = z.record(z.string(), z.int())

function storedAnswers(): Record<string, number> {
  try {
    return answersSchema.parse(JSON.parse(window.localStorage.getItem(storageKey) ?? '{}'))
  } catch {
    return {}
  }
}

/** What is answered by "show it anyway". */
export const NO_ANSWER = -1

export const useGallery = defineStore('gallery', () => {
  const connection = useConnection()
  const runs = useRuns()
  const items = shallowRef<GalleryItem[]>([])
  const loaded = ref(false)
  const problem = ref('')
  /** Number of the choice by experiment; NO_ANSWER where the result was shown without one. */
  const answers = shallowReactive(new Map<string, number>(Object.entries(storedAnswers())))
  const results = shallowReactive(new Map<string, Results>())
  const running = ref<Running | null>(null)
  const runProblems = shallowReactive(new Map<string, string>())
  let stop = new AbortController()
  let present: number | null = null

  async function load(): Promise<void> {
    try {
      items.value = await connection.request('gallery.list', {})
      loaded.value = true
      problem.value = ''
    } catch (error) {
      problem.value = problemText(error)
    }
  }

  function answer(name: string, choice: number): void {
    answers.set(name, choice)
    store()
  }
  function forget(name: string): void {
    answers.delete(name)
    store()
  }
  function store(): void {
    try {
      window.localStorage.setItem(storageKey, JSON.stringify(Object.fromEntries(answers)))
    } catch {
      // a window that may not store anything forgets the answers
    }
  }

  /** Takes over the runs that the workspace has of an experiment, if it has all of them as they would be now. */
  async function find(item: GalleryItem): Promise<void> {
    if (results.has(item.name) || running.value?.name === item.name || !connection.info) return
    const found = new Map<string, VariationResult>()
    try {
      for (const { id, policy, file } of item.variations) {
        if (policy !== null) continue
        const run = runs.newest.find((each) => !isLive(each.status) && each.tags.includes(galleryTag(item, id)))
        if (!run) return
        const detail = await connection.request('runs.get', { id: run.id })
        if (
          JSON.stringify(detail.file) !== JSON.stringify(file) ||
          detail.engineVersion !== connection.info.engineVersion
        )
          return
        found.set(id, await measureRun(connection.host(), connection.info, run.id))
      }
      await addPolicies(item, found)
      results.set(item.name, inOrder(item, found))
    } catch {
      // what cannot be read again is run again
    }
  }

  const addPolicies = async (item: GalleryItem, found: Map<string, VariationResult>): Promise<void> => {
    for (const { id, policy } of item.variations)
      if (policy !== null) found.set(id, await measurePolicy(connection.host(), item, id))
  }
  const inOrder = (item: GalleryItem, found: Results): Results =>
    new Map(
      item.variations.flatMap(({ id }) => {
        const result = found.get(id)
        return result ? [[id, result] as const] : []
      }),
    )

  /** Runs every variation, one after the other. */
  async function run(item: GalleryItem): Promise<void> {
    if (running.value || !connection.info) return
    const found = new Map<string, VariationResult>()
    runProblems.delete(item.name)
    stop = new AbortController()
    try {
      for (const [number, { id, title, policy, file }] of item.variations.entries()) {
        running.value = { name: item.name, variation: title, number: number + 1, count: item.variations.length }
        if (policy === null) found.set(id, await runOne(item, id, file))
        if (stop.signal.aborted) return
      }
      await addPolicies(item, found)
      results.set(item.name, inOrder(item, found))
    } catch (error) {
      runProblems.set(item.name, problemText(error))
    } finally {
      running.value = null
      present = null
    }
  }

  async function runOne(
    item: GalleryItem,
    variation: string,
    file: GalleryItem['variations'][number]['file'],
  ): Promise<VariationResult> {
    const { promise: ended, resolve } = Promise.withResolvers<undefined>()
    const over = new Set<number>()
    const off = connection.on('run.ended', (notice) => {
      over.add(notice.run)
      if (notice.run === present) resolve(undefined)
    })
    try {
      present = await runs.start({ file, record: true, startPaused: false })
      if (!over.has(present)) await ended
      await connection.request('runs.annotate', { id: present, tags: [galleryTag(item, variation)] })
      if (!connection.info) throw new Error('The workbench is not connected')
      return await measureRun(connection.host(), connection.info, present)
    } finally {
      off()
    }
  }

  async function cancel(): Promise<void> {
    stop.abort()
    if (present !== null) await runs.control(present, 'stop').catch(() => undefined)
  }

  return { items, loaded, problem, answers, results, running, runProblems, load, answer, forget, find, run, cancel }
})
