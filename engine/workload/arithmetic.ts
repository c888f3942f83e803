/**
 * Powers, logarithms and exponentials from additions, multiplications and divisions only. Those are exact to the last bit in IEEE
 * arithmetic, whereas the functions of `Math` may differ from one machine to another, and a generated workload must not.
 * Relative error below 1e-13 for results between 1e-300 and 1e300.
 */

/** base to the exponent, for base >= 0. 0 to a negative exponent is Infinity, to 0 it is 1. */
export function power(base: number, exponent: number): number {
  if (exponent === 0) return 1
  if (base === 0) return exponent > 0 ? 0 : Infinity
  return exponential(exponent * naturalLogarithm(base))
}

/** The natural logarithm of a positive finite number, correct to about 1e-16 of the larger of 1 and the result. */
export function naturalLogarithm(value: number): number {
  if (!(value > 0) || value === Infinity) throw new RangeError(`no logarithm of ${value}`)
  let mantissa = value
  let exponent = 0
  // Bring the mantissa into [1/sqrt 2, sqrt 2), where the series is short.
  for (; mantissa >= 4294967296; exponent += 32) mantissa /= 4294967296
  for (; mantissa >= Math.SQRT2; exponent++) mantissa /= 2
  for (; mantissa < 1 / 4294967296; exponent -= 32) mantissa *= 4294967296
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2
  // ln m = 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1), |s| < 0.172.
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let sum = 0
  for (let divisor = 23; divisor >= 3; divisor -= 2) sum = (sum + 1 / divisor) * square
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * sum + 2 * s)
}

/** e to the exponent. */
export function exponential(exponent: number): number {
  if (!(exponent < 709)) return exponent >= 709 ? Infinity : NaN
  if (exponent < -745) return 0
  const doublings = Math.round(exponent / Math.LN2)
  const rest = exponent - doublings * LN2_HIGH - doublings * LN2_LOW
  let sum = 1
  for (let n = 16; n >= 1; n--) sum = 1 + (sum * rest) / n
  let result = sum
  for (let left = doublings; left > 0; left--) result *= 2
  for (let left = doublings; left < 0; left++) result /= 2
  return result
}

/** ln 2 in two parts; the first has so few bits that its products with exponents are exact. */
const LN2_HIGH = 0.69314718036912381649
const LN2_LOW = 1.90821492927058770002e-10
