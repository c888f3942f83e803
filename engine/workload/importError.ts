export type ImportErrorCode =
  | 'damaged' // a record is not what its format says
  | 'truncated' // the data end inside a record
  | 'empty' // there is no reference
  | 'unsupported' // a kind of data that this version does not read
  | 'too-large' // beyond what a workload can hold
  | 'unknown-format'
  | 'unreadable' // the file cannot be opened or read

/** Where in the input the fault is: a 1-based line of a text, or a byte offset in the data after decompression. */
export type ImportPlace = { line: number } | { offset: number }

/** Input that cannot be imported. The message says where, what was expected and what there is. */
export class ImportError extends Error {
  readonly code: ImportErrorCode
  readonly line: number | undefined
  readonly offset: number | undefined

  constructor(code: ImportErrorCode, place: ImportPlace | undefined, message: string) {
    const where = place === undefined ? '' : 'line' in place ? `line ${place.line}: ` : `byte offset ${place.offset}: `
    super(where + message)
    this.name = 'ImportError'
    this.code = code
    this.line = place !== undefined && 'line' in place ? place.line : undefined
    this.offset = place !== undefined && 'offset' in place ? place.offset : undefined
  }
}
