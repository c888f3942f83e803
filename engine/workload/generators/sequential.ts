/** A scan that does not come back: every page in order, each referenced a number of times before the next. */
import { Random, thresholdOf } from '../random.ts'
import { REFERENCES_PER_CHUNK } from '../streamFile.ts'
import { kindsOf, pagesParameter, seedParameter, writeFractionParameter } from './generator.ts'
import type { Generator } from './generator.ts'

export const sequential: Generator = {
  name: 'sequential',
  title: 'Sequential scan',
  description: 'Goes through memory once from start to end, as a program does that reads or fills a large array.',
  parameters: [
    pagesParameter,
    {
      name: 'referencesPerPage',
      default: 64,
      minimum: 1,
      maximum: 1000000,
      isInteger: true,
      unit: 'references',
      sentence: 'References to a page before the scan goes on to the next.',
    },
    { ...writeFractionParameter, default: 1 },
    seedParameter,
  ],
  plan({ pages = 1, referencesPerPage = 1, writeFraction = 0, seed = 0 }) {
    const writeBelow = thresholdOf(writeFraction)
    return {
      pages,
      references: pages * referencesPerPage,
      kinds: kindsOf(writeFraction),
      filler: () => {
        const random = new Random(seed)
        return (chunk, out) => {
          random.reseed(seed, chunk)
          const first = chunk * REFERENCES_PER_CHUNK
          let page = Math.floor(first / referencesPerPage)
          let left = (page + 1) * referencesPerPage - first
          for (let i = 0; i < REFERENCES_PER_CHUNK; i++) {
            out[i] = (page << 2) | (random.next() < writeBelow ? 1 : 0)
            if (--left === 0) {
              page++
              left = referencesPerPage
            }
          }
        }
      },
    }
  },
}
