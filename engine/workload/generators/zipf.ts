/**
 * Few pages take most references: the page of rank k (from 1) is referenced in proportion to k to the minus exponent. Ranks are
 * dealt out over memory at random, so that hot pages are not neighbours. A page is drawn in constant time from an alias table
 * (Walker 1977, built as by Vose 1991).
 */
import { power } from '../arithmetic.ts'
import { Random, thresholdOf } from '../random.ts'
import { REFERENCES_PER_CHUNK } from '../streamFile.ts'
import { kindsOf, pagesParameter, referencesParameter, seedParameter, writeFractionParameter } from './generator.ts'
import type { Generator } from './generator.ts'

export const zipf: Generator = {
  name: 'zipf',
  title: 'Zipf',
  description: 'A few pages are hot and most are cold, as in caches, databases and heaps.',
  parameters: [
    pagesParameter,
    referencesParameter,
    {
      name: 'exponent',
      default: 0.9,
      minimum: 0,
      maximum: 10,
      isInteger: false,
      unit: '',
      sentence: 'How unequal the pages are: 0 makes all alike, 1 halves the share from the first page to the second.',
    },
    writeFractionParameter,
    seedParameter,
  ],
  plan({ pages = 1, references = 1, exponent = 0, writeFraction = 0, seed = 0 }) {
    const writeBelow = thresholdOf(writeFraction)
    const weights = new Float64Array(pages)
    for (let rank = 0; rank < pages; rank++) weights[rank] = power(rank + 1, -exponent)
    const { keepBelow, alias } = aliasTable(weights)
    const pageOfRank = shuffled(pages, new Random(seed, DEALING_STREAM))
    return {
      pages,
      references,
      kinds: kindsOf(writeFraction),
      filler: () => {
        const random = new Random(seed)
        return (chunk, out) => {
          random.reseed(seed, chunk)
          for (let i = 0; i < REFERENCES_PER_CHUNK; i++) {
            const slot = random.below(pages)
            const rank = random.next() < keepBelow[slot]! ? slot : alias[slot]!
            out[i] = (pageOfRank[rank]! << 2) | (random.next() < writeBelow ? 1 : 0)
          }
        }
      },
    }
  },
}

/** A stream of random numbers that no chunk has. */
const DEALING_STREAM = 4503599627370496

/**
 * Slots that each stand for one share 1/n: slot i itself with probability keepBelow[i] / 2^32, else alias[i].
 */
export function aliasTable(weights: Float64Array): { keepBelow: Float64Array; alias: Uint32Array } {
  const count = weights.length
  let total = 0
  // Smallest first, which loses least where weights fall, as they do here.
  for (let i = count - 1; i >= 0; i--) total += weights[i]!
  const share = new Float64Array(count)
  const keepBelow = new Float64Array(count).fill(4294967296)
  const alias = new Uint32Array(count)
  const small = new Uint32Array(count)
  const large = new Uint32Array(count)
  let smallCount = 0
  let largeCount = 0
  for (let i = 0; i < count; i++) {
    share[i] = (weights[i]! / total) * count
    alias[i] = i
    if (share[i]! < 1) small[smallCount++] = i
    else large[largeCount++] = i
  }
  while (smallCount > 0 && largeCount > 0) {
    const poor = small[--smallCount]!
    const rich = large[largeCount - 1]!
    keepBelow[poor] = Math.round(share[poor]! * 4294967296)
    alias[poor] = rich
    share[rich] = share[rich]! + share[poor]! - 1
    if (share[rich] < 1) {
      largeCount--
      small[smallCount++] = rich
    }
  }
  return { keepBelow, alias }
}

/** 0..count-1 in random order. */
export function shuffled(count: number, random: Random): Uint32Array {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const place = random.below(i + 1)
    order[i] = order[place]!
    order[place] = i
  }
  return order
}
