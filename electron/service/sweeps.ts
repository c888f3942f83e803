/**
 * Sweeps under way: a grid of runs, several at a time.
 *
 * Life cycle of a sweep:
 *  1. `start` asks the store which cells have a run that ended (sweepResults.ts); the rest waits in grid order.
 *  2. As many cells as there are workers run at once. Their machines are made one after the other, because the first makes images
 *     that the others then find.
 *  3. `pause` holds the runs under way and starts no others; `cancel` stops them, and removes them again: a piece of a run is
 *     no result.
 *  4. When nothing waits any more the last notice says how it ended. After a crash the next `start` goes on where this one was.
 */
import type { Notice, NoticeName, Params } from '../contract/contract.ts'
import { ContractError } from '../contract/contract.ts'
import type { SweepCell, SweepProgress, SweepResult } from '../contract/sweep.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { isSettled, keyTag, sweepTag } from './sweepResults.ts'

/** What a sweep needs of the workbench. */
export interface SweepHost {
  startRun(cell: SweepCell, tags: string[]): Promise<number>
  control(params: Params<'runs.control'>): Promise<void>
  removeRun(id: number): Promise<void>
  result(file: unknown): Promise<SweepResult>
  send<N extends NoticeName>(name: N, notice: Notice<N>): void
  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void
}

/** Between two notices about the same sweep while nothing but the shares of its runs changes. */
const PROGRESS_MS = 200

interface Waiting {
  cell: SweepCell
  key: string
}

export class Sweeps {
  readonly #host: SweepHost
  readonly #active = new Map<number, ActiveSweep>()

  constructor(host: SweepHost) {
    this.#host = host
  }

