import { describe, expect, it } from 'vitest'
import { exponential, naturalLogarithm, power } from './arithmetic.ts'

/** Expected values computed with 60 decimal digits for the nearest doubles of the arguments. */
const powers: [number, number, number][] = [
  [2, 0.5, 1.4142135623730951],
  [10, -3, 1e-3],
  [1.5, 100, 4.065611775352152e17],
  [3, -0.9, 0.3720410580113015],
  [16777216, -0.9, 3.1459520119974464e-7],
  [0.1, 7.25, 5.623413251903493e-8],
  [1e-200, 1.3, 9.999999999999796e-261],
  [7, 300, 3.38385702007491e253],
  [1.0000001, 1e6, 1.1051709126143208],
  [123456789, -1.1, 1.2569949274539584e-9],
]
const logarithms: [number, number][] = [
  [1, 0],
  [2, 0.6931471805599453],
  [0.5, -0.6931471805599453],
  [10, 2.302585092994046],
  [1e-300, -690.7755278982137],
  [1e300, 690.7755278982137],
  [0.9999, -0.00010000500033334732],
  [1.4142135, 0.3465735461755332],
  [123456.789, 11.723646487185881],
]
const exponentials: [number, number][] = [
  [0, 1],
  [1, 2.718281828459045],
  [-1, 0.36787944117144233],
  [0.001, 1.0010005001667084],
  [50, 5.184705528587072e21],
  [-300, 5.148200222412013e-131],
  [700, 1.0142320547350045e304],
]

function expectClose(got: number, expected: number, relative: number): void {
  expect(Math.abs(got - expected)).toBeLessThanOrEqual(Math.abs(expected) * relative)
}

describe('deterministic arithmetic', () => {
  it('gives powers to 13 digits', () => {
    for (const [base, exponent, expected] of powers) expectClose(power(base, exponent), expected, 1e-13)
  })

  it('gives logarithms to 15 digits', () => {
    for (const [value, expected] of logarithms) expectClose(naturalLogarithm(value), expected, 1e-15)
  })

  it('gives exponentials to 13 digits', () => {
    for (const [exponent, expected] of exponentials) expectClose(exponential(exponent), expected, 1e-13)
  })

  it('is exact at the edges', () => {
    expect(power(0, 2)).toBe(0)
    expect(power(0, 0)).toBe(1)
    expect(power(0, -1)).toBe(Infinity)
    expect(power(5, 0)).toBe(1)
    expect(exponential(1000)).toBe(Infinity)
    expect(exponential(-1000)).toBe(0)
    for (const bad of [0, -1, NaN, Infinity]) expect(() => naturalLogarithm(bad)).toThrow(RangeError)
  })

  it('agrees with multiplication over ranks as a Zipf distribution uses them', () => {
    for (let rank = 1; rank < 5000; rank += 7) expectClose(power(rank, -2), 1 / (rank * rank), 1e-14)
  })
})
