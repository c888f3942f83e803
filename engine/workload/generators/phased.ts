/**
 * Phases, each with a working set of its own: for a while only that set is referenced, with locality, then the program moves on to
 * another. A working set is a number of small extents at random places; inside it a reference is near the one before
 * or jumps to another place of the set, and now and then one strays to anywhere.
 */
import { Random, thresholdOf } from '../random.ts'
import { REFERENCES_PER_CHUNK } from '../streamFile.ts'
import { kindsOf, pagesParameter, referencesParameter, seedParameter, writeFractionParameter } from './generator.ts'
import type { Generator } from './generator.ts'

export const phased: Generator = {
  name: 'phased',
  title: 'Phased working sets',
  description: 'Works on one part of memory for a while, then on another, as compilers and batch programs do.',
  parameters: [
    pagesParameter,
    referencesParameter,
    {
      name: 'workingSet',
      default: 512,
      minimum: 1,
      maximum: 16777216,
      isInteger: true,
      unit: 'pages',
      sentence: 'Size of the working set of a phase.',
    },
    {
      name: 'phaseLength',
      default: 100000,
      minimum: 1,
      maximum: 1000000000000,
      isInteger: true,
      unit: 'references',
      sentence: 'References before the working set changes.',
    },
    {
      name: 'locality',
      default: 0.9,
      minimum: 0,
      maximum: 1,
      isInteger: false,
      unit: '',
      sentence: 'Share of the references that go to the same page as the one before or to the page beside it.',
    },
    {
      name: 'strayFraction',
      default: 0.0005,
      minimum: 0,
      maximum: 1,
      isInteger: false,
      unit: '',
      sentence: 'Share of the references that go anywhere in memory instead of into the working set.',
    },
    writeFractionParameter,
    seedParameter,
  ],
  plan(parameters) {
    const { pages = 1, references = 1, phaseLength = 1, writeFraction = 0, seed = 0 } = parameters
    const { locality = 0, strayFraction = 0, workingSet = 1 } = parameters
    const writeBelow = thresholdOf(writeFraction)
    const localBelow = thresholdOf(locality)
    const strayBelow = thresholdOf(strayFraction)
    const extentPages = Math.min(EXTENT_PAGES, pages, workingSet)
    const extents = Math.ceil(workingSet / extentPages)
    return {
      pages,
      references,
      kinds: kindsOf(writeFraction),
      filler: () => {
        const random = new Random(seed)
        const starts = new Uint32Array(extents)
        let phaseOfStarts = -1
        return (chunk, out) => {
          random.reseed(seed, chunk)
          const first = chunk * REFERENCES_PER_CHUNK
          // Each chunk starts its walk afresh, so that it can be made without the one before.
          let at = random.below(workingSet)
          for (let i = 0; i < REFERENCES_PER_CHUNK;) {
            const phase = Math.floor((first + i) / phaseLength)
            if (phase !== phaseOfStarts) {
              placeExtents(starts, pages, extentPages, new Random(seed, FIRST_PHASE_STREAM + phase))
              phaseOfStarts = phase
            }
            const end = Math.min(REFERENCES_PER_CHUNK, (phase + 1) * phaseLength - first)
            for (; i < end; i++) {
              const choice = random.next()
              if (random.next() < localBelow) {
                // Stays three times in four, else goes one page up, more rarely down.
                const step = choice >>> 28
                if (step < 3) at = at + 1 === workingSet ? 0 : at + 1
                else if (step === 3) at = at === 0 ? workingSet - 1 : at - 1
              } else at = Math.floor(choice * (workingSet / 4294967296))
              const extent = Math.floor(at / extentPages)
              let page = starts[extent]! + (at - extent * extentPages)
              if (strayBelow > 0 && random.next() < strayBelow) page = random.below(pages)
              out[i] = (page << 2) | (random.next() < writeBelow ? 1 : 0)
            }
          }
        }
      },
    }
  },
}

/** Neighbouring pages that belong together: an array, a group of functions. */
const EXTENT_PAGES = 16
/** Streams of random numbers that no chunk has. */
const FIRST_PHASE_STREAM = 4503599627370496

/** Extents may overlap: a program's parts do share pages. */
function placeExtents(starts: Uint32Array, pages: number, extentPages: number, random: Random): void {
  for (let extent = 0; extent < starts.length; extent++) starts[extent] = random.below(pages - extentPages + 1)
}
