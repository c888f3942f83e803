/**
 * How fast the block list works in the state a busy swap device is in: a million blocks, four in five allocated, in
 * runs of 1 to 32 blocks, freed in random order. Half of the operations allocate and half free.
 */

import { Columns } from '../../engine/sim/columns.ts'
import { BlockList } from '../../engine/swap/blockList.ts'
import type { BenchResult } from './result.ts'

const blocks = 1_000_000
const blocksInUse = 800_000
const longestRun = 32
const warmUpOperations = 2_000_000
/** Short rounds, of which the best counts: on a busy machine a long one measures the neighbours. */
const operationsPerRound = 200_000
const rounds = 50

export async function bench(): Promise<BenchResult[]> {
  const random = makeRandom(1)
  const list = new BlockList(new Columns(), 'bench', blocks)
  list.free(0, blocks)
  const runFirst = new Int32Array(blocks)
  const runLength = new Uint8Array(blocks)
  let runs = 0

  const allocateOne = (): void => {
    const wanted = 1 + (random() % longestRun)
    // As the swap pager asks: the whole cluster first, then half of it, and so on.
    for (let least = wanted; least >= 1; least >>= 1) {
      const first = list.allocate(least, wanted)
      if (first < 0) {
        continue
      }
      runFirst[runs] = first
      runLength[runs++] = list.allocated
      return
    }
  }
  const freeOne = (): void => {
    const run = random() % runs
    list.free(runFirst[run]!, runLength[run]!)
    runs--
    runFirst[run] = runFirst[runs]!
    runLength[run] = runLength[runs]!
  }
  const churn = (operations: number): void => {
    for (let operation = 0; operation < operations; operation++) {
      if (blocks - list.available < blocksInUse) allocateOne()
      else freeOne()
    }
  }

  churn(warmUpOperations)
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint()
    churn(operationsPerRound)
    const seconds = Number(process.hrtime.bigint() - start) / 1e9
    // An allocation counts once, however many smaller requests it took.
    best = Math.max(best, operationsPerRound / seconds)
  }
  return [{ name: 'blist-alloc-free', value: best, unit: 'operations/s' }]
}

/** xorshift32: positive 31-bit integers, the same on every machine. */
function makeRandom(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 1
  }
}
