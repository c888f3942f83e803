/**
 * The timeline of events: tracks over a span of time. Zoomed out, a track is a group of kinds, a process, an object or a device, drawn as the density of
 * its events; zoomed in so far that each event can be drawn, a track is a process, an object, a device or the page daemon. The thread that paints charts paints it too. Pure but for painting.
 */
import { DataKind, DataPlaneError, decodeTable } from '../../electron/contract/dataPlane.ts'
import { glyphs, type GlyphKind } from '../glyphs.ts'
import { positionIn, type Span } from '../range.ts'
import { glyphOf, type EventRow } from '../views/run/events.ts'
import { deviceColumn, deviceColumns } from './runCharts.ts'
import type { SampleTiles } from './tiles.ts'

/** Counts of events by kind in equal parts of a span. */
export interface EventTiles {
  span: Span
  rows: number
  /** By kind number. */
  counts: Float64Array[]
  total: number
  /** Numbers were spread over the time of stored chunks. */
  isSpread: boolean
}

/** Decodes the answer to runs.eventTiles. Throws DataPlaneError. */
export function decodeEventTiles(buffer: ArrayBuffer, span: Span): EventTiles {
  const { kind, rows, columns, extra } = decodeTable(buffer)
  const counts = columns.slice(0, -1).flatMap((column) => (column instanceof Float64Array ? [column] : []))
  if (kind !== DataKind.eventTiles || counts.length !== columns.length - 1) throw new DataPlaneError('an answer about events lacks its counts')
  const total = counts.reduce((sum, column) => sum + column.reduce((part, count) => part + count, 0), 0)
  return { span, rows, counts, total, isSpread: extra[0] === 1 }
}

export interface Mark {
  event: EventRow
  /** Virtual ns. */
  from: number
  to: number
  glyph: GlyphKind
}

/** Events that are drawn in one colour, on top of those of the layers before. */
export interface Layer {
  glyph: GlyphKind
  counts: Float64Array
}

export interface Track {
  name: string
  /** Zoomed out: events in each part of `span`; the full height of the track stands for `greatest` of them. */
  density: { span: Span; layers: Layer[]; greatest: number } | null
  /** Zoomed in, in order of time. */
  marks: Mark[]
}

const groups = [
  { name: 'Faults', kinds: ['fault'], glyph: 'fault' },
  { name: 'Swap in', kinds: ['swapin'], glyph: 'swapin' },
  { name: 'Swap out', kinds: ['swapout'], glyph: 'swapout' },
  { name: 'File in', kinds: ['filein'], glyph: 'filein' },
  { name: 'File out', kinds: ['fileout'], glyph: 'fileout' },
  { name: 'Page daemon', kinds: ['evict', 'daemon', 'free'], glyph: 'daemon' },
  { name: 'Errors', kinds: ['io-error', 'panic', 'defect'], glyph: 'error' },
  { name: 'Machine', kinds: ['swapoff', 'admin', 'message', 'process', 'reserve'], glyph: 'other' },
] as const

/** Tracks of a zoomed out timeline: groups of kinds that have events, of the kinds wanted (none: all). */
export function densityTracks(tiles: EventTiles, kinds: readonly string[], wanted: readonly string[]): Track[] {
  return groups.flatMap(({ name, kinds: ofGroup, glyph }) => {
    const counts = new Float64Array(tiles.rows)
    for (const kind of ofGroup) {
      if (wanted.length > 0 && !wanted.includes(kind)) continue
      tiles.counts[kinds.indexOf(kind)]?.forEach((count, row) => (counts[row]! += count))
    }
    const greatest = topOf(counts)
    return greatest === 0 ? [] : [{ name, density: { span: tiles.span, layers: [{ glyph, counts }], greatest }, marks: [] }]
  })
}

/** Whose tracks the timeline has. */
export const trackings = ['machine', 'processes', 'objects', 'devices'] as const
export type Tracking = (typeof trackings)[number]

/** Sample columns that deviceTracks reads. */
export const deviceTrackColumns = (devices: number): string[] => deviceColumns(devices, ['reads', 'writes'])

