/** From a machine's counters to the totals that everybody sees. */
import { Counter } from '../../engine/sim/metrics.ts'
import type { Totals } from '../contract/contract.ts'

export interface TotalsContext {
  /** Id of a recorded run, null for one that is not. */
  run: number | null
  virtualNs: number
  wallSeconds: number
  events: number
  traceDigest: string
  status: Totals['status']
}

export function totalsOf(counters: Float64Array, context: TotalsContext): Totals {
  const count = (index: number) => counters[index] ?? 0
  return {
    run: context.run,
    references: count(Counter.references),
    faults: count(Counter.faults),
    softFaults: count(Counter.softFaults),
    zeroFills: count(Counter.zeroFills),
    copyOnWriteFaults: count(Counter.copyOnWriteFaults),
    swapins: count(Counter.swapins),
    pagesIn: count(Counter.pagesIn),
    swapouts: count(Counter.swapouts),
    pagesOut: count(Counter.pagesOut),
    vnodeins: count(Counter.vnodeins),
    vnodePagesIn: count(Counter.vnodePagesIn),
    vnodeouts: count(Counter.vnodeouts),
    vnodePagesOut: count(Counter.vnodePagesOut),
    evictions: count(Counter.evictions),
    deviceReads: count(Counter.deviceReads),
    deviceWrites: count(Counter.deviceWrites),
    bytesRead: count(Counter.bytesRead),
    bytesWritten: count(Counter.bytesWritten),
    bytesVerified: count(Counter.bytesVerified),
    virtualSeconds: context.virtualNs / 1e9,
    seconds: context.wallSeconds,
    events: context.events,
    traceDigest: context.traceDigest,
    status: context.status,
  }
}
