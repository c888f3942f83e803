/** Every page as likely as any other at every reference: no locality at all. */
import { Random, thresholdOf } from '../random.ts'
import { REFERENCES_PER_CHUNK } from '../streamFile.ts'
import { kindsOf, pagesParameter, referencesParameter, seedParameter, writeFractionParameter } from './generator.ts'
import type { Generator } from './generator.ts'

export const uniform: Generator = {
  name: 'uniform',
  title: 'Uniformly random',
  description: 'Picks each page at random with the same chance, as look-ups in a large hash table do.',
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
          for (let i = 0; i < REFERENCES_PER_CHUNK; i++) {
            const page = random.below(pages)
            out[i] = (page << 2) | (random.next() < writeBelow ? 1 : 0)
          }
        }
      },
    }
  },
}
