/**
 * Events of a range of time as tiles: how many of each kind there are in each of some buckets of equal length.
 *
 * A chunk that lies in one bucket is counted by its head. One that reaches over several is decoded, as long as there are few of them;
 * else its events are taken as spread evenly over its time, which is off by less than the time of a chunk.
 */
import { eventKinds } from '../engine/sim/events.ts'
import type { ChunkReader } from './chunkReader.ts'
import { rowRange, type ChunkHead, type Wanted } from './eventFilter.ts'
import { numbersOf, parseJson } from './json.ts'
import type { BinaryTable } from './types.ts'

/** Chunks that are decoded for one answer. */
const DECODED_MAX = 6

export interface EventTiles {
  buckets: number
  /** Counts of a kind in each bucket, by kind number. Whole numbers unless `isSpread`. */
  counts: Float64Array[]
  /** Of each bucket, the longest duration of an event in ns, as far as events were looked at; 0: none. */
  longestNs: Float64Array
  isSpread: boolean
}

/** `heads` are those of the chunks of the range [wanted.fromNs, wanted.toNs]. */
export function eventTiles(heads: readonly ChunkHead[], reader: (head: ChunkHead) => ChunkReader, wanted: Wanted, buckets: number): EventTiles {
  const { fromNs, toNs } = wanted
  const length = Math.max(toNs - fromNs, 1) / buckets
  const bucketOf = (time: number) => Math.min(buckets - 1, Math.max(0, Math.floor((time - fromNs) / length)))
  const counts = eventKinds.map(() => new Float64Array(buckets))
  const longestNs = new Float64Array(buckets)
  const isPlain = (head: ChunkHead) =>
    head.begin_ns >= fromNs && head.end_ns <= toNs && bucketOf(head.begin_ns) === bucketOf(head.end_ns)
  const isSpread = heads.filter((head) => !isPlain(head)).length > DECODED_MAX
  for (const head of heads) {
    const ofHead = numbersOf(parseJson(head.kind_counts))
    if (isPlain(head)) {
      const bucket = bucketOf(head.begin_ns)
      counts.forEach((column, kind) => (column[bucket]! += ofHead[eventKinds[kind]!] ?? 0))
    } else if (isSpread) {
      const span = Math.max(head.end_ns - head.begin_ns, 1)
      for (let bucket = bucketOf(head.begin_ns); bucket <= bucketOf(head.end_ns); bucket++) {
        const begin = Math.max(head.begin_ns, fromNs + bucket * length)
        const end = Math.min(head.begin_ns + span, fromNs + (bucket + 1) * length)
        const share = Math.max(0, end - begin) / span
        counts.forEach((column, kind) => (column[bucket]! += share * (ofHead[eventKinds[kind]!] ?? 0)))
      }
    } else {
      const chunk = reader(head)
      const times = chunk.numbers('time')
      const kinds = chunk.kinds()
      const durations = chunk.numbers('duration')
      const [low, high] = rowRange(chunk, head, wanted)
      for (let row = low; row < high; row++) {
        const bucket = bucketOf(times[row]!)
        counts[kinds[row]!]![bucket]! += 1
        if (durations[row]! > longestNs[bucket]!) longestNs[bucket] = durations[row]!
      }
    }
  }
  return { buckets, counts, longestNs, isSpread }
}

/** The tiles as a binary table: the kinds' counts that electron/contract/dataPlane.ts describes. */
export function eventTileRows({ buckets, counts, longestNs, isSpread }: EventTiles): BinaryTable {
  return { kind: 6, rows: buckets, extra: [isSpread ? 1 : 0, 0, 0], columns: [...counts, longestNs] }
}
