/**
 * Events of a range of time by process or by object, as tiles: of each of those with most events, how many of each class there are in
 * each of some buckets (eventBuckets.ts).
 *
 * They come from tallies of chunks (eventTally.ts), which are made once. A chunk that was not tallied yet is taken to be divided as the
 * nearest one that was; how many events of each kind it has is known.
 */
import { eventKinds } from '../engine/sim/events.ts'
import type { ChunkReader } from './chunkReader.ts'
import { EventBuckets } from './eventBuckets.ts'
import { rowRange, type ChunkHead, type Wanted } from './eventFilter.ts'
import { CLASSES, classOf, kindOfClass, NOBODY, OTHERS, told, type ChunkTally, type Tally, type TallyBy } from './eventTally.ts'
import { numbersOf, parseJson } from './json.ts'
import type { BinaryTable } from './types.ts'

export interface Track {
  /** A process or an object; NOBODY, OTHERS. */
  who: number
  total: number
  /** By class, null where it has none: how many are in each bucket. Whole numbers unless spread or estimated. */
  counts: (Float64Array | null)[]
}

export interface TrackTiles {
  buckets: number
  /** Those of processes or objects in the order of their numbers, then all others, then nobody. */
  tracks: Track[]
  isSpread: boolean
  isEstimated: boolean
}

/** What is known of a chunk's events, as rows. */
interface Piece {
  head: ChunkHead
  rows: Tally
  /** What each count stands for, by class; null: itself. */
  scale: Float64Array | null
  /** The bucket of each row; null: the rows are spread over the time of the chunk. */
  buckets: Int32Array | null
}

export interface TrackQuery {
  by: TallyBy
  /** Tracks of single processes or objects at the most. */
  tracks: number
  buckets: number
}

/** `heads` are those of the chunks of the range; of at least one chunk of the run there is a tally. */
export function trackTiles(
  heads: readonly ChunkHead[],
  reader: (head: ChunkHead) => ChunkReader,
  tallies: ReadonlyMap<number, ChunkTally>,
  wanted: Wanted,
  query: TrackQuery,
): TrackTiles {
  const among = new EventBuckets(heads, wanted, query.buckets)
  const isWanted = Array.from({ length: CLASSES }, (_, what) => wanted.kinds === null || wanted.kinds[kindOfClass(what)] === 1)
  const estimate = estimator(tallies, query.by)
  let isEstimated = false
  const pieces: Piece[] = []
  for (const head of heads) {
    const known = tallies.get(head.chunk)
    if (!among.isSpread && !among.isPlain(head)) pieces.push(exactPiece(reader(head), head, wanted, query.by, among))
    else if (known?.events === head.event_count) pieces.push({ head, rows: known[query.by], scale: null, buckets: null })
    else {
      isEstimated = true
      pieces.push(...estimate(head))
    }
  }
  const greatest = greatestOf(pieces)
  const tracks = tracksOf(pieces, isWanted, query.tracks, greatest)
  // of each number from OTHERS on, its track
  const places = new Int32Array(greatest - OTHERS + 1).fill(tracks.findIndex(({ who }) => who === OTHERS))
  tracks.forEach(({ who }, place) => (places[who - OTHERS] = place))
  for (const { head, rows, scale, buckets } of pieces) {
    const { who, what, count } = rows
    const put = (bucket: number, share: number, from: number, to: number) => {
      for (let row = from; row < to; row++) {
        const ofClass = what[row]!
        if (!isWanted[ofClass]) continue
        const track = tracks[places[who[row]! - OTHERS]!]!
        const some = count[row]! * (scale ? share * scale[ofClass]! : share)
        track.total += some
        const counts = (track.counts[ofClass] ??= new Float64Array(query.buckets))
        counts[bucket]! += some
      }
    }
    if (buckets) buckets.forEach((bucket, row) => put(bucket, 1, row, row + 1))
    else among.spread(head, (bucket, share) => put(bucket, share, 0, who.length))
  }
  return { buckets: query.buckets, tracks: tracks.filter(({ total }) => total > 0), isSpread: among.isSpread, isEstimated }
}

/** Rows of a tally ascend, those of single events do not. */
const greatestOf = (pieces: readonly Piece[]) =>
  pieces.reduce((most, { rows: { who }, buckets }) => Math.max(most, buckets ? who.reduce((greatest, each) => Math.max(greatest, each), NOBODY) : (who.at(-1) ?? NOBODY)), NOBODY)

