/**
 * The run that is looked at: its details, the shared time range, and the samples that strip, charts and totals read.
 *
 * Samples are asked for by range: the strip's over the whole run, the charts' over what is shown, the totals' over what
 * is counted. While a run goes on they are asked for again a few times a second, never while an answer is outstanding.
 */
import { defineStore } from 'pinia'
import { computed, markRaw, ref, shallowRef, watch } from 'vue'
import type { Params, RunDetail, RunMessage, RunProgress, Totals } from '../../electron/contract/contract.ts'
import { noNames, ObjectNames } from '../../electron/contract/objectNames.ts'
import type { ChartScene } from '../charts/chartTypes.ts'
import { decodeSamples, noTiles, sumOver, type SampleTiles } from '../charts/tiles.ts'
import { afterFrame, nextFrame } from '../frames.ts'
import { notifyProblem, problemText } from '../notify.ts'
import { oneAtATime } from '../oneAtATime.ts'
import * as ranges from '../range.ts'
import type { Span } from '../range.ts'
import { useConnection } from './connection.ts'
import { isLive, useRuns } from './runs.ts'

const REFRESH_MS = 250
const STRIP_BUCKETS = 512
/** A run that has just begun may have none stored yet; one that is not recorded never has. */
const NAMES_ASKED_MAX = 5
const SELECTION_BUCKETS = 512
/** A selection that is drawn is summed up exactly when it has stood still for as long. */
const SETTLED_MS = 150
/** A run that has hardly begun is shown on an axis of this length. */
const LIVE_EXTENT_NS = 1e6

/** Counters that the totals of a part of a run are summed from. */
export const totalledCounters = [
  'references',
  'faults',
  'softFaults',
  'zeroFills',
  'copyOnWriteFaults',
  'swapins',
  'pagesIn',
  'swapouts',
  'pagesOut',
  'vnodeins',
  'vnodePagesIn',
  'vnodeouts',
  'vnodePagesOut',
  'evictions',
  'deviceReads',
  'deviceWrites',
  'bytesRead',
  'bytesWritten',
  'bytesVerified',
] as const
export type TotalledCounter = (typeof totalledCounters)[number]
export type CountedTotals = Record<TotalledCounter, number>

/** The totals of a whole run, as far as they are sums of counters. */
export function countersOf(totals: Totals): CountedTotals {
  return totals
}

/** Sums of counters over a span of samples. */
export function totalsOver(tiles: SampleTiles, span: Span): CountedTotals {
  const sum = (name: TotalledCounter) => sumOver(tiles, name, span)
  return {
    references: sum('references'),
    faults: sum('faults'),
    softFaults: sum('softFaults'),
    zeroFills: sum('zeroFills'),
    copyOnWriteFaults: sum('copyOnWriteFaults'),
    swapins: sum('swapins'),
    pagesIn: sum('pagesIn'),
    swapouts: sum('swapouts'),
    pagesOut: sum('pagesOut'),
    vnodeins: sum('vnodeins'),
    vnodePagesIn: sum('vnodePagesIn'),
    vnodeouts: sum('vnodeouts'),
    vnodePagesOut: sum('vnodePagesOut'),
    evictions: sum('evictions'),
    deviceReads: sum('deviceReads'),
    deviceWrites: sum('deviceWrites'),
    bytesRead: sum('bytesRead'),
    bytesWritten: sum('bytesWritten'),
    bytesVerified: sum('bytesVerified'),
  }
}

const nothingCharted: { span: Span; tiles: SampleTiles } = { span: { from: 0, to: 1 }, tiles: noTiles }

