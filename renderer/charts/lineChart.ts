/**
 * Chart.js as the workbench uses it: lines and steps over virtual time, no animation, no hover of its own (cursor,
 * selection and legend belong to the page), a fixed gutter so that the cursor lines up across a column of charts.
 */
import { Chart, Filler, LinearScale, LineController, LineElement, LogarithmicScale, PointElement, type ChartDataset, type Plugin } from 'chart.js'
import { decimalsOf, timeUnitOf } from '../format.ts'
import { ticksOf, type Span } from '../range.ts'
import { token } from '../theme.ts'
import type { ChartSpec } from './chartTypes.ts'
import { pointsOf, type Point, type SampleTiles } from './tiles.ts'

Chart.register(LineController, LineElement, PointElement, LinearScale, LogarithmicScale, Filler)

/** Where the plot lies in the canvas, in CSS pixels; overlays are placed by it. */
export const plotInsets = { left: 48, right: 10, top: 6, bottom: 18 } as const

export type RunLineChart = Chart<'line', Point[]>

interface Drawn {
  spec: ChartSpec
  ink: string
  line: string
  surface: string
}

/** Dashed lines with halved labels at thresholds; labels that would touch share one line of text. */
function thresholdPlugin(drawn: () => Drawn): Plugin<'line'> {
  return {
    id: 'thresholds',
    afterDatasetsDraw(chart) {
      const { spec, ink, line, surface } = drawn()
      const scale = chart.scales.y
      if (!scale || !spec.thresholds || spec.thresholds.length === 0) return
      const { ctx, chartArea } = chart
      const shown = spec.thresholds
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
      ctx.font = `11px ${token('--font-ui')}`
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

function datasetsOf(spec: ChartSpec, tiles: SampleTiles): ChartDataset<'line', Point[]>[] {
  const datasets: ChartDataset<'line', Point[]>[] = []
  const lastOfStack = new Map<string, number>()
  for (const series of spec.series) {
    const source = series.tiles ?? tiles
    const colour = token(series.colour)
    const stepped = source.rows <= STEPPED_UP_TO
    const base = { parsing: false, normalized: true, pointRadius: 0, stepped, borderJoinStyle: 'round', spanGaps: false } as const
    if (series.band) {
      datasets.push({ ...base, data: pointsOf(source, series.band.low), borderWidth: 0, fill: false, stack: `${series.label} low` })
      datasets.push({ ...base, data: pointsOf(source, series.band.high), borderWidth: 0, backgroundColor: withAlpha(colour, 0.16), fill: '-1', stack: `${series.label} high` })
    }
    if (spec.dots) {
      const pointStyle = dotStyles[datasets.length % dotStyles.length] ?? 'circle'
      datasets.push({ ...base, data: pointsOf(source, series.value).slice(0, -1), showLine: false, pointRadius: 1.6, pointStyle, pointBorderWidth: 1, borderColor: colour, backgroundColor: colour, stack: series.label })
      continue
    }
    if (series.stack === undefined) {
      datasets.push({ ...base, data: pointsOf(source, series.value), borderColor: colour, borderWidth: series.width ?? 1.5, borderDash: series.dash ?? [], fill: false, stack: series.label })
      continue
    }
    const below = lastOfStack.get(series.stack)
    lastOfStack.set(series.stack, datasets.length)
    datasets.push({ ...base, data: pointsOf(source, series.value), borderWidth: 0, backgroundColor: withAlpha(colour, 0.92), fill: below === undefined ? 'origin' : below, stack: series.stack })
  }
  return datasets
}

/** Labels of a time axis; the last carries the unit. */
function timeTicks(span: Span, width: number): { value: number; label: string }[] {
  const unit = timeUnitOf(span.to - span.from)
  const { ticks, step } = ticksOf(span.from / unit.ns, span.to / unit.ns, Math.max(2, Math.floor(width / 90)))
  const decimals = decimalsOf(step)
  return ticks.map((tick, i) => ({
    value: tick * unit.ns,
    label: `${tick.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })}${i === ticks.length - 1 ? ` ${unit.name}` : ''}`,
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

const isPowerOfTen = (value: number) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9

export class LineChart {
  readonly chart: RunLineChart
  private spec: ChartSpec
  private timeLabels = new Map<number, string>()

  constructor(canvas: HTMLCanvasElement, spec: ChartSpec) {
    this.spec = spec
    const drawn = (): Drawn => ({ spec: this.spec, ink: token('--text-2'), line: token('--text-3'), surface: token('--surface') })
    const labelOf = (value: number | string) => this.spec.format(Math.abs(Number(value)))
    this.chart = new Chart<'line', Point[]>(canvas, {
      type: 'line',
      data: { datasets: [] },
      plugins: [thresholdPlugin(drawn)],
      options: {
        animation: false,
        responsive: true,
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
            type: spec.dots ? 'logarithmic' : 'linear',
            stacked: !spec.dots,
            border: { display: false },
            grid: { drawTicks: false },
            ticks: { font: { size: 11 }, padding: 6, maxTicksLimit: 5, callback: (value) => labelOf(value) },
            afterBuildTicks: (axis) => {
              if (spec.dots) axis.ticks = axis.ticks.filter(({ value }) => isPowerOfTen(value))
            },
            afterFit: (axis) => {
              axis.width = plotInsets.left
            },
          },
        },
      },
    })
  }

  /** Draws anew. Colours are read from the tokens each time, so that a change of theme is one more draw. */
  draw(spec: ChartSpec, tiles: SampleTiles, span: Span, cut: number | null = null): void {
    this.spec = spec
    const chart = this.chart
    const scales = chart.options.scales
    const grid = token('--grid')
    const text = token('--text-3')
    const font = { size: 11, family: token('--font-ui') }
    if (scales?.x) {
      scales.x.min = span.from
      scales.x.max = span.to
      Object.assign(scales.x.grid ?? {}, { color: grid })
      Object.assign(scales.x.border ?? {}, { color: token('--line-strong') })
      Object.assign(scales.x.ticks ?? {}, { color: text, font })
    }
    if (scales?.y) {
      const hasNegative = spec.series.some((series) => series.stack === 'out')
      const end = cut ?? spec.atMost
      if (!spec.dots) {
        Object.assign(scales.y, { suggestedMin: 0, suggestedMax: spec.atLeast ?? 1, beginAtZero: true })
        if (!hasNegative) scales.y.min = 0
        else if (cut !== null) scales.y.min = -cut
        else delete scales.y.min
        if (end !== undefined) scales.y.max = end
        else delete scales.y.max
      }
      Object.assign(scales.y.grid ?? {}, { color: grid })
      const height = chart.height - plotInsets.top - plotInsets.bottom
      Object.assign(scales.y.ticks ?? {}, { color: text, font, maxTicksLimit: height > 160 ? 6 : height > 90 ? 5 : 3 })
    }
    const datasets = datasetsOf(spec, tiles)
    const decades = spec.dots ? decadesAround(datasets.flatMap(({ data }) => data.map(({ y }) => y))) : null
    if (scales?.y && decades) Object.assign(scales.y, { min: decades.from, max: decades.to })
    chart.data.datasets = datasets
    chart.update('none')
  }

  destroy(): void {
    this.chart.destroy()
  }
}
