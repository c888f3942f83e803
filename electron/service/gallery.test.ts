/** Every experiment of the gallery shows what its text says: the engine runs all variations, and all claims must hold. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorkspace, type Workspace } from '../../db/workspace.ts'
import { createImage, RawImage } from '../../engine/disk/rawImage.ts'
import { Machine } from '../../engine/sim/machine.ts'
import { gaugeDefinitions, SAMPLE_WIDTH, sampleColumnNames } from '../../engine/sim/metrics.ts'
import type { GalleryItem } from '../contract/gallery.ts'
import { figureText, withFigures } from '../contract/gallery.ts'
import { judge, parseClaim, type Measured } from '../contract/galleryMeasure.ts'
import { valuesOf, type MetricExtent } from '../contract/galleryRun.ts'
import { toEngineExperiment, type ExperimentFile } from '../contract/experiment.ts'
import { readGallery, simulateVariation } from './gallery.ts'
import { openDevices } from './images.ts'
import { resolveWorkloads } from './workloads.ts'

const items = readGallery()
const gauges = new Set<string>(gaugeDefinitions.map((gauge) => gauge.name))
const columns = sampleColumnNames()
const PAGE_BYTES = 4096
/** What an experiment may do in all so that it takes less than five seconds: measured at 10 to 25 microseconds a fault, and 30 million references a second. */
const FAULTS_MAX = 100_000
const REFERENCES_MAX = 2_000_000

let folder: string
let workspace: Workspace
let runs = 0

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pager-gallery-'))
  workspace = openWorkspace(folder, {})
})
afterAll(() => {
  workspace.close()
  rmSync(folder, { recursive: true, force: true })
})

test('there is an experiment for each known effect', () => {
  expect(items.map((item) => item.name)).toEqual([
    'thrashing',
    'loop-over-memory',
    'read-ahead',
    'fork-storm',
    'cluster-size',
    'fragmentation',
    'devices',
    'swapoff',
    'nearly-full',
    'async-writes',
    'out-of-swap',
    'dying-disk',
    'stalled-disk',
    'livelock',
    'rescued-by-swapon',
    'holes',
    'last-page',
    'small-updates',
    'file-scan',
  ])
})

describe.each(items)('$name', (item) => {
  test('shows what it claims, and is small enough to wait for', async () => {
    const results = new Map<string, Measured>()
    for (const { id, policy, file } of item.variations)
      results.set(id, policy === null ? await runHere(file) : await simulated(item, id))
    const verdicts = item.claims.map(({ text, holds }) => ({ text, ...judge(parseClaim(holds), results) }))
    if (process.env['PAGER_GALLERY_SHOW'] === '1') show(item, results)
    expect(verdicts.filter(({ holds }) => holds !== true)).toEqual([])
    for (const { metric } of item.shows)
      for (const [id, { values }] of results)
        if (!metric.startsWith('lines ') && values.size > 2) expect(values.has(metric), `${metric} of ${id}`).toBe(true)
    // figures that the text names are all there
    for (const paragraph of item.after) expect(withFigures(paragraph, results)).not.toMatch(/[{}–]/)
    const sum = (metric: string) =>
      [...results.values()].reduce((total, { values }) => total + (values.get(metric) ?? 0), 0)
    expect(sum('faults')).toBeLessThan(FAULTS_MAX)
    expect(sum('references')).toBeLessThan(REFERENCES_MAX)
  })
})

async function simulated(item: GalleryItem, id: string): Promise<Measured> {
  const { references, misses } = await simulateVariation(items, item.name, id)
  return {
    status: 'finished',
    log: [],
    values: new Map([
      ['references', references],
      ['faults', misses],
    ]),
  }
}

/** Runs an experiment to its end in this thread, with real images. */
async function runHere(file: ExperimentFile): Promise<Measured> {
  const resolved = await resolveWorkloads(file, workspace.store, folder)
  const experiment = toEngineExperiment(file, resolved.footprint, resolved.eventsPerReference)
  const prefix = path.join(folder, `run${++runs}-`)
  const devices = openDevices(experiment, { workspace: folder, added: [], overlayPrefix: prefix })
  const files: RawImage[] = []
  const log: string[] = []
  const extents = columns.map((name): MetricExtent => ({ name, sum: 0, least: Infinity, most: -Infinity }))
  const machine = new Machine({
    experiment,
    processes: resolved.processes,
    stores: devices.stores,
    makeFileStore: (pages) => {
      createImage(`${prefix}files`, pages * PAGE_BYTES)
      const image = RawImage.open(`${prefix}files`, 'write')
      files.push(image)
      return image
    },
    fileSource: devices.fileSource,
    trace: { take: (chunk) => chunk },
    samples: {
      take: (rows, count) => {
        for (let row = 0; row < count; row++)
          extents.forEach((extent, column) => {
            const value = rows[row * SAMPLE_WIDTH + column] ?? 0
            extent.sum += value
            extent.least = Math.min(extent.least, value)
            extent.most = Math.max(extent.most, value)
          })
      },
    },
    messages: (message) => log.push(message.text),
  })
  let status
  do status = machine.run(1_000_000)
  while (status === 'running')
  machine.finish()
  for (const image of files) image.close()
  devices.close()
  return { status, log, values: valuesOf(extents.slice(1), gauges, machine.virtualNs / 1e9) }
}

/** For those who write the texts. */
function show(item: GalleryItem, results: ReadonlyMap<string, Measured>): void {
  console.log(
    [
      item.title,
      ...[...results].map(
        ([id, { status, values }]) =>
          `  ${id}: ${status}, ${item.shows.map(({ metric }) => `${metric} ${figureText(values.get(metric) ?? NaN)}`).join(', ')}`,
      ),
      ...item.claims.map(({ text, holds }) => {
        const verdict = judge(parseClaim(holds), results)
        return `  ${String(verdict.holds)}: ${text} (${figureText(verdict.left ?? NaN)}, ${figureText(verdict.right ?? NaN)})`
      }),
      ...item.after.map((paragraph) => withFigures(paragraph, results)),
    ].join('\n'),
  )
}
