import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PageFlag, Queue } from '../../vm/pages.ts'
import { NO_OFFSET } from './host.ts'
import { Errno, IoFlag, PutFlag, SEQUENTIAL_MAX, type VnodeWait } from '../operation.ts'
import { vnodeMessages } from '../messages.ts'
import { DragonflyPageFlag } from './pageOperations.ts'
import { pageOffset, pagesOf } from './state.ts'
import { fileByte, hole, run, TestKernel } from './testing.ts'
import { VnodeFlag, VnodeType } from './vnodes.ts'

const MIB = 1024 * 1024
const SECOND_NS = 1_000_000_000

function stopOf(action: () => unknown): KernelStop {
  try {
    action()
  } catch (error) {
    if (error instanceof KernelStop) return error
    throw error
  }
  throw new Error('the kernel did not stop')
}

const counts = ({ pager }: TestKernel): number[] => [
  pager.vnodeIns,
  pager.vnodePagesIn,
  pager.vnodeOuts,
  pager.vnodePagesOut,
]

/** Reads a row of pages of which `required` is wanted. */
function get(kernel: TestKernel, frames: Int32Array, required: number, wait?: (wait: VnodeWait) => void): number {
  return run(kernel.pager.genericGetPages(kernel.vnode, frames, frames.length * 4096, required, false), wait)
}

/** Writes a row of pages: the results of each. */
function put(kernel: TestKernel, frames: Int32Array, flags = 0, wait?: (wait: VnodeWait) => void): number[] {
  const results = new Uint8Array(frames.length).fill(PagerResult.fail)
  run(kernel.pager.putPages(kernel.object, frames, flags, results), wait)
  return [...results]
}

