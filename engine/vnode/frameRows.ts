/**
 * Rows of frames that are used again: what a transfer is over. A fresh typed array of more than a few entries has memory of its
 * own, which costs more than the rest of a request for pages that are on a device without latency.
 *
 * Who takes a row gives it back when nothing refers to it any more. One that is not given back is garbage, like any other array.
 */
export class FrameRows {
  /** By length. */
  readonly #spare: Int32Array[][] = []

  /** A row of exactly `count` frames; what is in it means nothing. */
  take(count: number): Int32Array {
    return this.#spare[count]?.pop() ?? new Int32Array(count)
  }

  give(row: Int32Array): void {
    while (this.#spare.length <= row.length) this.#spare.push([])
    this.#spare[row.length]!.push(row)
  }
}
