/** A device that takes no time: for comparison with simulators that know none, and for tests. */

import type { TimingModel, TimingModelDefinition } from './timingModel.ts'

class InstantTiming implements TimingModel {
  submit(now: number): number {
    return now
  }
}

export const instant: TimingModelDefinition = {
  name: 'instant',
  description: 'Every request completes at once.',
  parameters: [],
  create: () => new InstantTiming(),
}