describe('the object of a vnode', () => {
  it('covers the whole block that the end of the file cuts, in whole pages', () => {
    for (const [length, blockSize, offsetInBlock, pages] of [
      [1, 16384, -1, 4],
      [16384, 16384, -1, 4],
      [16385, 16384, -1, 8],
      [5000, 1024, -1, 2],
      // the caller says that the end is at a block's start, whatever the length
      [5000, 16384, 0, 2],
      [5000, 16384, 5000, 4],
    ] as const) {
      const kernel = new TestKernel()
      const vnode = kernel.pager.vnodes.add({
        type: VnodeType.regular,
        blockSize: 4096,
        sectorSize: 0,
        isNoMsync: false,
      })
      kernel.pager.vnodes.references[vnode] = 1
      const object = run(kernel.pager.allocate(vnode, length, blockSize, offsetInBlock))
      expect([kernel.pages.objectSize[object], kernel.pager.vnodes.fileSize[vnode]]).toEqual([pages, length])
    }
  })

  it('is found again with another reference, and differences of size are only said', () => {
    const kernel = new TestKernel({ sizeBytes: 8192 })
    expect(run(kernel.pager.allocate(kernel.vnode, 20000, 4096, -1))).toBe(kernel.object)
    expect(kernel.log).toEqual([
      `vnode-object-size-mismatch ${kernel.vnode} 2 5`,
      `vnode-file-size-mismatch ${kernel.vnode} 8192 20000`,
    ])
    expect([
      kernel.pages.references[kernel.object],
      kernel.pages.objectSize[kernel.object],
      kernel.pager.vnodes.fileSize[kernel.vnode],
    ]).toEqual([2, 2, 8192])
    expect(kernel.pager.vnodes.references[kernel.vnode]).toBe(3)
  })

  it('is not made by a reference, nor for no vnode', () => {
    const kernel = new TestKernel()
    run(kernel.pager.deallocate(kernel.object))
    expect(run(kernel.pager.reference(kernel.vnode))).toBe(-1)
    expect(run(kernel.pager.allocate(-1, 4096, 4096, -1))).toBe(-1)
    expect(kernel.pager.vnodes.references[kernel.vnode]).toBe(2)
  })

  it('loses its vnode, whose size is unknown then, but no references, when paging is over', () => {
    const kernel = new TestKernel()
    const { pages, pager, vnode, object } = kernel
    pager.vnodes.setFlag(vnode, VnodeFlag.text | VnodeFlag.objectBuffers | VnodeFlag.reclaimed)
    pages.pagingInProgress[object] = 1
    const waits: VnodeWait[] = []
    run(pager.deallocate(object), (wait) => {
      waits.push(wait)
      pages.pagingInProgress[object] = 0
    })
    expect(waits).toEqual([{ on: 'paging', object }])
    expect([pages.handle[object], pages.objectType[object], pages.references[object]]).toEqual([-1, ObjectType.dead, 1])
    expect([pager.vnodes.object[vnode], pager.vnodes.fileSize[vnode], pager.vnodes.references[vnode]]).toEqual([
      -1,
      NO_OFFSET,
      2,
    ])
    expect(pager.vnodes.flags[vnode]).toBe(VnodeFlag.reclaimed)
    expect(kernel.log).toEqual([`free swap ${object}`])
    expect(stopOf(() => run(pager.deallocate(object)))).toMatchObject({
      kind: 'kernel-panic',
      routine: 'vnode_pager_dealloc',
    })
  })

  it('is waited for while somebody else holds it or it dies, and whoever waits after that is woken', () => {
    const kernel = new TestKernel()
    const { pages, pager, vnode, object } = kernel
    pager.vnodes.setFlag(vnode, VnodeFlag.objectLock)
    pages.objectFlags[object]! |= ObjectFlag.dead
    const waits: string[] = []
    const found = run(pager.allocate(vnode, 4096, 4096, -1), (wait) => {
      waits.push(wait.on)
      if (wait.on === 'vnode') {
        expect(pager.vnodes.has(vnode, VnodeFlag.objectWanted)).toBe(true)
        // woken once for nothing
        if (waits.length === 2) pager.vnodes.clearFlag(vnode, VnodeFlag.objectLock)
      } else pager.vnodes.object[vnode] = -1
    })
    expect(waits).toEqual(['vnode', 'vnode', 'dead-object'])
    expect(found).not.toBe(object)
    expect(kernel.log).toEqual([`wake ${vnode}`])
    expect(pager.vnodes.flags[vnode]).toBe(0)
  })

  it('is not given for a vnode without a reference', () => {
    const kernel = new TestKernel()
    kernel.pager.vnodes.references[kernel.vnode] = 0
    expect(stopOf(() => run(kernel.pager.allocate(kernel.vnode, 1, 4096, -1)))).toMatchObject({
      kind: 'kernel-panic',
      routine: 'vnode_pager_alloc',
    })
  })

  it('takes over that a mount is not synchronised, if there is a mount', () => {
    for (const [blockSize, flags] of [
      [4096, ObjectFlag.noMsync],
      [0, 0],
    ] as const) {
      const kernel = new TestKernel()
      const vnode = kernel.pager.vnodes.add({ type: VnodeType.regular, blockSize, sectorSize: 0, isNoMsync: true })
      kernel.pager.vnodes.references[vnode] = 1
      expect(kernel.pages.objectFlags[run(kernel.pager.allocate(vnode, 1, 4096, -1))]).toBe(flags)
    }
  })
})

