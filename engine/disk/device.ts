/**
 * A device as the pagers see it: contents, a timing model, injected faults and counters.
 *
 * Life of a request:
 *  1. `submit` counts it, asks the injected faults, moves the bytes (so that a write stores what its pages were then)
 *     and answers the virtual time of its completion; `lastErrno` says how it ends.
 *  2. The engine puts an event at that time.
 *  3. `completed` takes it out of the queue.
 *
 * All counters are columns. Sizes are pages of 4096 bytes, times virtual nanoseconds.
 */

import type { Columns } from '../sim/columns.ts'
import { type BlockStore, checkRange, NullStore } from './blockStore.ts'
import { Errno, type FaultInjection, isMediumError } from './faultInjection.ts'
import type { HostTimes } from './timing/measured.ts'
import type { TimingModel } from './timing/timingModel.ts'

/** Rows of the counter column. The order is part of the keyframe format. */
const Counter = {
  reads: 0,
  writes: 1,
  pagesRead: 2,
  pagesWritten: 3,
  errors: 4,
  busyNs: 5,
  /** Virtual time since which the queue has not been empty. */
  busySince: 6,
  latencySumNs: 7,
  latencyMaxNs: 8,
  queueDepth: 9,
  queueDepthMax: 10,
  isGone: 11,
  attachedNs: 12,
  /** Requests that the host's time was taken of. */
  timed: 13,
} as const
const COUNTERS = 14

export interface DeviceOptions {
  columns: Columns
  /** Prefix of the device's columns, such as `device0`. */
  name: string
  /** Number by which injected faults name the device. */
  number: number
  store: BlockStore
  timing: TimingModel
  faults: FaultInjection
  /** Virtual time at which utilisation begins to count; 0 if left out. */
  attachedNs?: number
  /** For a model that wants to know what the bytes of a request took on the host. */
  hostTimes?: HostTimes | null
}

export class Device {
  declare readonly number: number
  declare readonly name: string
  declare readonly sizePages: number
  declare readonly store: BlockStore
  /** How the request submitted last ends: 0, or an errno. */
  lastErrno = 0
  /** Null: there are none to move. */
  readonly #bytes: BlockStore | null
  readonly #timing: TimingModel
  readonly #faults: FaultInjection
  readonly #hostTimes: HostTimes | null
  #counters: Float64Array

  constructor(options: DeviceOptions) {
    const { columns, name } = options
    this.number = options.number
    this.name = name
    this.store = options.store
    this.sizePages = options.store.sizePages
    this.#bytes = options.store instanceof NullStore ? null : options.store
    this.#timing = options.timing
    this.#faults = options.faults
    this.#hostTimes = options.hostTimes ?? null
    this.#counters = columns.define(`${name}.counters`, 'f64', COUNTERS)
    this.#counters[Counter.attachedNs] = options.attachedNs ?? 0
    columns.onRebind(() => {
      this.#counters = columns.get(`${name}.counters`, 'f64')
    })
  }

  /**
   * Submits a request for `count` pages at `page`, whose contents are `buffers[0..count-1]`, and answers the virtual
   * time of its completion. A request that fails moves no bytes. One that the medium fails (EIO) takes the time that it
   * would have taken; all others are refused at the door, at `now`. What fails by the device's own fault leaves an
   * errno in `lastErrno`; what fails on the host throws a DiskError.
   */
  submit(now: number, isWrite: boolean, page: number, buffers: Uint8Array[], count: number): number {
    checkRange(this.name, page, count, this.sizePages)
    const counters = this.#counters
    const request = isWrite ? counters[Counter.writes]!++ : counters[Counter.reads]!++
    const errno =
      counters[Counter.isGone] !== 0 ? Errno.ENXIO : this.#faults.check(this.number, isWrite, request, now, page, count)
    this.lastErrno = errno
    if (counters[Counter.queueDepth] === 0) counters[Counter.busySince] = now
    const depth = ++counters[Counter.queueDepth]!
    if (depth > counters[Counter.queueDepthMax]!) counters[Counter.queueDepthMax] = depth
    this.#hostTimes?.begin()
    if (errno !== 0) {
      counters[Counter.errors]!++
      if (!isMediumError(errno)) return now
    } else if (isWrite) {
      this.#bytes?.writePages(page, buffers, count)
      counters[Counter.pagesWritten]! += count
    } else {
      this.#bytes?.readPages(page, buffers, count)
      counters[Counter.pagesRead]! += count
    }
    const hostNs = this.#hostTimes === null ? 0 : this.#hostTimes.took(this.number, counters[Counter.timed]!++)
    const completion = this.#timing.submit(now, isWrite, page, count, hostNs)
    const latency = completion - now
    counters[Counter.latencySumNs]! += latency
    if (latency > counters[Counter.latencyMaxNs]!) counters[Counter.latencyMaxNs] = latency
    return completion
  }

  /** Takes a request out of the queue: the engine calls it once for each, at the time that `submit` answered. */
  completed(now: number): void {
    const counters = this.#counters
    if (counters[Counter.queueDepth] === 0) throw new Error(`${this.name}: a request completed that was not submitted`)
    if (--counters[Counter.queueDepth]! === 0) counters[Counter.busyNs]! += now - counters[Counter.busySince]!
  }

  /** The device goes away: all further requests fail with ENXIO. Those under way complete. */
  orphan(): void {
    this.#counters[Counter.isGone] = 1
  }

  get isGone(): boolean {
    return this.#counters[Counter.isGone] !== 0
  }

  /** Read requests submitted, failed ones included. */
  get reads(): number {
    return this.#counters[Counter.reads]!
  }

  /** Write requests submitted, failed ones included. */
  get writes(): number {
    return this.#counters[Counter.writes]!
  }

  /** Pages read by requests that did not fail. */
  get pagesRead(): number {
    return this.#counters[Counter.pagesRead]!
  }

  /** Pages written by requests that did not fail. */
  get pagesWritten(): number {
    return this.#counters[Counter.pagesWritten]!
  }

  /** Requests that failed. */
  get errors(): number {
    return this.#counters[Counter.errors]!
  }

  /** Sum over all requests of the time from submission to completion, in ns. */
  get latencySumNs(): number {
    return this.#counters[Counter.latencySumNs]!
  }

  get latencyMaxNs(): number {
    return this.#counters[Counter.latencyMaxNs]!
  }

  /** Requests submitted and not yet completed. */
  get queueDepth(): number {
    return this.#counters[Counter.queueDepth]!
  }

  get queueDepthMax(): number {
    return this.#counters[Counter.queueDepthMax]!
  }

  /** Time up to `now` in which the queue was not empty, in ns. */
  busyNs(now: number): number {
    const counters = this.#counters
    const busyNs = counters[Counter.busyNs]!
    return counters[Counter.queueDepth] === 0 ? busyNs : busyNs + now - counters[Counter.busySince]!
  }

  /** Share of the time since the device was attached in which its queue was not empty, 0 to 1. */
  utilisation(now: number): number {
    const elapsed = now - this.#counters[Counter.attachedNs]!
    return elapsed > 0 ? this.busyNs(now) / elapsed : 0
  }
}
