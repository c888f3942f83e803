/**
 * The consistency check: everything that a file system says twice is compared. It repairs nothing and writes nothing.
 *
 *  1. Each inode's pointers are followed: which fragments belong to whom, none to two, none outside.
 *  2. Directories are walked from the root: every inode in use has as many names as it says, and no name leads nowhere.
 *  3. The bitmaps and counts of each cylinder group, the summaries and the superblock's totals are compared with what was found.
 *
 * Each fragment is claimed once and each directory read once, so the work is bounded by the size of the file system.
 */
import { Claims, Findings, type Problem, type ProblemKind, totalWords as words } from './checkFindings.ts'
import { checkGroup } from './checkGroup.ts'
import { ROOT_INODE, type UfsFileSystem } from './fileSystem.ts'
import { FileKind, type Inode } from './inode.ts'
import { DIRECT_BLOCKS, INDIRECT_LEVELS, type Totals, totalNames } from './superblock.ts'
import { UfsError } from './ufsError.ts'

export interface CheckResult {
  problems: Problem[]
  /** Problems beyond those listed. */
  more: number
  files: number
  directories: number
  usedFragments: number
  freeFragments: number
}

/** More fragments than these would make the map of them larger than a gibibyte. */
const FRAGMENTS_CHECKED_MAX = 8589934592

/** Pointers of a snapshot that are no addresses: not copied, and the snapshot itself. */
const SNAPSHOT_MARKS = 2

/** An inode in use. */
interface Used {
  kind: number
  links: number
  /** Names that lead to it. */
  names: number
}

/**
 * Checks a file system that was just opened. `onProgress` gets cylinder groups done and all of them. Throws UfsError `unsupported`
 * for one that is too large for the check, and what the store throws.
 */
export function checkFileSystem(fs: UfsFileSystem, onProgress?: (done: number, total: number) => void): CheckResult {
  return new Check(fs).run(onProgress)
}

class Check {
  readonly #fs: UfsFileSystem
  readonly #found = new Findings()
  readonly #claims: Claims
  readonly #used = new Map<number, Used>()

  constructor(fs: UfsFileSystem) {
    this.#fs = fs
    const { sizeFragments } = fs.superblock
    if (sizeFragments > FRAGMENTS_CHECKED_MAX)
      throw new UfsError('unsupported', `a file system of ${sizeFragments} fragments is too large for the check`)
    this.#claims = new Claims(sizeFragments)
  }

  run(onProgress?: (done: number, total: number) => void): CheckResult {
    const { superblock } = this.#fs
    const reason = superblock.readOnlyReason
    if (reason !== null) this.#found.add('unclean', `the file system can only be read: ${reason}`)
    const { hash } = superblock
    if (hash !== null && hash.has !== hash.wants) this.#found.add('hash', "the superblock's check hash is wrong")
    this.#claimMetadata()
    for (let group = 0; group < superblock.groups; group++) {
      this.#checkInodes(group)
      onProgress?.(group + 1, superblock.groups * 2)
    }
    this.#checkDirectories()
    const totals: Totals = { directories: 0, freeBlocks: 0, freeInodes: 0, freeFragments: 0 }
    let isComplete = true
    for (let number = 0; number < superblock.groups; number++) {
      try {
        const counted = checkGroup(this.#fs, this.#fs.groups.group(number), this.#claims, this.#found, {
          isUsed: (inode) => this.#used.has(inode),
          isDirectory: (inode) => this.#used.get(inode)?.kind === FileKind.directory,
        })
        for (const name of totalNames) totals[name] += counted[name]
      } catch (error) {
        isComplete = false
        this.#note(error, 'group')
      }
      onProgress?.(superblock.groups + number + 1, superblock.groups * 2)
    }
    if (isComplete) this.#checkTotals(totals)
    const kinds = [...this.#used.values()].map(({ kind }) => kind)
    const directories = kinds.filter((kind) => kind === FileKind.directory).length
    return {
      problems: this.#found.problems,
      more: this.#found.more,
      files: kinds.length - directories,
      directories,
      usedFragments: this.#claims.count,
      freeFragments: totals.freeBlocks * superblock.fragmentsPerBlock + totals.freeFragments,
    }
  }

