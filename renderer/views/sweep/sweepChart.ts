/** A total of a sweep against one of its fields: a line for each combination of the others, seeds as mean and interval. Pure. */
import type { AxisValue, SweepResult } from '../../../electron/contract/sweep.ts'
import { fieldLabel, settingText, valueText } from './sweepDraft.ts'

export interface ChartPoint {
  /** Place on the x axis, 0 to 1. */
  x: number
  value: number
  /** Half of the confidence interval; null where there is none. */
  half: number | null
  /** Where it is, in words: "RAM 400 frames, Page daemon lru". */
  place: string
  /** What is said of it: place and value. */
  text: string
  /** The run it stands for; null where several do. */
  run: number | null
}

export interface ChartLine {
  label: string
  points: ChartPoint[]
}

export interface SweepChart {
  xLabel: string
  /** Values of the field: proportional where they are numbers, else one next to the other. */
  xTicks: { x: number; label: string }[]
  yMax: number
  yTicks: number[]
  lines: ChartLine[]
}

export const isSeed = (field: string): boolean => field === 'seed' || field.endsWith('.seed')

/** Fields that a chart can have on its x axis: of several values, and no seed. */
export function chartFields({ fields }: SweepResult): string[] {
  return fields.filter(({ field, values }) => values.length > 1 && !isSeed(field)).map(({ field }) => field)
}

interface Place {
  point: readonly AxisValue[]
  value: number
  half: number | null
  run: number | null
}

/** Null where there is nothing to draw yet. */
export function sweepChart(result: SweepResult, field: string, measure: string): SweepChart | null {
  const names = result.fields.map((each) => each.field)
  const hasGroups = result.groups.length > 0
  const axes = hasGroups ? names.filter((name) => !isSeed(name)) : names
  const at = axes.indexOf(field)
  const values = result.fields.find((each) => each.field === field)?.values ?? []
  const places: Place[] = hasGroups
    ? result.groups.flatMap(({ point, measures }) => {
        const measured = measures[measure]
        return measured ? [{ point, value: measured.mean, half: measured.half, run: null }] : []
      })
    : result.cells.flatMap(({ point, measures, run }) => {
        const value = measures?.[measure]
        return value === undefined ? [] : [{ point, value, half: null, run }]
      })
  if (at < 0 || places.length === 0) return null
  const xOf = scaleOf(values)
  const lines = new Map<string, ChartLine>()
  for (const { point, value, half, run } of places) {
    const x = values.findIndex((each) => JSON.stringify(each) === JSON.stringify(point[at]))
    const others = axes.flatMap((name, i) => (i === at || values.length === 0 || countOf(result, name) < 2 ? [] : [settingText(name, point[i])]))
    const label = others.join(', ')
    const line = lines.get(label) ?? { label, points: [] }
    lines.set(label, line)
    const interval = half === null ? '' : ` ± ${numberText(half)}`
    const place = `${settingText(field, point[at])}${label === '' ? '' : `, ${label}`}`
    line.points.push({ x: xOf(x), value, half, run, place, text: `${place}: ${numberText(value)}${interval}` })
  }
  for (const line of lines.values()) line.points.sort((a, b) => a.x - b.x)
  const highest = Math.max(...places.map(({ value, half }) => value + (half ?? 0)))
  const yTicks = ticksTo(highest)
  return { xLabel: fieldLabel(field), xTicks: values.map((value, i) => ({ x: xOf(i), label: valueText(value) })), yMax: yTicks.at(-1) ?? 1, yTicks, lines: [...lines.values()] }
}

/**
 * The answer in a sentence or two: where the total is least and most, and the step of the axis at which it changes by the
 * largest factor. `unit` follows figures, and is '' where `total` says it.
 */
export function sweepAnswer({ lines }: SweepChart, total: string, unit: string): string {
  const points = lines.flatMap((line) => line.points)
  const [first] = points
  if (!first || points.length < 2) return ''
  const figure = (value: number): string => `${numberText(value)}${unit === '' ? '' : ` ${unit}`}`
  const least = points.reduce((a, b) => (b.value < a.value ? b : a), first)
  const most = points.reduce((a, b) => (b.value > a.value ? b : a), first)
  if (least.value === most.value) return `${total} is ${figure(least.value)} everywhere.`
  const equal = (point: ChartPoint): string => {
    const others = points.filter(({ value }) => value === point.value).length - 1
    return others === 0 ? '' : ` (and at ${others} more)`
  }
  const times = least.value > 0 ? `: ${timesText(most.value / least.value)} that` : ''
  const answer = `${total}: least ${figure(least.value)} at ${least.place}${equal(least)}, most ${figure(most.value)} at ${most.place}${equal(most)}${times}.`
  const steps = lines.flatMap((line) => line.points.slice(1).flatMap((point, i) => {
    const before = line.points[i]
    if (!before || before.value <= 0 || point.value <= 0) return []
    return [{ before, point, factor: Math.max(point.value / before.value, before.value / point.value) }]
  }))
  const [steepest] = steps.sort((a, b) => b.factor - a.factor)
  if (!steepest || steps.length < 2 || steepest.factor < 1.5) return answer
  const { before, point, factor } = steepest
  return `${answer} The steepest step, ${timesText(factor)}, is from ${figure(before.value)} at ${before.place} to ${figure(point.value)} at ${point.place}.`
}
const timesText = (factor: number): string => `${Number(factor.toPrecision(3)).toLocaleString('en-US')} times`

const countOf = ({ fields }: SweepResult, name: string): number => fields.find((each) => each.field === name)?.values.length ?? 0

/** From a value's place in its list to 0 to 1. */
function scaleOf(values: readonly AxisValue[]): (i: number) => number {
  const numbers = values.flatMap((value) => (typeof value === 'number' ? [value] : []))
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)]
  if (numbers.length === values.length && high > low) return (i) => ((numbers[i] ?? low) - low) / (high - low)
  return (i) => (values.length < 2 ? 0.5 : i / (values.length - 1))
}

/** Where a value stands between the least and the most of `values`: 0 to 7. */
export function shadeIn(values: readonly number[]): (value: number) => number {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return (value) => (high > low ? Math.min(7, Math.floor(((value - low) / (high - low)) * 8)) : 0)
}

/** 0 and round numbers beyond, the last at or above `highest`; three to six of them. */
export function ticksTo(highest: number): number[] {
  if (!(highest > 0)) return [0, 1]
  const rough = highest / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const count = Math.ceil(highest / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)))
}

/** Four digits; whole numbers whole. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return Math.abs(value) >= 1000 ? value.toLocaleString('en-US', { maximumFractionDigits: 0 }) : String(Number(value.toPrecision(4)))
}
