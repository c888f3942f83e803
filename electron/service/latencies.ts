/** Latencies of requests: kept one by one, told as percentiles and as a histogram over powers of two. */

export interface LatencySummary {
  meanNs: number
  p50Ns: number
  p90Ns: number
  p99Ns: number
  maxNs: number
}

export class Latencies {
  #values = new Float64Array(1024)
  #count = 0
  #isSorted = true

  get count(): number {
    return this.#count
  }

  add(ns: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[this.#count++] = ns
    this.#isSorted = false
  }

  /** The least latency that a `share` (0..1) of the requests did not exceed; 0 where there are none. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count))
    return this.#sorted()[rank - 1] ?? 0
  }

  summary(): LatencySummary {
    const values = this.#sorted()
    let sum = 0
    for (const value of values) sum += value
    return {
      meanNs: this.#count === 0 ? 0 : sum / this.#count,
      p50Ns: this.percentile(0.5),
      p90Ns: this.percentile(0.9),
      p99Ns: this.percentile(0.99),
      maxNs: values[this.#count - 1] ?? 0,
    }
  }

  /** Requests by the power of two that their latency has reached: `counts[i]` took 2^i ns or more, and less than 2^(i+1). */
  histogram(): number[] {
    const counts: number[] = []
    for (const value of this.#sorted()) {
      let bucket = 0
      for (let rest = value; rest >= 2; rest /= 2) bucket++
      while (counts.length <= bucket) counts.push(0)
      counts[bucket]! += 1
    }
    return counts
  }

  #sorted(): Float64Array {
    const used = this.#values.subarray(0, this.#count)
    if (!this.#isSorted) used.sort()
    this.#isSorted = true
    return used
  }
}
