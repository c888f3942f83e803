/**
 * How much of its runs a workspace keeps. Where there are limits, the oldest runs that have ended go when a run ends, until
 * the limits hold; those with the tag "keep" stay, and so does the newest.
 */
import type { Connection } from './connection.ts'
import { numberAt, parseJson } from './json.ts'
import type { RunTable } from './runs.ts'

/** Null: no limit. */
export interface Retention {
  /** Runs that are kept at the most. */
  runs: number | null
  /** Bytes of what they recorded. */
  bytes: number | null
}

export const KEEP_TAG = 'keep'

const SETTING = 'retention'

export class RetentionLimits {
  readonly #connection: Connection
  readonly #runs: RunTable

  constructor(connection: Connection, runs: RunTable) {
    this.#connection = connection
    this.#runs = runs
  }

  get(): Retention {
    const value = this.#connection.read(() =>
      this.#connection.sqlite
        .prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?')
        .get(SETTING),
    )
    const stored = value === undefined ? null : parseJson(value.value)
    return { runs: numberAt(stored, 'runs'), bytes: numberAt(stored, 'bytes') }
  }

  set(limits: Retention): void {
    this.#connection.write(() =>
      this.#connection.sqlite
        .prepare('INSERT OR REPLACE INTO settings VALUES (?, ?)')
        .run(SETTING, JSON.stringify(limits)),
    )
  }

  /** Removes what is beyond the limits. Answers the runs that went, oldest first. */
  apply(): number[] {
    const limits = this.get()
    if (limits.runs === null && limits.bytes === null) return []
    const list = this.#runs.list()
    let left = list.length
    let bytes = list.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
    const isBeyond = () => left > (limits.runs ?? Infinity) || bytes > (limits.bytes ?? Infinity)
    const removed: number[] = []
    // the list has the newest first
    for (const { id, status, tags, storedBytes } of list.slice(1).reverse()) {
      if (!isBeyond()) break
      if (status === 'running' || status === 'paused' || tags.includes(KEEP_TAG)) continue
      this.#runs.remove(id)
      removed.push(id)
      left--
      bytes -= storedBytes
    }
    return removed
  }
}
