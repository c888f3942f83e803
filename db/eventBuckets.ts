/**
 * A range of time in buckets of equal length, and where the chunks of events lie in them: a chunk that lies in one bucket is counted by what is
 * known of it. One that reaches over several is decoded, as long as there are few of them; else its events are taken as spread evenly
 * over its time, which is off by less than the time of a chunk.
 */
import type { ChunkHead } from './eventFilter.ts'

/** Chunks that are decoded for one answer. */
export const DECODED_MAX = 6

type Times = Pick<ChunkHead, 'begin_ns' | 'end_ns'>

export class EventBuckets {
  readonly count: number
  readonly isSpread: boolean
  readonly #fromNs: number
  readonly #toNs: number
  readonly #length: number

  constructor(heads: readonly Times[], range: { fromNs: number; toNs: number }, count: number) {
    this.count = count
    this.#fromNs = range.fromNs
    this.#toNs = range.toNs
    this.#length = Math.max(range.toNs - range.fromNs, 1) / count
    this.isSpread = heads.filter((head) => !this.isPlain(head)).length > DECODED_MAX
  }

  of(time: number): number {
    return Math.min(this.count - 1, Math.max(0, Math.floor((time - this.#fromNs) / this.#length)))
  }

  /** Whether a chunk lies in one bucket with all its events. */
  isPlain(head: Times): boolean {
    return head.begin_ns >= this.#fromNs && head.end_ns <= this.#toNs && this.of(head.begin_ns) === this.of(head.end_ns)
  }

  /** Calls `take` with each bucket that a chunk lies in, and which share of its events is taken to be there; shares outside of the range are left out. */
  spread(head: Times, take: (bucket: number, share: number) => void): void {
    if (this.isPlain(head)) return take(this.of(head.begin_ns), 1)
    const span = Math.max(head.end_ns - head.begin_ns, 1)
    for (let bucket = this.of(head.begin_ns); bucket <= this.of(head.end_ns); bucket++) {
      const begin = Math.max(head.begin_ns, this.#fromNs + bucket * this.#length)
      const end = Math.min(head.begin_ns + span, this.#fromNs + (bucket + 1) * this.#length)
      if (end > begin) take(bucket, (end - begin) / span)
    }
  }
}
