/** The same pages round and round: what LRU is worst at when the loop is a little larger than memory. */
import { Random, thresholdOf } from '../random.ts'
import { REFERENCES_PER_CHUNK } from '../streamFile.ts'
import { kindsOf, pagesParameter, referencesParameter, seedParameter, writeFractionParameter } from './generator.ts'
import type { Generator } from './generator.ts'

export const loop: Generator = {
  name: 'loop',
  title: 'Loop',
  description:
    'Goes round over the same pages in order, as a program does that works through its data again and again.',
  parameters: [pagesParameter, referencesParameter, writeFractionParameter, seedParameter],
  plan({ pages = 1, references = 1, writeFraction = 0, seed = 0 }) {
    const writeBelow = thresholdOf(writeFraction)
    return {
      pages,
      references,
      kinds: kindsOf(writeFraction),
      filler: () => {
        const random = new Random(seed)
        return (chunk, out) => {
          random.reseed(seed, chunk)
          let page = (chunk * REFERENCES_PER_CHUNK) % pages
          for (let i = 0; i < REFERENCES_PER_CHUNK; i++) {
            out[i] = (page << 2) | (random.next() < writeBelow ? 1 : 0)
            page = page + 1 === pages ? 0 : page + 1
          }
        }
      },
    }
  },
}
