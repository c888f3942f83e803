/**
 * Charts as SVG text, from pure functions: the same chart in a window, from a command and on paper. A chart stands for
 * itself: it carries its title, unit, legend and a description for those who cannot see it.
 */
import { count, short, si } from './format.ts'
import { eventColours, glyphAt, paper } from './palette.ts'
import type { EventColour } from './palette.ts'

export interface Series {
  label: string
  /** One number a row of the chart; NaN leaves a gap. */
  values: ArrayLike<number>
  colour: string
  /** Stroke pattern of a line, '' for a solid one. */
  dash?: string
  /** The glyph of the kind of event, for the legend. */
  kind?: EventColour
}

export interface Mark {
  /** On the time axis, seconds. */
  at: number
  label: string
  kind: EventColour
}

export interface TimeChart {
  /** line: through the middle of each row; step: level over each row; area: stacked, level over each row. */
  type: 'line' | 'step' | 'area'
  title: string
  /** What the values are counted in, for example "faults/s". */
  unit: string
  /** One sentence on what is seen; for those who cannot see it. */
  description: string
  /** Begin of each row, and the end of the last one, in seconds of virtual time: one more number than rows. */
  edges: ArrayLike<number>
  series: readonly Series[]
  scale?: 'linear' | 'log'
  /** Where the value axis ends at least, for example 100 for percentages. */
  atLeast?: number
  marks?: readonly Mark[]
  width?: number
  height?: number
}

export interface Bar {
  label: string
  value: number
  kind: EventColour
}

export interface BarChart {
  title: string
  unit: string
  description: string
  bars: readonly Bar[]
  scale?: 'linear' | 'log'
  width?: number
}

export const FONT =
  "-apple-system, 'Segoe UI', Inter, Cantarell, 'Noto Sans', 'DejaVu Sans Condensed', system-ui, sans-serif"

const LEFT = 54
const RIGHT = 14
const TOP = 30
const BOTTOM = 22

/** A chart of values over virtual time. */
export function timeChart(chart: TimeChart): string {
  const width = chart.width ?? 680
  const height = chart.height ?? 186
  const rows = Math.max(0, chart.edges.length - 1)
  const begin = chart.edges[0] ?? 0
  const end = Math.max(begin, chart.edges[rows] ?? begin)
  const log = chart.scale === 'log'
  const layers = chart.type === 'area' ? stacked(chart.series, rows) : chart.series.map((series) => series.values)
  const axis = valueAxis(layers, rows, log, chart.atLeast ?? 0)
  const plot = { x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM }
  const x = (seconds: number) => plot.x + (end > begin ? ((seconds - begin) / (end - begin)) * plot.width : 0)
  const y = (value: number) => plot.y + plot.height * (1 - axis.place(value))

  let body = ''
  for (const tick of axis.ticks) {
    const at = round(y(tick))
    body += `<path d="M${plot.x} ${at}H${plot.x + plot.width}" stroke="${tick === axis.low ? paper.line : paper.grid}"/>`
    body += `<text x="${plot.x - 6}" y="${at + 3.5}" text-anchor="end">${si(tick)}</text>`
  }
  const time = timeAxis(begin, end, Math.max(2, Math.floor(plot.width / 96)))
  for (const tick of time.ticks) {
    const at = round(x(tick))
    const anchor = at > plot.x + plot.width - 18 ? 'end' : at < plot.x + 8 ? 'start' : 'middle'
    body += `<path d="M${at} ${plot.y + plot.height}v4" stroke="${paper.line}"/>`
    body += `<text x="${at}" y="${plot.y + plot.height + 16}" text-anchor="${anchor}">${time.label(tick)}</text>`
  }

  const edges = Array.from({ length: rows + 1 }, (_, row) => round(x(chart.edges[row] ?? end)))
  if (rows === 0 || chart.series.length === 0)
    body += `<text x="${plot.x + plot.width / 2}" y="${plot.y + plot.height / 2}" text-anchor="middle">No samples</text>`
  else if (chart.type === 'area')
    chart.series.forEach((series, i) => {
      const below = i === 0 ? null : layers[i - 1]
      const upper = stepPoints(edges, layers[i]!, rows, y)
      const lower = below
        ? stepPoints(edges, below, rows, y)
        : [[edges[0]!, y(0)] as const, [edges[rows]!, y(0)] as const]
      const outline = [...simplified(upper), ...simplified(lower).reverse()]
      body += `<path d="${pathOf([outline])}Z" fill="${series.colour}"><title>${escape(series.label)}</title></path>`
    })
  else
    chart.series.forEach((series) => {
      const lines = runsOf(series.values, rows, log).map(([from, to]) =>
        chart.type === 'step'
          ? stepPoints(
              edges.slice(from, to + 1),
              Array.from({ length: to - from }, (_, i) => series.values[from + i]!),
              to - from,
              y,
            )
          : Array.from(
              { length: to - from },
              (_, i) =>
                [round((edges[from + i]! + edges[from + i + 1]!) / 2), round(y(series.values[from + i]!))] as const,
            ),
      )
      body +=
        `<path d="${pathOf(lines.map(simplified))}" fill="none" stroke="${series.colour}" stroke-width="1.5" stroke-linejoin="round"` +
        `${series.dash ? ` stroke-dasharray="${series.dash}"` : ''}><title>${escape(series.label)}</title></path>`
    })

  for (const mark of chart.marks ?? []) {
    if (mark.at < begin || mark.at > end) continue
    const at = round(x(mark.at))
    body +=
      `<g><title>${escape(mark.label)}, at ${si(mark.at, 's')}</title>` +
      `<path d="M${at} ${plot.y}V${plot.y + plot.height}" stroke="${eventColours[mark.kind]}" stroke-dasharray="2 2"/>` +
      `${glyphAt(mark.kind, at - 5, plot.y - 9)}</g>`
  }
  return svg(width, height, chart, head(chart, width, chart.type === 'area') + body)
}