/** Empty tracks of those with most events, of the others and of nobody. */
function tracksOf(pieces: readonly Piece[], isWanted: readonly boolean[], most: number, greatest: number): Track[] {
  const totals = new Float64Array(greatest + 1)
  for (const { rows, scale } of pieces)
    for (let row = 0; row < rows.who.length; row++) {
      const what = rows.what[row]!
      if (rows.who[row]! >= 0 && isWanted[what]) totals[rows.who[row]!]! += rows.count[row]! * (scale ? scale[what]! : 1)
    }
  const busiest = [...totals.keys()].filter((who) => totals[who]! > 0).sort((a, b) => totals[b]! - totals[a]!).slice(0, most)
  return [...busiest.sort((a, b) => a - b), OTHERS, NOBODY].map((who) => ({ who, total: 0, counts: Array.from({ length: CLASSES }, () => null) }))
}

/** The events of a chunk that lie in the range, one by one. */
function exactPiece(chunk: ChunkReader, head: ChunkHead, wanted: Wanted, by: TallyBy, among: EventBuckets): Piece {
  const [low, high] = rowRange(chunk, head, wanted)
  const times = chunk.numbers('time')
  const kinds = chunk.kinds()
  const details = chunk.integers('detail')
  const length = high - low
  const rows = {
    who: Int32Array.from(chunk.integers(by === 'processes' ? 'process' : 'object').subarray(low, high), told),
    what: Int32Array.from({ length }, (_, row) => classOf(kinds[low + row]!, details[low + row]!)),
    count: new Int32Array(length).fill(1),
  }
  return { head, rows, scale: null, buckets: Int32Array.from({ length }, (_, row) => among.of(times[low + row]!)) }
}

/**
 * What a chunk without a tally is taken to be: of each kind as many events as it has, divided as in the nearest chunk that has a tally, or of
 * those not told apart where that has none of the kind.
 */
function estimator(tallies: ReadonlyMap<number, ChunkTally>, by: TallyBy): (head: ChunkHead) => Piece[] {
  const known = [...tallies.keys()].sort((a, b) => a - b)
  const ofKnown = new Map<number, Float64Array>()
  let at = 0
  return (head) => {
    while (at + 1 < known.length && Math.abs(known[at + 1]! - head.chunk) <= Math.abs(known[at]! - head.chunk)) at++
    const nearest = known[at] ?? -1
    const near = tallies.get(nearest)?.[by]
    const counts = numbersOf(parseJson(head.kind_counts))
    const ofNear = ofKnown.get(nearest) ?? new Float64Array(eventKinds.length)
    if (near && !ofKnown.has(nearest)) {
      near.count.forEach((count, row) => (ofNear[kindOfClass(near.what[row]!)]! += count))
      ofKnown.set(nearest, ofNear)
    }
    const scale = Float64Array.from({ length: CLASSES }, (_, what) => {
      const kind = kindOfClass(what)
      return (counts[eventKinds[kind]!] ?? 0) / Math.max(ofNear[kind]!, 1)
    })
    const missing = eventKinds.flatMap((name, kind) => ((counts[name] ?? 0) > 0 && ofNear[kind] === 0 ? [{ kind, count: counts[name]! }] : []))
    const rest = {
      who: new Int32Array(missing.length).fill(OTHERS),
      what: Int32Array.from(missing, ({ kind }) => kind),
      count: Int32Array.from(missing, ({ count }) => count),
    }
    return [...(near ? [{ head, rows: near, scale, buckets: null }] : []), { head, rows: rest, scale: null, buckets: null }]
  }
}

/** The tiles as a binary table: the tracks that electron/contract/dataPlane.ts describes. */
export function trackTileRows({ buckets, tracks, isSpread, isEstimated }: TrackTiles): BinaryTable {
  const classes = Array.from({ length: CLASSES }, (_, what) => what).filter((what) => tracks.some(({ counts }) => counts[what]))
  const rows = tracks.length * buckets
  const who = new Int32Array(rows)
  tracks.forEach((track, i) => who.fill(track.who, i * buckets, (i + 1) * buckets))
  const columns = classes.map((what) => {
    const column = new Float64Array(rows)
    tracks.forEach(({ counts }, i) => column.set(counts[what] ?? [], i * buckets))
    return column
  })
  const mask = classes.reduce((bits, what) => bits | (1 << what), 0)
  return { kind: 7, rows, extra: [Number(isSpread) + 2 * Number(isEstimated), mask, buckets], columns: [who, ...columns] }
}
