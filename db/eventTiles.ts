/**
 * Events of a range of time as tiles: how many of each kind there are in each of some buckets of equal length (eventBuckets.ts).
 */
import { eventKinds } from '../engine/sim/events.ts'
import type { ChunkReader } from './chunkReader.ts'
import { EventBuckets } from './eventBuckets.ts'
import { rowRange, type ChunkHead, type Wanted } from './eventFilter.ts'
import { numbersOf, parseJson } from './json.ts'
import type { BinaryTable } from './types.ts'

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
  const among = new EventBuckets(heads, wanted, buckets)
  const { isSpread } = among
  const counts = eventKinds.map(() => new Float64Array(buckets))
  const longestNs = new Float64Array(buckets)
  for (const head of heads) {
    if (isSpread || among.isPlain(head)) {
      const ofHead = numbersOf(parseJson(head.kind_counts))
      among.spread(head, (bucket, share) => counts.forEach((column, kind) => (column[bucket]! += share * (ofHead[eventKinds[kind]!] ?? 0))))
    } else {
      const chunk = reader(head)
      const times = chunk.numbers('time')
      const kinds = chunk.kinds()
      const durations = chunk.numbers('duration')
      const [low, high] = rowRange(chunk, head, wanted)
      for (let row = low; row < high; row++) {
        const bucket = among.of(times[row]!)
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
