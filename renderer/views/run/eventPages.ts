/**
 * The rows of the table of events, fetched by pages as they come into sight; a run of a hundred million events is never held.
 *
 * Where the number of rows is known, any page can be asked for by its offset. Where it is not (events of an object, a page or a device), pages are
 * fetched one after the other, each from the event behind the last one, and the table grows.
 */
import { shallowRef } from 'vue'
import type { EventRow, EventWindow } from './events.ts'

export const PAGE_ROWS = 500
const PAGES_MAX = 40

/** Rows from an offset of the table, or behind an event. */
export type FetchPage = (from: { offset: number } | { event: number }, limit: number) => Promise<EventWindow>

export class EventPages {
  readonly #fetch: FetchPage
  readonly #isCounted: boolean
  readonly #pages = new Map<number, EventRow[]>()
  #wanted = new Set<number>()
  #total: number
  #isFetching = false
  #isClosed = false
  /** Event behind the last row, where the rows are not counted; null: there are no more. */
  #nextEvent: number | null = 0
  /** Raised whenever there is more to show. */
  readonly version = shallowRef(0)
  onProblem: (error: unknown) => void = () => {}

  /** `total` null: not known. */
  constructor(total: number | null, fetch: FetchPage) {
    this.#isCounted = total !== null
    this.#total = total ?? PAGE_ROWS
    this.#fetch = fetch
  }

  /** Rows of the table; grows while it is not known. This and what follows tell who shows it when it has changed. */
  get total(): number {
    return this.version.value < 0 ? 0 : this.#total
  }

  get isCounted(): boolean {
    return this.version.value >= 0 && (this.#isCounted || this.#nextEvent === null)
  }

  row(index: number): EventRow | undefined {
    return this.version.value < 0 ? undefined : this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS]
  }

  /** Rows that are in sight: what of them is missing is fetched, in place of what was wanted before. Answers when it is there. */
  want(first: number, last: number): Promise<void> {
    this.#wanted = new Set()
    for (let page = Math.floor(Math.max(0, first) / PAGE_ROWS); page * PAGE_ROWS < Math.min(last, this.#total); page++) if (!this.#pages.has(page)) this.#wanted.add(page)
    return this.#fetchWanted()
  }

  close(): void {
    this.#isClosed = true
  }

  async #fetchWanted(): Promise<void> {
    if (this.#isFetching) return
    this.#isFetching = true
    try {
      for (;;) {
        const [page] = this.#wanted
        if (page === undefined || this.#isClosed) return
        if (this.#isCounted) this.#keep(page, await this.#fetch({ offset: page * PAGE_ROWS }, PAGE_ROWS))
        else if (this.#nextEvent === null) return
        else this.#keepNext(await this.#fetch({ event: this.#nextEvent }, PAGE_ROWS))
        this.version.value++
      }
    } catch (error) {
      this.onProblem(error)
    } finally {
      this.#isFetching = false
    }
  }

  #keep(page: number, { rows }: EventWindow): void {
    this.#wanted.delete(page)
    this.#pages.set(page, rows)
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_MAX || !this.#isCounted) break
      this.#pages.delete(oldest)
    }
  }

  #keepNext({ rows, more }: EventWindow): void {
    const page = this.#pages.size
    const last = rows.at(-1)
    this.#keep(page, { rows, more })
    this.#nextEvent = more && last ? last.number + 1 : null
    this.#total = page * PAGE_ROWS + rows.length + (more ? PAGE_ROWS : 0)
    if (this.#nextEvent === null) this.#wanted.clear()
  }
}
