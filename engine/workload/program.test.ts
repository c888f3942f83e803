import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Program } from './program.ts'
import type { Float, Int, Vector } from './program.ts'

/** What an expression of two rows gives, for each pair. */
function evaluated(
  kind: 'i32' | 'f64',
  pairs: readonly [number, number][],
  expressions: ((a: never, b: never) => Int | Float)[],
) {
  const program = new Program()
  const results = program.table('f64', expressions.length)
  const sides = program.table(kind, 2)
  program.define('evaluate', () => {
    expressions.forEach((expression, i) => {
      const value = Reflect.apply(expression, undefined, [sides.at(0), sides.at(1)])
      results.put(i, 'toFloat' in value ? value.toFloat() : value)
    })
    return program.constant(0)
  })
  const { run, view } = program.start()
  return pairs.map((pair) => {
    view(sides).set(pair)
    run('evaluate', 0)
    return [...view(results)]
  })
}

describe('a program of columns', () => {
  it('reckons with Ints as 32-bit arithmetic does', () => {
    const pair = fc.tuple(fc.integer(), fc.integer())
    const operations: [(a: Int, b: Int) => Int | Float, (a: number, b: number) => number][] = [
      [(a, b) => a.plus(b), (a, b) => (a + b) | 0],
      [(a, b) => a.minus(b), (a, b) => (a - b) | 0],
      [(a, b) => a.times(b), (a, b) => Math.imul(a, b)],
      [(a, b) => a.and(b), (a, b) => a & b],
      [(a, b) => a.or(b), (a, b) => a | b],
      [(a, b) => a.xor(b), (a, b) => a ^ b],
      [(a, b) => a.shiftLeft(b), (a, b) => a << b],
      [(a, b) => a.shiftRight(b), (a, b) => a >> b],
      [(a, b) => a.shiftRightUnsigned(b), (a, b) => (a >>> b) | 0],
      [(a, b) => a.equals(b), (a, b) => Number(a === b)],
      [(a, b) => a.differs(b), (a, b) => Number(a !== b)],
      [(a, b) => a.isBelow(b), (a, b) => Number(a < b)],
      [(a, b) => a.isAbove(b), (a, b) => Number(a > b)],
      [(a, b) => a.isAtMost(b), (a, b) => Number(a <= b)],
      [(a, b) => a.isAtLeast(b), (a, b) => Number(a >= b)],
      [(a) => a.and(1).isZero(), (a) => 1 - (a & 1)],
      [(a) => a.leadingZeros(), (a) => Math.clz32(a)],
      [(a) => a.trailingZeros(), (a) => (a === 0 ? 32 : 31 - Math.clz32(a & -a))],
      [(a) => a.bitCount(), (a) => (a >>> 0).toString(2).replaceAll('0', '').length],
      [(a, b) => a.atMost(b), Math.min],
      [(a, b) => a.atLeast(b), Math.max],
      [(a, b) => a.and(4).choose(a, b), (a, b) => ((a & 4) !== 0 ? a : b)],
      [(a) => a.plus(-2147483648).xor(123456789), (a) => ((a - 2147483648) | 0) ^ 123456789],
    ]
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1 }), (pairs) => {
        const got = evaluated(
          'i32',
          pairs,
          operations.map(([said]) => said),
        )
        expect(got).toEqual(pairs.map(([a, b]) => operations.map(([, meant]) => meant(a, b))))
      }),
      { numRuns: 20, seed: 3 },
    )
  })

  it('reckons with Floats as doubles, and knows their lowest 32 bits', () => {
    const whole = fc.integer({ min: -(2 ** 51), max: 2 ** 51 })
    const operations: [(a: Float, b: Float) => Int | Float, (a: number, b: number) => number][] = [
      [(a, b) => a.plus(b), (a, b) => a + b],
      [(a, b) => a.minus(b), (a, b) => a - b],
      [(a, b) => a.times(b), (a, b) => a * b],
      [(a) => a.absolute(), Math.abs],
      [(a, b) => a.equals(b), (a, b) => Number(a === b)],
      [(a, b) => a.differs(b), (a, b) => Number(a !== b)],
      [(a, b) => a.isBelow(b), (a, b) => Number(a < b)],
      [(a, b) => a.isAbove(b), (a, b) => Number(a > b)],
      [(a, b) => a.isAtMost(b), (a, b) => Number(a <= b)],
      [(a, b) => a.isAtLeast(b), (a, b) => Number(a >= b)],
      [(a) => a.toInt(), (a) => a | 0],
      [(a) => a.toUnsigned(), (a) => (a < 0 ? 0 : Math.min(a, 2 ** 32 - 1)) | 0],
    ]
    fc.assert(
      fc.property(fc.array(fc.tuple(whole, whole), { minLength: 1 }), (pairs) => {
        const got = evaluated(
          'f64',
          pairs,
          operations.map(([said]) => said),
        )
        expect(got).toEqual(pairs.map(([a, b]) => operations.map(([, meant]) => meant(a, b))))
      }),
      { numRuns: 20, seed: 4 },
    )
  })

  it('reckons with four Ints or two Floats at once as with each', () => {
    const program = new Program()
    const [left, right, out] = [program.table('i32', 4), program.table('i32', 4), program.table('i32', 4)]
    const [floats, others, ints] = [program.table('f64', 2), program.table('f64', 2), program.table('i32', 4)]
    const first = program.constant(0)
    const each: [(a: Vector, b: Vector) => Vector, (a: number, b: number) => number][] = [
      [(a, b) => a.plus(b), (a, b) => (a + b) | 0],
      [(a, b) => a.minus(b), (a, b) => (a - b) | 0],
      [(a, b) => a.and(b).or(a.xor(b)), (a, b) => a | b],
      [(a) => a.shiftLeft(3), (a) => a << 3],
      [(a) => a.shiftRight(3), (a) => a >> 3],
      [(a, b) => a.differs(b), (a, b) => (a === b ? 0 : -1)],
      [(a, b) => a.isAbove(b), (a, b) => (a > b ? -1 : 0)],
      [(a) => a.plus(program.inEachLane(7)), (a) => (a + 7) | 0],
    ]
    each.forEach(([said], i) =>
      program.define(`ints ${i}`, () => {
        const value = program.vector(said(left.vectorAt(first), right.vectorAt(first)))
        out.putVector(first, value)
        return value.topBits().shiftLeft(1).or(value.isAny())
      }),
    )
    program.define('floats', () => {
      const difference = program.vector(floats.vectorAt(first).minusFloats(others.vectorAt(first)))
      ints.putVector(first, difference.toInts().besides(floats.vectorAt(first).toInts()))
      return difference.toInts().toFloats().floatsDiffer(difference).topBitsOfFloats()
    })
    program.define('turn round', () => {
      out.putVector(first, left.vectorAt(first).rearranged(right.vectorAt(first)))
      return first
    })
    const { run, view } = program.start()
    const four = fc.array(fc.oneof(fc.integer(), fc.integer({ min: -2, max: 2 })), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(four, four, (a, b) => {
        view(left).set(a)
        view(right).set(b)
        each.forEach(([, meant], i) => {
          const wanted = a.map((value, lane) => meant(value, b[lane]!))
          const tops = wanted.reduce((bits, value, lane) => bits | (Number(value < 0) << lane), 0)
          expect(run(`ints ${i}`)).toBe((tops << 1) | Number(wanted.some((value) => value !== 0)))
          expect([...view(out)]).toEqual(wanted)
        })
        view(floats).set([a[0]! / 2, a[1]!])
        view(others).set([b[0]!, b[1]!])
        const differences = [a[0]! / 2 - b[0]!, a[1]! - b[1]!]
        const isInt = (value: number) => value === Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(value)))
        expect(run('floats')).toBe(Number(!isInt(differences[0]!)) | (Number(!isInt(differences[1]!)) << 1))
        expect([...view(ints)].slice(2)).toEqual([Math.trunc(a[0]! / 2) | 0, a[1]!])
      }),
      { numRuns: 50, seed: 5 },
    )
    view(left).set([1, 2, 3, 4])
    view(right).set([0x03020104, -1, 0x0f0e0d0c, 0x80808000 | 0])
    run('turn round')
    expect([...view(out)]).toEqual([2, 0, 4, 1])
  })

  it('loops, branches and keeps variables as it is said', () => {
    const program = new Program()
    const rows = program.table('u16', 200)
    // the Collatz steps from each number
    program.define('steps', (count) => {
      program.count(count, (from) => {
        const steps = program.int(0)
        const at = program.int(from.plus(1))
        program.while(at.differs(1), () => {
          program.if(
            at.and(1),
            () => at.set(at.times(3).plus(1)),
            () => at.set(at.shiftRight(1)),
          )
          steps.set(steps.plus(1))
        })
        rows.put(from, steps)
      })
      return count
    })
    const { run, view } = program.start()
    expect(run('steps', 100)).toBe(100)
    expect([...view(rows)].slice(0, 10)).toEqual([0, 1, 7, 2, 5, 8, 16, 3, 19, 6])
    expect(view(rows)[26]).toBe(111)
    expect(view(rows)[100]).toBe(0)
    run('steps', 0)
    expect(view(rows)[26]).toBe(111)
  })

  it('has tables of each kind, which do not share memory, and clears one of them', () => {
    const program = new Program()
    const tables = [
      program.table('u8', 3),
      program.table('u16', 5),
      program.table('u32', 7),
      program.table('i32', 9),
      program.table('f64', 11),
    ] as const
    program.define('clear third', () => {
      tables[2].clear()
      return program.constant(-1)
    })
    const { run, view } = program.start()
    tables.forEach((table, i) => view(table).fill(i + 1))
    expect(run('clear third', 0)).toBe(-1)
    expect(tables.map((table) => [...view(table)])).toEqual(
      tables.map(({ length }, i) => Array(length).fill(i === 2 ? 0 : i + 1)),
    )
    expect(() => run('clear fourth', 0)).toThrow('no function clear fourth')
  })
})
