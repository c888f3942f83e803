/**
 * The page daemon: what takes frames from pages when memory is short.
 *
 * The machine calls `needed()` when free pages fall below the wakeup threshold, `event()` when a timer of the daemon's is due,
 * and `continueLaundry()` when something that the laundry waited for happened.
 */
export interface PageDaemon {
  /** Free memory is short: wake up. */
  needed(): void
  /** A timer is due: QueueEvent.daemon or QueueEvent.laundry, set for `time`. */
  event(type: number, time: number): void
  /** A token, a buffer or a write came back: go on with what stopped. */
  continueLaundry(): void
  /** A device was swapped on, or the last one off. */
  devicesChanged(count: number): void
  /** A pageout of a page ended, well or not: it is no longer busy. */
  pageWritten(frame: number): void
  /** A page was faulted in or used again by a fault. */
  pageUsed(frame: number): void
  /**
   * An allocation found no page. Answers true if one was freed at once, so that it can be tried again.
   */
  reclaim(): boolean
  /** Whether pages are being written whose end will free memory, so that waiting makes sense. */
  readonly isBusy: boolean
}
