/**
 * Searches for the smallest RAM (needSearch.ts), over the cores: a thread for each number of devices, as many at once as there
 * are cores. The experiment's first swap device is the model for all; what is done to the running machine, and faults that are injected,
 * are left out, because they name devices and moments of one machine.
 */
import { availableParallelism } from 'node:os'
import { ContractError, type Notice } from '../contract/contract.ts'
import type { ExperimentFile } from '../contract/experiment.ts'
import type { NeedLayout, NeedProgress, NeedResult } from '../contract/memoryNeed.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { bestLayout, findLayout, unlimitedRun, type RunMachine } from './needSearch.ts'
import { ThreadClient } from './threadCalls.ts'
import type { NeedCalls } from './threads/memoryNeed.ts'
import { threadUrls } from './threadUrls.ts'

type NeedThread = ThreadClient<NeedCalls>
const LIMITS = { maxOldGenerationSizeMb: 2048 }

interface Search {
  id: number
  name: string
  runs: number
  brackets: Map<number, { low: number; high: number }>
  threads: Set<NeedThread>
  isCancelled: boolean
  done: Promise<void>
}

export class MemoryNeeds {
  readonly #workspace: string
  readonly #send: (notice: Notice<'need.progress'>) => void
  readonly #searches = new Map<number, Search>()
  #count = 0

  constructor(workspace: string, send: (notice: Notice<'need.progress'>) => void) {
    this.#workspace = workspace
    this.#send = send
  }

  /** Answers the search's number; its last notice has the result. Throws ContractError for what is wrong with the experiment. */
  async start(file: ExperimentFile, within: number, deviceCounts: readonly number[]): Promise<number> {
    if (file.files?.image != null)
      throw new ContractError({
        code: 'bad-experiment',
        message:
          'files.image: the search makes many machines and moves no bytes; it knows files made for the run, not those on an image',
        field: 'files.image',
      })
    const search: Search = {
      id: ++this.#count,
      name: file.name,
      runs: 0,
      brackets: new Map(),
      threads: new Set(),
      isCancelled: false,
      done: Promise.resolve(),
    }
    const modelled = withModelDevice(file)
    const first = this.#thread(search)
    let size: { footprint: number; references: number }
    try {
      size = await first.call('prepare', this.#workspace, modelled)
    } catch (error) {
      await first.end()
      throw error
    }
    this.#searches.set(search.id, search)
    search.done = this.#search(search, modelled, first, size, within, deviceCounts)
      .then(
        (result) => this.#tell(search, { state: 'finished', result }),
        (error: unknown) =>
          this.#tell(
            search,
            search.isCancelled ? { state: 'cancelled' } : { state: 'failed', error: errorShape(error).message },
          ),
      )
      .finally(() => this.#searches.delete(search.id))
    return search.id
  }

  /** Does nothing to a search that has ended. */
  async cancel(id: number): Promise<void> {
    const search = this.#searches.get(id)
    if (!search) return
    search.isCancelled = true
    await Promise.all([...search.threads].map((thread) => thread.end()))
    await search.done
  }

  async close(): Promise<void> {
    await Promise.all([...this.#searches.keys()].map((id) => this.cancel(id)))
  }

  #thread(search: Search): NeedThread {
    const thread: NeedThread = new ThreadClient(threadUrls.memoryNeed, 'the thread that looks for the memory needed', {
      limits: LIMITS,
    })
    search.threads.add(thread)
    return thread
  }

  async #search(
    search: Search,
    file: ExperimentFile,
    first: NeedThread,
    { footprint, references }: { footprint: number; references: number },
    within: number,
    deviceCounts: readonly number[],
  ): Promise<NeedResult> {
    try {
      const unlimited = await unlimitedRun(this.#runner(search, first), footprint, file.machine.wired)
      const waiting = [...new Set(deviceCounts)].sort((a, b) => a - b)
      const layouts: NeedLayout[] = []
      const work = async (thread: NeedThread) => {
        for (let devices = waiting.shift(); devices !== undefined; devices = waiting.shift()) {
          const count = devices
          const onBracket = (low: number, high: number) => {
            search.brackets.set(count, { low, high })
            this.#tell(search, { state: 'running' })
          }
          layouts.push(
            await findLayout(this.#runner(search, thread), { devices, footprint, unlimited, within, onBracket }),
          )
        }
      }
      const others = Array.from({ length: Math.min(availableParallelism(), waiting.length) - 1 }, async () => {
        const thread = this.#thread(search)
        await thread.call('prepare', this.#workspace, file)
        await work(thread)
      })
      await Promise.all([work(first), ...others])
      layouts.sort((a, b) => a.devices - b.devices)
      return {
        name: file.name,
        within,
        footprint,
        references,
        unlimited: { frames: unlimited.frames, virtualSeconds: unlimited.virtualNs / 1e9 },
        layouts,
        best: bestLayout(layouts),
      }
    } finally {
      await Promise.all([...search.threads].map((thread) => thread.end()))
    }
  }

  #runner(search: Search, thread: NeedThread): RunMachine {
    return async (size, limitNs) => {
      if (search.isCancelled) throw new ContractError({ code: 'cancelled', message: 'the search was cancelled' })
      const result = await thread.call('run', size, limitNs)
      search.runs++
      this.#tell(search, { state: 'running' })
      return result
    }
  }

  #tell(
    { id, name, runs, brackets, isCancelled }: Search,
    known: Pick<NeedProgress, 'state'> & Partial<NeedProgress>,
  ): void {
    if (isCancelled && known.state === 'running') return
    const open = [...brackets].map(([devices, bracket]) => ({ devices, ...bracket }))
    this.#send({ search: id, name, runs, brackets: open, error: null, result: null, ...known })
  }
}

/** With one swap device at least; machines of the search have as many like the first as they are to have. */
function withModelDevice(file: ExperimentFile): ExperimentFile {
  const [first] = file.swap.devices
  const device = first ?? {
    image: 'swap',
    create: '',
    partition: null,
    kind: 'disk',
    timing: { model: 'ssd', parameters: {} },
    mode: 'overlay',
    swapon: true,
    force: false,
  }
  return { ...file, swap: { ...file.swap, devices: [{ ...device, swapon: true }] }, faults: [], interventions: [] }
}