export const useRunView = defineStore('runView', () => {
  const connection = useConnection()
  const runs = useRuns()

  const id = ref<number | null>(null)
  const detail = shallowRef<RunDetail | null>(null)
  const problem = ref('')
  /** What its objects are called. */
  const names = shallowRef(noNames)
  let namesAsked = 0
  const messages = shallowRef<RunMessage[]>([])
  const range = shallowRef(ranges.emptyRange)

  /** Columns that the open tab's charts need, of which of them least and greatest value too, and how many buckets they can show. */
  const wanted = shallowRef<{ columns: readonly string[]; extremes?: readonly string[]; buckets: number }>({ columns: [], buckets: 512 })
  const strip = shallowRef<SampleTiles>(noTiles)
  /** What charts show: a span and its samples in one, so that they are drawn once for each answer; the strip shows a new range at once. */
  const charted = shallowRef(nothingCharted)
  const charts = computed(() => charted.value.tiles)
  /** A selection's own samples: finer than those of the charts. */
  const selectionTiles = shallowRef<{ span: Span; tiles: SampleTiles } | null>(null)
  const samplesProblem = ref('')

  const speed = ref(0)

  const progress = computed<RunProgress | null>(() => (id.value === null ? null : (runs.progress.get(id.value) ?? null)))
  const status = computed(() => progress.value?.status ?? detail.value?.status ?? 'interrupted')
  const live = computed(() => isLive(status.value))
  /** One that is not has no samples, events or moments; its totals and messages are known for a while. */
  const isRecorded = computed(() => id.value !== null && runs.isRecorded(id.value))
  const virtualNs = computed(() => Math.max(progress.value?.virtualNs ?? 0, detail.value?.endTimeNs ?? 0))
  const totals = computed<Totals | null>(() => progress.value?.totals ?? detail.value?.totals ?? null)

  const span = computed(() => ranges.visible(range.value))
  const countedSpan = computed(() => ranges.counted(range.value))
  // by itself, as what depends on it does not on the cursor
  const selection = computed(() => range.value.selection)
  const whole = computed(() => ranges.isWhole(range.value))
  /** Totals of what is counted, and of which span: exact for the whole run, from samples otherwise; those of a range change with the charts. */
  const counted = computed<{ span: Span; totals: CountedTotals | null }>(() => {
    if (whole.value) return { span: { from: 0, to: virtualNs.value }, totals: totals.value && countersOf(totals.value) }
    const selected = selection.value
    if (selected === null) return { span: charted.value.span, totals: totalsOver(charts.value, charted.value.span) }
    const exact = selectionTiles.value
    const isExact = exact !== null && exact.span.from <= selected.from && exact.span.to >= selected.to
    return { span: selected, totals: totalsOver(isExact ? exact.tiles : charts.value, selected) }
  })

  const scene = markRaw<ChartScene>({
    get tiles() {
      return charts.value
    },
    get span() {
      return charted.value.span
    },
    get selection() {
      return selection.value
    },
    get cursor() {
      return range.value.cursor
    },
  })

  async function samples(of: Span, buckets: number, columns: readonly string[], extremes: readonly string[] = []): Promise<SampleTiles> {
    const run = detail.value
    if (!run || !isRecorded.value || columns.length === 0 || !(of.to > of.from)) return noTiles
    const answer = await connection.request('runs.samples', {
      id: run.id,
      fromNs: of.from,
      toNs: of.to,
      buckets: Math.min(4096, Math.max(1, Math.round(buckets))),
      columns: [...columns],
      extremes: [...extremes],
    })
    return decodeSamples(answer, columns, extremes, run.bucketNs)
  }

  /** Keeps an answer only if the same run is still shown. */
  async function into<T>(target: { value: T }, ask: () => Promise<T>): Promise<void> {
    const mine = id.value
    try {
      const answer = await ask()
      if (id.value === mine) target.value = answer
      samplesProblem.value = ''
    } catch (error) {
      if (id.value === mine) samplesProblem.value = problemText(error)
    }
  }

  const refreshStrip = oneAtATime(() => into(strip, () => samples({ from: 0, to: virtualNs.value }, STRIP_BUCKETS, ['faults', 'ioErrors'])))
  const refreshCharts = oneAtATime(() => {
    const shown = span.value
    return into(charted, async () => {
      const tiles = await samples({ from: shown.from, to: Math.min(shown.to, virtualNs.value) }, wanted.value.buckets, wanted.value.columns, wanted.value.extremes)
      await nextFrame()
      const isWanted = range.value.range === null || range.value.range.from === shown.from
      return { span: isWanted ? shown : charted.value.span, tiles }
    })
  })
  const refreshSelection = oneAtATime(async () => {
    const selected = selection.value
    if (selected === null || wanted.value.columns.length === 0) return
    const holder = { value: noTiles }
    await into(holder, () => samples(selected, SELECTION_BUCKETS, totalledCounters))
    selectionTiles.value = { span: selected, tiles: holder.value }
  })
  function refresh(): void {
    refreshStrip()
    refreshCharts()
    refreshSelection()
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  function refreshSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      refresh()
    }, REFRESH_MS)
  }

  function fitExtent(): void {
    const end = live.value ? Math.max(virtualNs.value, LIVE_EXTENT_NS) : (detail.value?.endTimeNs ?? 0)
    range.value = ranges.withExtent(range.value, { from: 0, to: Math.max(end, 1) })
  }

  async function loadDetail(): Promise<void> {
    const mine = id.value
    if (mine === null) return
    try {
      const [run, said] = await Promise.all([connection.request('runs.get', { id: mine }), connection.request('runs.messages', { id: mine })])
      if (id.value !== mine) return
      detail.value = run
      messages.value = said
      void loadNames()
      problem.value = ''
      fitExtent()
      refresh()
    } catch (error) {
      if (id.value === mine) problem.value = runs.isRecorded(mine) ? problemText(error) : 'It was not recorded, and is not known any more.'
    }
  }

  /** Objects that were made since then have their names when the run is paused, or at its end. */
  async function loadNames(): Promise<void> {
    const mine = id.value
    if (mine === null) return
    namesAsked += 1
    try {
      const rows = await connection.request('runs.objects', { id: mine })
      if (id.value === mine) names.value = new ObjectNames(rows)
    } catch {
      // a run can be looked at by numbers
    }
  }

  /** Shows a run; the same one again keeps its range. */
  async function open(run: number): Promise<void> {
    if (id.value === run && detail.value) return
    id.value = run
    detail.value = null
    problem.value = ''
    messages.value = []
    names.value = noNames
    namesAsked = 0
    range.value = ranges.emptyRange
    strip.value = noTiles
    charted.value = nothingCharted
    selectionTiles.value = null
    speed.value = 0
    await loadDetail()
  }
  function close(): void {
    id.value = null
    detail.value = null
  }

  function follow(): void {
    connection.on('run.message', (notice) => {
      if (notice.run === id.value) messages.value = [...messages.value, notice.message]
    })
    connection.on('run.ended', (notice) => {
      if (notice.run === id.value) void loadDetail()
    })
  }

  watch(progress, (now, before) => {
    if (!now) return
    fitExtent()
    if (now.status !== before?.status || (names.value.isEmpty && now.virtualNs > 0 && namesAsked < NAMES_ASKED_MAX)) void loadNames()
    if (now.virtualNs !== before?.virtualNs || now.status !== before.status) refreshSoon()
  })
  // a new range is shown by the strip first
  watch([() => range.value.range, () => wanted.value], afterFrame(refreshCharts))
  let selectionTimer: ReturnType<typeof setTimeout> | undefined
  // until then the charts' samples have to do
  watch(selection, () => {
    clearTimeout(selectionTimer)
    selectionTimer = setTimeout(refreshSelection, SETTLED_MS)
  })

  async function control(action: Params<'runs.control'>['action'], kinds: readonly string[] = []): Promise<void> {
    if (id.value === null) return
    try {
      await runs.control(id.value, action, kinds)
    } catch (error) {
      notifyProblem(error)
    }
  }
  const playOrPause = (): Promise<void> => control(status.value === 'running' ? 'pause' : 'resume')
  async function setSpeed(chosen: number): Promise<void> {
    if (id.value === null) return
    speed.value = chosen
    try {
      await runs.setSpeed(id.value, chosen)
    } catch (error) {
      notifyProblem(error)
    }
  }

  const change = (next: ranges.RangeState): void => {
    range.value = next
  }
  const select = (a: number, b: number): void => change(ranges.select(range.value, a, b))
  const setCursor = (moment: number | null): void => change(ranges.withCursor(range.value, moment))
  const moveCursor = (share: number): void => change(ranges.moveCursor(range.value, share))
  const extendSelection = (share: number): void => {
    const moved = ranges.moveCursor(range.value, share)
    const selected = selection.value
    const start = range.value.cursor ?? moved.cursor ?? 0
    const fixed = selected ? (Math.abs(selected.from - start) < Math.abs(selected.to - start) ? selected.to : selected.from) : start
    change({ ...ranges.select(moved, fixed, moved.cursor ?? fixed), cursor: moved.cursor })
  }
  const zoomToSelection = (): void => change(ranges.zoomToSelection(range.value))
  const goBack = (): void => change(ranges.goBack(range.value))
  const zoomBy = (factor: number, at?: number): void => change(ranges.zoomBy(range.value, factor, at ?? range.value.cursor))
  const panBy = (share: number): void => change(ranges.panBy(range.value, share))
  const show = (of: Span | null): void => change(ranges.show(range.value, of))

  return {
    id, detail, problem, messages, names, range, wanted, strip, charts, scene, samplesProblem, speed, progress, status, live, isRecorded, virtualNs, totals,
    span, countedSpan, selection, whole, counted, open, close, follow, refresh, loadDetail, control, playOrPause, setSpeed,
    select, setCursor, moveCursor, extendSelection, zoomToSelection, goBack, zoomBy, panBy, show,
  }
})
