/**
 * Chart.js as the workbench uses it: lines and steps over virtual time, no animation, no hover of its own (cursor,
 * selection and legend belong to the page), a fixed gutter so that the cursor lines up across a column of charts.
 * It paints what chartDrawing.ts says and knows nothing of the page: it runs on a thread of its own.
 */
import { Chart, Filler, LinearScale, LineController, LineElement, LogarithmicScale, PointElement, type ChartDataset, type ChartItem, type Plugin } from 'chart.js'
import { decimalsOf, formatFixed, numberFormats, timeUnitOf } from '../format.ts'
import { ticksOf, type Span } from '../range.ts'
import type { ChartDrawing, DrawnSeries } from './chartDrawing.ts'
import { plotInsets } from './plotInsets.ts'

Chart.register(LineController, LineElement, PointElement, LinearScale, LogarithmicScale, Filler)

interface Point {
  x: number
  y: number
}
export type RunLineChart = Chart<'line', Point[]>

/** Dashed lines with halved labels at thresholds; labels that would touch share one line of text. */
function thresholdPlugin(drawn: () => ChartDrawing): Plugin<'line'> {
  return {
    id: 'thresholds',
    afterDatasetsDraw(chart) {
      const {
        thresholds,
        colours: { ink, line, surface, font },
      } = drawn()
      const scale = chart.scales.y
      if (!scale || thresholds.length === 0) return
      const { ctx, chartArea } = chart
      const shown = thresholds
        .map((threshold) => ({ ...threshold, y: scale.getPixelForValue(threshold.value) }))
        .filter(({ y }) => y >= chartArea.top - 1 && y <= chartArea.bottom + 1)
        .sort((a, b) => a.y - b.y)
      ctx.save()
      ctx.strokeStyle = line
      ctx.setLineDash([4, 3])
      ctx.lineWidth = 1
      for (const { y } of shown) {
        ctx.beginPath()
        ctx.moveTo(chartArea.left, Math.round(y) + 0.5)
        ctx.lineTo(chartArea.right, Math.round(y) + 0.5)
        ctx.stroke()
      }
      ctx.setLineDash([])
      ctx.font = `11px ${font}`
      ctx.textAlign = 'right'
      ctx.lineJoin = 'round'
      const groups: { text: string; top: number; bottom: number }[] = []
      for (const { label, y } of shown) {
        const group = groups.at(-1)
        if (group && y - group.bottom < 13) {
          group.text = `${group.text}, ${label}`
          group.bottom = y
        } else groups.push({ text: label, top: y, bottom: y })
      }
      for (const { text, top, bottom } of groups) {
        const below = top - chartArea.top < 14 || bottom > top
        const y = below ? Math.min(chartArea.bottom - 3, bottom + 12) : top - 4
        ctx.strokeStyle = surface
        ctx.lineWidth = 3
        ctx.strokeText(text, chartArea.right - 4, y)
        ctx.fillStyle = ink
        ctx.fillText(text, chartArea.right - 4, y)
      }
      ctx.restore()
    },
  }
}

function withAlpha(colour: string, alpha: number): string {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour)
  if (!hex) return colour
  const [, r = '0', g = '0', b = '0'] = hex
  return `rgba(${parseInt(r, 16)},${parseInt(g, 16)},${parseInt(b, 16)},${alpha})`
}

const dotStyles = ['circle', 'crossRot', 'rectRot', 'triangle', 'rect', 'cross'] as const

/** Few points are drawn as the steps they are, many as a line: there a step is a pixel. */
const STEPPED_UP_TO = 300

function pointsOf(x: Float64Array, y: Float64Array): Point[] {
  return Array.from(x, (moment, i) => ({ x: moment, y: y[i]! }))
}

