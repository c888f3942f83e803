/** What a VM object was made for. Numbers of objects are used again, so an origin holds from its event on, until the number has another one. */

/** A file's pages; private memory; a private copy of what another object has, as it is written to; memory that has a name. */
export type ObjectOriginKind = 'file' | 'anonymous' | 'copy' | 'shared-memory'

export interface ObjectOrigin {
  object: number
  /** Number of the first event that may be about it. */
  event: number
  kind: ObjectOriginKind
  /** The process that had it mapped first, and the virtual page number of its page 0 there; -1: it has a name instead. */
  process: number
  startPage: number
  pages: number
  /** Of a shared memory object, or a file that verbs name; empty: none. */
  name: string
}
