/**
 * The blocks of the vnode pagers that no workload reaches, with the reason. A block is named by its file and a part of its first line.
 * The test fails on a block that is neither reached nor named here, and on a name that no unreached block has.
 */
import type { Block } from './blocks.ts'

interface Reason {
  why: string
  /** Beginnings of lines by file; '*': all of the file's. A file of '*' stands for any. */
  blocks: Readonly<Record<string, readonly string[]>>
}

export const reasons: readonly Reason[] = [
  {
    why: 'an assertion of the source, or a request that its callers here never make',
    blocks: {
      '*': ["throw new KernelStop('kernel-panic'"],
      'dragonfly/getPages.ts': ['throw new KernelStop('],
      'dragonfly/setSize.ts': ['return'],
      'dragonfly/lifeCycle.ts': ['offsetInBlock'],
      'freebsd/getPages.ts': ["throw new KernelStop('livelock'", 'if (first === requested && offset'],
      'freebsd/setSize.ts': ['return'],
      'freebsd/partialPages.ts': ['return 0', 'return', 'host.zero(frame, base - before'],
      'freebsd/fileBlocks.ts': ['|| wantsAfter'],
      'freebsd/vnodes.ts': ['|| this.type[vnode] === VnodeType.directory'],
      'netbsd/transfer.ts': ['? lengthBytes', 'zeroPages(state, memory.frames'],
      'netbsd/findPages.ts': ['continue'],
      'netbsd/putPages.ts': [
        'if (state.pages.exclusiveBusy[frame] === 0)',
        'pass.errno = Errno.EDEADLK',
        '&& state.pages.wired[frame] === 0',
        '&& pages.wired[frame] === 0',
        'deactivate(state, frame)',
      ],
      'netbsd/pageStates.ts': ['function deactivate'],
    },
  },
  {
    why: 'rows of tables that are given back, and buffers of very many pages: vnodes here are kept, and transfers are of 64 KiB',
    blocks: {
      'dragonfly/vnodes.ts': ['remove(vnode'],
      'freebsd/vnodes.ts': ['remove(vnode'],
      'netbsd/vnodes.ts': ['remove(vnode'],
      'netbsd/buffers.ts': ['this.#widen()', '#widen()'],
    },
  },
  {
    why: 'for file systems that cannot map blocks, are on a network or put pages themselves: the volumes here do not, and map without errors',
    blocks: {
      'freebsd/fileRead.ts': ['*'],
      'freebsd/getPages.ts': ['freeAllBut(', 'return PagerResult.error', '&& vnodes.isNetwork', 'function freeAllBut'],
      'freebsd/fileBlocks.ts': ['return { ...answer', 'return { errno: mapping.errno'],
      'freebsd/pager.ts': ['genericGetPages', 'genericPutPages', 'undirtyPages', 'fileSize(', 'initializeFileSize('],
      'freebsd/putPages.ts': ['function undirtyPages'],
      'freebsd/vnodes.ts': ['? 1'],
      'dragonfly/putPages.ts': ["host.message('vnode-put-stale'"],
      'dragonfly/vnodes.ts': ['? 1'],
      'dragonfly/lifeCycle.ts': ['pages.objectFlags[object]! |= ObjectFlag.noMsync'],
      'netbsd/compat.ts': ['*'],
      'netbsd/findPages.ts': ['function* findPages('],
      'netbsd/pager.ts': ['compatGetPages', 'putNoPages'],
      'netbsd/transfer.ts': ['? writeThroughFile', 'function* writeThroughFile', 'skipped += left'],
      'netbsd/putPages.ts': ['function putNoPages'],
      'netbsd/getPages.ts': ['pieces.errno = mapping.errno'],
      'netbsd/completion.ts': ['buffers.errno[master] = errno'],
    },
  },
  {
    why: 'for blocks smaller than a page, which neither UFS here nor made files have',
    blocks: {
      'freebsd/smallBlocks.ts': ['*'],
      'freebsd/fileBlocks.ts': ['PAGE_SIZE / blockSize', 'if (wantsBefore) answer.before', 'pageIndex * blocksPerPage'],
    },
  },
  {
    why: 'a file has its object from its opening on, and its lock keeps everybody away while it loses it: nobody finds a dead one, or none',
    blocks: {
      'freebsd/lifeCycle.ts': [
        '|| (pages.objectFlags[object]! & ObjectFlag.dead) === 0',
        'pages.objectFlags[object]! |= ObjectFlag.disconnectWanted',
        'pages.objectFlags[object]! &= ~ObjectFlag.disconnectWanted',
        'return',
        'if (vnodes.isDevice(vnode)) size',
        'else pages.references[object]! += 1',
        "yield { on: 'paging', object }",
        'host.vnodeUnused(vnode)',
      ],
      'freebsd/pager.ts': ['allocate('],
      'freebsd/writeCount.ts': ['return'],
      'freebsd/getPages.ts': ['return PagerResult.bad'],
      'freebsd/fileBlocks.ts': ['return answer', 'return { errno: NO_ADDRESS'],
      'dragonfly/lifeCycle.ts': [
        'return -1',
        'else {',
        "yield { on: 'paging', object }",
        'vnodes.setFlag(vnode, VnodeFlag.objectWanted)',
        'vnodes.clearFlag(vnode, VnodeFlag.objectWanted)',
        "yield { on: 'dead-object', object }",
      ],
      'dragonfly/hasPage.ts': ['return false'],
      'dragonfly/getPages.ts': ['return PagerResult.bad'],
      'netbsd/putPages.ts': ['if (vnodes.outputCount[vnode] === 0)'],
    },
  },
  {
    why: 'offsets from 2^51 pages on, which stand for metadata and for no byte of a file',
    blocks: {
      'freebsd/fileBlocks.ts': ['low + (1n << 63n)', '? kernelIndex', 'kernelIndex * BigInt'],
      'freebsd/putPages.ts': ["host.message('vnode-put-metadata'"],
      'freebsd/state.ts': ['low - FIRST_METADATA_PAGE'],
      'dragonfly/putPages.ts': ["host.message('vnode-put-metadata'"],
      'dragonfly/state.ts': ['low - OFFSET_PAGES', '? pages + OFFSET_PAGES'],
    },
  },
  {
    why: 'a direct call is of one piece of memory, which is a buffer of its own: it cannot be refused, nor be from inside the kernel',
    blocks: {
      'netbsd/directIo.ts': ['request.vectorIndex += 1', 'return errno', 'return mapping.errno'],
      'netbsd/pager.ts': ['get directIoBytes'],
    },
  },
  {
    why: 'no file system here has a journal; all is written before one is suspended, so that the page daemon finds nothing dirty; mounts keep access times',
    blocks: {
      'netbsd/getPages.ts': ['? yield* host.beginJournal', 'host.endJournal', '? 0'],
      'netbsd/directIo.ts': [
        '&& !request.isJournalLocked',
        '&& (yield* host.beginJournal(vnode)) !== 0',
        'return',
        'host.endJournal(vnode)',
      ],
      'netbsd/putPages.ts': [
        '&& (flags & RequestFlag.journalLocked) === 0',
        'return errno',
        'host.endJournal',
        'const errno = yield* host.beginJournal',
      ],
    },
  },
  {
    why: 'the machine has one processor, which runs an operation until it waits: nobody comes in between, and nobody asks it to yield',
    blocks: {
      'dragonfly/getPages.ts': ['0'],
      'dragonfly/pageOperations.ts': ['*'],
      'dragonfly/lock.ts': ['*'],
      'dragonfly/pager.ts': ['lockBackingVnode'],
      'netbsd/putPages.ts': ["return 'processor'", "else yield { on: 'processor' }", "? 'end'", 'yield* waitAt('],
    },
  },
  {
    why: 'this DragonFly gets one page at a time, so there are none of a row to keep or to drop; the buffer cache fills it or fails',
    blocks: {
      'dragonfly/getPages.ts': [
        'for (let i = 0; i < count; i++) if (i !== required)',
        'count -= 1',
        'frames.subarray(0, count)',
        'keepOrRelease(',
        'function keepOrRelease',
        "host.message('vnode-page-not-read'",
        'pages.activate(frame)',
      ],
    },
  },
  {
    why: "this FreeBSD's callers allocate a row only as far as haspage said that it lies together, and look for holes before",
    blocks: {
      'freebsd/getPages.ts': [
        'frames.subarray(run.first',
        'host.zero(wanted, 0',
        'host.freePage(',
        'for (let i = first; i < first + runPages',
      ],
      'freebsd/fileBlocks.ts': ['? -1'],
      'freebsd/setSize.ts': ['host.freeCached('],
    },
  },
  {
    why: 'no caller here asks for the pages of a write to be invalidated, deactivated or freed as another than the page daemon',
    blocks: {
      'freebsd/putPages.ts': ['? how | IoFlag.invalidate'],
      'dragonfly/putPages.ts': ['result |= IoFlag.invalidate'],
      'netbsd/putPages.ts': ['return', 'state.host.pageFreedByDaemon()'],
    },
  },
  {
    why: 'a file made for the run lies in one piece on its device: no write falls into several requests',
    blocks: {
      'netbsd/transfer.ts': ['vnodes.outputCount[buffers.vnode[master]!]! += 1'],
      'netbsd/completion.ts': ['? Errno.EIO'],
    },
  },
  {
    why: "the machine's allocations wait, and never fail in the middle of a request",
    blocks: {
      'netbsd/getPages.ts': [
        'errno = Errno.ENOMEM',
        'return busy(',
        'clearState(state, frame, PageState.clean)',
        'freePage(state, frame)',
      ],
      'netbsd/completion.ts': ['clearState(state, frame, PageState.pageout)'],
    },
  },
]

export function reasonOf(block: Block): Reason | undefined {
  return reasons.find(({ blocks }) =>
    [...(blocks[block.file] ?? []), ...(blocks['*'] ?? [])].some(
      (start) => start === '*' || block.text.startsWith(start),
    ),
  )
}