/** A horizontal bar for each of a few kinds, with its number. */
export function barChart(chart: BarChart): string {
  const width = chart.width ?? 680
  const rowHeight = 22
  const height = TOP + Math.max(1, chart.bars.length) * rowHeight + 6
  const left = 22 + Math.max(0, ...chart.bars.map((bar) => textWidth(bar.label)))
  const right = 10 + Math.max(0, ...chart.bars.map((bar) => textWidth(count(bar.value))))
  const axis = valueAxis([chart.bars.map((bar) => bar.value)], chart.bars.length, chart.scale === 'log', 0)
  const room = width - left - right - RIGHT
  let body = ''
  chart.bars.forEach((bar, i) => {
    const y = TOP + i * rowHeight
    const length = bar.value > 0 ? Math.max(1, round(axis.place(bar.value) * room)) : 0
    body +=
      `${glyphAt(bar.kind, 0, y + 6)}<text x="16" y="${y + 15}" class="pc-strong">${escape(bar.label)}</text>` +
      `<rect x="${left}" y="${y + 4}" width="${length}" height="${rowHeight - 8}" rx="1.5" fill="${eventColours[bar.kind]}"/>` +
      `<text x="${left + length + 6}" y="${y + 15}">${count(bar.value)}</text>`
  })
  if (chart.bars.length === 0) body = `<text x="0" y="${TOP + 15}">None</text>`
  return svg(width, height, chart, head({ ...chart, series: [] }, width, false) + body)
}

/** Round steps of 1, 2 or 5 times a power of ten that cover low to high with about `about` of them. */
export function niceTicks(low: number, high: number, about: number): number[] {
  if (!(high > low)) return [low]
  const rough = (high - low) / Math.max(1, about)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999) ?? rough
  const first = Math.ceil(low / step - 1e-9)
  const ticks: number[] = []
  for (let i = first; i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)))
  return ticks
}

interface ValueAxis {
  low: number
  high: number
  ticks: number[]
  /** 0 at the bottom, 1 at the top. */
  place: (value: number) => number
}

function valueAxis(layers: readonly ArrayLike<number>[], rows: number, log: boolean, atLeast: number): ValueAxis {
  let greatest = atLeast
  let least = Infinity
  for (const layer of layers)
    for (let row = 0; row < rows; row++) {
      const value = layer[row]!
      if (!Number.isFinite(value)) continue
      if (value > greatest) greatest = value
      if (value > 0 && value < least) least = value
    }
  if (log) {
    const lowest = Math.floor(Math.log10(Math.min(least, Math.max(greatest, 1))))
    const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(greatest, 1e-300)) - 1e-9))
    const stride = Math.ceil((highest - lowest) / 6)
    const ticks = Array.from(
      { length: Math.floor((highest - lowest) / stride) + 1 },
      (_, i) => 10 ** (lowest + i * stride),
    )
    const place = (value: number) =>
      value > 0 ? Math.max(0, Math.min(1, (Math.log10(value) - lowest) / (highest - lowest))) : 0
    return { low: 10 ** lowest, high: 10 ** highest, ticks, place }
  }
  if (greatest <= 0) return { low: 0, high: 1, ticks: [0], place: (value) => Math.max(0, Math.min(1, value)) }
  let ticks = niceTicks(0, greatest, 4)
  const step = (ticks[1] ?? greatest) - (ticks[0] ?? 0)
  // the axis ends on a tick, so that the highest value has a line above it
  if ((ticks.at(-1) ?? 0) < greatest * 0.999) ticks = [...ticks, Number(((ticks.at(-1) ?? 0) + step).toPrecision(12))]
  const high = ticks.at(-1) ?? greatest
  return { low: 0, high, ticks, place: (value) => Math.max(0, Math.min(1, value / high)) }
}

