/**
 * A million random operations on the swap pager with faults injected, everything that must hold checked after each
 * (test/torture/swapPager.ts). Not a measure of speed but of soundness: `violations` must be 0.
 */
import { torture } from '../torture/swapPager.ts'
import type { BenchResult } from './result.ts'

const OPERATIONS = 1_000_000
const SEED = 20_200_101

export function bench(): Promise<BenchResult[]> {
  const started = process.hrtime.bigint()
  const { operations, violations } = torture(SEED, OPERATIONS)
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  for (const violation of violations.slice(0, 3)) process.stderr.write(`${violation}\n`)
  return Promise.resolve([
    { name: 'operations', value: operations, unit: 'operations' },
    { name: 'violations', value: violations.length, unit: 'violations' },
    { name: 'rate', value: operations / seconds, unit: 'operations/s' },
  ])
}
