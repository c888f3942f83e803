/** What can go wrong with a UFS file system: a code, the errno that a kernel would answer, and what a user can do. */

export type UfsErrorCode =
  /** No superblock at any of the places where one could be. */
  | 'not-ufs'
  /** The file system contradicts itself; `offset` or `inode` says where. */
  | 'corrupt'
  /** A format that is known but not read here. */
  | 'unsupported'
  /** A write to a file system that is read-only; the message says why it is. */
  | 'read-only'
  | 'no-space'
  /** A flag of the file forbids it. */
  | 'not-permitted'
  | 'no-such-file'
  | 'not-a-directory'
  | 'not-a-file'
  | 'too-many-links'
  /** Beyond the largest file of this file system. */
  | 'file-too-large'

const errnoOf: { readonly [code in UfsErrorCode]: number } = {
  'not-ufs': 22,
  corrupt: 5,
  unsupported: 45,
  'read-only': 30,
  'no-space': 28,
  'not-permitted': 1,
  'no-such-file': 2,
  'not-a-directory': 20,
  'not-a-file': 22,
  'too-many-links': 62,
  'file-too-large': 27,
}

export interface UfsErrorPlace {
  /** Byte of the file system, counted from its beginning. */
  offset?: number
  inode?: number
}

export class UfsError extends Error {
  readonly code: UfsErrorCode
  /** FreeBSD's number. */
  readonly errno: number
  readonly offset: number | null
  readonly inode: number | null

  constructor(code: UfsErrorCode, message: string, place: UfsErrorPlace = {}) {
    super(message)
    this.name = 'UfsError'
    this.code = code
    this.errno = errnoOf[code]
    this.offset = place.offset ?? null
    this.inode = place.inode ?? null
  }
}
