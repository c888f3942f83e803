/**
 * A workload: the input of a run. Per process a stream of page references, and verbs at given places in it.
 *
 * A reference is one 32-bit number, `(page << 2) | kind`, where `page` is a dense index 0..pageCount-1 in order of
 * first reference and `kind` one of ReferenceKind. The table `pageNumbers` gives each dense page its virtual page
 * number (address / 4096); the machine groups those into regions (regions.ts).
 */

import type { WorkloadVerb } from './verbs.ts'

export const ReferenceKind = { read: 0, write: 1, fetch: 2 } as const

/** How a page is used over a whole stream: bits of `pageUse`. */
export const PageUse = { read: 1, write: 2, fetch: 4 } as const

/** Reads a stream from any place. Holds its own buffers; one reader belongs to one process of one machine. */
export interface StreamReader {
  /**
   * The references from number `ordinal` (0-based) on: at least one, as many as are at hand, empty at the end of the stream.
   * The view is valid until the next call.
   */
  read(ordinal: number): Uint32Array
}

/** What is known of a stream besides its references: the tables that travel with it. */
export interface StreamTables {
  name: string
  /** Distinct pages (the footprint). */
  pageCount: number
  /** References in the stream. */
  referenceCount: number
  /** Virtual page number of each dense page; exact below 2^52. */
  pageNumbers: Float64Array
  /** PageUse bits of each dense page. */
  pageUse: Uint8Array
}

export interface ProcessStream extends StreamTables {
  /**
   * Where it begins other processes of its workload, waits for them, and has memory anew, ascending by place. A process that none begins is there
   * from the start.
   */
  verbs?: readonly WorkloadVerb[]
  open(): StreamReader
}

export interface Workload {
  name: string
  /** Where it came from: importer or generator with its parameters, file name, command line. */
  source: string
  /** Raw events that one stored reference stands for, 1 where nothing was filtered; scales the default time per reference. */
  eventsPerReference: number
  processes: ProcessStream[]
}
