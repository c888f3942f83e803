export type CodecErrorCode =
  'not-an-integer' | 'truncated' | 'trailing-bytes' | 'bad-head' | 'bad-value' | 'bad-compression'

/** Data that the codec cannot take. `offset` is a row number when encoding, a byte offset when decoding. */
export class CodecError extends Error {
  readonly code: CodecErrorCode
  readonly offset: number

  constructor(code: CodecErrorCode, offset: number, message: string) {
    super(message)
    this.name = 'CodecError'
    this.code = code
    this.offset = offset
  }
}
