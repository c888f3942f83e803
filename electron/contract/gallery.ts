/**
 * The gallery: ready experiments that show a known effect. Each is an experiment, the variations of it that are run beside
 * each other, a page of explanation, a question to answer before the result is shown, and claims that the result must bear
 * out. They are data: one folder of examples/gallery each (experiment.json, page.md).
 */
import { z } from 'zod'
import { experimentFileSchema, parseExperiment, type ExperimentFile } from './experiment.ts'
import { evaluate, parseClaim, parseExpression, variationsIn, type Measured } from './galleryMeasure.ts'

export const galleryChapters = ['Memory and policy', 'Swap devices', 'Failures', 'Vnode pagers'] as const

const text = z.string().min(1)
const id = z.string().regex(/^[a-z][a-z0-9-]*$/, 'is no id: lower-case letters, digits and hyphens')
const simulated = {
  policy: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'A replacement policy that is simulated instead of running the machine, on the pages of the first process; its misses are the faults',
    ),
}

const titled = {
  title: text,
  subtitle: text,
  chapter: z.enum(galleryChapters),
  /** Asked before the result is shown. */
  question: text,
  choices: z
    .array(z.strictObject({ text, why: text.describe('Why one might think so, and what is right or wrong about it') }))
    .min(2)
    .max(5),
  answer: z.int().min(0).describe('Number of the right choice, from 0'),
  /** Measures of each variation that show the effect, the most telling first. */
  shows: z
    .array(
      z.strictObject({
        metric: text.describe('A metric, without "of"'),
        title: text,
        unit: z.string().default(''),
        scale: z.number().default(1),
      }),
    )
    .min(1)
    .max(5),
  /** What a chart over virtual time shows best: a counter (as a rate) or a gauge. */
  chart: z.strictObject({ metric: text, title: text }),
  claims: z
    .array(z.strictObject({ text, holds: text.describe('The claim, in the language of galleryMeasure.ts') }))
    .min(1),
}

export const galleryFileSchema = z.strictObject({
  ...titled,
  place: z.number().describe('Where it stands in its chapter'),
  base: z.record(z.string(), z.unknown()).describe('An experiment'),
  variations: z
    .array(z.strictObject({ id, title: text, ...simulated, change: z.record(z.string(), z.unknown()).default({}) }))
    .min(1)
    .max(6)
    .describe('What differs from the base; objects are merged, everything else is replaced'),
})

/** What the window and the command line get: the variations as whole experiments. */
export const galleryItemSchema = z.strictObject({
  ...titled,
  /** The folder's name. */
  name: id,
  /** Paragraphs to read before the question, and those that explain the result; `{EXPRESSION}` stands for a measured figure. */
  before: z.array(z.string()),
  after: z.array(z.string()),
  variations: z.array(z.strictObject({ id, title: text, ...simulated, file: experimentFileSchema })),
})
export type GalleryItem = z.infer<typeof galleryItemSchema>

/** A folder of the gallery that is not as it should be. */
export class GalleryError extends Error {
  readonly code = 'bad-gallery'
  readonly field: string
  constructor(name: string, field: string, why: string) {
    super(`gallery ${name}: ${field}: ${why}`)
    this.field = field
  }
}

/** Between what is read before the question and what explains the result. */
const REVEAL = /^-{3,}$/m
const FIGURE = /\{([^{}]+)\}/g

/** The item that a folder's two files make, and its place in its chapter. Throws GalleryError. */
export function galleryItem(name: string, input: unknown, page: string): { item: GalleryItem; place: number } {
  const parsed = galleryFileSchema.safeParse(input)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new GalleryError(name, issue?.path.join('.') ?? '', issue?.message ?? 'is not as it should be')
  }
  const { base, variations, place, ...rest } = parsed.data
  const [before = '', after = ''] = page.split(REVEAL)
  const item: GalleryItem = {
    ...rest,
    name,
    before: paragraphsOf(before),
    after: paragraphsOf(after),
    variations: variations.map((variation, number) => ({
      id: variation.id,
      title: variation.title,
      policy: variation.policy,
      file: experimentOf(
        name,
        number,
        merge(merge(base, variation.change), { name: `${rest.title}: ${variation.title}` }),
      ),
    })),
  }
  check(item)
  return { item, place }
}

function check(item: GalleryItem): void {
  const wrong = (field: string, why: string) => new GalleryError(item.name, field, why)
  if (item.answer >= item.choices.length) throw wrong('answer', `there is no choice ${item.answer}`)
  for (const field of ['before', 'after'] as const)
    if (item[field].length === 0) throw wrong('page.md', `nothing ${field} the line of hyphens`)
  const known = new Set(item.variations.map((variation) => variation.id))
  const spoken = (field: string, read: () => ReturnType<typeof variationsIn>) => {
    let named
    try {
      named = read()
    } catch (error) {
      throw wrong(field, error instanceof Error ? error.message : String(error))
    }
    for (const variation of named) if (!known.has(variation)) throw wrong(field, `there is no variation "${variation}"`)
  }
  item.claims.forEach(({ holds }, number) => spoken(`claims.${number}.holds`, () => variationsIn(parseClaim(holds))))
  for (const paragraph of item.after)
    for (const [, figure = ''] of paragraph.matchAll(FIGURE))
      spoken('page.md', () => variationsIn(parseExpression(figure)))
}

const paragraphsOf = (page: string): string[] =>
  page
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s*\n\s*/g, ' ').trim())
    .filter((paragraph) => paragraph !== '')

function experimentOf(name: string, number: number, input: unknown): ExperimentFile {
  const { file, issues } = parseExperiment(input)
  if (file) return file
  throw new GalleryError(name, `variations.${number}: ${issues[0]?.field ?? ''}`, issues[0]?.message ?? '')
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `base` with `change` laid over it: objects are merged, everything else is replaced. */
function merge(base: unknown, change: unknown): unknown {
  if (!isObject(base) || !isObject(change)) return change
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(change)) merged[key] = key in merged ? merge(merged[key], value) : value
  return merged
}

/** A paragraph with its figures filled in; those whose variations have not run are a dash. */
export function withFigures(paragraph: string, results: ReadonlyMap<string, Measured>): string {
  return paragraph.replace(FIGURE, (_, figure: string) => {
    const value = evaluate(parseExpression(figure), results)
    return value === null ? '–' : figureText(value)
  })
}

/** Whole from 100 on, else three digits that matter. */
export function figureText(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const digits =
    Math.abs(value) >= 100 || Number.isInteger(value) ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }
  return value.toLocaleString('en-US', digits)
}
