import { describe, expect, it } from 'vitest'
import { KernelStop } from '../../sim/kernelStop.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { RequestFlag } from './host.ts'
import { Errno } from '../operation.ts'
import { DO_NOT_CARE, NO_PAGE, PageState } from './pageStates.ts'
import { deviceByte, TestKernel } from './testing.ts'
import { VnodeFlag } from './vnodes.ts'

const { syncIo, locked, overwrite, noBlockAllocation, pastEof } = RequestFlag
const WIDE = 13 // blocks of two pages

describe('getting pages', () => {
  it('reads them from their blocks and hands them out busy', () => {
    const kernel = new TestKernel()
    const request = kernel.request(2, 3, syncIo)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(0)
    expect(Array.from(request.frames)).toEqual([2, 3, 4].map((index) => kernel.frameOf(index)))
    expect(kernel.busyPages()).toEqual([2, 3, 4])
    expect(kernel.requests()).toEqual([`read:${64 + 16}+${3 * PAGE_SIZE}`])
    const bytes = kernel.bytesOf(request.frames[1]!)
    const start = (64 + 24) * 512
    expect(bytes.every((byte, i) => byte === deviceByte(start + i))).toBe(true)
  })

  it('cuts the request off at the end of the file, but leaves the count as it was', () => {
    const kernel = new TestKernel({ sizeBytes: 3 * PAGE_SIZE })
    const request = kernel.request(2, 4, syncIo)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(0)
    expect(request.count).toBe(4)
    expect(Array.from(request.frames)).toEqual([kernel.frameOf(2), NO_PAGE, NO_PAGE, NO_PAGE])
  })

  it('refuses a page behind the end of the file, and only notes use of one inside it', () => {
    const kernel = new TestKernel({ sizeBytes: PAGE_SIZE })
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(1, 1, syncIo, true)))).toBe(Errno.EINVAL)
    expect(kernel.log).toEqual([])
  })

  it('goes up to the size that is being written to where the request extends the file', () => {
    const kernel = new TestKernel({ sizeBytes: PAGE_SIZE, writeSizeBytes: 3 * PAGE_SIZE })
    const past = kernel.request(1, 2, syncIo | pastEof | overwrite, true)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, past))).toBe(0)
    expect(kernel.busyPages()).toEqual([1, 2])
    const further = kernel.request(3, 1, syncIo | pastEof, true)
    expect(() => kernel.run(kernel.pager.getPages(kernel.vnode, further))).toThrow(KernelStop)
  })

  it('widens to whole blocks by letting go of what it had: new pages are freed and come last in the list', () => {
    const kernel = new TestKernel({ blockShift: WIDE })
    kernel.addPage(9)
    const request = kernel.request(3, 1, syncIo)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(0)
    expect(kernel.log).toContain('free:3')
    expect(kernel.list()).toEqual([9, 2, 3])
    expect(kernel.busyPages()).toEqual([3])
    expect(kernel.stateOf(2)).toBe('C')
  })

  it('reads around pages that are filled, in pieces', () => {
    const kernel = new TestKernel()
    const middle = kernel.addPage(1, 99)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 3, syncIo)))).toBe(0)
    expect(kernel.requests()).toEqual([`read:64+${PAGE_SIZE}`, `read:${64 + 16}+${PAGE_SIZE}`])
    expect(kernel.bytesOf(middle).every((byte) => byte === 99)).toBe(true)
  })

  it('zeros what lies behind the end of the file in pages that are filled now, and in no others', () => {
    const kernel = new TestKernel({ sizeBytes: 2 * PAGE_SIZE - 1024, blockShift: WIDE })
    const last = kernel.addPage(1, 99)
    kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, syncIo)))
    expect(kernel.bytesOf(last)[PAGE_SIZE - 1]).toBe(99)

    const fresh = new TestKernel({ sizeBytes: 2 * PAGE_SIZE - 1024 })
    fresh.run(fresh.pager.getPages(fresh.vnode, fresh.request(1, 1, syncIo)))
    const bytes = fresh.bytesOf(fresh.frameOf(1))
    expect(bytes[PAGE_SIZE - 1025]).not.toBe(0)
    expect(bytes.subarray(PAGE_SIZE - 1024).every((byte) => byte === 0)).toBe(true)
  })

  it('hands out pages still unfilled to who overwrites them', () => {
    const kernel = new TestKernel()
    kernel.addPage(0)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 2, syncIo | overwrite, true)))).toBe(0)
    expect([kernel.stateOf(0), kernel.stateOf(1)]).toEqual(['', 'F'])
    expect(kernel.requests()).toEqual([])
  })

  it('zeros a page for an asynchronous overwrite, which nobody will fill', () => {
    const kernel = new TestKernel()
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, overwrite, true)))).toBe(0)
    expect(kernel.stateOf(0)).toBe('')
    expect(kernel.busyPages()).toEqual([])
    expect(kernel.bytesOf(kernel.frameOf(0)).every((byte) => byte === 0)).toBe(true)
  })

  it('waits for a page that another request is reading', () => {
    const kernel = new TestKernel({ isDeferred: true })
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(4, 2, 0)))).toBe(0)
    expect(kernel.busyPages()).toEqual([4, 5])
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(5, 1, syncIo)))).toBe(0)
    expect(kernel.log).toEqual(expect.arrayContaining(['wait:page', 'wake:5']))
    expect(kernel.requests()).toHaveLength(1)
    expect(kernel.busyPages()).toEqual([5])
  })

  it('waits for memory only if it may', () => {
    const kernel = new TestKernel()
    kernel.freeFrames = 0
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, 0)))).toBe(Errno.EBUSY)
    kernel.onWait = (wait) => {
      kernel.freeFrames = 1
      return wait.on === 'memory'
    }
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, syncIo)))).toBe(0)
  })

  it('fails for want of memory for a long asynchronous request', () => {
    const kernel = new TestKernel()
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 9, 0)))).toBe(Errno.ENOMEM)
    expect(kernel.list()).toEqual([])
  })
})

