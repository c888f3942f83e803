/**
 * Sweeps: an experiment with lists of values for some of its fields becomes a grid of runs. The sweep file's schema
 * (docs/sweep.schema.json is made from it), the grid that it spans, and what is answered about it.
 */
import { z } from 'zod'
import { experimentFileSchema, parseExperiment, type ExperimentFile, type ExperimentIssue } from './experiment.ts'
import { isRecord, withField } from './fieldPath.ts'
import { issueText } from './issueText.ts'

/** Fields that are none of an experiment. */
export const DEVICE_COUNT = 'swap.deviceCount'
export const VARIANT = 'variant'

export const SWEEP_CELLS_MAX = 4096
const AXIS_VALUES_MAX = 1024

const valueSchema = z.json()
export type AxisValue = z.infer<typeof valueSchema>

const sweepShape = {
  $schema: z.string().optional().describe('The schema this file follows'),
  name: z.string().min(1).max(80).default('sweep').describe('What the sweep is called; its runs have it in a tag'),
  vary: z
    .record(z.string(), z.array(valueSchema).min(1).max(AXIS_VALUES_MAX))
    .describe(
      'The values of each field that is varied, by its path in the experiment: machine.frames, daemon.policy, seed, swap.devices[0].timing.model, ' +
        'swap.devices[*].timing.model (of every device), swap.deviceCount (the first devices; copies of the last where there are fewer), variant ' +
        '(files of pager variants, empty for none). The grid has all combinations; the last field varies fastest',
    ),
  warmup: z
    .int()
    .min(0)
    .default(0)
    .describe('References at the beginning of each run that do not count; whole samples are left out'),
}

/** As the service takes it: with its experiment. */
export const sweepFileSchema = z.strictObject({
  ...sweepShape,
  experiment: z.record(z.string(), z.unknown()).describe('The experiment'),
})
export type SweepFile = z.infer<typeof sweepFileSchema>

/** As people write it: the experiment may be a file of its own. */
export const sweepInputSchema = z.strictObject({
  ...sweepShape,
  name: sweepShape.name
    .unwrap()
    .optional()
    .describe("What the sweep is called; its runs have it in a tag. The file's name where it is left out"),
  experiment: z
    .union([z.string().min(1), experimentFileSchema])
    .describe('The experiment, or its file, relative to the sweep file'),
})

/** One place of the grid. */
export interface SweepCell {
  index: number
  /** The value of each varied field, in the order of `vary`. */
  point: AxisValue[]
  file: ExperimentFile
  /** File of a pager variant; empty: none. */
  variant: string
}

/** Runs of the grid. */
export const cellCount = ({ vary }: SweepFile): number =>
  Object.values(vary).reduce((product, values) => product * values.length, 1)

type Issues = [ExperimentIssue, ...ExperimentIssue[]]

/**
 * Checks a sweep and lays out its grid. Answers what is wrong, field by field (`vary.machine.frames[2]` is a value of the list), or every
 * cell's whole experiment.
 */
export function expandSweep(
  input: unknown,
): { sweep: SweepFile; cells: SweepCell[]; issues: [] } | { sweep: null; cells: null; issues: Issues } {
  const refused = ([first, ...more]: ExperimentIssue[]) => ({
    sweep: null,
    cells: null,
    issues: [first ?? { field: '(whole file)', message: 'is no sweep' }, ...more] satisfies Issues,
  })
  const parsed = sweepFileSchema.safeParse(input)
  if (!parsed.success) return refused(parsed.error.issues.map((issue) => issueOf(issue, input)))
  const sweep = parsed.data
  const axes = Object.entries(sweep.vary)
  const count = cellCount(sweep)
  if (count > SWEEP_CELLS_MAX)
    return refused([
      {
        field: 'vary',
        message: `spans ${count.toLocaleString('en-US')} runs; ${SWEEP_CELLS_MAX.toLocaleString('en-US')} at the most`,
      },
    ])
  const issues = new Map<string, ExperimentIssue>()
  const cells: SweepCell[] = []
  for (let index = 0; index < count; index++) {
    const places = placesOf(
      index,
      axes.map(([, values]) => values.length),
    )
    const cell = cellAt(index, sweep, axes, places, (issue) => issues.set(issue.field, issue))
    if (cell) cells.push(cell)
  }
  const clash = sizeClash(cells)
  if (clash) issues.set(clash.field, clash)
  return issues.size > 0 ? refused([...issues.values()]) : { sweep, cells, issues: [] }
}

function issueOf(issue: z.core.$ZodIssue, input: unknown): ExperimentIssue {
  if (issue.code === 'unrecognized_keys') return { field: issue.keys[0] ?? '', message: 'is not a field of a sweep' }
  const [first] = issue.path
  const isMissing =
    typeof first === 'string' && issue.path.length === 1 && (!isRecord(input) || input[first] === undefined)
  const field = issue.path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  )
  return { field: field || '(whole file)', message: issueText(issue, isMissing) }
}

/** The index in mixed radix: one place in each list. */
function placesOf(index: number, lengths: readonly number[]): number[] {
  const places: number[] = []
  for (const length of lengths.toReversed()) {
    places.unshift(index % length)
    index = Math.floor(index / length)
  }
  return places
}

