/** The charts of a run's page, as data. One list for the overview, one per device; the columns they need follow from them. */
import type { RunDetail } from '../../electron/contract/contract.ts'
import { formatSi, PAGE_BYTES } from '../format.ts'
import { roundUp } from '../range.ts'
import type { ChartSeries, ChartSpec, ChartThreshold } from './chartTypes.ts'
import { busyOf, greatestOf, leastOf, meanOf, quotientOf, rateOf, type RowValue } from './tiles.ts'

/** Devices, and runs in a comparison, are told apart by stroke, then by lightness. */
export const strokes: readonly { colour: string; dash: number[]; width: number }[] = [
  { colour: '--run-a', dash: [], width: 1.5 },
  { colour: '--run-b', dash: [6, 3], width: 1.5 },
  { colour: '--run-c', dash: [2, 3], width: 1.75 },
  { colour: '--run-b', dash: [], width: 1.5 },
  { colour: '--run-a', dash: [8, 3, 2, 3], width: 1.5 },
  { colour: '--run-c', dash: [1, 2], width: 1.5 },
]
const fills = ['--q-active', '--q-inactive', '--own-1', '--own-3', '--own-6', '--own-5']
const strokeOf = (i: number) => strokes[i % strokes.length] ?? { colour: '--run-a', dash: [], width: 1.5 }

const negative =
  (value: RowValue): RowValue =>
  (tiles, row) =>
    -value(tiles, row)

const MIB_PER_PAGE = PAGE_BYTES / 1048576
const mib =
  (value: RowValue): RowValue =>
  (tiles, row) =>
    value(tiles, row) * MIB_PER_PAGE

type DeviceName = { name: string }

/** Columns of a device's metrics in a sample, by its number. */
export const deviceColumn = (device: number, metric: string): string => `device${device}.${metric}`

/** Thresholds of free pages, in the order in which they are reached. */
export function freeThresholds(thresholds: Record<string, number>): ChartThreshold[] {
  const names: Record<string, string> = { freeTarget: 'target', freeMin: 'min', freeSevere: 'severe', freeReserved: 'reserved' }
  return Object.entries(names).flatMap(([name, label]) => {
    const value = thresholds[name]
    return value === undefined || value <= 0 ? [] : [{ label: `${label} ${formatSi(value)}`, value }]
  })
}

const rateSeries = (label: string, metric: string, colour: string, extra: Partial<ChartSeries> = {}): ChartSeries => ({ label, metric, colour, value: rateOf(metric), ...extra })
const gaugeSeries = (label: string, metric: string, colour: string, extra: Partial<ChartSeries> = {}): ChartSeries => ({ label, metric, colour, value: meanOf(metric), ...extra })

function deviceCharts(devices: readonly DeviceName[]): ChartSpec[] {
  return [
    {
      id: 'swap-use',
      title: 'Swap in use',
      unit: 'MiB',
      hint: 'Swap blocks in use on each device.',
      format: 'si',
      series: devices.map((device, i) => ({
        label: device.name,
        metric: '',
        colour: fills[i % fills.length] ?? '--q-active',
        value: mib(meanOf(deviceColumn(i, 'used'))),
        stack: 'used',
      })),
    },
    {
      id: 'utilisation',
      title: 'Device utilisation',
      unit: '% busy',
      hint: 'Share of virtual time in which a device was busy.',
      format: 'si',
      atLeast: 100,
      series: devices.map((device, i) => ({ label: device.name, metric: '', value: busyOf(deviceColumn(i, 'busyNs')), ...strokeOf(i) })),
    },
    {
      id: 'latency',
      dots: true,
      title: 'Mean latency',
      unit: 'ms per request, log scale',
      hint: 'From submission of a request to its completion, queueing included; a gap where there was no request.',
      format: 'si',
      series: devices.map((device, i) => ({
        label: device.name,
        metric: '',
        value: quotientOf(deviceColumn(i, 'latencyNs'), [deviceColumn(i, 'reads'), deviceColumn(i, 'writes')], 1e-6),
        ...strokeOf(i),
      })),
    },
  ]
}

const faultCharts: ChartSpec[] = [
  {
    id: 'faults',
    cutsPeaks: true,
    title: 'Faults by kind',
    unit: 'faults/s',
    hint: 'Page faults by what answered them; each page-in from swap or a file answers one.',
    format: 'si',
    series: [
      rateSeries('swap in', 'swapins', '--ev-swapin', { glyph: 'swapin', stack: 'faults' }),
      rateSeries('file in', 'vnodeins', '--ev-filein', { glyph: 'filein', stack: 'faults' }),
      rateSeries('zero fill', 'zeroFills', '--ev-zero', { glyph: 'zero', stack: 'faults' }),
      rateSeries('resident', 'softFaults', '--ev-fault', { glyph: 'fault', stack: 'faults' }),
    ],
  },
  {
    id: 'swaps',
    cutsPeaks: true,
    title: 'Swapins and swapouts',
    unit: 'requests/s',
    hint: 'Reads from and writes to swap devices; one request may carry many pages.',
    format: 'si',
    series: [
      rateSeries('swapins', 'swapins', '--ev-swapin', { glyph: 'swapin' }),
      rateSeries('swapouts', 'swapouts', '--ev-swapout', { glyph: 'swapout' }),
    ],
  },
  {
    id: 'pages',
    cutsPeaks: true,
    title: 'Pages in and out',
    unit: 'pages/s',
    hint: 'Pages moved between memory and swap or files, read-ahead included: in above the line, out below it.',
    format: 'si',
    series: [
      rateSeries('swap in', 'pagesIn', '--ev-swapin', { glyph: 'swapin', stack: 'in' }),
      rateSeries('file in', 'vnodePagesIn', '--ev-filein', { glyph: 'filein', stack: 'in' }),
      rateSeries('swap out', 'pagesOut', '--ev-swapout', { glyph: 'swapout', stack: 'out', value: negative(rateOf('pagesOut')) }),
      rateSeries('file out', 'vnodePagesOut', '--ev-fileout', { glyph: 'fileout', stack: 'out', value: negative(rateOf('vnodePagesOut')) }),
    ],
  },
]

