/**
 * Pager variants: somebody else's decisions in the swap pager's place.
 *
 * A variant is an object with a name and any of four decisions; one that it leaves out stays the kernel's. It decides, and
 * nothing else: what follows from a decision (taking the blocks, reading the pages, writing the cluster) is done by the engine as ever, so
 * a variant cannot lose a page. `readVariant` takes what a file exports and answers the variant that the engine asks:
 * its functions are checked at every call, and what they throw or answer wrongly ends the run with a VariantError that names them.
 *
 * A decision must follow from what it is shown. One that keeps notes between calls, asks the clock or draws lots makes a run
 * that cannot be repeated or resumed. The objects it is shown are used again for the next call.
 *
 * Where each is asked: `searchStart` in swp_pager_getswapspace (devices.ts), `readWindow` in swap_pager_getpages (pager.ts), `joinCluster` in
 * vm_pageout_cluster (vm/cluster.ts), `chooseVictim` in the plain replacement policies (vm/policyDaemon.ts).
 */
import type { Columns } from '../sim/columns.ts'
import { BlockList } from './blockList.ts'

export interface PagerVariant {
  /** What runs and reports call it. */
  readonly name: string
  /** What it does, in a sentence. */
  readonly description: string
  /**
   * Where the search for free blocks begins on the device whose turn it is. The first run of at least `least` blocks (1 to 64) from there
   * on is taken, up to `most` blocks of it; if there is none, the first on the whole device. The kernel begins at
   * `space.cursor`, where its last run ended. Answers a block of the device, 0 to space.blocks - 1.
   */
  readonly searchStart?: (space: FreeSpace, least: number, most: number) => number
  /**
   * Whether a dirty neighbour is written along with the page that is laundered. Asked of resident dirty pages that are neither
   * busy nor wired, outward from that page; the first that does not join ends its side.
   */
  readonly joinCluster?: (neighbour: ClusterNeighbour) => boolean
  /**
   * How many pages to read before and after those asked for. Asked where those have a block. Clipped afterwards as the kernel's own window is: to
   * pages whose blocks continue the run, to 31 either way, to pages that are not resident, to memory that is free.
   */
  readonly readWindow?: (read: SwapRead) => ReadWindow
  /**
   * Which frame is taken from its page, under the daemons lru, fifo and clock. `proposed` is the policy's choice, -1 if
   * it has none. Answers a frame that may be taken, or -1 for none.
   */
  readonly chooseVictim?: (memory: VictimView, proposed: number) => number
}

/** A device's block list. Blocks are numbered from 0 on each device; the first two hold its label and are never free. */
export interface FreeSpace {
  readonly blocks: number
  /** Free blocks. */
  readonly available: number
  /** Where the kernel's search would begin. */
  readonly cursor: number
  /** First free block at or after `from`, -1 if there is none. */
  nextFree(from: number): number
  /** First block at or after `from` that is not free; the number of blocks if all are. */
  nextAllocated(from: number): number
}

export interface ClusterNeighbour {
  /** Of the page in question, in its object. */
  pageIndex: number
  /** Page index of the page that is laundered. */
  centre: number
  /** Pages that the cluster has so far, and may have at the most: vm.pageout_page_count. */
  pages: number
  most: number
  /** The kernel's answer: whether the page waits in the laundry. Under a plain policy always true. */
  wouldJoin: boolean
}

export interface SwapRead {
  /** First page index asked for, and how many pages. */
  pageIndex: number
  pages: number
  /** The window that the caller wants: the fault handler's, or swapoff's; 0 where it wants none. */
  behind: number
  ahead: number
  /** Pages before and after the first whose blocks continue its own, at most 31. */
  blocksBefore: number
  blocksAfter: number
}

export interface ReadWindow {
  behind: number
  ahead: number
}

export interface VictimView {
  readonly frames: number
  /** The queue of pages in the policy's order, those that may be taken only: the first of it, and the next; -1 at the end. */
  first(): number
  after(frame: number): number
  /** Whether a frame holds a page that may be taken: on the queue, not busy, not wired. */
  mayTake(frame: number): boolean
  isDirty(frame: number): boolean
  /** Referenced since the policy last looked; only clock keeps it. */
  isReferenced(frame: number): boolean
  object(frame: number): number
  pageIndex(frame: number): number
}

export type VariantErrorCode = 'variant-file' | 'variant-shape' | 'variant-answer'

/** A variant that cannot be used, or an answer of one. `field` is the decision or member at fault. */
export class VariantError extends Error {
  readonly code: VariantErrorCode
  readonly field: string | undefined

