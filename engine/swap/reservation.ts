/**
 * Reservation of swap: a promise, made when anonymous memory is mapped, that it can be backed.
 *
 * Amounts are pages here; callers speak bytes, as the kernel's do. Source: FreeBSD swap_pager.c, swap_reserve_by_cred() and its family. The
 * limit compares pages with bytes, and is the calling process's even when another user is charged: so does the source.
 */
import type { SwapDefect } from './defects.ts'
import type { Columns } from '../sim/columns.ts'

/** Bits of vm.overcommit. */
export const Overcommit = { forceOn: 1, limitOn: 2, allowNonWired: 4 } as const

export const USERS = 16

/** What a reservation depends on outside the swap pager. */
export interface ReservationHost {
  /** swap_total, pages. */
  totalSwap(): number
  /** v_page_count - v_free_reserved - wired pages. */
  nonWiredPages(): number
  /** RLIMIT_SWAP of the current process, as the limit call returns it. */
  swapLimit(): number
  mayExceedQuota(): boolean
  mayExceedLimit(): boolean
  currentUser(): number
  /** A known defect of the source took effect. */
  defect?(name: SwapDefect): void
  /** A reservation failed. */
  reservationFailed(user: number, bytes: number): void
}

export class SwapReservation {
  /** Pages promised to each user: ui_vmsize. */
  declare byUser: Float64Array
  /** [0] swap_reserved in pages, [1] vm.overcommit. */
  #state: Float64Array
  readonly #host: ReservationHost
  /** What a page counts against the limit: 1 as in the source, 4096 where that is repaired. */
  readonly #limitUnit: number

  constructor(columns: Columns, host: ReservationHost, limitIsBytes = false) {
    this.#host = host
    this.#limitUnit = limitIsBytes ? 4096 : 1
    this.byUser = columns.define('swap.reservedByUser', 'f64', USERS)
    this.#state = columns.define('swap.reservation', 'f64', 2)
    columns.onRebind(() => {
      this.byUser = columns.get('swap.reservedByUser', 'f64')
      this.#state = columns.get('swap.reservation', 'f64')
    })
  }

  /** Pages promised to all. */
  get reserved(): number {
    return this.#state[0]!
  }
  get overcommit(): number {
    return this.#state[1]!
  }
  set overcommit(bits: number) {
    this.#state[1] = bits
  }

  /** Reserves for a user; false if it is refused. `bytes` is a multiple of the page size. */
  reserve(bytes: number, user = this.#host.currentUser()): boolean {
    const pages = Math.floor(bytes / 4096)
    const host = this.#host
    const bits = this.overcommit
    const after = this.#state[0]! + pages
    let limit = host.totalSwap()
    if (after > limit && (bits & Overcommit.allowNonWired) !== 0) limit += host.nonWiredPages()
    if ((bits & Overcommit.forceOn) !== 0 && after > limit && !host.mayExceedQuota()) {
      host.reservationFailed(user, bytes)
      return false
    }
    const isOver = (unit: number) => (this.byUser[user]! + pages) * unit > host.swapLimit()
    if ((bits & Overcommit.limitOn) !== 0 && !isOver(this.#limitUnit) && isOver(4096)) host.defect?.('limit-units')
    if ((bits & Overcommit.limitOn) !== 0 && isOver(this.#limitUnit) && !host.mayExceedLimit()) {
      host.reservationFailed(user, bytes)
      return false
    }
    this.#state[0] = after
    this.byUser[user]! += pages
    return true
  }

  /** Reserves without asking, for the current user. */
  force(bytes: number): void {
    const pages = Math.floor(bytes / 4096)
    this.#state[0]! += pages
    this.byUser[this.#host.currentUser()]! += pages
  }

  release(bytes: number, user = this.#host.currentUser()): void {
    const pages = Math.floor(bytes / 4096)
    this.#state[0]! -= pages
    this.byUser[user]! -= pages
  }
}
