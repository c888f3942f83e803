/** Means of repeated measurements, and how far they can be trusted. */

export interface MeanInterval {
  mean: number
  /** Half the 95 % confidence interval of the mean by Student's t; null for a single value. */
  half: number | null
}

export function meanInterval(values: readonly number[]): MeanInterval {
  const count = values.length
  // from the first value on, so that equal values have no rounding error
  const [base = NaN] = values
  const mean = base + values.reduce((sum, value) => sum + (value - base), 0) / count
  if (count < 2) return { mean, half: null }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  return { mean, half: studentT(count - 1) * Math.sqrt(variance / count) }
}

/** The 97.5th percentile of Student's t distribution, by degrees of freedom from 1 on. */
const quantiles = [
  12.7062047364, 4.3026527297, 3.1824463053, 2.7764451052, 2.5705818356, 2.4469118511, 2.3646242516, 2.3060041352,
  2.2621571629, 2.2281388521, 2.2009851601, 2.1788128297, 2.1603686565, 2.1447866879, 2.1314495456, 2.1199052992,
  2.1098155779, 2.1009220402, 2.0930240544, 2.0859634473,
]
/** That of the normal distribution. */
const Z = 1.959963984540054

/** `degrees` is 1 or more. */
export function studentT(degrees: number): number {
  const exact = quantiles[degrees - 1]
  if (exact !== undefined) return exact
  // the expansion about the normal distribution: right to five decimals from 21 degrees on
  const z2 = Z * Z
  return (
    Z +
    (Z * (z2 + 1)) / (4 * degrees) +
    (Z * ((5 * z2 + 16) * z2 + 3)) / (96 * degrees ** 2) +
    (Z * (((3 * z2 + 19) * z2 + 17) * z2 - 15)) / (384 * degrees ** 3)
  )
}
