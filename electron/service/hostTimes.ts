/** What the requests of a device of the timing model `measured` take: by the host's clock, or as in a recorded run. */
import { MEASURED, type HostTimes } from '../../engine/disk/timing/measured.ts'
import type { Experiment } from '../../engine/sim/experiment.ts'
import type { TraceStore } from '../../db/traceStore.ts'
import { ContractError } from '../contract/contract.ts'

/**
 * Times for the devices of an experiment, none if it measures nothing: those of recorded run `recorded`, or (null) of this host. Throws
 * ContractError where there is nothing to measure, or nothing was recorded.
 */
export function hostTimesFor(experiment: Experiment, store: TraceStore, recorded: number | null): HostTimes | undefined {
  const field = (device: number) => `swap.devices[${device}].timing.model`
  const device = experiment.swap.devices.findIndex(({ timing }) => timing.model === MEASURED)
  if (experiment.fileTiming.model === MEASURED)
    throw new ContractError({
      code: 'bad-experiment',
      field: 'fileTiming.model',
      message: 'fileTiming.model: only swap devices can be measured',
    })
  if (device < 0) return undefined
  if (recorded !== null) return recordedTimes(store, recorded, experiment.swap.devices.length)
  if (experiment.contents === 'none')
    throw new ContractError({
      code: 'bad-experiment',
      field: field(device),
      message: `${field(device)}: without contents no bytes move, so there is nothing to measure`,
    })
  return hostClock()
}

function hostClock(): HostTimes {
  let began = 0n
  return {
    begin: () => {
      began = process.hrtime.bigint()
    },
    took: () => Math.max(1, Number(process.hrtime.bigint() - began)),
  }
}

/** The times of a recorded run: a request took from when the device was free for it until it was complete. */
function recordedTimes(store: TraceStore, run: number, devices: number): HostTimes {
  const times: number[][] = Array.from({ length: devices }, () => [])
  const free = new Float64Array(devices)
  const filter = { fromNs: 0, toNs: Infinity, kinds: ['swapin' as const, 'swapout' as const] }
  for (const window of store.events.eventsInRange(run, filter))
    for (let row = 0; row < window.count; row++) {
      const device = window.device[row]!
      const duration = window.duration[row]!
      // refused at the door: nothing moved
      if (duration === 0) continue
      const time = window.time[row]!
      times[device]?.push(time + duration - Math.max(time, free[device]!))
      free[device] = time + duration
    }
  return {
    begin: () => undefined,
    took: (device, request) => {
      const taken = times[device]?.[request]
      if (taken !== undefined) return taken
      throw new ContractError({
        code: 'nothing-recorded',
        message: `run ${run} measured its devices, and did not record how long request ${request} of device ${device} took: it cannot be repeated`,
      })
    },
  }
}
