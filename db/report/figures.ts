/**
 * The figures of a report, as data: drawn in the report, and each by itself as SVG with a citation, or as the numbers it is made of.
 */
import { perRow } from '../samples.ts'
import type { SampleTable } from '../samples.ts'
import { barChart, escape, timeChart } from './chart.ts'
import type { BarChart, Mark, Series, TimeChart } from './chart.ts'
import { count, moment, si } from './format.ts'
import type { ReportInput, ReportRun } from './input.ts'
import { colourOfKind, eventColours, paper, queueColours, strokeOf } from './palette.ts'
import type { EventColour } from './palette.ts'

export interface ReportFigure {
  /** What a command names it by. */
  id: string
  caption: string
  chart: TimeChart | BarChart
}

/** Those of one run, or of several: first what compares them, then each by itself. */
export function figuresOf(runs: readonly ReportRun[]): ReportFigure[] {
  const several = runs.length > 1
  return [...(several ? comparison(runs) : []), ...runs.flatMap((run) => figuresOfRun(run, several))]
}

export const figureSvg = ({ chart }: ReportFigure): string => ('bars' in chart ? barChart(chart) : timeChart(chart))

/** What whoever shows the figure elsewhere should say of where it comes from. */
export function citationOf({ runs, generatedAt }: ReportInput): string {
  const said = runs.map(({ detail }) => {
    const digest = detail.totals.traceDigest
    return `run ${detail.id} "${detail.name}", engine ${detail.engineVersion}, seed ${detail.seed}, workload ${[...new Set(detail.workloadNames)].join(', ')}${digest === '' ? '' : `, trace SHA-256 ${digest}`}`
  })
  return `Pager Workbench; ${said.join('; ')}; made ${moment(generatedAt)}`
}

const LINE = 14
const CHARACTERS_PER_LINE = 118

/** A figure for paper: the chart, its caption and where it comes from under it, and its numbers as metadata. */
export function standaloneSvg(figure: ReportFigure, input: ReportInput): string {
  const svg = figureSvg(figure)
  const [, width = '680', height = '186'] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []
  const lines = [...wrapped(figure.caption), ...wrapped(citationOf(input))]
  const whole = Number(height) + 10 + lines.length * LINE
  const under = lines.map(
    (text, i) =>
      `<text x="0" y="${Number(height) + 18 + i * LINE}" font-size="10" fill="${paper.text3}">${escape(text)}</text>`,
  )
  const metadata = `<metadata>${escape(JSON.stringify({ citation: citationOf(input), caption: figure.caption, data: figureCsv(figure) }))}</metadata>`
  return svg
    .replace(
      `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
      `viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}" style="background:#fff"`,
    )
    .replace(/<\/svg>$/, `${under.join('')}${metadata}</svg>\n`)
}

function wrapped(text: string): string[] {
  const lines = ['']
  for (const word of text.split(' ').flatMap((long) => long.match(/.{1,64}/g) ?? [])) {
    const last = lines.length - 1
    if (lines[last] !== '' && `${lines[last]} ${word}`.length > CHARACTERS_PER_LINE) lines.push(word)
    else lines[last] = lines[last] === '' ? word : `${lines[last]} ${word}`
  }
  return lines
}

/** The numbers of a figure: a row per stretch of virtual time, or per bar. */
export function figureCsv({ chart }: ReportFigure): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  if ('bars' in chart)
    return ['kind,value', ...chart.bars.map((bar) => `${quoted(bar.label)},${bar.value}`), ''].join('\n')
  const rows = Math.max(0, chart.edges.length - 1)
  const head = ['begin_s', 'end_s', ...chart.series.map((series) => quoted(`${series.label} (${chart.unit})`))].join(
    ',',
  )
  const lines = Array.from({ length: rows }, (_, row) =>
    [
      chart.edges[row],
      chart.edges[row + 1],
      ...chart.series.map((series) => (Number.isFinite(series.values[row]) ? series.values[row] : '')),
    ].join(','),
  )
  return [head, ...lines, ''].join('\n')
}

/** The same with its citation before it, as comments. */
export const standaloneCsv = (figure: ReportFigure, input: ReportInput): string =>
  `# ${figure.caption}\n# ${citationOf(input)}\n${figureCsv(figure)}`

/** One metric of all runs over their virtual time. Runs of different length share one axis. */
function comparison(runs: readonly ReportRun[]): ReportFigure[] {
  const longest = runs.reduce((a, b) => (endOf(b.chart) > endOf(a.chart) ? b : a))
  const edges = edgesOf(longest.chart)
  const overlay = (id: string, title: string, name: string, unit: string, caption: string): ReportFigure => {
    const series = runs.map((run, i): Series => ({
      label: run.letter,
      ...strokeOf(i),
      values: resampled(run.chart, perRow(run.chart, name), edges),
    }))
    const description = `${title} of ${runs.map((run) => run.letter).join(', ')} over virtual time, up to ${series.map((one) => si(greatest(one.values))).join(', ')}.`
    return { id, caption, chart: { type: 'line', title, unit, description, edges, series } }
  }
  return [
    overlay(
      'compare-faults',
      'Faults',
      'faults',
      'faults/s',
      'Faults per second of virtual time; runs are told apart by stroke.',
    ),
    overlay(
      'compare-pages-in',
      'Pages in from swap',
      'pagesIn',
      'pages/s',
      'Pages read from swap per second, read-ahead included.',
    ),
    overlay('compare-swap', 'Swap in use', 'swapUsed', 'pages', 'Swap blocks in use, one block a page.'),
  ]
}