function memoryCharts(thresholds: Record<string, number>): ChartSpec[] {
  const lines = freeThresholds(thresholds)
  const highest = Math.max(0, ...lines.map((line) => line.value))
  return [
    {
      id: 'free',
      title: 'Free pages',
      unit: 'pages, mean with extremes',
      hint: 'Free page frames against the thresholds of the page daemon; above the plot there are more.',
      format: 'count',
      thresholds: lines,
      ...(highest > 0 ? { atMost: roundUp(highest * 2) } : {}),
      series: [gaugeSeries('free', 'freePages', '--ink', { band: { low: leastOf('freePages'), high: greatestOf('freePages') } })],
    },
    {
      id: 'queues',
      title: 'Page queues',
      unit: 'pages',
      hint: 'Page frames by the queue they are on.',
      format: 'count',
      series: [
        gaugeSeries('wired', 'wiredPages', '--q-wired', { stack: 'queues' }),
        gaugeSeries('active', 'activePages', '--q-active', { stack: 'queues' }),
        gaugeSeries('inactive', 'inactivePages', '--q-inactive', { stack: 'queues' }),
        gaugeSeries('laundry', 'laundryPages', '--q-laundry', { stack: 'queues' }),
        gaugeSeries('unswappable', 'unswappablePages', '--q-unswappable', { stack: 'queues' }),
      ],
    },
  ]
}

type ChartedRun = Pick<RunDetail, 'thresholds' | 'devices'>

/** The charts of the overview. */
export function overviewCharts(run: ChartedRun): ChartSpec[] {
  const [faults, swaps, pages] = faultCharts
  const [free, queues] = memoryCharts(run.thresholds)
  const charts = [faults, swaps, pages, free, queues, ...(run.devices.length > 0 ? deviceCharts(run.devices) : [])]
  return charts.filter((chart) => chart !== undefined)
}

/** The charts of one device. */
export function chartsOfDevice(device: number, name: string): ChartSpec[] {
  const column = (metric: string) => deviceColumn(device, metric)
  return [
    {
      id: `device-${device}-pages`,
      cutsPeaks: true,
      title: name,
      unit: 'pages/s',
      hint: 'Pages read from this device above the line, written to it below.',
      format: 'si',
      series: [
        rateSeries('read', column('pagesRead'), '--ev-swapin', { glyph: 'swapin', stack: 'in' }),
        rateSeries('written', column('pagesWritten'), '--ev-swapout', { glyph: 'swapout', stack: 'out', value: negative(rateOf(column('pagesWritten'))) }),
      ],
    },
    {
      id: `device-${device}-busy`,
      title: 'Utilisation',
      about: name,
      unit: '% busy',
      hint: 'Share of virtual time in which the device was busy.',
      format: 'si',
      atLeast: 100,
      series: [{ label: 'busy', metric: '', value: busyOf(column('busyNs')), ...strokeOf(0) }],
    },
    {
      id: `device-${device}-queue`,
      title: 'Queue',
      about: name,
      unit: 'requests',
      hint: 'Requests that the device has, the one it works on included: mean and most of the moments that were sampled.',
      format: 'si',
      series: [
        { label: 'mean', metric: '', value: meanOf(column('queue')), ...strokeOf(0) },
        { label: 'most', metric: '', value: greatestOf(column('queue')), ...strokeOf(1) },
      ],
    },
    {
      id: `device-${device}-latency`,
      dots: true,
      about: name,
      title: 'Mean latency',
      unit: 'ms per request, log scale',
      hint: 'From submission of a request to its completion, queueing included; a gap where there was no request.',
      format: 'si',
      series: [{ label: 'latency', metric: '', value: quotientOf(column('latencyNs'), [column('reads'), column('writes')], 1e-6), ...strokeOf(0) }],
    },
  ]
}

/** The sample columns that the overview's charts read. */
export function overviewColumns(devices: number): string[] {
  const counters = ['swapins', 'vnodeins', 'zeroFills', 'softFaults', 'swapouts', 'pagesIn', 'pagesOut', 'vnodePagesIn', 'vnodePagesOut']
  const gauges = ['freePages', 'wiredPages', 'activePages', 'inactivePages', 'laundryPages', 'unswappablePages']
  return [...counters, ...gauges, ...deviceColumns(devices, ['used', 'busyNs', 'latencyNs', 'reads', 'writes'])]
}

/** Those of them whose extremes are shown. */
export const overviewExtremes: readonly string[] = ['freePages']

/** The given metrics of the first `devices` devices. */
export function deviceColumns(devices: number, metrics: readonly string[]): string[] {
  return Array.from({ length: devices }, (_, device) => metrics.map((metric) => deviceColumn(device, metric))).flat()
}