/** Tracks of a zoomed out timeline for each device: its reads and its writes, from samples. */
export function deviceTracks(tiles: SampleTiles, names: readonly string[]): Track[] {
  const from = tiles.begin[0] ?? 0
  // the last row may hold less; its part of the span is as long as that of the others
  const span = { from, to: from + tiles.rows * (tiles.length[0] ?? 0) }
  return names.flatMap((name, device) =>
    (['reads', 'writes'] as const).flatMap((metric) => {
      const counts = tiles.metrics.get(deviceColumn(device, metric))?.sum ?? new Float64Array()
      const greatest = topOf(counts)
      const glyph = metric === 'reads' ? 'swapin' : 'swapout'
      return greatest === 0 ? [] : [{ name: `${name} ${metric === 'reads' ? 'in' : 'out'}`, density: { span, layers: [{ glyph, counts }], greatest }, marks: [] }]
    }),
  )
}

/** What a track of events by process or object is of. */
export interface WhoTrack {
  /** NOBODY, OTHERS, or a number. */
  who: number
  layers: Layer[]
}

/** Counts of events by process or object in equal parts of a span. */
export interface TrackTiles {
  span: Span
  tracks: WhoTrack[]
  /** Not all of the run has been counted so: some of it is estimated. */
  isEstimated: boolean
}

const NOBODY = -1
const OTHERS = -2
/** Layers from the bottom up: what the track's owner did, what was moved for it, what was taken from it. */
const layerOrder: readonly GlyphKind[] = ['fault', 'cow', 'zero', 'filein', 'swapin', 'swapout', 'fileout', 'daemon', 'error', 'other']

/** Decodes the answer to runs.trackTiles. `kinds`: the service's list of kinds. Throws DataPlaneError. */
export function decodeTrackTiles(buffer: ArrayBuffer, span: Span, kinds: readonly string[]): TrackTiles {
  const { kind, rows, columns, extra } = decodeTable(buffer)
  const [flags, mask, buckets] = extra
  const [who, ...counts] = columns
  const classes = Array.from({ length: 32 }, (_, what) => what).filter((what) => ((mask >>> what) & 1) === 1)
  if (kind !== DataKind.trackTiles || !(who instanceof Int32Array) || classes.length !== counts.length || buckets < 1 || rows % buckets !== 0)
    throw new DataPlaneError('an answer about events by process or object lacks its counts')
  const glyphOfClass = (what: number) => (what < kinds.length ? glyphOf(kinds[what] ?? '') : glyphOf('fault', what - kinds.length + 1))
  const tracks = Array.from({ length: rows / buckets }, (_, track): WhoTrack => {
    const layers = new Map<GlyphKind, Float64Array>()
    classes.forEach((what, i) => {
      const column = counts[i]?.subarray(track * buckets, (track + 1) * buckets)
      if (!(column instanceof Float64Array) || !column.some((count) => count > 0)) return
      const glyph = glyphOfClass(what)
      const known = layers.get(glyph)
      if (known) column.forEach((count, bucket) => (known[bucket]! += count))
      else layers.set(glyph, column.slice())
    })
    return { who: who[track * buckets] ?? NOBODY, layers: layerOrder.flatMap((glyph) => (layers.has(glyph) ? [{ glyph, counts: layers.get(glyph)! }] : [])) }
  })
  return { span, tracks, isEstimated: (flags & 2) !== 0 }
}

/** Tracks of a zoomed out timeline for each process or object. */
export function whoTracks({ span, tracks }: TrackTiles, by: 'processes' | 'objects', names: Pick<TrackNames, 'processes' | 'objects'>): Track[] {
  const shown = tracks.map(({ who, layers }) => {
    const sums = new Float64Array(layers[0]?.counts.length ?? 0)
    for (const { counts } of layers) counts.forEach((count, row) => (sums[row]! += count))
    return { who, track: { name: nameOf(who, by, names), density: { span, layers, greatest: topOf(sums) }, marks: [] } }
  })
  return withOwnNames(shown)
}

/** Processes that run the same, and objects of the same sort, have one name: their tracks are told apart by their numbers. */
function withOwnNames(tracks: readonly { who: number; track: Track }[]): Track[] {
  const times = new Map<string, number>()
  for (const { track } of tracks) times.set(track.name, (times.get(track.name) ?? 0) + 1)
  return tracks.map(({ who, track }) => ((times.get(track.name) ?? 0) > 1 ? { ...track, name: `${who} ${track.name}` } : track))
}

function nameOf(who: number, by: 'processes' | 'objects', names: Pick<TrackNames, 'processes' | 'objects'>): string {
  if (who === NOBODY) return by === 'processes' ? 'No process' : 'No object'
  if (who === OTHERS) return `Other ${by}`
  return by === 'processes' ? names.processes(who) : capitalised(names.objects(who))
}