  /** Throws ContractError `running` if it is under way already, `bad-sweep`. */
  async start(id: number, file: unknown, cells: readonly SweepCell[], workers: number): Promise<void> {
    if (this.#active.has(id))
      throw new ContractError({ code: 'running', message: `sweep ${id} is under way already`, field: 'id' })
    // known before the store answers, so that nobody starts it twice
    const sweep = new ActiveSweep(this.#host, id, cells, workers)
    this.#active.set(id, sweep)
    try {
      sweep.prepare(await this.#host.result(file))
    } catch (error) {
      this.#active.delete(id)
      throw error
    }
    void sweep.run().finally(() => this.#active.delete(id))
  }

  /** Does nothing to a sweep that is not under way. */
  async control(id: number, action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    await this.#active.get(id)?.control(action)
  }

  progress(): SweepProgress[] {
    return [...this.#active.values()].map((sweep) => sweep.progress())
  }

  isActive(id: number): boolean {
    return this.#active.has(id)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#active.values()].map((sweep) => sweep.control('cancel')))
  }
}

class ActiveSweep {
  readonly #host: SweepHost
  readonly #id: number
  readonly #cells: readonly SweepCell[]
  readonly #workers: number
  #name = ''
  #waiting: Waiting[] = []
  /** Runs under way by id. */
  readonly #running = new Map<number, { cell: number; share: number }>()
  /** Ends of runs that came before the run's id was known here, and who waits for one. */
  readonly #ends = new Map<number, Notice<'run.ended'>>()
  readonly #wakers = new Map<number, (end: Notice<'run.ended'>) => void>()
  readonly #problems: SweepProgress['problems'] = []
  #skipped = 0
  #done = 0
  #state: SweepProgress['state'] = 'running'
  #resume: { promise: Promise<void>; resolve: () => void } | null = null
  #making: Promise<unknown> = Promise.resolve()
  #toldAt = 0
  #hasEnded = false
  readonly #ended = Promise.withResolvers<undefined>()

  constructor(host: SweepHost, id: number, cells: readonly SweepCell[], workers: number) {
    this.#host = host
    this.#id = id
    this.#cells = cells
    this.#workers = workers
  }

  prepare(result: SweepResult): void {
    this.#name = result.name
    const waiting = result.cells.filter(({ status }) => !isSettled(status))
    this.#skipped = result.cells.length - waiting.length
    this.#done = this.#skipped
    this.#waiting = waiting.flatMap(({ index, key }) => {
      const cell = this.#cells.find((each) => each.index === index)
      return cell ? [{ cell, key }] : []
    })
  }

  async run(): Promise<void> {
    const ends = [
      this.#host.on('run.ended', (notice) => {
        const waker = this.#wakers.get(notice.run)
        if (waker) waker(notice)
        else this.#ends.set(notice.run, notice)
      }),
      this.#host.on('run.progress', ({ run, references, referencesTotal }) => {
        const known = this.#running.get(run)
        if (!known) return
        known.share = references / Math.max(1, referencesTotal)
        this.#tell(PROGRESS_MS)
      }),
    ]
    this.#tell()
    await Promise.all(Array.from({ length: Math.max(1, this.#workers) }, () => this.#work()))
    for (const end of ends) end()
    if (this.#state !== 'cancelled') this.#state = 'finished'
    this.#hasEnded = true
    this.#tell()
    this.#ended.resolve(undefined)
  }

  async control(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    if (this.#state !== 'running' && this.#state !== 'paused') return
    if (action === 'pause') {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      this.#resume ??= { promise, resolve: () => resolve(undefined) }
    } else {
      this.#resume?.resolve()
      this.#resume = null
    }
    this.#state = action === 'pause' ? 'paused' : action === 'resume' ? 'running' : 'cancelled'
    await this.#toAll(action)
    this.#tell()
    if (action === 'cancel') await this.#ended.promise
  }

  progress(): SweepProgress {
    return {
      sweep: this.#id,
      name: this.#name,
      // cancelled it is when nothing runs any more
      state: this.#state === 'cancelled' && !this.#hasEnded ? 'running' : this.#state,
      cells: this.#cells.length,
      skipped: this.#skipped,
      done: this.#done,
      running: [...this.#running].map(([run, { cell, share }]) => ({ run, cell, share })),
      problems: this.#problems,
      error: null,
    }
  }

  /** A run that ends meanwhile is no longer there to be held or stopped. */
  async #toAll(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    const asked = action === 'cancel' ? 'stop' : action
    await Promise.all(
      [...this.#running.keys()].map((id) => this.#host.control({ id, action: asked }).catch(() => undefined)),
    )
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#resume?.promise
      if (this.#state === 'cancelled') return
      if (this.#resume) continue
      const next = this.#waiting.shift()
      if (!next) return
      await this.#runCell(next)
    }
  }

  async #runCell({ cell, key }: Waiting): Promise<void> {
    let id: number
    try {
      id = await this.#inTurn(() => this.#host.startRun(cell, [sweepTag(this.#name), keyTag(key)]))
    } catch (error) {
      this.#done++
      this.#problems.push({ cell: cell.index, problem: errorShape(error).message })
      this.#tell()
      return
    }
    this.#running.set(id, { cell: cell.index, share: 0 })
    // asked for while the machine was being made
    if (this.#state !== 'running') await this.#toAll(this.#state === 'paused' ? 'pause' : 'cancel')
    this.#tell()
    const { status, problem } = await this.#endOf(id)
    this.#running.delete(id)
    if (status === 'stopped' && this.#state === 'cancelled') await this.#host.removeRun(id).catch(() => undefined)
    else {
      this.#done++
      if (!isSettled(status) || problem !== null)
        this.#problems.push({ cell: cell.index, problem: problem ?? `the run was ${status}` })
    }
    this.#tell()
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const mine = this.#making.then(body)
    this.#making = mine.catch(() => undefined)
    return mine
  }

  #endOf(id: number): Promise<Notice<'run.ended'>> {
    const known = this.#ends.get(id)
    if (known) return Promise.resolve(known)
    return new Promise((resolve) =>
      this.#wakers.set(id, (end) => {
        this.#wakers.delete(id)
        resolve(end)
      }),
    )
  }

  #tell(everyMs = 0): void {
    const now = performance.now()
    if (now - this.#toldAt < everyMs) return
    this.#toldAt = now
    this.#host.send('sweep.progress', this.progress())
  }
}
