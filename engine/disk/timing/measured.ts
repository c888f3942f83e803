/**
 * The host's own disk: a request takes as long as moving its bytes took on the machine that the workbench runs on.
 *
 * Requests are served one after the other, as the engine moves them. No two runs take the same time; a recorded run can be repeated
 * exactly, because its events say how long each request took.
 */
import type { TimingModel, TimingModelDefinition, TimingModelOptions } from './timingModel.ts'

export const MEASURED = 'measured'

/** Where a device of this model has its times from: the host's clock, or a recorded run. */
export interface HostTimes {
  /** The bytes of a request are about to move. */
  begin(): void
  /** Nanoseconds, 1 at least, that request number `request` of a device took since begin(). Requests are counted from 0. */
  took(device: number, request: number): number
}

class MeasuredTiming implements TimingModel {
  /** [0] time until which the disk is busy. */
  #state: Float64Array

  constructor({ columns, name }: TimingModelOptions) {
    this.#state = columns.define(`${name}.measured`, 'f64', 1)
    columns.onRebind(() => {
      this.#state = columns.get(`${name}.measured`, 'f64')
    })
  }

  submit(now: number, _isWrite: boolean, _page: number, _pages: number, hostNs = 0): number {
    const completion = Math.max(now, this.#state[0]!) + hostNs
    this.#state[0] = completion
    return completion
  }
}

export const measured: TimingModelDefinition = {
  name: MEASURED,
  description:
    'Each request takes as long as it takes on this machine; only a replay of the run takes the same times again.',
  parameters: [],
  create: (options) => new MeasuredTiming(options),
}
