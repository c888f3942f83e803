/** What a check finds, and which fragments it has found an owner of. */
import type { Totals } from './superblock.ts'

export type ProblemKind =
  | 'unclean'
  | 'superblock'
  | 'group'
  | 'bitmap'
  | 'count'
  | 'inode'
  | 'pointer'
  | 'duplicate'
  | 'directory'
  | 'links'
  | 'hash'

export interface Problem {
  kind: ProblemKind
  message: string
  /** Whose it is, null: nobody's. */
  inode: number | null
}

/** Problems that are listed; a thoroughly damaged file system has as many as it has inodes. */
const PROBLEMS_MAX = 200

export class Findings {
  readonly problems: Problem[] = []
  more = 0

  add(kind: ProblemKind, message: string, inode: number | null = null): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ kind, message, inode })
    else this.more++
  }
}

/** Which fragments somebody has: a bit for each. */
export class Claims {
  readonly #bits: Uint8Array
  count = 0

  constructor(fragments: number) {
    this.#bits = new Uint8Array(Math.ceil(fragments / 8))
  }

  has(fragment: number): boolean {
    return (this.#bits[Math.floor(fragment / 8)]! & (1 << (fragment % 8))) !== 0
  }

  /** Answers whether nobody had it. */
  claim(fragment: number): boolean {
    if (this.has(fragment)) return false
    this.#bits[Math.floor(fragment / 8)]! |= 1 << (fragment % 8)
    this.count++
    return true
  }
}

/** The totals in words. */
export const totalWords: { readonly [name in keyof Totals]: string } = {
  directories: 'directories',
  freeBlocks: 'free blocks',
  freeInodes: 'free inodes',
  freeFragments: 'free fragments',
}