describe('whether there is a page', () => {
  it('asks for the block that the page lies in: a hole is none, what cannot be found out is one', () => {
    const kernel = new TestKernel({ blockSize: 16384 })
    expect(run(kernel.pager.hasPage(kernel.object, 7))).toBe(true)
    kernel.bmapResult = hole
    expect(run(kernel.pager.hasPage(kernel.object, 7))).toBe(false)
    kernel.bmapResult = { errno: Errno.EIO, deviceOffset: NO_OFFSET }
    expect(run(kernel.pager.hasPage(kernel.object, 7))).toBe(true)
    expect(kernel.log).toEqual(['bmap 16384', 'bmap 16384', 'bmap 16384'])
  })

  it('is no without a question past the end, without a mount, of a reclaimed vnode, without a vnode', () => {
    const kernel = new TestKernel({ sizeBytes: 4097 })
    expect([1, 2].map((index) => run(kernel.pager.hasPage(kernel.object, index)))).toEqual([true, false])
    kernel.pager.vnodes.setFlag(kernel.vnode, VnodeFlag.reclaimed)
    expect(run(kernel.pager.hasPage(kernel.object, 0))).toBe(false)
    expect(run(new TestKernel({ blockSize: 0 }).pager.hasPage(kernel.object, 0))).toBe(false)
    run(kernel.pager.deallocate(kernel.object))
    expect(run(kernel.pager.hasPage(kernel.object, 0))).toBe(false)
    expect(kernel.log.filter((line) => line.startsWith('bmap'))).toEqual(['bmap 4096'])
  })
})

