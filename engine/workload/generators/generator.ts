/**
 * What a generator is, and what turns one into a stream: it fills any chunk of 65536 references by itself, from the
 * parameters and the chunk's number, so that a stream can be read from any place without storing it.
 */
import { ReferenceKind } from '../workload.ts'
import type { ProcessStream, StreamReader } from '../workload.ts'
import { REFERENCES_PER_CHUNK, useOfKind } from '../streamFile.ts'

/** A parameter of a generator; its value is a number. */
export interface ParameterDescription {
  name: string
  default: number
  minimum: number
  maximum: number
  /** Whether only whole numbers will do. */
  isInteger: boolean
  unit: string
  /** A sentence for the person who sets it. */
  sentence: string
}

export type Parameters = Readonly<Record<string, number>>

/** Fills `out` with the references `(page << 2) | kind` of chunk number `chunk`; pages are 0..pages-1. */
export type ChunkFiller = (chunk: number, out: Uint32Array) => void

export interface GeneratorPlan {
  /** Pages 0..pages-1 may be referenced. */
  pages: number
  references: number
  /** Whether all references that are not writes are of one kind and writes occur, or not: what a page can still become. */
  kinds: readonly number[]
  /** Makes a filler with state of its own. */
  filler: () => ChunkFiller
}

/** A generator: one file in this folder, one line in index.ts. */
export interface Generator {
  name: string
  title: string
  /** A sentence for the person who chooses. */
  description: string
  parameters: readonly ParameterDescription[]
  /** `parameters` are complete and within their limits. */
  plan(parameters: Parameters): GeneratorPlan
}

export type GeneratorErrorCode = 'unknown-generator' | 'unknown-parameter' | 'bad-parameter'

/** A generator or parameter that cannot be. `field` names the parameter. */
export class GeneratorError extends Error {
  readonly code: GeneratorErrorCode
  readonly field: string

  constructor(code: GeneratorErrorCode, field: string, message: string) {
    super(message)
    this.name = 'GeneratorError'
    this.code = code
    this.field = field
  }
}

/** Virtual page number of a generator's page 0: where programs usually begin (address 0x400000). */
export const FIRST_PAGE_NUMBER = 1024

export const pagesParameter: ParameterDescription = {
  name: 'pages',
  default: 4096,
  minimum: 1,
  maximum: 16777216,
  isInteger: true,
  unit: 'pages',
  sentence: 'Size of the memory that is referenced.',
}

export const referencesParameter: ParameterDescription = {
  name: 'references',
  default: 1000000,
  minimum: 1,
  maximum: 1000000000000,
  isInteger: true,
  unit: 'references',
  sentence: 'Length of the stream.',
}

export const writeFractionParameter: ParameterDescription = {
  name: 'writeFraction',
  default: 0.3,
  minimum: 0,
  maximum: 1,
  isInteger: false,
  unit: '',
  sentence: 'Share of the references that write; which ones is random.',
}

export const seedParameter: ParameterDescription = {
  name: 'seed',
  default: 1,
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  isInteger: true,
  unit: '',
  sentence: 'Start of the random numbers: the same seed gives the same stream.',
}

/** The kinds of reference that a write fraction leaves possible. */
export function kindsOf(writeFraction: number): number[] {
  if (writeFraction <= 0) return [ReferenceKind.read]
  return writeFraction >= 1 ? [ReferenceKind.write] : [ReferenceKind.read, ReferenceKind.write]
}

/**
 * The stream of a plan. Pages get their dense index in the order of first reference, and those never referenced are left
 * out, as in an imported trace; that takes one pass over the stream here, ended early once nothing new can come.
 */
export function streamOfPlan(name: string, plan: GeneratorPlan): ProcessStream {
  const { pages, references } = plan
  const denseOf = new Uint32Array(pages).fill(NOT_SEEN)
  const use = new Uint8Array(pages)
  const order = new Uint32Array(pages)
  let pageCount = 0
  let possible = 0
  for (const kind of plan.kinds) possible |= useOfKind[kind]!
  const bitsPossible = plan.kinds.length * pages
  let bitsSeen = 0
  const fill = plan.filler()
  const chunk = new Uint32Array(REFERENCES_PER_CHUNK)
  for (let ordinal = 0; ordinal < references && bitsSeen < bitsPossible; ordinal += REFERENCES_PER_CHUNK) {
    fill(ordinal / REFERENCES_PER_CHUNK, chunk)
    const count = Math.min(REFERENCES_PER_CHUNK, references - ordinal)
    for (let i = 0; i < count; i++) {
      const reference = chunk[i]!
      const page = reference >>> 2
      const before = use[page]!
      if (before === possible) continue
      const after = before | useOfKind[reference & 3]!
      if (after === before) continue
      if (before === 0) {
        denseOf[page] = pageCount
        order[pageCount++] = page
      }
      use[page] = after
      bitsSeen++
    }
  }
  const pageNumbers = new Float64Array(pageCount)
  const pageUse = new Uint8Array(pageCount)
  for (let page = 0; page < pageCount; page++) {
    pageNumbers[page] = FIRST_PAGE_NUMBER + order[page]!
    pageUse[page] = use[order[page]!]!
  }
  return {
    name,
    pageCount,
    referenceCount: references,
    pageNumbers,
    pageUse,
    open: () => new GeneratedStreamReader(plan, denseOf),
  }
}

const NOT_SEEN = 0xffffffff

class GeneratedStreamReader implements StreamReader {
  readonly #references: number
  readonly #denseOf: Uint32Array
  readonly #fill: ChunkFiller
  readonly #buffer = new Uint32Array(REFERENCES_PER_CHUNK)
  #chunk = -1

  constructor(plan: GeneratorPlan, denseOf: Uint32Array) {
    this.#references = plan.references
    this.#denseOf = denseOf
    this.#fill = plan.filler()
  }

  read(ordinal: number): Uint32Array {
    const chunk = Math.floor(ordinal / REFERENCES_PER_CHUNK)
    const start = chunk * REFERENCES_PER_CHUNK
    const count = Math.max(0, Math.min(REFERENCES_PER_CHUNK, this.#references - start))
    if (count === 0) return this.#buffer.subarray(0, 0)
    if (chunk !== this.#chunk) {
      const buffer = this.#buffer
      const denseOf = this.#denseOf
      this.#fill(chunk, buffer)
      for (let i = 0; i < count; i++) {
        const reference = buffer[i]!
        buffer[i] = (denseOf[reference >>> 2]! << 2) | (reference & 3)
      }
      this.#chunk = chunk
    }
    return this.#buffer.subarray(Math.min(ordinal - start, count), count)
  }
}