function figuresOfRun({ chart, detail, letter }: ReportRun, several: boolean): ReportFigure[] {
  const suffix = several ? `, run ${letter}` : ''
  const edges = edgesOf(chart)
  const rates = (name: string) => perRow(chart, name)
  const marks: Mark[] = detail.messages
    .filter((message) => message.level === 'error')
    .slice(0, 40)
    .map((message) => ({ at: message.time / 1e9, label: message.text, kind: 'error' }))
  const figures: ReportFigure[] = []
  const add = (id: string, caption: string, drawn: TimeChart | BarChart) =>
    figures.push({ id: several ? `${id}-${letter.toLowerCase()}` : id, caption: `${caption}${suffix}.`, chart: drawn })

  const kinds: [string, string, EventColour][] = [
    ['swapins', 'swap in', 'swapin'],
    ['vnodeins', 'file in', 'filein'],
    ['zeroFills', 'zero fill', 'zero'],
    ['copyOnWriteFaults', 'copy', 'fault'],
  ]
  const needs = kinds
    .map(([name, label, kind]): Series => ({ label, kind, colour: eventColours[kind], values: rates(name) }))
    .filter((series) => greatest(series.values) > 0)
  add(
    'needs',
    'What faults needed, per second of virtual time: reads from swap, reads from files, pages of zeros, private copies; stacked',
    {
      type: 'area',
      title: 'What faults needed',
      unit: 'operations/s',
      description: `Stacked rates over virtual time; ${count(detail.totals.faults)} faults in all.`,
      edges,
      series: needs,
      marks,
    },
  )
  if (detail.totals.pagesIn + detail.totals.pagesOut > 0) {
    add('swap-traffic', 'Pages moved between memory and swap, per second of virtual time', {
      type: 'line',
      title: 'Swap traffic',
      unit: 'pages/s',
      description: `${count(detail.totals.pagesIn)} pages in and ${count(detail.totals.pagesOut)} pages out in all.`,
      edges,
      series: [
        { label: 'in', kind: 'swapin', colour: eventColours.swapin, values: rates('pagesIn') },
        { label: 'out', kind: 'swapout', colour: eventColours.swapout, values: rates('pagesOut') },
      ],
      marks,
    })
    const [used, room] = [rates('swapUsed'), rates('swapTotal')]
    const inUse: Series = { label: 'in use', colour: eventColours.swapout, values: used }
    // far above the curve, the total would only press it flat; the caption has its number
    const total: Series[] =
      greatest(used) * 4 > greatest(room) ? [{ label: 'total', colour: '#6f717c', dash: '7 3', values: room }] : []
    add('swap-use', `Swap blocks in use, out of ${count(greatest(room))} on all devices`, {
      type: 'step',
      title: 'Swap in use',
      unit: 'pages',
      description: `At most ${count(greatest(used))} of ${count(greatest(room))} pages.`,
      edges,
      series: [inUse, ...total],
    })
  }
  const queues: [string, string, string][] = [
    ['wiredPages', 'wired', queueColours.wired],
    ['activePages', 'active', queueColours.active],
    ['inactivePages', 'inactive', queueColours.inactive],
    ['laundryPages', 'laundry', queueColours.laundry],
    ['unswappablePages', 'unswappable', queueColours.unswappable],
    ['freePages', 'free', queueColours.free],
  ]
  add('queues', 'Where the page frames are, mean over each sample; stacked', {
    type: 'area',
    title: 'Page queues',
    unit: 'pages',
    description: `${count(detail.frames)} frames by the queue their page is on.`,
    edges,
    series: queues
      .map(([name, label, colour]): Series => ({ label, colour, values: rates(name) }))
      .filter((series) => greatest(series.values) > 0),
  })
  const busy = detail.devices
    .map((device, i): Series => ({
      label: device.name,
      ...strokeOf(i),
      values: rates(`device${i}.busyNs`).map((ns) => ns / 1e7),
    }))
    .filter((series) => greatest(series.values) > 0)
  if (busy.length > 0)
    add('devices', 'Share of virtual time in which each swap device was busy', {
      type: 'line',
      title: 'Devices busy',
      unit: '%',
      description: `Busy time of ${busy.map((series) => series.label).join(', ')}.`,
      edges,
      series: busy,
      atLeast: 100,
    })
  const events = Object.entries(detail.eventCounts)
  if (events.length > 0)
    add('events', 'Events of the trace by kind', {
      title: 'Events',
      unit: `of ${count(events.reduce((sum, [, value]) => sum + value, 0))}`,
      description: events.map(([kind, value]) => `${kind} ${count(value)}`).join(', '),
      bars: events.map(([label, value]) => ({ label, value, kind: colourOfKind(label) })),
    })
  return figures
}

/** Begin of each row and end of the last, in seconds. */
export function edgesOf(table: SampleTable): Float64Array {
  const edges = new Float64Array(table.rows === 0 ? 0 : table.rows + 1)
  for (let row = 0; row < table.rows; row++) edges[row] = table.begin[row]! / 1e9
  if (table.rows > 0) edges[table.rows] = endOf(table)
  return edges
}

export function endOf(table: SampleTable): number {
  const last = table.rows - 1
  return last < 0 ? 0 : (table.begin[last]! + table.length[last]!) / 1e9
}

/** A run's values on another run's rows: that of the row in which each middle lies, NaN past the run's end. */
function resampled(table: SampleTable, values: Float64Array, edges: Float64Array): Float64Array {
  const own = edgesOf(table)
  let row = 0
  return Float64Array.from({ length: Math.max(0, edges.length - 1) }, (_, i) => {
    const middle = (edges[i]! + edges[i + 1]!) / 2
    while (row < table.rows && own[row + 1]! <= middle) row++
    return row < table.rows ? values[row]! : NaN
  })
}

export function greatest(values: ArrayLike<number>): number {
  let found = 0
  for (let i = 0; i < values.length; i++) if (values[i]! > found) found = values[i]!
  return found
}