describe('getting pages that are resident', () => {
  it('moves dirty generation, times and worklist before it is known whether there are any', () => {
    const kernel = new TestKernel()
    kernel.pager.vnodes.flags[kernel.vnode] = VnodeFlag.writeMapped
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, locked, true)))).toBe(Errno.EBUSY)
    expect(kernel.log).toEqual(['update:AM', 'worklist:on'])
    expect(kernel.pager.vnodes.dirtyGeneration[kernel.vnode]).toBe(1)
    expect(kernel.pager.vnodes.hasFlag(kernel.vnode, VnodeFlag.writeMapDirty)).toBe(true)
  })

  it('may leave others busy though the one that matters is not there', () => {
    const kernel = new TestKernel()
    kernel.addPage(1)
    const request = kernel.request(0, 2, locked)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(Errno.EBUSY)
    expect(kernel.busyPages()).toEqual([1])
    expect(request.frames[1]).toBe(kernel.frameOf(1))
  })

  it('passes over read-only pages if they are to be written', () => {
    const kernel = new TestKernel()
    kernel.pages.kernelFlags[kernel.addPage(0)] = PageState.clean | PageState.readOnly
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, locked, true)))).toBe(Errno.EBUSY)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, locked)))).toBe(0)
  })

  it('forgets the whole array while the file is being truncated, places that were not wanted too', () => {
    const kernel = new TestKernel()
    kernel.addPage(1)
    kernel.run(kernel.pager.lockNode(kernel.vnode))
    const request = kernel.request(0, 2, locked, false, 1)
    request.frames[0] = DO_NOT_CARE
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(Errno.EBUSY)
    expect(Array.from(request.frames)).toEqual([NO_PAGE, NO_PAGE])
    expect(kernel.busyPages()).toEqual([])
  })
})