describe('reading pages', () => {
  it('reads all in one request, leaves the required page busy, and queues the others by what is known of them', () => {
    const kernel = new TestKernel()
    const frames = kernel.addPages(2, [0, 0, 0])
    kernel.pages.flags[frames[2]!] = PageFlag.referenced
    expect(get(kernel, frames, 1)).toBe(PagerResult.ok)
    expect(kernel.log).toEqual([`read 8192 12288 ${IoFlag.fromPages} 0`])
    expect(counts(kernel)).toEqual([1, 3, 0, 0])
    expect([...frames].map((frame) => kernel.pages.valid[frame])).toEqual([ALL_SECTORS, ALL_SECTORS, ALL_SECTORS])
    expect([...frames].map((frame) => kernel.pages.exclusiveBusy[frame])).toEqual([0, 1, 0])
    expect([...frames].map((frame) => kernel.pages.sharedBusy[frame])).toEqual([0, 0, 0])
    expect([...frames].map((frame) => kernel.pages.queue[frame])).toEqual([Queue.inactive, Queue.none, Queue.active])
    expect(kernel.bytes(frames[2]!)[4095]).toBe(fileByte(5 * 4096 - 1))
  })

  it('reads a valid page too, which keeps its contents, and passes the sequential hint on', () => {
    const kernel = new TestKernel()
    const [frame] = kernel.addPages(0, [ALL_SECTORS])
    expect(run(kernel.pager.getPage(kernel.object, frame!, true))).toBe(PagerResult.ok)
    expect(kernel.log).toEqual([`read 0 4096 ${IoFlag.fromPages} ${SEQUENTIAL_MAX}`])
    expect(kernel.bytes(frame!)[0]).toBe(9)
  })

  it('zero-extends only the required page where the end of the file cuts it', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 + 700 })
    const frames = kernel.addPages(0, [0, 0])
    expect(get(kernel, frames, 0)).toBe(PagerResult.ok)
    expect(kernel.log).toEqual([`read 0 4796 ${IoFlag.fromPages} 0`])
    expect(kernel.pages.valid[frames[1]!]).toBe(0b11)
    const other = new TestKernel({ sizeBytes: 700 })
    const [frame] = other.addPages(0, [0])
    expect(get(other, Int32Array.of(frame!), 0)).toBe(PagerResult.ok)
    expect(other.pages.valid[frame!]).toBe(ALL_SECTORS)
    expect([699, 700, 1024, 4095].map((at) => other.bytes(frame!)[at])).toEqual([fileByte(699), 0, 0, 0])
  })

  it('is an error if all pages are past the end, and no read', () => {
    const kernel = new TestKernel({ sizeBytes: 8192 })
    expect(get(kernel, kernel.addPages(2, [0, 0, 0]), 1)).toBe(PagerResult.error)
    expect(kernel.log).toEqual(['free 2', 'free 4'])
    expect(counts(kernel)).toEqual([0, 0, 0, 0])
  })

  it('is no error if only the required page is past the end: it stays invalid and busy', () => {
    const kernel = new TestKernel({ sizeBytes: 5000 })
    const frames = kernel.addPages(1, [0, 0, 0])
    expect(get(kernel, frames, 2)).toBe(PagerResult.ok)
    expect(kernel.log).toEqual(['free 2', `read 4096 904 ${IoFlag.fromPages} 0`])
    expect([kernel.pages.valid[frames[2]!], kernel.pages.exclusiveBusy[frames[2]!]]).toEqual([0, 1])
    expect(counts(kernel)).toEqual([1, 1, 0, 0])
  })

  it('makes a partly valid required page wholly valid even on an error, and frees the others', () => {
    const kernel = new TestKernel()
    kernel.readResult = { errno: Errno.EIO, doneBytes: 4096 + 512 }
    const frames = kernel.addPages(0, [0, 0, 0])
    expect(get(kernel, frames, 1)).toBe(PagerResult.error)
    expect(kernel.pages.valid[frames[1]!]).toBe(ALL_SECTORS)
    expect(kernel.log.slice(1)).toEqual(['free 0', 'free 2', `vnode-read-error ${kernel.vnode} 0 ${Errno.EIO}`])
  })

  it('turns into an error at a required page that was not read, so that pages after it are dropped', () => {
    const kernel = new TestKernel()
    kernel.readResult = { errno: 0, doneBytes: 0 }
    const frames = kernel.addPages(0, [ALL_SECTORS, 0, ALL_SECTORS])
    expect(get(kernel, frames, 1)).toBe(PagerResult.error)
    expect(kernel.resident()).toEqual([0, 1])
    expect(kernel.log.slice(1)).toEqual([
      `vnode-page-not-read ${kernel.object} 1 0`,
      'free 2',
      `vnode-read-error ${kernel.vnode} 0 ${Errno.EINVAL}`,
    ])
  })

  it('rounds a device read up to whole sectors', () => {
    const kernel = new TestKernel({
      type: VnodeType.blockDevice,
      sectorSize: 2048,
      sizeBytes: 4096 + 700,
      readableBytes: MIB,
    })
    get(kernel, kernel.addPages(0, [0, 0]), 0)
    expect(kernel.log).toEqual([`read 0 6144 ${IoFlag.fromPages} 0`])
    const coarse = new TestKernel({ type: VnodeType.characterDevice, sectorSize: 8192 })
    expect(stopOf(() => get(coarse, coarse.addPages(0, [0]), 0)).routine).toBe('vnode_pager_generic_getpages')
  })

  it('is bad and changes nothing without a mount', () => {
    const kernel = new TestKernel({ blockSize: 0 })
    expect(get(kernel, kernel.addPages(0, [0, 0]), 1)).toBe(PagerResult.bad)
    expect([kernel.resident(), kernel.log]).toEqual([[0, 1], []])
  })

  it('has its pages soft-busy while it reads, and waits for one that somebody else took meanwhile', () => {
    const kernel = new TestKernel()
    kernel.waits = true
    const { pages } = kernel
    const frames = kernel.addPages(0, [0, 0])
    const waits: VnodeWait[] = []
    get(kernel, frames, 0, (wait) => {
      waits.push(wait)
      if (wait.on === 'host') {
        expect([...frames].map((frame) => [pages.exclusiveBusy[frame], pages.sharedBusy[frame]])).toEqual([
          [0, 1],
          [0, 1],
        ])
        pages.exclusiveBusy[frames[1]!] = 1
      } else {
        expect(pages.wanted[frames[1]!]).toBe(1)
        kernel.releaseBusy(frames[1]!)
      }
    })
    expect(waits).toEqual([
      { on: 'host', request: 2 },
      { on: 'page', frame: frames[1] },
    ])
  })

  it('panics where a file system cannot get pages', () => {
    const kernel = new TestKernel()
    kernel.ownErrno = Errno.EOPNOTSUPP
    const [frame] = kernel.addPages(0, [0])
    expect(stopOf(() => run(kernel.pager.getPage(kernel.object, frame!, false)))).toMatchObject({
      kind: 'kernel-panic',
      routine: 'vnode_pager_getpage',
    })
  })

  it('activates a page that cannot be freed, even an invalid one', () => {
    const kernel = new TestKernel()
    const frames = kernel.addPages(0, [0, 0, 0, 0])
    kernel.pages.wired[frames[0]!] = 1
    kernel.pages.sharedBusy[frames[1]!] = 1
    kernel.pages.kernelFlags[frames[2]!] = DragonflyPageFlag.needCommit
    for (const frame of frames) kernel.pager.releasePage(frame)
    expect(kernel.resident()).toEqual([0, 1, 2])
    // a wired page is on no queue
    expect([0, 1, 2].map((i) => kernel.pages.queue[frames[i]!])).toEqual([Queue.none, Queue.active, Queue.active])
    expect([0, 1, 2].map((i) => kernel.pages.exclusiveBusy[frames[i]!])).toEqual([0, 0, 0])
  })
})

