import { describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { REFERENCES_PER_CHUNK } from '../streamFile.ts'
import { PageUse } from '../workload.ts'
import type { ProcessStream } from '../workload.ts'
import { FIRST_PAGE_NUMBER } from './generator.ts'
import { GeneratorError, generateWorkload, generators } from './index.ts'
import { aliasTable, shuffled } from './zipf.ts'

const names = generators.map((each) => each.name)
const common = { pages: 1000, writeFraction: 0.25, seed: 5 }

function make(name: string, parameters: Record<string, number> = {}): ProcessStream {
  return generateWorkload(name, parameters).processes[0]!
}

/** Page (as the generator counts them) and kind of every reference. */
function references(stream: ProcessStream): { page: number; kind: number }[] {
  const reader = stream.open()
  const all: { page: number; kind: number }[] = []
  for (let view = reader.read(0); view.length > 0; view = reader.read(all.length))
    for (const each of view) all.push({ page: stream.pageNumbers[each >>> 2]! - FIRST_PAGE_NUMBER, kind: each & 3 })
  return all
}

function raw(stream: ProcessStream): Uint32Array {
  const all = new Uint32Array(stream.referenceCount)
  const reader = stream.open()
  for (let at = 0; at < all.length;) {
    const view = reader.read(at)
    all.set(view, at)
    at += view.length
  }
  return all
}

describe('every generator', () => {
  const length = REFERENCES_PER_CHUNK * 2 + 1234
  const parametersOf = (name: string) =>
    name === 'sequential' ? { ...common, referencesPerPage: 133 } : { ...common, references: length }

  it.each(names)('gives the same stream for the same parameters, another for another seed: %s', (name) => {
    const stream = raw(make(name, parametersOf(name)))
    expect(raw(make(name, parametersOf(name)))).toEqual(stream)
    expect(raw(make(name, { ...parametersOf(name), seed: 6 }))).not.toEqual(stream)
  })

  it.each(names)('can be read from any place without what is before: %s', (name) => {
    const stream = make(name, parametersOf(name))
    const all = raw(stream)
    for (const ordinal of [all.length - 1, 70000, 3, REFERENCES_PER_CHUNK * 2, REFERENCES_PER_CHUNK]) {
      const view = stream.open().read(ordinal)
      expect(view.length).toBeGreaterThan(0)
      expect(view).toEqual(all.subarray(ordinal, ordinal + view.length))
    }
    expect(stream.open().read(all.length)).toHaveLength(0)
    expect(stream.open().read(all.length + 100000)).toHaveLength(0)
  })

  it.each(names)('numbers its pages in the order of first reference and tells their use exactly: %s', (name) => {
    const stream = make(name, parametersOf(name))
    const use = new Uint8Array(stream.pageCount)
    let seen = 0
    let isInOrder = true
    for (const each of raw(stream)) {
      if (each >>> 2 > seen) isInOrder = false
      if (each >>> 2 === seen) seen++
      use[each >>> 2]! |= (each & 3) === 1 ? PageUse.write : PageUse.read
    }
    expect(isInOrder).toBe(true)
    expect(seen).toBe(stream.pageCount)
    expect(use).toEqual(stream.pageUse)
    expect(new Set(stream.pageNumbers).size).toBe(stream.pageCount)
    expect(Math.max(...stream.pageNumbers)).toBeLessThan(FIRST_PAGE_NUMBER + 1000)
  })

  it.each(names)('writes in the share it is told: %s', (name) => {
    const writes = (writeFraction: number) => {
      const all = raw(make(name, { ...parametersOf(name), writeFraction }))
      return all.reduce((sum, each) => sum + (each & 3), 0) / all.length
    }
    expect(writes(0)).toBe(0)
    expect(writes(1)).toBe(1)
    expect(writes(0.25)).toBeCloseTo(0.25, 2)
  })

  it.each(names)('works with a single page and a single reference: %s', (name) => {
    const smallest: Record<string, number> =
      name === 'sequential' ? { pages: 1, referencesPerPage: 1 } : { pages: 1, references: 1 }
    expect(make(name, smallest)).toMatchObject({ pageCount: 1, referenceCount: 1 })
  })

  it('describes each parameter, with a default inside its limits', () => {
    for (const { description, parameters } of generators) {
      expect(description).toMatch(/\.$/)
      for (const parameter of parameters) {
        expect(parameter.sentence).toMatch(/\.$/)
        expect(parameter.default >= parameter.minimum && parameter.default <= parameter.maximum).toBe(true)
      }
    }
  })

  it('refuses what cannot be, naming the parameter', () => {
    const failure = (name: string, parameters: Record<string, number>) => {
      try {
        generateWorkload(name, parameters)
      } catch (error) {
        if (error instanceof GeneratorError) return { code: error.code, field: error.field }
      }
      return undefined
    }
    expect(failure('nothing', {})).toEqual({ code: 'unknown-generator', field: 'generator' })
    expect(failure('loop', { page: 5 })).toEqual({ code: 'unknown-parameter', field: 'page' })
    for (const pages of [0, 1.5, NaN, -1, 2 ** 30])
      expect(failure('loop', { pages })).toEqual({ code: 'bad-parameter', field: 'pages' })
    expect(failure('loop', { writeFraction: 1.01 })).toEqual({ code: 'bad-parameter', field: 'writeFraction' })
  })
})

describe('the generators', () => {
  it('sequential goes through memory once', () => {
    const pages = references(make('sequential', { pages: 5, referencesPerPage: 3 })).map(({ page }) => page)
    expect(pages).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    const long = references(make('sequential', { pages: 1000, referencesPerPage: 100 }))
    expect(long.every(({ page }, i) => page === Math.floor(i / 100))).toBe(true)
  })

  it('loop goes round', () => {
    const all = references(make('loop', { pages: 777, references: 100000 }))
    expect(all.every(({ page }, i) => page === i % 777)).toBe(true)
  })

  it('uniform hits every page about equally', () => {
    const counts = new Float64Array(100)
    for (const { page } of references(make('uniform', { pages: 100, references: 200000 }))) counts[page]!++
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(250)
  })

  it('zipf hits pages in proportion to a power of their rank, and scatters the ranks', () => {
    const counts = new Float64Array(1000)
    for (const { page } of references(make('zipf', { pages: 1000, references: 400000, exponent: 1 }))) counts[page]!++
    const hottest = counts.indexOf(Math.max(...counts))
    const falling = counts.slice().sort().reverse()
    let harmonic = 0
    for (let rank = 1; rank <= 1000; rank++) harmonic += 1 / rank
    for (const rank of [1, 2, 5, 10, 50]) {
      const expected = 400000 / rank / harmonic
      expect(Math.abs(falling[rank - 1]! - expected) / expected).toBeLessThan(0.1)
    }
    expect(hottest).not.toBe(0)
    expect(raw(make('zipf', { pages: 100, references: 1000, exponent: 0 }))).toHaveLength(1000)
  })

  it('phased stays in a working set for a phase and then moves', () => {
    const parameters = { pages: 100000, references: 200000, workingSet: 320, phaseLength: 50000, strayFraction: 0 }
    const all = references(make('phased', parameters))
    const sets = [0, 1, 2, 3].map(
      (phase) => new Set(all.slice(phase * 50000, (phase + 1) * 50000).map(({ page }) => page)),
    )
    for (const set of sets) {
      expect(set.size).toBeGreaterThan(250)
      expect(set.size).toBeLessThanOrEqual(320)
    }
    expect([...sets[0]!].filter((page) => sets[1]!.has(page)).length).toBeLessThan(40)
    const near = all.filter(({ page }, i) => i > 0 && Math.abs(page - all[i - 1]!.page) <= 1).length
    expect(near / all.length).toBeGreaterThan(0.85)
  })

  it('phased strays anywhere when it is told to', () => {
    const all = references(make('phased', { pages: 100000, references: 65536, workingSet: 100, strayFraction: 0.1 }))
    expect(new Set(all.map(({ page }) => page)).size).toBeGreaterThan(5000)
  })
})

describe('the alias table', () => {
  it('gives each slot the share of its weight', () => {
    const weights = Float64Array.of(1, 0, 5, 2.5, 0.25, 91.25)
    const { keepBelow, alias } = aliasTable(weights)
    const share = new Float64Array(6)
    for (let slot = 0; slot < 6; slot++) {
      const keep = keepBelow[slot]! / 4294967296
      share[slot]! += keep / 6
      share[alias[slot]!]! += (1 - keep) / 6
    }
    for (let i = 0; i < 6; i++) expect(share[i]).toBeCloseTo(weights[i]! / 100, 8)
  })

  it('and shuffling use every number once', () => {
    expect([...shuffled(500, new Random(1))].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })
})