/** Ticks of an axis of seconds, labelled in one unit throughout. */
export function timeAxis(
  begin: number,
  end: number,
  about: number,
): { ticks: number[]; label: (seconds: number) => string } {
  const ticks = niceTicks(begin, end, about)
  const greatest = Math.max(Math.abs(begin), Math.abs(end))
  const [factor, unit] =
    greatest >= 1 || greatest === 0
      ? [1, 's']
      : greatest >= 1e-3
        ? [1e3, 'ms']
        : greatest >= 1e-6
          ? [1e6, 'µs']
          : [1e9, 'ns']
  return { ticks, label: (seconds) => `${short(Number((seconds * factor).toPrecision(9)))} ${unit}` }
}

/** Each series on top of the ones before it. */
function stacked(series: readonly Series[], rows: number): Float64Array[] {
  let below = new Float64Array(rows)
  return series.map(({ values }) => {
    below = below.map((value, row) => value + (values[row]! > 0 && Number.isFinite(values[row]!) ? values[row]! : 0))
    return below
  })
}

type Point = readonly [number, number]

function stepPoints(
  edges: readonly number[],
  values: ArrayLike<number>,
  rows: number,
  y: (value: number) => number,
): Point[] {
  const points: Point[] = []
  for (let row = 0; row < rows; row++) {
    const at = round(y(values[row]!))
    points.push([edges[row]!, at], [edges[row + 1]!, at])
  }
  return points
}

/** Without the points in the middle of a level stretch, and without repetitions. */
function simplified(points: readonly Point[]): Point[] {
  const kept: Point[] = []
  points.forEach((point, i) => {
    const before = kept.at(-1)
    const after = points[i + 1]
    if (before && before[0] === point[0] && before[1] === point[1]) return
    if (before && after && before[1] === point[1] && after[1] === point[1]) return
    kept.push(point)
  })
  return kept
}

/** Level and upright pieces as H and V: half the length of a stepped outline. */
function pathOf(lines: readonly (readonly Point[])[]): string {
  const piece = ([x, y]: Point, before: Point | undefined) =>
    !before ? `M${x} ${y}` : before[1] === y ? `H${x}` : before[0] === x ? `V${y}` : `L${x} ${y}`
  return lines.map((points) => points.map((point, i) => piece(point, points[i - 1])).join('')).join('')
}

/** The stretches of rows that have a value to draw. */
function runsOf(values: ArrayLike<number>, rows: number, log: boolean): [number, number][] {
  const runs: [number, number][] = []
  for (let row = 0; row < rows; row++) {
    const value = values[row]!
    if (!Number.isFinite(value) || (log && value <= 0)) continue
    const open = runs.at(-1)
    if (open?.[1] === row) open[1] = row + 1
    else runs.push([row, row + 1])
  }
  return runs
}

/** Title and unit on the left, legend on the right. */
function head(
  chart: { title: string; unit: string; series: readonly Series[] },
  width: number,
  filled: boolean,
): string {
  let text = `<text x="0" y="13" class="pc-title">${escape(chart.title)}<tspan class="pc-unit" dx="6">${escape(chart.unit)}</tspan></text>`
  const widths = chart.series.map((series) => textWidth(series.label) + 30)
  let x = width - RIGHT - widths.reduce((sum, each) => sum + each, 0) + 12
  chart.series.forEach((series, i) => {
    const key = series.kind
      ? glyphAt(series.kind, x + 2, 4)
      : filled
        ? `<rect x="${x + 2}" y="4" width="10" height="10" rx="1" fill="${series.colour}" stroke="${paper.line}"/>`
        : `<path d="M${x} 9h14" stroke="${series.colour}" stroke-width="1.6"${series.dash ? ` stroke-dasharray="${series.dash}"` : ''}/>`
    text += `${key}<text x="${x + 18}" y="13">${escape(series.label)}</text>`
    x += widths[i]!
  })
  return text
}

function svg(
  width: number,
  height: number,
  chart: { title: string; unit: string; description: string },
  body: string,
): string {
  // ids must differ between the charts of one page
  const id = `c${digest(chart.title + chart.unit + chart.description + body)}`
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="chart" role="img" ` +
    `aria-labelledby="${id}t ${id}d" font-family="${FONT}" font-size="11" fill="${paper.text2}">` +
    `<title id="${id}t">${escape(chart.title)} (${escape(chart.unit)})</title><desc id="${id}d">${escape(chart.description)}</desc>` +
    `<style>.pc-title{font-weight:600;font-size:12.5px;fill:${paper.text}}.pc-unit{font-weight:400;font-size:11px;fill:${paper.text3}}` +
    `.pc-strong{fill:${paper.text}}text{font-variant-numeric:tabular-nums}</style>${body}</svg>`
  )
}

export const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const round = (value: number) => Math.round(value * 10) / 10

/** A guess good enough to set a legend: SVG cannot measure text without a window. */
const textWidth = (text: string) => Math.ceil(text.length * 6.1)

function digest(text: string): string {
  let hash = 2166136261
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619)
  return (hash >>> 0).toString(36)
}