describe('writing pages', () => {
  const dirty = (kernel: TestKernel, frames: Int32Array): (number | undefined)[] =>
    [...frames].map((frame) => kernel.pages.dirty[frame])

  function dirtyPages(kernel: TestKernel, first: number, count: number): Int32Array {
    const frames = kernel.addPages(first, new Array<number>(count).fill(ALL_SECTORS))
    for (const frame of frames) kernel.pages.dirty[frame] = ALL_SECTORS
    return frames
  }

  it('cleans all pages of the file wholly, even after a short write, and calls those past its end bad', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 + 10 })
    kernel.writeResult = { errno: 0, doneBytes: 5 }
    const frames = dirtyPages(kernel, 0, 3)
    expect(put(kernel, frames)).toEqual([PagerResult.ok, PagerResult.ok, PagerResult.bad])
    expect(dirty(kernel, frames)).toEqual([0, 0, ALL_SECTORS])
    expect(kernel.log).toEqual([
      `write 0 4106 ${IoFlag.fromPages | IoFlag.async} ${SEQUENTIAL_MAX}`,
      `vnode-write-residual ${kernel.vnode} 0 4101`,
    ])
    expect(counts(kernel)).toEqual([0, 0, 1, 2])
  })

  it('leaves pages dirty and to be tried again after an error', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 })
    kernel.writeResult = { errno: Errno.ENOSPC, doneBytes: 4096 }
    const frames = dirtyPages(kernel, 0, 2)
    expect(put(kernel, frames)).toEqual([PagerResult.again, PagerResult.bad])
    expect(dirty(kernel, frames)).toEqual([ALL_SECTORS, ALL_SECTORS])
  })

  it('writes no bytes, but writes, where all pages are past the end', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 })
    expect(put(kernel, dirtyPages(kernel, 5, 2))).toEqual([PagerResult.bad, PagerResult.bad])
    expect(kernel.log).toEqual([`write 20480 0 ${IoFlag.fromPages | IoFlag.async} ${SEQUENTIAL_MAX}`])
    expect(counts(kernel)).toEqual([0, 0, 1, 0])
  })

  it.each([
    [0, IoFlag.async],
    [PutFlag.clusterOk, 0],
    [PutFlag.sync, IoFlag.sync],
    [PutFlag.sync | PutFlag.clusterOk, IoFlag.sync],
    [PutFlag.invalidate, IoFlag.sync | IoFlag.invalidate],
  ])('asks for the kind of write that its flags stand for: %i', (flags, expected) => {
    const kernel = new TestKernel()
    put(kernel, dirtyPages(kernel, 0, 1), flags)
    expect(kernel.log).toEqual([`write 0 4096 ${IoFlag.fromPages | expected} ${SEQUENTIAL_MAX}`])
  })

  it('is synchronous when memory is low', () => {
    const kernel = new TestKernel()
    kernel.memoryIsLow = true
    put(kernel, dirtyPages(kernel, 0, 1), PutFlag.clusterOk)
    expect(kernel.log[0]).toBe(`write 0 4096 ${IoFlag.fromPages | IoFlag.sync} ${SEQUENTIAL_MAX}`)
  })

  it('looks at 32 bits of the first page: from 8 TiB to 16 TiB nothing can be written, then it can again', () => {
    const kernel = new TestKernel({ sizeBytes: 40 * MIB * MIB })
    for (const [first, isRefused] of [
      [2 ** 31 - 1, false],
      [2 ** 31, true],
      [2 ** 32 - 1, true],
      [2 ** 32, false],
    ] as const) {
      const results = put(kernel, dirtyPages(kernel, first, 2))
      expect(results).toEqual(isRefused ? [PagerResult.bad, PagerResult.again] : [PagerResult.ok, PagerResult.ok])
      for (const index of [first, first + 1]) kernel.pages.free(kernel.pages.lookup(kernel.object, index))
    }
    expect(counts(kernel)).toEqual([0, 0, 2, 4])
  })

  it('does the work of a file system that cannot put pages', () => {
    const kernel = new TestKernel()
    kernel.ownErrno = Errno.EOPNOTSUPP
    expect(put(kernel, dirtyPages(kernel, 0, 1))).toEqual([PagerResult.ok])
    expect(kernel.log[0]).toBe(`vnode-put-stale ${kernel.vnode} 0 0`)
  })

  it('prints each of its errors once a second', () => {
    const kernel = new TestKernel()
    kernel.writeResult = { errno: Errno.EIO, doneBytes: 0 }
    const frames = dirtyPages(kernel, 0, 1)
    const printed = (id: string): number => kernel.log.filter((line) => line.startsWith(id)).length
    for (const now of [0, SECOND_NS - 1, SECOND_NS]) {
      kernel.now = now
      put(kernel, frames)
    }
    expect([printed('vnode-write-error'), printed('vnode-write-residual')]).toEqual([2, 2])
  })
})

