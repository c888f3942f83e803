/** The check of one cylinder group: its bitmaps against what was found to be in use, its counts against its bitmaps. */
import { totalWords as words, type Claims, type Findings } from './checkFindings.ts'
import { type CylinderGroup, runsIn } from './cylinderGroup.ts'
import { ROOT_INODE, type UfsFileSystem } from './fileSystem.ts'
import { type Totals, totalNames } from './superblock.ts'

interface InodesFound {
  isUsed: (inode: number) => boolean
  isDirectory: (inode: number) => boolean
}

/** Answers what the bitmaps of the group amount to. */
export function checkGroup(
  fs: UfsFileSystem,
  group: CylinderGroup,
  claims: Claims,
  found: Findings,
  inodes: InodesFound,
): Totals {
  const { hash, number } = group
  if (hash !== null && hash.has !== hash.wants) found.add('hash', `cylinder group ${number}: its check hash is wrong`)
  compareFragments(fs, group, claims, found)
  const counted = { ...countInodes(fs, group, found, inodes), ...countFragments(fs, group, found) }
  for (const name of totalNames) {
    const told = group.total(name)
    if (told !== counted[name])
      found.add('count', `cylinder group ${number} says ${told} ${words[name]}; it has ${counted[name]}`)
    const summary = fs.groups.summary(number, name)
    if (summary !== counted[name])
      found.add(
        'count',
        `the summary of cylinder group ${number} says ${summary} ${words[name]}; it has ${counted[name]}`,
      )
  }
  return counted
}

/** Tells of ranges, not of fragments: a lost file is one problem. */
function compareFragments(fs: UfsFileSystem, group: CylinderGroup, claims: Claims, found: Findings): void {
  const base = fs.superblock.groupBase(group.number)
  /** 0: right, 1: somebody's though free, 2: nobody's though not free. */
  const stateOf = (fragment: number): number => {
    const isClaimed = claims.has(base + fragment)
    return group.isFree(fragment) ? (isClaimed ? 1 : 0) : isClaimed ? 0 : 2
  }
  for (let first = 0; first < group.fragments;) {
    const state = stateOf(first)
    let end = first + 1
    while (end < group.fragments && stateOf(end) === state) end++
    if (state === 1)
      found.add('bitmap', `fragments ${base + first} to ${base + end - 1} are in use, but marked as free`)
    if (state === 2)
      found.add('bitmap', `fragments ${base + first} to ${base + end - 1} are marked as used, but nobody's`)
    first = end
  }
}

function countInodes(
  fs: UfsFileSystem,
  group: CylinderGroup,
  found: Findings,
  { isUsed, isDirectory }: InodesFound,
): Pick<Totals, 'freeInodes' | 'directories'> {
  const { inodesPerGroup } = fs.superblock
  const counted = { freeInodes: 0, directories: 0 }
  for (let i = 0; i < inodesPerGroup; i++) {
    const inode = group.number * inodesPerGroup + i
    const isMarked = group.isInodeUsed(i)
    if (!isMarked) counted.freeInodes++
    if (isDirectory(inode)) counted.directories++
    // numbers 0 and 1 are always used and never there
    if (inode < ROOT_INODE) continue
    if (isMarked && !isUsed(inode)) found.add('bitmap', `inode ${inode} is marked as used, but it is not`, inode)
    if (!isMarked && isUsed(inode)) found.add('bitmap', `inode ${inode} is in use, but marked as free`, inode)
  }
  return counted
}

/** Free blocks and fragments by the bitmap; the lengths of runs and the clusters are compared with it on the way. */
function countFragments(
  fs: UfsFileSystem,
  group: CylinderGroup,
  found: Findings,
): Pick<Totals, 'freeBlocks' | 'freeFragments'> {
  const { fragmentsPerBlock, clusterSumSize } = fs.superblock
  const full = (1 << fragmentsPerBlock) - 1
  const counted = { freeBlocks: 0, freeFragments: 0 }
  const runs = new Array<number>(fragmentsPerBlock).fill(0)
  const clusters = new Array<number>(clusterSumSize + 1).fill(0)
  let cluster = 0
  let wrongClusters = 0
  const blocks = Math.ceil(group.fragments / fragmentsPerBlock)
  for (let block = 0; block <= blocks; block++) {
    const bits = block < blocks ? group.bitsOf(block) : 0
    const isFree = bits === full
    if (clusterSumSize > 0) {
      if (block < group.clusterBlocks && group.isClusterFree(block) !== isFree) wrongClusters++
      if (isFree) cluster++
      else if (cluster > 0) {
        clusters[Math.min(clusterSumSize, cluster)]!++
        cluster = 0
      }
    }
    if (isFree) counted.freeBlocks++
    else
      for (const length of runsIn(bits, fragmentsPerBlock)) {
        counted.freeFragments += length
        runs[length]!++
      }
  }
  const name = `cylinder group ${group.number}`
  for (let length = 1; length < fragmentsPerBlock; length++)
    if (group.runs(length) !== runs[length])
      found.add('count', `${name} says ${group.runs(length)} runs of ${length} free fragments; it has ${runs[length]!}`)
  if (wrongClusters > 0) found.add('bitmap', `${name}: its map of free clusters is wrong at ${wrongClusters} blocks`)
  for (let length = 1; length <= clusterSumSize; length++)
    if (group.clusterSum(length) !== clusters[length])
      found.add(
        'count',
        `${name} says ${group.clusterSum(length)} clusters of ${length} free blocks; it has ${clusters[length]!}`,
      )
  return counted
}
