/** Running an experiment of the gallery over the contract, and measuring what its claims speak of. */
import type { Result, WorkbenchClient } from './contract.ts'
import { decodeTable } from './dataPlane.ts'
import type { GalleryItem } from './gallery.ts'
import { evaluate, parseExpression, type Measured } from './galleryMeasure.ts'

export interface VariationResult extends Measured {
  /** Of the run it came from; null for a simulated policy. */
  run: number | null
  seconds: number
  /** Why it ended as it did, where that was not by itself. */
  problem: string | null
}

/** One metric over a whole run. */
export interface MetricExtent {
  name: string
  sum: number
  least: number
  most: number
}

const isLevel = (name: string, gauges: ReadonlySet<string>) =>
  gauges.has(name) || /^device\d+\.(queue|used)$/.test(name)

/** The values that claims may name, from each metric's sum, least and most over a run. */
export function valuesOf(
  metrics: Iterable<MetricExtent>,
  gauges: ReadonlySet<string>,
  virtualSeconds: number,
): Map<string, number> {
  const values = new Map([['virtualSeconds', virtualSeconds]])
  for (const { name, sum, least, most } of metrics)
    if (isLevel(name, gauges)) values.set(`most ${name}`, most).set(`least ${name}`, least)
    else values.set(name, sum)
  return values
}

/** What a recorded run that has ended came to. */
export async function measureRun(
  client: WorkbenchClient,
  info: Pick<Result<'workbench.info'>, 'sampleColumns' | 'gauges'>,
  id: number,
): Promise<VariationResult> {
  const run = await client.request('runs.get', { id })
  const columns = info.sampleColumns.filter((name) => name !== 'bucket')
  const toNs = Math.max(1, run.endTimeNs)
  const { columns: data } = decodeTable(
    await client.request('runs.samples', { id, fromNs: 0, toNs, buckets: 1, columns }),
  )
  const metrics = columns.map((name, number): MetricExtent => {
    const [sum, least, most] = [2, 3, 4].map((place) => data[number * 3 + place] ?? [])
    return { name, sum: total(sum), least: Math.min(...(least ?? [])), most: Math.max(...(most ?? [])) }
  })
  const gauges = new Set(info.gauges.map((gauge) => gauge.name))
  return {
    run: id,
    status: run.status,
    values: valuesOf(metrics, gauges, run.totals.virtualSeconds),
    log: run.messages.map((message) => message.text),
    seconds: run.totals.seconds,
    problem: run.problem,
  }
}

const total = (column: ArrayLike<number> | undefined): number =>
  Array.from(column ?? []).reduce((sum, value) => sum + value, 0)

/** The misses of a variation that is simulated. */
export async function measurePolicy(
  client: WorkbenchClient,
  item: GalleryItem,
  variation: string,
): Promise<VariationResult> {
  const { references, misses, seconds } = await client.request('gallery.simulate', { name: item.name, variation })
  const values = new Map([
    ['references', references],
    ['faults', misses],
  ])
  return { run: null, status: 'finished', values, log: [], seconds, problem: null }
}

/** What the runs of an item's variation are tagged with, so that they are found again. */
export const galleryTag = (item: Pick<GalleryItem, 'name'>, variation: string): string =>
  `gallery/${item.name}/${variation}`

/** What an item shows of a variation, in the unit that it is shown in; null where there is nothing. */
export function shownValue(
  { metric, scale }: GalleryItem['shows'][number],
  variation: string,
  results: ReadonlyMap<string, Measured>,
): number | null {
  const result = results.get(variation)
  if (!result || (!metric.startsWith('lines ') && !result.values.has(metric))) return null
  const value = evaluate(parseExpression(`${metric} of ${variation}`), results)
  return value === null ? null : value * scale
}