describe('a change of size', () => {
  it('gives the object whole pages, and touches no page when the file grows', () => {
    const kernel = new TestKernel({ sizeBytes: 700 })
    const [frame] = kernel.addPages(0, [0b11])
    run(kernel.pager.setSize(kernel.vnode, 9000))
    expect([kernel.pages.objectSize[kernel.object], kernel.pager.vnodes.fileSize[kernel.vnode]]).toEqual([3, 9000])
    expect([kernel.pages.valid[frame!], kernel.bytes(frame!)[700]]).toEqual([0b11, 9])
  })

  it('never shrinks a file whose size was not known', () => {
    const kernel = new TestKernel()
    kernel.pager.vnodes.fileSize[kernel.vnode] = NO_OFFSET
    kernel.addPages(3, [ALL_SECTORS])
    run(kernel.pager.setSize(kernel.vnode, 0))
    expect([kernel.resident(), kernel.pages.objectSize[kernel.object]]).toEqual([[3], 0])
  })

  it('removes the pages between the new and the old size of the object, and no others', () => {
    const kernel = new TestKernel({ sizeBytes: 5 * 4096 })
    const frames = kernel.addPages(0, [255, 255, 255, 255, 255, 255])
    for (const frame of frames) kernel.releaseBusy(frame)
    kernel.pages.wired[frames[3]!] = 1
    kernel.pages.dirty[frames[3]!] = 7
    run(kernel.pager.setSize(kernel.vnode, 2 * 4096))
    // a wired page stays, invalid and dirty; one beyond the old size was none of the file's
    expect(kernel.resident()).toEqual([0, 1, 3, 5])
    expect([
      kernel.pages.valid[frames[3]!],
      kernel.pages.dirty[frames[3]!],
      kernel.pages.exclusiveBusy[frames[3]!],
    ]).toEqual([0, 7, 0])
  })

  it('has changed both sizes before it waits for a busy page', () => {
    const kernel = new TestKernel({ sizeBytes: 5 * 4096 })
    const [frame] = kernel.addPages(4, [ALL_SECTORS])
    const waits: VnodeWait[] = []
    run(kernel.pager.setSize(kernel.vnode, 4096), (wait) => {
      waits.push(wait)
      expect([kernel.pages.objectSize[kernel.object], kernel.pager.vnodes.fileSize[kernel.vnode]]).toEqual([1, 4096])
      kernel.releaseBusy(frame!)
    })
    expect(waits).toEqual([{ on: 'page', frame }])
    expect(kernel.resident()).toEqual([])
  })

  it.each([
    ['a sector that the end cuts stays dirty, and the page with it', 0b0010, 0, 700, ALL_SECTORS],
    ['dirty bits beyond the end go', 0b1100, 0, 700, 0],
    ['any dirty bit that is left makes the page dirty', 0b1001, 0, 1024, ALL_SECTORS],
    ['an end at a sector cleans from there', 0b1100, 0, 1024, 0],
    ['a page that a mapping has modified is dirty', 0, 1, 700, ALL_SECTORS],
    ['an end in the last sector cleans nothing', 0b1000_0000, 0, 4000, ALL_SECTORS],
  ])('cuts a page: %s', (_, dirty, modified, size, expected) => {
    const kernel = new TestKernel()
    const [frame] = kernel.addPages(0, [0b10110111])
    kernel.releaseBusy(frame!)
    kernel.pages.dirty[frame!] = dirty
    kernel.pages.hardwareModified[frame!] = modified
    run(kernel.pager.setSize(kernel.vnode, size))
    expect([kernel.pages.dirty[frame!], kernel.pages.valid[frame!], kernel.pages.exclusiveBusy[frame!]]).toEqual([
      expected,
      0b10110111,
      0,
    ])
    expect([size - 1, size, 4095].map((at) => kernel.bytes(frame!)[at])).toEqual([9, 0, 0])
  })

  it('leaves a page without a valid sector as it is', () => {
    const kernel = new TestKernel()
    const [frame] = kernel.addPages(0, [0])
    kernel.releaseBusy(frame!)
    kernel.pages.hardwareModified[frame!] = 1
    run(kernel.pager.setSize(kernel.vnode, 700))
    expect([
      kernel.bytes(frame!)[4095],
      kernel.pages.hardwareModified[frame!],
      kernel.pages.exclusiveBusy[frame!],
    ]).toEqual([9, 1, 0])
  })

  it('does nothing for a vnode without an object', () => {
    const kernel = new TestKernel()
    run(kernel.pager.deallocate(kernel.object))
    run(kernel.pager.setSize(kernel.vnode, 700))
    expect(kernel.pager.vnodes.fileSize[kernel.vnode]).toBe(NO_OFFSET)
  })
})

