/**
 * What a benchmark reports. `value` is per second unless `unit` says otherwise; `ratio` is `value` to `baseline`,
 * both measured in the same run.
 */
export interface BenchResult {
  name: string
  value: number
  unit: string
  baseline?: number
  ratio?: number
}

/** The middle one of some values; of two, the greater. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