/** How many events of which sort a track has about a moment, most first, and in how much time. Null where it is not drawn as density, or has none there. */
export function densityAt({ density }: Track, moment: number): { lengthNs: number; sorts: { glyph: GlyphKind; count: number }[] } | null {
  const rows = density?.layers[0]?.counts.length ?? 0
  if (!density || rows === 0) return null
  const lengthNs = (density.span.to - density.span.from) / rows
  const row = Math.floor((moment - density.span.from) / lengthNs)
  const sorts = density.layers.flatMap(({ glyph, counts }) => (Math.round(counts[row] ?? 0) > 0 ? [{ glyph, count: Math.round(counts[row] ?? 0) }] : []))
  return sorts.length === 0 ? null : { lengthNs, sorts: sorts.sort((a, b) => b.count - a.count) }
}

/** What the full height of a track stands for: the most, unless a few parts tower over all others; those are then cut off. */
function topOf(counts: Float64Array): number {
  const some = counts.filter((count) => count > 0).sort()
  const most = some.at(-1) ?? 0
  return Math.min(most, 3 * (some[Math.floor(some.length * 0.95)] ?? most))
}

export interface TrackNames {
  kindOf: (kind: number) => string
  processes: (process: number) => string
  devices: (device: number) => string
  /** "object 3", and what it is called where that is known. */
  objects: (object: number) => string
}

/** Of processes or objects, those with most events have a track each. */
export const OWN_TRACKS = 12

/** Tracks of single events by who took part: processes, the page daemon, devices, and the rest of the machine; by the process or the object whose they are; or of devices only. */
export function eventTracks(rows: readonly EventRow[], names: TrackNames, by: Tracking = 'machine'): Track[] {
  const whoOf = (event: EventRow) => (by === 'processes' ? event.process : event.object)
  const counts = new Map<number, number>()
  for (const event of rows) counts.set(whoOf(event), (counts.get(whoOf(event)) ?? 0) + 1)
  const own = new Set([...counts].filter(([who]) => who >= 0).sort((a, b) => b[1] - a[1]).slice(0, OWN_TRACKS).map(([who]) => who))
  const tracks = new Map<number, { who: number; track: Track }>()
  const put = (order: number, name: string, mark: Mark, who = -1): void => {
    let known = tracks.get(order)
    if (!known) tracks.set(order, (known = { who, track: { name, density: null, marks: [] } }))
    known.track.marks.push(mark)
  }
  for (const event of rows) {
    const kind = names.kindOf(event.kind)
    const glyph = glyphOf(kind, event.detail)
    // a request is recorded when it is submitted, what ends something when that has ended
    const reachesOn = event.device >= 0 && (glyph === 'swapin' || glyph === 'swapout' || glyph === 'filein' || glyph === 'fileout')
    const from = reachesOn ? event.time : event.time - event.durationNs
    const mark: Mark = { event, from, to: reachesOn ? event.time + event.durationNs : event.time, glyph }
    if (by === 'devices') {
      if (event.device >= 0) put(event.device, names.devices(event.device), mark, event.device)
    } else if (by !== 'machine') {
      const who = whoOf(event) < 0 ? NOBODY : own.has(whoOf(event)) ? whoOf(event) : OTHERS
      put(who === NOBODY ? Infinity : who === OTHERS ? Number.MAX_VALUE : who, nameOf(who, by, names), mark, who)
    } else if (glyph === 'daemon') put(1000, 'Page daemon', mark)
    else if (event.device >= 0) put(2000 + event.device, names.devices(event.device), mark, event.device)
    else if (kind === 'filein' || kind === 'fileout') put(3000, 'Files', mark)
    else if (event.process >= 0) put(event.process, names.processes(event.process), mark, event.process)
    else put(4000, 'Machine', mark)
  }
  return withOwnNames([...tracks].sort(([a], [b]) => a - b).map(([, track]) => track))
}

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** The mark of a track nearest to a moment, within `reach` ns of it. */
export function nearestMark(track: Track, moment: number, reach: number): Mark | null {
  let best: Mark | null = null
  let least = reach
  for (const mark of track.marks) {
    const distance = moment < mark.from ? mark.from - moment : moment > mark.to ? moment - mark.to : Math.min(moment - mark.from, mark.to - moment) / 4
    if (distance <= least) {
      least = distance
      best = mark
    }
  }
  return best
}