function datasetsOf({ series: all, isDots }: ChartDrawing): ChartDataset<'line', Point[]>[] {
  const datasets: ChartDataset<'line', Point[]>[] = []
  const lastOfStack = new Map<string, number>()
  for (const { label, x, y, band, colour, dash, width, stack } of all) {
    const base = { parsing: false, normalized: true, pointRadius: 0, stepped: x.length <= STEPPED_UP_TO, borderJoinStyle: 'round', spanGaps: false } as const
    if (band) {
      datasets.push({ ...base, data: pointsOf(x, band.low), borderWidth: 0, fill: false, stack: `${label} low` })
      datasets.push({ ...base, data: pointsOf(x, band.high), borderWidth: 0, backgroundColor: withAlpha(colour, 0.16), fill: '-1', stack: `${label} high` })
    }
    if (isDots) {
      const pointStyle = dotStyles[datasets.length % dotStyles.length] ?? 'circle'
      datasets.push({ ...base, data: pointsOf(x, y).slice(0, -1), showLine: false, pointRadius: 1.6, pointStyle, pointBorderWidth: 1, borderColor: colour, backgroundColor: colour, stack: label })
      continue
    }
    if (stack === null) {
      datasets.push({ ...base, data: pointsOf(x, y), borderColor: colour, borderWidth: width, borderDash: dash, fill: false, stack: label })
      continue
    }
    const below = lastOfStack.get(stack)
    lastOfStack.set(stack, datasets.length)
    datasets.push({ ...base, data: pointsOf(x, y), borderWidth: 0, backgroundColor: withAlpha(colour, 0.92), fill: below === undefined ? 'origin' : below, stack })
  }
  return datasets
}

/** Pixels that half a label and its unit take. */
const ROOM_AT_END = 16

/** Labels of a time axis; the last carries the unit. */
function timeTicks(span: Span, width: number): { value: number; label: string }[] {
  const unit = timeUnitOf(span.to - span.from)
  const { ticks: all, step } = ticksOf(span.from / unit.ns, span.to / unit.ns, Math.max(2, Math.floor(width / 90)))
  // a label at the very end would be cut off
  const ticks = all.filter((tick) => (span.to - tick * unit.ns) * width >= ROOM_AT_END * (span.to - span.from))
  const decimals = decimalsOf(step)
  return ticks.map((tick, i) => ({
    value: tick * unit.ns,
    label: `${formatFixed(tick, decimals)}${i === ticks.length - 1 ? ` ${unit.name}` : ''}`,
  }))
}

/** Ends of a logarithmic axis: a little around the values, and far enough that two powers of ten are in it. */
function decadesAround(values: readonly number[]): Span | null {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value))
  if (positive.length === 0) return null
  const low = Math.log10(Math.min(...positive)) - 0.15
  const high = Math.log10(Math.max(...positive)) + 0.15
  const enough = Math.floor(high) - Math.ceil(low) >= 1
  return { from: 10 ** (enough ? low : Math.floor(low)), to: 10 ** (enough ? high : Math.ceil(high)) }
}

/** Without those that would touch the label of an end that is no multiple of the step. */
function apart<Tick extends { value: number }>(ticks: Tick[]): Tick[] {
  const [first, second, third] = ticks
  const last = ticks.at(-1)
  if (!first || !second || !third || !last || ticks.length < 4) return ticks
  const least = (third.value - second.value) * 0.6
  return ticks.filter((tick) => tick === first || tick === last || Math.min(tick.value - first.value, last.value - tick.value) >= least)
}

const isPowerOfTen = (value: number) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9

const hasNegative = (series: readonly DrawnSeries[]): boolean => series.some(({ stack }) => stack === 'out')

export class LineChart {
  readonly chart: RunLineChart
  private drawing: ChartDrawing
  private timeLabels = new Map<number, string>()

