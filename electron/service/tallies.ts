/** Runs by process and by object: the thread that tallies them and answers, and the keeping of what it has tallied. */
import type { NumberedTally } from '../../db/tallies.ts'
import type { ContractError, Notice, Params } from '../contract/contract.ts'
import type { QueryData, TalliesCalls, TalliesSaid } from './protocol.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'

const LIMITS = { maxOldGenerationSizeMb: 1024 }
type TallyProgress = Notice<'tally.progress'>

export class Tallies {
  readonly #database: string
  readonly #keep: (run: number, tallies: NumberedTally[]) => Promise<void>
  readonly #send: (progress: TallyProgress) => void
  #thread: ThreadClient<TalliesCalls, TalliesSaid> | null = null
  /** The run that is counted. */
  #counted: number | null = null
  #kept = Promise.resolve()

  constructor(
    database: string,
    keep: (run: number, tallies: NumberedTally[]) => Promise<void>,
    send: (progress: TallyProgress) => void,
  ) {
    this.#database = database
    this.#keep = keep
    this.#send = send
  }

  /** By what is tallied so far; the first question waits for some chunks. */
  tiles(query: Params<'runs.trackTiles'>): Promise<ArrayBuffer> {
    return this.#running().call('tiles', query)
  }

  /** Begins to count a run in place of another one; `tally.progress` tells how it goes, and when all has been kept. */
  count(run: number): Promise<void> {
    this.#counted = run
    return this.#running().call('count', run)
  }

  /** Counting ends; what was counted stays. */
  async stop(run: number): Promise<void> {
    if (this.#counted === run) await this.#thread?.call('stop')
  }

  async close(): Promise<void> {
    await this.#thread?.end()
    await this.#kept
  }

  #running(): ThreadClient<TalliesCalls, TalliesSaid> {
    const data: QueryData = { database: this.#database }
    this.#thread ??= new ThreadClient(threadUrls.tallies, 'the thread that counts events by process and object', {
      data,
      limits: LIMITS,
      onSaid: (said) => this.#take(said),
      onFailed: (error) => this.#failed(error),
    })
    return this.#thread
  }

  #take(said: TalliesSaid): void {
    if (said.type === 'tallied') {
      // tallies that cannot be kept are made again the next time
      this.#kept = this.#kept.then(() => this.#keep(said.run, said.tallies)).catch(() => undefined)
      return
    }
    const { progress } = said
    if (progress.state === 'running') return this.#send(progress)
    if (this.#counted === progress.run) this.#counted = null
    void this.#kept.then(() => this.#send(progress))
  }

  #failed(error: ContractError): void {
    this.#thread = null
    const run = this.#counted
    this.#counted = null
    if (run !== null) this.#send({ run, state: 'failed', done: 0, total: 0, error: error.message })
  }
}
