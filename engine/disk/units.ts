/** The units that this folder counts in. No imports: the timing models are also used where there is no file system. */

export const PAGE_BYTES = 4096
export const SECTOR_BYTES = 512
export const NS_PER_US = 1000
export const NS_PER_MS = 1_000_000