/** Null, with what is wrong told, where the values make no experiment. */
function cellAt(
  index: number,
  sweep: SweepFile,
  axes: readonly (readonly [string, AxisValue[]])[],
  places: readonly number[],
  tell: (issue: ExperimentIssue) => void,
): SweepCell | null {
  let file: unknown = sweep.experiment
  let variant = ''
  const point: AxisValue[] = []
  // devices are made before their fields are set
  const order = axes
    .map((_, i) => i)
    .sort((a, b) => Number(axes[b]?.[0] === DEVICE_COUNT) - Number(axes[a]?.[0] === DEVICE_COUNT))
  for (const i of order) {
    const [path, values] = axes[i] ?? ['', []]
    const place = places[i] ?? 0
    const value = values[place] ?? null
    point[i] = value
    try {
      if (path === VARIANT) variant = textOf(value)
      else file = path === DEVICE_COUNT ? withDeviceCount(file, value) : withField(file, path, value)
    } catch (error) {
      tell({ field: `vary.${path}[${place}]`, message: error instanceof Error ? error.message : String(error) })
      return null
    }
  }
  const parsed = parseExperiment(file)
  if (!parsed.file) {
    for (const { field, message } of parsed.issues) {
      // the field itself, or something within it
      const at = axes.findIndex(
        ([path]) =>
          field === path ||
          field.startsWith(`${path}.`) ||
          field.startsWith(`${path}[`) ||
          path.startsWith(`${field}.`),
      )
      tell({
        field: at < 0 ? `experiment.${field}` : `vary.${axes[at]?.[0] ?? ''}[${places[at] ?? 0}]`,
        message: at < 0 || axes[at]?.[0] === field ? message : `${field} ${message}`,
      })
    }
    return null
  }
  if (
    parsed.file.swap.devices.some(({ mode }) => mode === 'write-through') ||
    parsed.file.files?.mode === 'write-through'
  ) {
    tell({
      field: 'experiment',
      message: 'writes through to an image, which the next run would find changed; runs of a sweep need overlays',
    })
    return null
  }
  const label = axes.map(([path], i) => `${path} ${JSON.stringify(point[i])}`).join(', ')
  return {
    index,
    point,
    variant,
    file: { ...parsed.file, name: label === '' ? sweep.name : `${sweep.name}: ${label}` },
  }
}

function textOf(value: AxisValue): string {
  if (typeof value === 'string') return value
  throw new Error('must be text: the file of a variant, or nothing')
}

/** The first `count` devices; where there are fewer, copies of the last on images of their own. */
export function withDeviceCount(file: unknown, count: unknown): unknown {
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0)
    throw new Error('must be a whole number from 0 on')
  const swap = isRecord(file) && isRecord(file.swap) ? file.swap : {}
  const devices: unknown[] = Array.isArray(swap.devices) ? swap.devices : []
  const last = devices.at(-1)
  const made = Array.from({ length: count }, (_, i) => {
    if (i < devices.length) return devices[i]
    if (!isRecord(last) || typeof last.image !== 'string')
      throw new Error('the experiment has no swap device that could be copied')
    if (last.create === undefined || last.create === '')
      throw new Error(
        `the experiment has ${devices.length} devices, and the last one has no size (create) that copies could be made with`,
      )
    return { ...last, image: withNumber(last.image, i) }
  })
  return withField(file, 'swap.devices', made)
}

/** "swap.img" -> "swap-2.img" */
const withNumber = (image: string, number: number) =>
  image.replace(/(\.[^./\\]*)?$/, (extension) => `-${number}${extension}`)

/** Images are made once, by the first run that needs them, so that each must have one size. */
function sizeClash(cells: readonly SweepCell[]): ExperimentIssue | null {
  const sizes = new Map<string, string>()
  for (const { file } of cells)
    for (const [i, { image, create }] of file.swap.devices.entries()) {
      const before = sizes.get(image)
      if (before !== undefined && before !== create)
        return {
          field: `vary.swap.devices[${i}].create`,
          message: `the image ${image} would have to be made with "${before}" and with "${create}": vary swap.devices, each list with images of their own`,
        }
      sizes.set(image, create)
    }
  return null
}

// ---- what is answered

export const sweepInfoSchema = z.object({
  id: z.int(),
  name: z.string(),
  updatedAt: z.string(),
  file: sweepFileSchema,
  /** Cells of the grid. */
  cells: z.int(),
})
export type SweepInfo = z.infer<typeof sweepInfoSchema>

const measuresSchema = z.record(z.string(), z.number())

export const sweepResultSchema = z.object({
  name: z.string(),
  warmup: z.int(),
  fields: z.array(z.object({ field: z.string(), values: z.array(valueSchema) })),
  measures: z.array(z.object({ name: z.string(), unit: z.string(), meaning: z.string() })),
  /** In grid order. `run` is the one that counts; null where none has ended. */
  cells: z.array(
    z.object({
      index: z.int(),
      point: z.array(valueSchema),
      key: z.string(),
      run: z.int().nullable(),
      status: z.string(),
      problem: z.string().nullable(),
      measures: measuresSchema.nullable(),
    }),
  ),
  /** Where several seeds were run: the cells that differ in the seed only, as one. `half` is half the 95 % confidence interval. */
  groups: z.array(
    z.object({
      /** As a cell's point, without the seed. */
      point: z.array(valueSchema),
      count: z.int(),
      measures: z.record(z.string(), z.object({ mean: z.number(), half: z.number().nullable() })),
    }),
  ),
})
export type SweepResult = z.infer<typeof sweepResultSchema>

export const sweepProgressSchema = z.object({
  sweep: z.int(),
  name: z.string(),
  state: z.enum(['running', 'paused', 'finished', 'cancelled', 'failed']),
  cells: z.int(),
  /** Ended before this time round, and not run again. */
  skipped: z.int(),
  /** Ended, with those that were skipped. */
  done: z.int(),
  /** Runs under way. */
  running: z.array(z.object({ run: z.int(), cell: z.int(), share: z.number() })),
  /** Cells that could not be run, or whose run failed. */
  problems: z.array(z.object({ cell: z.int(), problem: z.string() })),
  /** Why the sweep as a whole failed. */
  error: z.string().nullable(),
})
export type SweepProgress = z.infer<typeof sweepProgressSchema>
