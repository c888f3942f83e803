/**
 * Planted mistakes in the swap pager, each of which the golden logs must notice. A mutation replaces one text, which must occur exactly
 * once, by another; `logs` are those of test/conformance that notice it soonest.
 */

export interface Mutation {
  /** What would be wrong. */
  description: string
  /** Path in the project. */
  file: string
  find: string
  replace: string
  logs: readonly string[]
}

const blockList = 'engine/swap/blockList.ts'
const devices = 'engine/swap/devices.ts'
const metadata = 'engine/swap/metadata.ts'
const reservation = 'engine/swap/reservation.ts'
const pager = 'engine/swap/pager.ts'

export const mutations: readonly Mutation[] = [
  // ---- allocation of blocks
  {
    description: 'allocation is first-fit: the cursor stays at the beginning',
    file: blockList,
    find: 'state[stateCursor] = end === state[stateBlocks]! ? 0 : end',
    replace: 'state[stateCursor] = 0',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a search that fails from the cursor on is not begun anew',
    file: blockList,
    find: 'if (block < 0 && start !== 0) block = this.#search(0, count | 0, most)',
    replace: '',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a leaf searched from its middle forgets the runs that begin before',
    file: blockList,
    find: 'hint += offset\n',
    replace: '\n',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'an answer has the least length asked for, never more',
    file: blockList,
    find: 'if (maxCount < to - from) to = from + maxCount',
    replace: 'to = from + count',
    logs: ['swap/blist-01'],
  },
  {
    description: 'a run over the end of a leaf must be longer than needed',
    file: blockList,
    find: 'if (obtained === 0 || obtained < least) return obtained',
    replace: 'if (obtained === 0 || obtained <= least) return 0',
    logs: ['swap/blist-01'],
  },
  {
    description: 'freeing does not raise the hints of inner nodes',
    file: blockList,
    find: 'bitmap[digitWord] = bitmap[digitWord]! | (1 << digit)\n        hints[index] = blocksPerLeaf',
    replace: 'bitmap[digitWord] = bitmap[digitWord]! | (1 << digit)',
    logs: ['swap/blist-02'],
  },
  {
    description: "the fragmentation report's running average rounds down, not toward zero",
    file: blockList,
    find: 'statistics.average += Math.trunc(remainder / statistics.ranges)',
    replace: 'statistics.average += Math.floor(remainder / statistics.ranges)',
    logs: ['swap/blist-00'],
  },
  // ---- devices
  {
    description: 'devices are filled one after the other instead of round-robin',
    file: devices,
    find: 'state[S.head] = this.next[slot]!\n          return',
    replace: 'state[S.head] = slot\n          return',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a search that comes round asks for one block less instead of half',
    file: devices,
    find: 'least >>= 1',
    replace: 'least -= 1',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a device that is going away still gives blocks',
    file: devices,
    find: 'if ((this.flags[slot]! & CLOSING) === 0) {',
    replace: 'if (slot >= 0) {',
    logs: ['swap/swap-orphan-1'],
  },
  {
    description: 'there is no gap between devices',
    file: devices,
    find: 'base = this.endBlock[other]! + 1',
    replace: 'base = this.endBlock[other]!',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: "only one page of a device's label is kept free",
    file: devices,
    find: 'list.free(LABEL_PAGES, blocks - LABEL_PAGES)',
    replace: 'list.free(LABEL_PAGES - 1, blocks - LABEL_PAGES)',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'almost full ends at the low water mark',
    file: devices,
    find: 'if (state[S.available]! > state[S.highWater]!) state[S.almostFull] = 0',
    replace: 'state[S.almostFull] = 0',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'blocks freed on a device that is going away count as available',
    file: devices,
    find: 'if ((this.flags[slot]! & CLOSING) !== 0) return\n',
    replace:
      'if ((this.flags[slot]! & CLOSING) !== 0) {\n      this.#state[S.available]! += count\n      return\n    }\n',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a failed allocation leaves the cursor where it was',
    file: devices,
    find: 'state[S.head] = -1\n    return NO_BLOCK',
    replace: 'return NO_BLOCK',
    logs: ['swap/swap-tight-2'],
  },
  {
    description: 'the blocks of a device that disappeared are no longer available',
    file: devices,
    find: 'if (this.#forgetsOrphans) this',
    replace: 'if (free >= 0) this',
    logs: ['swap/swap-orphan-1'],
  },
  // ---- metadata
  {
    description: 'empty metadata nodes are kept',
    file: metadata,
    find: 'if (this.isEmpty(node, 0, META_PAGES)) this.removeNode(object, node)',
    replace: '',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a node is taken for empty though its last place is not',
    file: metadata,
    find: 'for (let i = base + start; i < base + limit; i++)',
    replace: 'for (let i = base + start; i < base + limit - 1; i++)',
    logs: ['swap/swap-async-2'],
  },
  {
    description: "a process's swap is counted from the beginning of the node",
    file: pager,
    find: 'for (let pageIndex = repairs ? start - (start & PLACE) : start; ;) {',
    replace: 'for (let pageIndex = start - (start & PLACE); ;) {',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'the least swapped page is looked for from the node on, not the page',
    file: pager,
    find: 'for (let i = first < pageIndex ? pageIndex - first : 0; i < META_PAGES; i++)',
    replace: 'for (let i = 0; i < META_PAGES; i++)',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: "in a copy the source's block wins",
    file: pager,
    find: 'this.metadata.lookup(destination, pageIndex) !== NO_BLOCK',
    replace: 'this.metadata.lookup(destination, pageIndex) === NO_BLOCK',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a failed reserve frees the blocks that it replaced',
    file: pager,
    find: `this.#freeStart = NO_BLOCK
        this.#freeCount = 0
        this.#transfer(object, -1, start, i)`,
    replace: `this.#endFreeRange()
        this.#transfer(object, -1, start, i)`,
    logs: ['swap/swap-edge-2'],
  },
  {
    description: "a copy begins at the source's first page",
    file: pager,
    find: 'this.#transfer(source, destination, offset, pages.objectSize[destination]!)',
    replace: 'this.#transfer(source, destination, 0, pages.objectSize[destination]!)',
    logs: ['swap/swap-edge-2'],
  },
  // ---- clustering
  {
    description: 'haspage looks 32 pages ahead instead of 31',
    file: pager,
    find: 'return this.#hasPage(object, pageIndex, CLUSTER - 1, CLUSTER - 1)',
    replace: 'return this.#hasPage(object, pageIndex, CLUSTER - 1, CLUSTER)',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'read-behind pages are allocated upward',
    file: pager,
    find: 'const frame = this.#host.allocatePage(object, firstIndex - gotBehind - 1)',
    replace: 'const frame = this.#host.allocatePage(object, firstIndex - wantedBehind + gotBehind)',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'read-ahead runs over pages that are resident',
    file: pager,
    find: 'wantedAhead = pages.pageIndex[next]! - lastIndex - 1',
    replace: 'wantedAhead = pages.pageIndex[next]! - lastIndex',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'an object that is being split is read ahead',
    file: pager,
    find: '(ObjectFlag.split | ObjectFlag.dead)',
    replace: 'ObjectFlag.dead',
    logs: ['swap/swap-async-2'],
  },
  {
    description: 'swapoff reads single pages',
    file: pager,
    find: 'this.getPages(object, one, 1, -1, META_PAGES)',
    replace: 'this.getPages(object, one, 1, -1, 0)',
    logs: ['swap/swap-edge-2'],
  },
  // ---- results
  {
    description: 'pages of a pageout without space may be tried again',
    file: pager,
    find: 'this.#operationResults[row + at + i] = PagerResult.fail',
    replace: 'this.#operationResults[row + at + i] = PagerResult.again',
    logs: ['swap/swap-zone-1'],
  },
  {
    description: 'a page whose write failed becomes inactive',
    file: pager,
    find: 'pages.activate(frame)\n          this.#dropSharedBusy(frame)',
    replace: 'pages.deactivate(frame)\n          this.#dropSharedBusy(frame)',
    logs: ['swap/swap-mix-1'],
  },
  {
    description: 'after a read error the pages read along are released',
    file: pager,
    find: "return this.#host.defect?.('read-error-busy')",
    replace: 'this.#pages.exclusiveBusy[frame] = 0\n    return',
    logs: ['swap/swap-orphan-1'],
  },
  {
    description: 'ENOMEM is reported like other errors',
    file: pager,
    find: 'if (errno !== 0 && errno !== Errno.ENOMEM) {',
    replace: 'if (errno !== 0) {',
    logs: ['swap/swap-mix-1'],
  },
  {
    description: "an object's size leaves out the offset",
    file: pager,
    find: 'Math.floor((offset + 4095 + size) / 4096)',
    replace: 'Math.floor((4095 + size) / 4096)',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'swapoff is refused for what is used only',
    file: pager,
    find: 'room + devices.available >= devices.blocks[slot]!',
    replace: 'room + devices.available >= used',
    logs: ['swap/swap-edge-2'],
  },
  // ---- accounting
  {
    description: 'a failed synchronous pageout gives no token back',
    file: pager,
    find: "if (isAsync || !this.#repairs['token-gain']) {",
    replace: 'if (isAsync) {',
    logs: ['swap/swap-zone-1'],
  },
  {
    description: 'a deferred free is not counted when it is completed',
    file: pager,
    find: 'if ((flags & PageFlag.swapFree) !== 0) this.#totals[T.freeCompleted]! += 1',
    replace: '',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'a page written to without the lock frees its block at once',
    file: pager,
    find: 'if (!objectLocked) {',
    replace: 'if (!objectLocked && (flags & PageFlag.swapSpace) === 0) {',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'paging in progress is lowered by one a request, not one a page',
    file: pager,
    find: 'pages.pagingInProgress[object]! -= count',
    replace: 'pages.pagingInProgress[object]! -= 1',
    logs: ['swap/swap-async-2'],
  },
  {
    description: 'a reservation up to the limit is refused',
    file: reservation,
    find: 'after > limit && !host.mayExceedQuota()',
    replace: 'after >= limit && !host.mayExceedQuota()',
    logs: ['swap/swap-edge-2'],
  },
  {
    description: 'the per-user limit is compared in pages',
    file: reservation,
    find: '* unit > host.swapLimit()',
    replace: '* unit > host.swapLimit() / 4096',
    logs: ['swap/swap-edge-2'],
  },
]
