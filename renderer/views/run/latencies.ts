/** Percentiles of what requests took. Pure. */

export interface LatencyPercentiles {
  /** ns. */
  p50: number
  p90: number
  p99: number
  most: number
  /** Requests that were looked at. */
  count: number
  /** There were more. */
  isPart: boolean
}

/** Null where there are none. */
export function percentilesOf(durationsNs: readonly number[], isPart: boolean): LatencyPercentiles | null {
  if (durationsNs.length === 0) return null
  const sorted = Float64Array.from(durationsNs).sort()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1), count: sorted.length, isPart }
}
