/**
 * What can go wrong with images, overlays, partition tables and the parameters of devices. Every one has a code that a
 * program can test, the path it is about, and a message that says what to do.
 */

export type DiskErrorCode =
  /** There is no file, or no directory to make it in. */
  | 'missing-image'
  /** The path names something that is not a regular file. */
  | 'not-an-image'
  /** The size is no multiple of 512 bytes. */
  | 'not-sector-multiple'
  /** Another process or thread has the image open for writing. */
  | 'image-in-use'
  /** Another device of the same run is on these bytes. */
  | 'image-used-twice'
  | 'image-too-small'
  /** The host's file system has no room left. */
  | 'disk-full'
  /** A new image would overwrite an existing file. */
  | 'exists'
  | 'permission'
  /** A write to something opened read-only. */
  | 'read-only'
  /** A transfer that does not lie within the store. */
  | 'out-of-range'
  /** An overlay's map cannot be read, or is not one. */
  | 'bad-overlay'
  /** The image under an overlay is not the one the overlay was made on. */
  | 'base-changed'
  | 'bad-partition-table'
  | 'no-such-partition'
  /** What is to be swapped on holds something else. */
  | 'not-swap'
  | 'no-such-timing-model'
  /** A parameter of a timing model that is unknown or out of its bounds; `field` names it. */
  | 'bad-parameter'
  /** An injected fault that makes no sense; `field` names what is wrong. */
  | 'bad-fault'
  /** The host's file system failed otherwise. */
  | 'io'

export interface DiskErrorPlace {
  /** File the error is about. */
  path?: string
  /** Byte offset in that file. */
  offset?: number
  /** Name of the parameter or field at fault. */
  field?: string
  cause?: unknown
}

export class DiskError extends Error {
  readonly code: DiskErrorCode
  readonly path: string | null
  readonly offset: number | null
  readonly field: string | null

  constructor(code: DiskErrorCode, message: string, place: DiskErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause })
    this.name = 'DiskError'
    this.code = code
    this.path = place.path ?? null
    this.offset = place.offset ?? null
    this.field = place.field ?? null
  }
}

/** The system's error code (`ENOENT` and so on) of something thrown by `node:fs`, or an empty string. */
export function systemErrorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return ''
}

/** Turns something thrown by `node:fs` while it was `doing` something to `path` into a DiskError. */
export function diskErrorFrom(error: unknown, path: string, doing: string, offset?: number): DiskError {
  if (error instanceof DiskError) return error
  const place: DiskErrorPlace = { path, cause: error }
  if (offset !== undefined) place.offset = offset
  const code = systemErrorCode(error)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new DiskError('missing-image', `${path}: no such file; create the image or correct the path`, place)
    case 'EISDIR':
      return new DiskError('not-an-image', `${path}: is a directory, not a raw image`, place)
    case 'EEXIST':
      return new DiskError('exists', `${path}: exists already and is not overwritten; choose another name`, place)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DiskError('permission', `${path}: no permission for ${doing}`, place)
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new DiskError(
        'disk-full',
        `${path}: no room on the host's file system for ${doing} (${code}); free some and run again`,
        place,
      )
    default: {
      const why = error instanceof Error ? error.message : String(error)
      return new DiskError('io', `${path}: ${doing} failed: ${why}`, place)
    }
  }
}