describe('the lock of a chain of objects', () => {
  /** Objects of these types above the kernel's file. */
  function chain(kernel: TestKernel, ...types: number[]): number[] {
    const objects = types.map((type) => kernel.pages.createObject(type, 1))
    for (const [i, object] of objects.entries()) kernel.pages.backing[object] = objects[i + 1] ?? kernel.object
    return objects
  }

  it('is that of the vnode at its bottom', () => {
    const kernel = new TestKernel()
    const [top] = chain(kernel, ObjectType.default, ObjectType.swap)
    expect(run(kernel.pager.lockBackingVnode(top!))).toBe(kernel.vnode)
    expect(kernel.log).toEqual([`lock ${kernel.vnode} 0`])
  })

  it('is none where an object on the way is dead, the file is, or there is no file', () => {
    const kernel = new TestKernel()
    const [top, second] = chain(kernel, ObjectType.default, ObjectType.swap)
    kernel.pages.objectFlags[second!]! |= ObjectFlag.dead
    expect(run(kernel.pager.lockBackingVnode(top!))).toBe(-1)
    kernel.pages.objectFlags[kernel.object]! |= ObjectFlag.dead
    expect(run(kernel.pager.lockBackingVnode(kernel.object))).toBe(-1)
    expect(run(kernel.pager.lockBackingVnode(kernel.pages.createObject(ObjectType.default, 1)))).toBe(-1)
    expect(run(kernel.pager.lockBackingVnode(-1))).toBe(-1)
    expect(kernel.log).toEqual([])
  })

  it('is tried again every second, unless the file dies meanwhile', () => {
    const kernel = new TestKernel()
    kernel.lockErrnos = [Errno.EIO, Errno.EIO]
    const waits: VnodeWait[] = []
    expect(run(kernel.pager.lockBackingVnode(kernel.object), (wait) => waits.push(wait))).toBe(kernel.vnode)
    expect(waits).toEqual([1, 2].map(() => ({ on: 'pause', durationNs: SECOND_NS })))
    kernel.lockErrnos = [Errno.EIO]
    expect(
      run(
        kernel.pager.lockBackingVnode(kernel.object),
        () => (kernel.pages.objectFlags[kernel.object]! |= ObjectFlag.dead),
      ),
    ).toBe(-1)
  })

  it('is given back if the file got another vnode while it was waited for', () => {
    const kernel = new TestKernel()
    kernel.waits = true
    const other = kernel.pager.vnodes.add({ type: VnodeType.regular, blockSize: 4096, sectorSize: 0, isNoMsync: false })
    expect(run(kernel.pager.lockBackingVnode(kernel.object), () => (kernel.pages.handle[kernel.object] = other))).toBe(
      other,
    )
    expect(kernel.log).toEqual([`lock ${kernel.vnode} 0`, `unlock ${kernel.vnode}`, `lock ${other} 0`])
  })
})