  constructor(canvas: OffscreenCanvas, first: ChartDrawing) {
    this.drawing = first
    const { isDots } = first
    const labelOf = (value: number | string) => numberFormats[this.drawing.format](Math.abs(Number(value)))
    // @ts-expect-error -- Chart.js paints on such a canvas, as its documentation says; its types know those of a page only
    const item: ChartItem = canvas
    this.chart = new Chart<'line', Point[]>(item, {
      type: 'line',
      data: { datasets: [] },
      plugins: [thresholdPlugin(() => this.drawing)],
      options: {
        animation: false,
        responsive: false,
        devicePixelRatio: first.ratio,
        maintainAspectRatio: false,
        events: [],
        layout: { padding: { left: 0, right: plotInsets.right, top: plotInsets.top, bottom: 0 } },
        scales: {
          x: {
            type: 'linear',
            border: { display: true },
            grid: { drawTicks: false },
            ticks: { maxRotation: 0, autoSkip: false, font: { size: 11 }, padding: 4, callback: (value) => this.timeLabels.get(Number(value)) ?? '' },
            afterBuildTicks: (axis) => {
              const ticks = timeTicks({ from: axis.min, to: axis.max }, axis.chart.width - plotInsets.left - plotInsets.right)
              this.timeLabels = new Map(ticks.map((tick) => [tick.value, tick.label]))
              axis.ticks = ticks
            },
            afterFit: (axis) => {
              axis.height = plotInsets.bottom
              axis.paddingLeft = 0
              axis.paddingRight = 0
            },
          },
          y: {
            type: isDots ? 'logarithmic' : 'linear',
            stacked: !isDots,
            border: { display: false },
            grid: { drawTicks: false },
            ticks: { font: { size: 11 }, padding: 6, maxTicksLimit: 5, callback: (value) => labelOf(value) },
            afterBuildTicks: (axis) => {
              axis.ticks = isDots ? axis.ticks.filter(({ value }) => isPowerOfTen(value)) : apart(axis.ticks)
            },
            afterFit: (axis) => {
              axis.width = plotInsets.left
            },
          },
        },
      },
    })
  }

  draw(drawing: ChartDrawing): void {
    this.drawing = drawing
    const { chart } = this
    const { width, height, ratio, span, series, isDots, atLeast, atMost, colours } = drawing
    if (chart.width !== width || chart.height !== height || chart.currentDevicePixelRatio !== ratio) {
      chart.options.devicePixelRatio = ratio
      chart.resize(width, height)
    }
    const scales = chart.options.scales
    const font = { size: 11, family: colours.font }
    if (scales?.x) {
      scales.x.min = span.from
      scales.x.max = span.to
      Object.assign(scales.x.grid ?? {}, { color: colours.grid })
      Object.assign(scales.x.border ?? {}, { color: colours.border })
      Object.assign(scales.x.ticks ?? {}, { color: colours.text, font })
    }
    if (scales?.y) {
      if (!isDots) {
        Object.assign(scales.y, { suggestedMin: 0, suggestedMax: atLeast ?? 1, beginAtZero: true })
        if (!hasNegative(series)) scales.y.min = 0
        else if (atMost !== null) scales.y.min = -atMost
        else delete scales.y.min
        if (atMost !== null) scales.y.max = atMost
        else delete scales.y.max
      }
      Object.assign(scales.y.grid ?? {}, { color: colours.grid })
      const plotHeight = height - plotInsets.top - plotInsets.bottom
      Object.assign(scales.y.ticks ?? {}, { color: colours.text, font, maxTicksLimit: plotHeight > 160 ? 6 : plotHeight > 90 ? 5 : 3, precision: drawing.format === 'count' ? 0 : undefined })
    }
    const datasets = datasetsOf(drawing)
    const decades = isDots ? decadesAround(datasets.flatMap(({ data }) => data.map(({ y }) => y))) : null
    if (scales?.y && decades) Object.assign(scales.y, { min: decades.from, max: decades.to })
    // datasets that are the same but for their points keep what has been worked out about them
    const shown = chart.data.datasets
    if (shown.length === datasets.length) shown.forEach((dataset, i) => Object.assign(dataset, datasets[i]))
    else chart.data.datasets = datasets
    chart.update('none')
  }

  destroy(): void {
    this.chart.destroy()
  }
}