describe('truncation while pages are got', () => {
  function truncateAtLock(kernel: TestKernel, sizeBytes: number): void {
    kernel.run(kernel.pager.lockNode(kernel.vnode))
    kernel.onWait = (wait) => {
      kernel.pager.vnodes.size[kernel.vnode] = sizeBytes
      kernel.pager.unlockNode(kernel.vnode)
      return wait.on === 'node-lock'
    }
  }

  it('makes the request start over with the new size', () => {
    const kernel = new TestKernel({ sizeBytes: 8 * PAGE_SIZE })
    truncateAtLock(kernel, 2 * PAGE_SIZE)
    const request = kernel.request(0, 4, syncIo)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(0)
    expect(kernel.list()).toEqual([0, 1])
    expect(kernel.log.filter((entry) => entry === 'update:A')).toHaveLength(2)
    expect(kernel.log.filter((entry) => entry === 'transaction:start')).toHaveLength(1)
  })

  it('ends the transaction if nothing is left of it', () => {
    const kernel = new TestKernel({ sizeBytes: 8 * PAGE_SIZE })
    truncateAtLock(kernel, 0)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 4, syncIo)))).toBe(Errno.EINVAL)
    expect(kernel.log.at(-1)).toBe('transaction:finish')
  })

  it('frees the array of a long request twice, which the kernel does not survive', () => {
    const kernel = new TestKernel({ sizeBytes: 16 * PAGE_SIZE })
    truncateAtLock(kernel, 0)
    expect(() => kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 9, syncIo)))).toThrow('a second time')
  })
})

describe('holes', () => {
  const map = [64, -1, 96]

  it('make the whole page read-only, though only a part of it has none', () => {
    const kernel = new TestKernel({ blockShift: 11, map: [64, -1, 68, 72] })
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 2, syncIo)))).toBe(0)
    expect([kernel.stateOf(0), kernel.stateOf(1)]).toEqual(['CR', 'C'])
    const bytes = kernel.bytesOf(kernel.frameOf(0))
    expect([bytes[0], bytes[2047], bytes[2048]]).toEqual([deviceByte(64 * 512), deviceByte(64 * 512 + 2047), 0])
  })

  it('get blocks before they are written; that dirties every page of the widened range', () => {
    const kernel = new TestKernel({ blockShift: WIDE, map })
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(1, 2, syncIo, true)))).toBe(0)
    expect(kernel.log).toContain('allocate:0+4')
    expect([0, 1, 2, 3].map((index) => kernel.stateOf(index))).toEqual(['', '', '', ''])
  })

  it('leave a page dirty and read-only if it is written without blocks', () => {
    const kernel = new TestKernel({ map })
    expect(
      kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(1, 1, syncIo | noBlockAllocation, true))),
    ).toBe(0)
    expect(kernel.stateOf(1)).toBe('R')
    expect(kernel.log.some((entry) => entry.startsWith('allocate'))).toBe(false)
  })

  it('in a resident page count as well when it is to be written', () => {
    const kernel = new TestKernel({ map })
    kernel.pages.kernelFlags[kernel.addPage(1)] = PageState.clean | PageState.readOnly
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(1, 1, syncIo, true)))).toBe(0)
    expect(kernel.log).toContain('allocate:1+1')
    expect(kernel.stateOf(1)).toBe('')
  })

  it('that cannot be filled fail the request; what was not filled before is freed', () => {
    const kernel = new TestKernel({ map })
    kernel.blocksLeft = 0
    kernel.addPage(0)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 2, syncIo, true)))).toBe(Errno.ENOSPC)
    expect(kernel.list()).toEqual([0])
    expect(kernel.busyPages()).toEqual([])
  })
})

describe('read errors', () => {
  it('of a synchronous request free what was not filled', () => {
    const kernel = new TestKernel()
    kernel.addPage(0)
    kernel.deviceErrno = () => Errno.EIO
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 2, syncIo)))).toBe(Errno.EIO)
    expect(kernel.list()).toEqual([0])
  })

  it('of an asynchronous request free every page in the range, also those that held data', () => {
    const kernel = new TestKernel({ isDeferred: true })
    kernel.addPage(0)
    kernel.deviceErrno = () => Errno.EIO
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 2, 0)))).toBe(0)
    kernel.completeOldest()
    expect(kernel.list()).toEqual([])
  })

  it('of one piece are not forgotten when a later piece succeeds', () => {
    const kernel = new TestKernel({ map: [64, 128, 256] })
    kernel.deviceErrno = (_, sector) => (sector === 64 ? Errno.EIO : 0)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 3, syncIo)))).toBe(Errno.EIO)
    expect(kernel.requests()).toHaveLength(3)
  })

  it('of a block lookup end the search; nothing is waited for if nothing was sent', () => {
    const kernel = new TestKernel({ isDeferred: true })
    kernel.bmapErrno = () => Errno.EIO
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, kernel.request(0, 2, syncIo)))).toBe(Errno.EIO)
    expect(kernel.log).not.toContain('wait:buffer')
    expect(kernel.list()).toEqual([])
  })
})
