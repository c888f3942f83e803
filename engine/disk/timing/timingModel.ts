/**
 * What a timing model is: it answers when a request that is submitted now will be complete.
 *
 * A model knows nothing of bytes. Its state (where the head is, until when a channel is busy) lives in columns, so a
 * restored engine goes on with exactly the same answers. All times are whole virtual nanoseconds; only the four
 * operations and the square root are used, which IEEE 754 defines to the last bit, so every machine computes the same.
 */

import type { Columns } from '../../sim/columns.ts'
import { PAGE_BYTES } from '../units.ts'

export interface TimingModel {
  /**
   * Completion time in virtual ns of a request for `pages` pages at `page` of the device, submitted at `now`. Requests
   * are taken in the order of submission; `now` never goes back. They may complete in another order. `hostNs` is what moving the bytes took
   * on the host, where somebody measured it.
   */
  submit(now: number, isWrite: boolean, page: number, pages: number, hostNs?: number): number
}

/** A parameter as plain data: what a form shows and what an experiment's schema is made of. */
export interface TimingParameter {
  /** Name; that of a time or a size ends in its unit. */
  name: string
  unit: string
  default: number
  min: number
  max: number
  /** Only whole numbers make sense. */
  isWhole: boolean
  /** One sentence for a person who sets it. */
  description: string
}

export interface TimingModelOptions {
  columns: Columns
  /** Prefix of the model's columns. */
  name: string
  /** Size of the device in pages. */
  sizePages: number
  /** Every parameter of the model, by name. */
  parameters: Readonly<Record<string, number>>
}

export interface TimingModelDefinition {
  name: string
  description: string
  parameters: readonly TimingParameter[]
  create(options: TimingModelOptions): TimingModel
}

/** Nanoseconds that a page takes at a rate in MB/s (1 MB = 10^6 bytes). Not rounded. */
export function pageNsAt(megabytesPerSecond: number): number {
  return (PAGE_BYTES * 1000) / megabytesPerSecond
}