/** What lies in a track, as the thread that paints gets it. */
export interface DrawnTrack {
  density: { span: Span; greatest: number; layers: { counts: Float64Array; colour: string }[] } | null
  /** Virtual ns at which each mark begins, ends, and is of; a colour for each out of `colours`. */
  from: Float64Array
  to: Float64Array
  at: Float64Array
  colour: Uint8Array
  colours: string[]
  /** The mark that is looked at; -1: none. */
  chosen: number
}

export interface TimelineDrawing {
  /** CSS pixels, and device pixels for each. */
  width: number
  height: number
  ratio: number
  span: Span
  /** What the tracks were asked for. */
  of: Span
  trackHeight: number
  /** Width of the column of names. */
  gutter: number
  line: string
  /** Null: those that were painted before. */
  tracks: DrawnTrack[] | null
}

/** `colour`: the value of a custom property. */
export function drawnTracks(tracks: readonly Track[], selected: number | null, colour: (token: string) => string): DrawnTrack[] {
  const kinds = Object.values(glyphs)
  const colours = kinds.map((glyph) => colour(glyph.colour))
  return tracks.map(({ density, marks }) => ({
    density: density && { ...density, layers: density.layers.map(({ glyph, counts }) => ({ counts, colour: colour(glyphs[glyph].colour) })) },
    from: Float64Array.from(marks, (mark) => mark.from),
    to: Float64Array.from(marks, (mark) => mark.to),
    at: Float64Array.from(marks, (mark) => mark.event.time),
    colour: Uint8Array.from(marks, (mark) => kinds.indexOf(glyphs[mark.glyph])),
    colours: marks.length > 0 ? colours : [],
    chosen: selected === null ? -1 : marks.findIndex((mark) => mark.event.number === selected),
  }))
}

/** Paints what lies in the tracks; names and cursor are the page's own. */
export function paintTimeline(context: OffscreenCanvasRenderingContext2D, drawing: TimelineDrawing, tracks: readonly DrawnTrack[]): void {
  const { span, width, ratio, trackHeight, gutter, line } = drawing
  const inner = Math.max(1, width - gutter)
  const xOf = (moment: number) => gutter + positionIn(span, moment) * inner
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, drawing.height)
  context.fillStyle = line
  for (let i = 1; i <= tracks.length; i++) context.fillRect(0, i * trackHeight - 1, width, 1)
  context.save()
  context.beginPath()
  context.rect(gutter, 0, inner, tracks.length * trackHeight)
  context.clip()
  tracks.forEach((track, i) => {
    const bottom = (i + 1) * trackHeight - 2
    const room = trackHeight - 5
    if (track.density) {
      const { span: of, layers, greatest } = track.density
      const rows = layers[0]?.counts.length ?? 0
      const length = (of.to - of.from) / rows
      // from the top layer down, each painted over the one before: a column as high as all layers up to its own
      const below = new Float64Array(rows)
      for (const { counts } of layers) for (let row = 0; row < rows; row++) below[row]! += counts[row]!
      for (const { counts, colour } of layers.toReversed()) {
        context.fillStyle = colour
        for (let row = 0; row < rows; row++) {
          const sum = below[row]!
          below[row] = sum - counts[row]!
          if (counts[row] === 0) continue
          const from = xOf(of.from + row * length)
          const to = xOf(of.from + (row + 1) * length)
          if (to < gutter || from > width) continue
          const height = Math.max(1, Math.min(1, sum / greatest) * room)
          context.fillRect(from, bottom - height, Math.max(1, to - from), height)
        }
      }
    }
    for (let mark = 0; mark < track.at.length; mark++) {
      const from = xOf(track.from[mark]!)
      const to = xOf(track.to[mark]!)
      if (to < gutter || from > width) continue
      context.fillStyle = track.colours[track.colour[mark]!] ?? line
      const isChosen = mark === track.chosen
      // what was waited for is pale, the moment itself strong
      context.globalAlpha = isChosen ? 0.75 : 0.35
      if (to - from >= 1) context.fillRect(from, bottom - room + 4, to - from, room - 4)
      context.globalAlpha = 1
      context.fillRect(xOf(track.at[mark]!) - 1, bottom - room, isChosen ? 3 : 2, room)
    }
  })
  context.restore()
}