  /** A problem that was thrown. Other errors go on. */
  #note(error: unknown, kind: ProblemKind): void {
    if (!(error instanceof UfsError)) throw error
    this.#found.add(kind, error.message, error.inode)
  }

  /** Boot blocks, superblocks, groups, inodes and summaries. */
  #claimMetadata(): void {
    const { superblock } = this.#fs
    for (let group = 0; group < superblock.groups; group++) {
      const start = superblock.groupStart(group)
      const from = group === 0 ? 0 : start + superblock.superblockPlace
      const to = Math.min(start + superblock.dataPlace, superblock.sizeFragments)
      for (let fragment = from; fragment < to; fragment++) this.#claims.claim(fragment)
    }
    const summaries = Math.ceil(superblock.summarySize / superblock.fragmentSize)
    for (let i = 0; i < summaries; i++) this.#claims.claim(superblock.summaryPlace + i)
  }

  // ---- inodes ----------------------------------------------------------------------------------------------

  #checkInodes(groupNumber: number): void {
    const { superblock } = this.#fs
    let initialised = superblock.inodesPerGroup
    try {
      initialised = this.#fs.groups.group(groupNumber).initialisedInodes
    } catch {
      // told when the groups are checked; here its inodes are looked at all the same
    }
    for (let i = 0; i < initialised; i++) {
      const number = groupNumber * superblock.inodesPerGroup + i
      if (number < ROOT_INODE) continue
      const inode = this.#fs.readInode(number)
      if (inode.mode === 0) continue
      try {
        this.#checkInode(inode)
      } catch (error) {
        this.#note(error, 'inode')
      }
    }
  }

  #checkInode(inode: Inode): void {
    const { number, kind, size } = inode
    const { superblock } = this.#fs
    const kinds: number[] = Object.values(FileKind)
    if (!kinds.includes(kind)) {
      this.#found.add('inode', `inode ${number} has the mode 0${inode.mode.toString(8)}, which no file has`, number)
      return
    }
    this.#used.set(number, { kind, links: inode.links, names: 0 })
    const { hash } = inode
    if (hash !== null && hash.has !== hash.wants)
      this.#found.add('hash', `inode ${number}: its check hash is wrong`, number)
    if (!(size >= 0 && size <= superblock.fileSizeMax)) {
      this.#found.add('inode', `inode ${number} says it has ${size} bytes`, number)
      return
    }
    const hasBlocks = kind === FileKind.regular || kind === FileKind.directory || kind === FileKind.link
    if (!hasBlocks) return
    let sectors = 0
    if (!(kind === FileKind.link && inode.sectors === 0)) sectors = this.#claimBlocks(inode)
    sectors += this.#claimExtended(inode)
    if (sectors !== inode.sectors)
      this.#found.add(
        'inode',
        `inode ${number} says it has ${inode.sectors} sectors on disk; its blocks have ${sectors}`,
        number,
      )
  }

  /** Follows all pointers of a file; the sectors of 512 bytes that are its. */
  #claimBlocks(inode: Inode): number {
    const { blockSize, fragmentsPerBlock, pointersPerBlock, fragmentSize } = this.#fs.superblock
    const blocks = Math.ceil(inode.size / blockSize)
    let fragments = 0
    for (let block = 0; block < DIRECT_BLOCKS; block++) {
      const count = this.#fs.map.fragmentsOf(inode.size, block)
      fragments += this.#claimBlock(inode, inode.direct(block), count, block, blocks).fragments
    }
    let first = DIRECT_BLOCKS
    let span = 1
    const walk = (pointer: number, level: number, from: number, below: number): void => {
      const claimed = this.#claimBlock(inode, pointer, fragmentsPerBlock, from, blocks)
      fragments += claimed.fragments
      // a block that somebody has already is not followed: so nothing is walked twice
      if (level === 0 || !claimed.isNew) return
      this.#fs.map.pointersOf(pointer).forEach((next, index) => {
        if (next !== 0) walk(next, level - 1, from + index * below, below / pointersPerBlock)
      })
    }
    for (let level = 1; level <= INDIRECT_LEVELS; level++) {
      if (inode.indirect(level) !== 0) walk(inode.indirect(level), level, first, span)
      span *= pointersPerBlock
      first += span
    }
    return (fragments * fragmentSize) / 512
  }

  #claimBlock(
    inode: Inode,
    pointer: number,
    count: number,
    block: number,
    blocks: number,
  ): { fragments: number; isNew: boolean } {
    if (pointer === 0 || (inode.isSnapshot && pointer <= SNAPSHOT_MARKS)) return { fragments: 0, isNew: false }
    try {
      this.#fs.map.checkPointer(inode, pointer, count)
    } catch (error) {
      this.#note(error, 'pointer')
      return { fragments: 0, isNew: false }
    }
    if (block >= blocks && !inode.isSnapshot)
      this.#found.add(
        'pointer',
        `inode ${inode.number} has a block behind its end, at fragment ${pointer}`,
        inode.number,
      )
    let isNew = true
    for (let fragment = pointer; fragment < pointer + count; fragment++)
      if (!this.#claims.claim(fragment)) isNew = false
    if (!isNew)
      this.#found.add(
        'duplicate',
        `inode ${inode.number} has fragment ${pointer}, which belongs to another block or to the file system itself`,
        inode.number,
      )
    return { fragments: count, isNew }
  }

  #claimExtended(inode: Inode): number {
    const { blockSize, fragmentSize, fragmentsPerBlock } = this.#fs.superblock
    let fragments = 0
    inode.extendedBlocks().forEach((pointer, index) => {
      const left = inode.extendedBytes - index * blockSize
      const count = left >= blockSize ? fragmentsPerBlock : Math.ceil(left / fragmentSize)
      if (pointer !== 0) fragments += this.#claimBlock(inode, pointer, Math.max(1, count), 0, 1).fragments
    })
    return (fragments * fragmentSize) / 512
  }

  // ---- directories -----------------------------------------------------------------------------------------

  #checkDirectories(): void {
    const root = this.#used.get(ROOT_INODE)
    if (root?.kind !== FileKind.directory) {
      this.#found.add('directory', 'the root directory is not there', ROOT_INODE)
      return
    }
    const seen = new Set([ROOT_INODE])
    const waiting = [{ directory: ROOT_INODE, parent: ROOT_INODE }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { directory, parent } = next
      try {
        for (const child of this.#checkDirectory(directory, parent, seen))
          waiting.push({ directory: child, parent: directory })
      } catch (error) {
        this.#note(error, 'directory')
      }
    }
    for (const [inode, { kind, links, names }] of this.#used) {
      if (names === 0) this.#found.add('links', `inode ${inode} is in use, but no directory names it`, inode)
      else if (names !== links)
        this.#found.add(
          'links',
          `inode ${inode} (${kind === FileKind.directory ? 'a directory' : 'a file'}) says it has ${links} names; ${names} were found`,
          inode,
        )
    }
  }

  /** Counts the names in a directory; the directories in it that were not seen before. */
  #checkDirectory(directory: number, parent: number, seen: Set<number>): number[] {
    const children: number[] = []
    const entries = this.#fs.list(directory)
    const expected = [
      ['.', directory],
      ['..', parent],
    ] as const
    expected.forEach(([name, inode], index) => {
      const entry = entries[index]
      if (entry?.name !== name || entry.inode !== inode)
        this.#found.add('directory', `directory ${directory}: "${name}" is not inode ${inode}`, directory)
    })
    const names = new Set<string>()
    for (const { name, inode, type } of entries) {
      if (names.has(name)) this.#found.add('directory', `directory ${directory} has "${name}" twice`, directory)
      names.add(name)
      const used = this.#used.get(inode)
      if (used === undefined) {
        this.#found.add(
          'directory',
          `directory ${directory}: "${name}" is inode ${inode}, which is not in use`,
          directory,
        )
        continue
      }
      used.names++
      if (type !== 0 && type !== used.kind >> 12)
        this.#found.add(
          'directory',
          `directory ${directory}: "${name}" is of another kind than inode ${inode}`,
          directory,
        )
      if (used.kind !== FileKind.directory || name === '.' || name === '..') continue
      if (seen.has(inode))
        this.#found.add(
          'directory',
          `directory ${directory}: "${name}" is directory ${inode}, which has another name`,
          directory,
        )
      else children.push(inode)
      seen.add(inode)
    }
    return children
  }

  // ---- totals ----------------------------------------------------------------------------------------------

  #checkTotals(totals: Totals): void {
    const { superblock } = this.#fs
    for (const name of totalNames) {
      const told = superblock.total(name)
      if (told !== totals[name])
        this.#found.add('count', `the superblock says ${told} ${words[name]}; the groups have ${totals[name]}`)
      else if (superblock.version === 1 && superblock.oldTotal(name) !== told)
        this.#found.add(
          'count',
          `the superblock says ${superblock.oldTotal(name)} ${words[name]} in its old field, ${told} in its new`,
        )
    }
  }
}
