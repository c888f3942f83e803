/**
 * What can go wrong in the trace store, as one error class. A raw SQLite or file-system error never leaves db/: it is
 * put into words that say what happened, what is safe and what to do next.
 */

export type StoreErrorCode =
  | 'bad-query'
  | 'busy'
  | 'damaged'
  | 'disk-full'
  | 'exists'
  | 'in-use'
  | 'newer-version'
  | 'not-a-store'
  | 'not-found'
  | 'read-only'
  | 'too-large'
  | 'too-long'
  | 'unreadable'
  | 'wrong-order'

/** `field` names the parameter, table or column at fault, where there is one. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly field: string | undefined

  constructor(code: StoreErrorCode, message: string, field?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StoreError'
    this.code = code
    this.field = field
  }
}

/** The code of an error of SQLite or of the file system ("SQLITE_FULL", "ENOSPC"), '' if it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** The same error in our words; what is none of SQLite's or the file system's comes back as it is. */
export function asStoreError(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error
  const code = systemCode(error)
  const reason = error instanceof Error ? error.message : String(error)
  const become = (storeCode: StoreErrorCode, message: string) => new StoreError(storeCode, message, undefined, error)
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT')
    return become(
      'disk-full',
      `the disk that holds ${path} is full: what was recorded so far is safe, the last piece was not written. ` +
        'Make room (remove runs, or free space on the disk), then go on',
    )
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return become('busy', `${path} is being written by another program; try again when it has finished`)
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return become('read-only', `${path} cannot be written: ${reason}`)
  if (code.startsWith('SQLITE_CORRUPT'))
    return become('damaged', `${path} is damaged (${reason}); "pager check" says what can be saved`)
  if (code === 'SQLITE_NOTADB') return become('not-a-store', `${path} is not a workbench database`)
  if (code.startsWith('SQLITE_CANTOPEN') || code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR')
    return become('unreadable', `${path} cannot be opened: ${reason}`)
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO')
    return become('unreadable', `the disk that holds ${path} reports an error: ${reason}`)
  if (code === 'SQLITE_TOOBIG')
    return become('too-large', `a piece of data is larger than the database ${path} can hold`)
  return error
}