  constructor(code: VariantErrorCode, message: string, field?: string) {
    super(message)
    this.name = 'VariantError'
    this.code = code
    this.field = field
  }
}

/** Decisions by the names that a variant gives them. */
export const decisionNames = ['searchStart', 'joinCluster', 'readWindow', 'chooseVictim'] as const

/** The variant in what a file exports as its default. Throws VariantError `variant-shape` for anything that is none. */
export function readVariant(exported: unknown): PagerVariant {
  if (!isRecord(exported))
    throw new VariantError(
      'variant-shape',
      'its default export is no variant: an object with name, description and decisions',
    )
  const { name, description } = exported
  if (typeof name !== 'string' || name.trim() === '') throw shape('name', 'must be a text that is not empty')
  if (typeof description !== 'string') throw shape('description', 'must be a text')
  const known = new Set<string>(['name', 'description', ...decisionNames])
  for (const member of Object.keys(exported))
    if (!known.has(member)) throw shape(member, `is no decision of a variant; there are ${decisionNames.join(', ')}`)
  const guarded: { -readonly [K in keyof PagerVariant]: PagerVariant[K] } = { name, description }
  const { searchStart, joinCluster, readWindow, chooseVictim } = exported
  if (searchStart !== undefined) {
    const decide = guard(name, 'searchStart', searchStart)
    guarded.searchStart = (space, least, most) => {
      const start = decide(space, least, most)
      if (isWhole(start) && start < space.blocks) return start
      throw answer(name, 'searchStart', start, `a block from 0 to ${space.blocks - 1}`)
    }
  }
  if (joinCluster !== undefined) {
    const decide = guard(name, 'joinCluster', joinCluster)
    guarded.joinCluster = (neighbour) => {
      const joins = decide(neighbour)
      if (typeof joins === 'boolean') return joins
      throw answer(name, 'joinCluster', joins, 'true or false')
    }
  }
  if (readWindow !== undefined) {
    const decide = guard(name, 'readWindow', readWindow)
    guarded.readWindow = (read) => {
      const window = decide(read)
      if (isRecord(window)) {
        const { behind, ahead } = window
        if (isWhole(behind) && isWhole(ahead)) return { behind, ahead }
      }
      throw answer(name, 'readWindow', window, '{ behind, ahead }, whole numbers from 0 on')
    }
  }
  if (chooseVictim !== undefined) {
    const decide = guard(name, 'chooseVictim', chooseVictim)
    guarded.chooseVictim = (memory, proposed) => {
      const frame = decide(memory, proposed)
      if (frame === -1 || (isWhole(frame) && frame < memory.frames && memory.mayTake(frame))) return frame
      throw answer(name, 'chooseVictim', frame, 'a frame that may be taken, or -1')
    }
  }
  return guarded
}

export type BlockListFactory = (columns: Columns, name: string, blocks: number | 'restored') => BlockList

/** What makes the block lists under a variant; undefined where it leaves them to the kernel. */
export function blockListFactory(variant: PagerVariant | undefined): BlockListFactory | undefined {
  const start = variant?.searchStart
  return start && ((columns, name, blocks) => new VariantBlockList(columns, name, blocks, start))
}

class VariantBlockList extends BlockList {
  readonly #start: NonNullable<PagerVariant['searchStart']>

  constructor(
    columns: Columns,
    name: string,
    blocks: number | 'restored',
    start: NonNullable<PagerVariant['searchStart']>,
  ) {
    super(columns, name, blocks)
    this.#start = start
  }

  protected override searchStart(count: number, maxCount: number): number {
    return this.#start(this, count, maxCount)
  }
}

/** A decision of a file, of which nothing is known but its name: what it throws is told as its fault. */
function guard(variant: string, decision: string, given: unknown): (...shown: unknown[]) => unknown {
  if (!isFunction(given)) throw shape(decision, 'must be a function')
  return (...shown) => {
    try {
      return given(...shown)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new VariantError('variant-answer', `variant ${variant}: ${decision} failed: ${why}`, decision)
    }
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isFunction = (value: unknown): value is (...shown: unknown[]) => unknown => typeof value === 'function'
const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const shape = (member: string, what: string) => new VariantError('variant-shape', `${member} ${what}`, member)

function answer(variant: string, decision: string, given: unknown, wanted: string): VariantError {
  const shown = typeof given === 'object' && given !== null ? JSON.stringify(given) : String(given)
  return new VariantError(
    'variant-answer',
    `variant ${variant}: ${decision} answered ${shown.slice(0, 60)}, not ${wanted}`,
    decision,
  )
}