describe('state', () => {
  it('comes back as it was saved, in the middle of an operation of the host', () => {
    const kernel = new TestKernel()
    const frames = kernel.addPages(0, [0, 0])
    get(kernel, frames, 0)
    for (let i = 0; i < 40; i++)
      kernel.pager.vnodes.add({ type: VnodeType.regular, blockSize: 512, sectorSize: 0, isNoMsync: false })
    const saved = kernel.columns.save()
    run(kernel.pager.setSize(kernel.vnode, 4096))
    put(kernel, frames.subarray(0, 1))
    run(kernel.pager.deallocate(kernel.object))
    kernel.columns.restore(saved)
    expect(counts(kernel)).toEqual([1, 2, 0, 0])
    expect([
      kernel.pager.vnodes.fileSize[kernel.vnode],
      kernel.pager.vnodes.object[kernel.vnode],
      kernel.pages.objectSize[kernel.object],
    ]).toEqual([65536, kernel.object, 16])
    expect(kernel.resident()).toEqual([0, 1])
    expect(new Map(kernel.columns.save())).toEqual(saved)
  })

  it('gives the row of a vnode that has gone to another, and refuses to forget one that has an object', () => {
    const { pager, vnode } = new TestKernel()
    expect(() => pager.vnodes.remove(vnode)).toThrow('still has an object')
    const other = pager.vnodes.add({ type: VnodeType.regular, blockSize: 512, sectorSize: 0, isNoMsync: false })
    pager.vnodes.remove(other)
    expect(pager.vnodes.add({ type: VnodeType.directory, blockSize: 0, sectorSize: 0, isNoMsync: true })).toBe(other)
    expect([pager.vnodes.isMounted(other), pager.vnodes.fileSize[other]]).toEqual([false, NO_OFFSET])
  })

  it('has offsets that wrap as 64 bits do and sizes that undo them', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 53n) - 1n }), (index) => {
        expect(BigInt(pageOffset(Number(index)))).toBe(BigInt.asIntN(64, index << 12n))
        expect(BigInt(pagesOf(pageOffset(Number(index))))).toBe(BigInt.asUintN(52, index))
      }),
    )
  })

  it('has a text with its figures for each message', () => {
    for (const { text, routine } of Object.values(vnodeMessages)) {
      expect(text(11, 22, 33)).toContain('11')
      expect(routine).toMatch(/^vnode_pager_/)
    }
  })
})
