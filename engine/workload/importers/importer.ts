/**
 * What an importer is: it is pushed the bytes of a trace, piece by piece and of any sizes, and writes references into a
 * WorkloadBuilder. It keeps no more of the input than an unfinished record, so its memory does not grow with the trace.
 */
import type { WorkloadBuilder } from '../streamBuilder.ts'

export interface Importer {
  /** Takes the next bytes, which are valid during the call only. Throws ImportError. */
  push(chunk: Uint8Array): void
  /** The input is over. Throws ImportError if it ends inside a record. */
  finish(): void
  /**
   * The input was cut here, because no more of it is wanted: what there is of an unfinished record is left out. Only where what has
   * been pushed stands by itself, that is where no process may yet begin and no table is still to come.
   */
  finishCut?(): void
}

/** A trace format: one file in this folder, one line in index.ts. */
export interface TraceFormat {
  /** What the command line calls it. */
  name: string
  title: string
  /** A sentence for the person who chooses. */
  description: string
  /** Endings of file names, without dot and without .gz or .zst. */
  extensions: string[]
  /** Whether the decompressed beginning of a file (up to 64 KiB) looks like this format. */
  detect(beginning: Uint8Array, fileName: string): boolean
  create(builder: WorkloadBuilder): Importer
}
