/**
 * The cylinder groups of a file system: finding free blocks and fragments, giving them back, and the summaries that the file
 * system keeps of its groups beside its own totals.
 */
import { CylinderGroup } from './cylinderGroup.ts'
import { Fields } from './fields.ts'
import type { Medium } from './medium.ts'
import { SUMMARY_BYTES, type Superblock, type Totals, totalNames } from './superblock.ts'
import { UfsError } from './ufsError.ts'

export class GroupTable {
  readonly #medium: Medium
  readonly #superblock: Superblock
  readonly #groups = new Map<number, CylinderGroup>()
  #summaries: Fields | null = null
  #isDirty = false

  constructor(medium: Medium, superblock: Superblock) {
    this.#medium = medium
    this.#superblock = superblock
  }

  /** Throws UfsError `corrupt`. */
  group(number: number): CylinderGroup {
    const known = this.#groups.get(number)
    if (known !== undefined) return known
    const { groupPlace, fragmentSize, groupSize } = this.#superblock
    const offset = (this.#superblock.groupStart(number) + groupPlace) * fragmentSize
    const group = new CylinderGroup(
      this.#superblock,
      number,
      this.#medium.read(offset, groupSize),
      (name, difference) => {
        this.#superblock.addTotal(name, difference)
        const field = number * SUMMARY_BYTES + totalNames.indexOf(name) * 4
        this.#table.setU32(field, this.#table.u32(field) + difference)
        this.#isDirty = true
      },
    )
    this.#groups.set(number, group)
    return group
  }

  /** What the summaries say of a group. */
  summary(number: number, name: keyof Totals): number {
    return this.#table.u32(number * SUMMARY_BYTES + totalNames.indexOf(name) * 4)
  }

  get #table(): Fields {
    const { summaryPlace, fragmentSize, groups, isLittleEndian } = this.#superblock
    this.#summaries ??= new Fields(
      this.#medium.read(summaryPlace * fragmentSize, groups * SUMMARY_BYTES),
      isLittleEndian,
    )
    return this.#summaries
  }

  /**
   * Takes `count` fragments of one block, as near behind fragment `preferred` as there are; a whole block if `count` is one.
   * Throws UfsError `no-space`.
   */
  allocate(preferred: number, count: number): number {
    const { groups, fragmentsPerGroup, fragmentsPerBlock } = this.#superblock
    const first = Math.min(groups - 1, Math.floor(preferred / fragmentsPerGroup))
    for (let i = 0; i < groups; i++) {
      const group = this.group((first + i) % groups)
      const base = this.#superblock.groupBase(group.number)
      const from = i === 0 ? preferred - base : 0
      let found = -1
      if (count < fragmentsPerBlock) found = group.findFragments(from, count)
      if (found < 0) found = group.findBlock(from)
      if (found < 0) continue
      group.take(found, count)
      return base + found
    }
    throw new UfsError(
      'no-space',
      `the file system has no room left for ${count * this.#superblock.fragmentSize} bytes in one piece`,
    )
  }

  /** Takes the fragments behind those that a block has, if they are free. Answers whether it did. */
  extend(first: number, had: number, wants: number): boolean {
    const { fragmentsPerGroup, fragmentsPerBlock } = this.#superblock
    if ((first % fragmentsPerBlock) + wants > fragmentsPerBlock) return false
    const group = this.group(Math.floor(first / fragmentsPerGroup))
    const within = first - this.#superblock.groupBase(group.number) + had
    if (!group.areFree(within, wants - had)) return false
    group.take(within, wants - had)
    return true
  }

  /** Gives fragments of one block back. Throws UfsError `corrupt`. */
  free(first: number, count: number): void {
    const group = this.group(Math.floor(first / this.#superblock.fragmentsPerGroup))
    group.free(first - this.#superblock.groupBase(group.number), count)
  }

  /** A free inode, looked for from a group on; it is in use then. Throws UfsError `no-space`. */
  allocateInode(preferredGroup: number, isDirectory: boolean): number {
    const { groups, inodesPerGroup, inodesPerBlock } = this.#superblock
    for (let i = 0; i < groups; i++) {
      const group = this.group((preferredGroup + i) % groups)
      const found = group.total('freeInodes') === 0 ? -1 : group.findInode()
      if (found < 0) continue
      while (found >= group.initialisedInodes) {
        // UFS2 leaves inodes untouched on disk until they are wanted: whatever lies there is no inode yet
        const from = group.initialisedInodes
        const offset = this.#superblock.inodeOffset(group.number * inodesPerGroup + from)
        this.#medium.write(offset, new Uint8Array(inodesPerBlock * this.#superblock.inodeBytes))
        group.setInitialisedInodes(from + inodesPerBlock)
      }
      group.setInode(found, true, isDirectory)
      return group.number * inodesPerGroup + found
    }
    throw new UfsError('no-space', 'the file system has no free inode left')
  }

  freeInode(inode: number, isDirectory: boolean): void {
    const { inodesPerGroup } = this.#superblock
    this.group(Math.floor(inode / inodesPerGroup)).setInode(inode % inodesPerGroup, false, isDirectory)
  }

  /** Writes what was changed to the medium; answers whether anything was. */
  flush(seconds: number): boolean {
    const { groupPlace, fragmentSize, summaryPlace } = this.#superblock
    for (const group of this.#groups.values()) {
      if (!group.isDirty) continue
      group.setTime(seconds)
      group.updateHash()
      this.#medium.write((this.#superblock.groupStart(group.number) + groupPlace) * fragmentSize, group.fields.bytes)
      group.isDirty = false
      this.#isDirty = true
    }
    if (!this.#isDirty) return false
    this.#medium.write(summaryPlace * fragmentSize, this.#table.bytes)
    this.#isDirty = false
    return true
  }
}
