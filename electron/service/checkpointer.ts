/**
 * Folds the write-ahead log into the database in a thread of its own: that waits for the disk, and whoever records need not. While events come
 * the log is never folded to its end so, and grows up to what the writer folds itself (Connection.checkpointSeldom), of which most is on
 * the disk by then.
 */
import type { CheckpointerCalls } from './protocol.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'

/** Bytes that are worth a fold: less, and the same pages are written again and again. */
const STEP_BYTES = 8 << 20

export class Checkpointer {
  #thread: ThreadClient<CheckpointerCalls> | null = null
  #isBusy = false
  #bytes = 0

  /** So many bytes were committed to a database. */
  wrote(bytes: number, database: string): void {
    this.#bytes += bytes
    if (this.#bytes < STEP_BYTES || this.#isBusy) return
    this.#bytes = 0
    this.#isBusy = true
    this.#thread ??= new ThreadClient(threadUrls.checkpointer, 'the thread that folds the write-ahead log', {
      onFailed: () => (this.#thread = null),
    })
    // where it cannot, the writer does
    void this.#thread
      .call('checkpoint', database)
      .catch(() => undefined)
      .finally(() => (this.#isBusy = false))
  }

  async end(): Promise<void> {
    await this.#thread?.end()
  }
}
