/**
 * A file on a server: swap on NFS, or a file system over it.
 *
 * A request is cut into calls of at most `transferKiB`. A call needs one of `slots` outstanding calls, travels half a
 * round trip, waits for the server's disk (one call after the other; short if it goes on where the last one ended,
 * since the server reads ahead), and comes back. Data pass the link one page after the other: with the answer of a
 * read, with the call of a write.
 */

import { type TimingModel, type TimingModelDefinition, type TimingModelOptions, pageNsAt } from './timingModel.ts'
import { NS_PER_US, PAGE_BYTES } from '../units.ts'

/** Rows of the state column; the slots follow. */
const State = {
  /** Times until which the link and the server's disk are busy. */
  linkNs: 0,
  serverNs: 1,
  /** Page behind the last call's. */
  nextPage: 2,
  slots: 3,
} as const

class NfsTiming implements TimingModel {
  readonly #halfTripNs: number
  readonly #randomNs: number
  readonly #sequentialNs: number
  readonly #pageNs: number
  readonly #callPages: number
  readonly #slots: number
  #state: Float64Array

  constructor({ columns, name, parameters }: TimingModelOptions) {
    this.#halfTripNs = Math.round((parameters['roundTripUs']! * NS_PER_US) / 2)
    this.#randomNs = Math.round(parameters['serverRandomUs']! * NS_PER_US)
    this.#sequentialNs = Math.round(parameters['serverSequentialUs']! * NS_PER_US)
    this.#pageNs = Math.round(pageNsAt(parameters['rate']!))
    this.#callPages = Math.max(1, Math.floor((parameters['transferKiB']! * 1024) / PAGE_BYTES))
    this.#slots = parameters['slots']!
    this.#state = columns.define(`${name}.nfs`, 'f64', State.slots + this.#slots)
    columns.onRebind(() => {
      this.#state = columns.get(`${name}.nfs`, 'f64')
    })
  }

  submit(now: number, isWrite: boolean, page: number, pages: number): number {
    let completion = now
    while (pages > 0) {
      const count = Math.min(pages, this.#callPages)
      completion = Math.max(completion, this.#call(now, isWrite, page, count))
      page += count
      pages -= count
    }
    return completion
  }

  #call(now: number, isWrite: boolean, page: number, pages: number): number {
    const state = this.#state
    const slot = this.#freeSlot()
    const linkNs = pages * this.#pageNs
    let sent = Math.max(now, state[slot]!)
    if (isWrite) {
      sent = Math.max(sent, state[State.linkNs]!) + linkNs
      state[State.linkNs] = sent
    }
    const isSequential = page === state[State.nextPage]
    const served =
      Math.max(sent + this.#halfTripNs, state[State.serverNs]!) + (isSequential ? this.#sequentialNs : this.#randomNs)
    state[State.serverNs] = served
    state[State.nextPage] = page + pages
    let answered = served
    if (!isWrite) {
      answered = Math.max(served, state[State.linkNs]!) + linkNs
      state[State.linkNs] = answered
    }
    const end = answered + this.#halfTripNs
    state[slot] = end
    return end
  }

  /** The slot that is free first; of several the lowest. */
  #freeSlot(): number {
    const state = this.#state
    let best = State.slots as number
    for (let slot = State.slots + 1; slot < State.slots + this.#slots; slot++)
      if (state[slot]! < state[best]!) best = slot
    return best
  }
}

export const nfs: TimingModelDefinition = {
  name: 'nfs',
  description: 'A file on an NFS server: round trips, the server’s disk, a limited number of calls under way.',
  parameters: [
    {
      name: 'roundTripUs',
      unit: 'us',
      default: 300,
      min: 0,
      max: 60_000_000,
      isWhole: false,
      description: 'Time from the machine to the server and back, without data.',
    },
    {
      name: 'serverRandomUs',
      unit: 'us',
      default: 5000,
      min: 0,
      max: 60_000_000,
      isWhole: false,
      description: 'Time that the server’s disk takes for a call to another place than where the last one ended.',
    },
    {
      name: 'serverSequentialUs',
      unit: 'us',
      default: 100,
      min: 0,
      max: 60_000_000,
      isWhole: false,
      description: 'Time that the server takes for a call that goes on where the last one ended.',
    },
    {
      name: 'rate',
      unit: 'MB/s',
      default: 110,
      min: 0.01,
      max: 1_000_000,
      isWhole: false,
      description: 'Rate of the network.',
    },
    {
      name: 'transferKiB',
      unit: 'KiB',
      default: 64,
      min: 4,
      max: 1_048_576,
      isWhole: true,
      description: 'Most data of one call (rsize, wsize).',
    },
    {
      name: 'slots',
      unit: 'calls',
      default: 16,
      min: 1,
      max: 4096,
      isWhole: true,
      description: 'Calls that may be under way at the same time.',
    },
  ],
  create: (options) => new NfsTiming(options),
}
