import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PAGE_SIZE, Queue } from '../../vm/pages.ts'
import { RequestFlag } from './host.ts'
import { Errno } from '../operation.ts'
import { PageState } from './pageStates.ts'
import type { BusyPage } from './putPages.ts'
import { TestKernel, type TestOptions } from './testing.ts'
import { MountFlag, VnodeFlag, VnodeType } from './vnodes.ts'

const { cleanIt, syncIo, free, deactivate, allPages, busyFail, reclaim } = RequestFlag

function put(kernel: TestKernel, first: number, end: number, flags: number, busyPage: BusyPage | null = null): number {
  return kernel.run(kernel.pager.putPages(kernel.vnode, first * PAGE_SIZE, end * PAGE_SIZE, flags, busyPage))
}

function withDirty(indices: number[], options: TestOptions = {}): TestKernel {
  const kernel = new TestKernel(options)
  for (const index of indices) kernel.addDirtyPage(index)
  return kernel
}

describe('cleaning pages', () => {
  it('writes a dirty page with its dirty neighbours, also those outside the range', () => {
    const kernel = withDirty([2, 3, 4, 6])
    expect(put(kernel, 3, 4, cleanIt | syncIo)).toBe(0)
    expect(kernel.requests()).toEqual([`write:${64 + 16}+${3 * PAGE_SIZE}`])
    expect([2, 3, 4, 6].map((index) => kernel.stateOf(index))).toEqual(['C', 'C', 'C', ''])
    expect(kernel.device[(64 + 24) * 512]).toBe(200)
  })

  it('frees only those of them that lie inside the range', () => {
    const kernel = withDirty([2, 3, 4])
    expect(put(kernel, 3, 4, cleanIt | syncIo | free)).toBe(0)
    expect(kernel.list()).toEqual([2, 4])
    expect(kernel.log).not.toContain('unmap:2')
  })

  it('takes half of the largest transfer before the page and fills up behind it', () => {
    const indices = Array.from({ length: 32 }, (_, i) => i)
    const kernel = withDirty(indices, { sizeBytes: 32 * PAGE_SIZE })
    put(kernel, 12, 13, cleanIt | syncIo)
    expect(kernel.requests()).toEqual([`write:${64 + 4 * 8}+${16 * PAGE_SIZE}`])
  })

  it('lifts only the end of the range for ALLPAGES', () => {
    const kernel = withDirty([0, 2, 9])
    put(kernel, 2, 3, cleanIt | syncIo | allPages)
    expect([0, 2, 9].map((index) => kernel.stateOf(index))).toEqual(['', 'C', 'C'])
  })

  it('takes a vnode without anything dirty off the worklist and protects its pages', () => {
    const kernel = new TestKernel()
    kernel.addPage(0)
    kernel.pager.vnodes.flags[kernel.vnode] = VnodeFlag.onWorklist | VnodeFlag.writeMapped | VnodeFlag.writeMapDirty
    put(kernel, 0, 0, cleanIt)
    expect(kernel.log).toEqual(['transaction:start', 'protect:0', 'worklist:off', 'transaction:finish'])
    expect(kernel.pager.vnodes.flags[kernel.vnode]).toBe(VnodeFlag.writeMapped)
  })

  it('keeps it there for a wired page, for dirty metadata, or if it was dirtied meanwhile', () => {
    const onWorklist = (change: (kernel: TestKernel) => void): boolean => {
      const kernel = new TestKernel()
      kernel.addPage(0)
      kernel.addPage(1)
      kernel.pager.vnodes.flags[kernel.vnode] = VnodeFlag.onWorklist
      change(kernel)
      put(kernel, 0, 0, cleanIt)
      return kernel.pager.vnodes.hasFlag(kernel.vnode, VnodeFlag.onWorklist)
    }
    expect(onWorklist(() => {})).toBe(false)
    expect(onWorklist((kernel) => (kernel.pages.wired[kernel.frameOf(0)] = 1))).toBe(true)
    expect(onWorklist((kernel) => (kernel.hasDirtyMetadata = true))).toBe(true)
    expect(
      onWorklist((kernel) => {
        kernel.mustYield = true
        kernel.onWait = () => {
          kernel.mustYield = false
          kernel.pager.vnodes.dirtyGeneration[kernel.vnode]! += 1
          return true
        }
      }),
    ).toBe(true)
  })

  it('notes the time of writing only for what mappings dirtied', () => {
    const kernel = withDirty([0])
    put(kernel, 0, 0, cleanIt | syncIo)
    expect(kernel.log).not.toContain('update:M')
    const mapped = withDirty([0])
    mapped.pager.vnodes.flags[mapped.vnode]! |= VnodeFlag.writeMapDirty
    put(mapped, 0, 0, cleanIt | syncIo)
    expect(mapped.log).toContain('update:M')
    const device = withDirty([0], { type: VnodeType.blockDevice, mount: MountFlag.noDeviceModifiedTime, map: [8] })
    device.pager.vnodes.flags[device.vnode]! |= VnodeFlag.writeMapDirty
    put(device, 0, 0, cleanIt | syncIo)
    expect(device.log).not.toContain('update:M')
  })

  it('waits with SYNCIO for all writes of the vnode, also those begun before', () => {
    const kernel = withDirty([0, 4], { isDeferred: true })
    put(kernel, 0, 1, cleanIt)
    expect(kernel.queue).toHaveLength(1)
    put(kernel, 4, 5, cleanIt | syncIo)
    expect(kernel.queue).toHaveLength(0)
    expect(kernel.pager.vnodes.outputCount[kernel.vnode]).toBe(0)
  })
})

describe('freeing and deactivating', () => {
  it('drops dirty pages of a vnode that is not on the worklist', () => {
    const kernel = withDirty([0, 1])
    kernel.pager.vnodes.flags[kernel.vnode] = 0
    expect(put(kernel, 0, 0, cleanIt | free | syncIo)).toBe(0)
    expect(kernel.list()).toEqual([])
    expect(kernel.requests()).toEqual([])
  })

  it('deactivates rather than frees, except what is wired', () => {
    const kernel = new TestKernel()
    const frame = kernel.addPage(0)
    kernel.pages.removeFromQueue(kernel.addPage(1))
    kernel.pages.wired[kernel.frameOf(1)] = 1
    put(kernel, 0, 0, deactivate | free)
    expect(kernel.list()).toEqual([0])
    expect(kernel.pages.queue[frame]).toBe(Queue.inactive)
  })

  it('goes by offset where the range is small for the object', () => {
    const kernel = new TestKernel({ sizeBytes: 64 * PAGE_SIZE })
    for (let index = 20; index >= 0; index--) kernel.addPage(index)
    put(kernel, 3, 6, free)
    expect(kernel.log.filter((entry) => entry.startsWith('free'))).toEqual(['free:3', 'free:4', 'free:5'])
    const byList = new TestKernel()
    for (let index = 5; index >= 0; index--) byList.addPage(index)
    put(byList, 3, 6, free)
    expect(byList.log.filter((entry) => entry.startsWith('free'))).toEqual(['free:5', 'free:4', 'free:3'])
  })
})

describe('busy pages', () => {
  it('are waited for, and the pass goes on behind them if they are gone', () => {
    const kernel = new TestKernel()
    const frames = [0, 1, 2].map((index) => kernel.addPage(index))
    kernel.pages.exclusiveBusy[frames[1]!] = 1
    kernel.onWait = () => {
      // both the page that is waited for and the place behind it change
      kernel.pages.free(frames[1]!)
      kernel.pages.free(frames[2]!)
      kernel.addPage(3)
      return true
    }
    put(kernel, 0, 0, free)
    expect(kernel.log).toEqual(['unmap:0', 'unmap:0', 'free:0', 'wait:page'])
    expect(kernel.list()).toEqual([3])
  })

  it('end the pass with BUSYFAIL, which names the page', () => {
    const kernel = new TestKernel()
    const frame = kernel.addPage(0)
    kernel.pages.exclusiveBusy[frame] = 1
    const busyPage = { frame: -1 }
    expect(put(kernel, 0, 0, free | busyFail, busyPage)).toBe(Errno.EDEADLK)
    expect(busyPage.frame).toBe(frame)
  })

  it('end the page daemon at the first, with success', () => {
    const kernel = withDirty([0, 1, 2])
    kernel.pages.exclusiveBusy[kernel.frameOf(1)] = 1
    kernel.pageDaemonRuns = true
    expect(put(kernel, 0, 0, cleanIt | free)).toBe(0)
    expect(kernel.list()).toEqual([1, 2])
  })

  it('that are to be freed keep the vnode on the worklist', () => {
    const kernel = new TestKernel()
    const frame = kernel.addPage(0)
    kernel.pages.exclusiveBusy[frame] = 1
    kernel.pages.kernelFlags[frame]! |= PageState.released
    kernel.pager.vnodes.flags[kernel.vnode] = VnodeFlag.onWorklist
    put(kernel, 0, 0, cleanIt)
    expect(kernel.pager.vnodes.hasFlag(kernel.vnode, VnodeFlag.onWorklist)).toBe(true)
  })

  it('that are marked as freed but not busy are a panic', () => {
    const kernel = new TestKernel()
    kernel.pages.kernelFlags[kernel.addPage(0)]! |= PageState.released
    expect(() => put(kernel, 0, 0, free)).toThrow('not busy')
  })
})

describe('the page daemon', () => {
  it('has its pages counted while they are on their way, and freed at the end', () => {
    const kernel = withDirty([0, 1], { isDeferred: true })
    kernel.pageDaemonRuns = true
    put(kernel, 0, 0, cleanIt | free)
    expect(kernel.paging).toBe(2)
    expect([kernel.stateOf(0), kernel.pages.queue[kernel.frameOf(0)]]).toEqual(['CP', Queue.none])
    kernel.completeOldest()
    expect([kernel.paging, kernel.list()]).toEqual([0, []])
    expect(kernel.log.filter((entry) => entry === 'daemon:freed')).toHaveLength(2)
  })

  it('gets pages back dirty and active if memory was short', () => {
    const kernel = withDirty([0], { isDeferred: true })
    kernel.pageDaemonRuns = true
    kernel.deviceErrno = () => Errno.ENOMEM
    put(kernel, 0, 0, cleanIt | free)
    kernel.completeOldest()
    expect([kernel.paging, kernel.stateOf(0), kernel.pages.queue[kernel.frameOf(0)]]).toEqual([0, '', Queue.active])
  })

  it('uses no journal', () => {
    const kernel = withDirty([0], { mount: MountFlag.journal })
    kernel.pageDaemonRuns = true
    put(kernel, 0, 0, cleanIt)
    expect(kernel.log).toContain('transaction:try')
    expect(kernel.log).not.toContain('journal:end')
  })
})

describe('a vnode that is reclaimed', () => {
  it('is gone over until it is clean, whatever its errors were', () => {
    const kernel = withDirty([0, 1])
    kernel.deviceErrno = () => Errno.EIO
    expect(put(kernel, 0, 0, cleanIt | free | syncIo | reclaim)).toBe(0)
    expect(kernel.list()).toEqual([])
    expect(kernel.pager.vnodes.hasFlag(kernel.vnode, VnodeFlag.onWorklist)).toBe(false)
  })

  it('that never gets clean is a livelock, not a hang', () => {
    const kernel = withDirty([0, 4])
    expect(() => put(kernel, 0, 1, cleanIt | syncIo | reclaim)).toThrow('does not get clean')
  })

  it('lets writes on their way end, though nobody asked it to wait', () => {
    const kernel = withDirty([0], { isDeferred: true })
    expect(put(kernel, 0, 0, cleanIt | free | reclaim)).toBe(0)
    expect(kernel.list()).toEqual([])
  })
})

describe('a transaction', () => {
  it('is not left open when the journal cannot be opened', () => {
    const kernel = withDirty([0], { mount: MountFlag.journal })
    kernel.journalErrno = Errno.EIO
    expect(put(kernel, 0, 0, cleanIt)).toBe(Errno.EIO)
    expect(kernel.log).toEqual(['transaction:start', 'transaction:finish'])
    expect(kernel.stateOf(0)).toBe('')
  })
})

describe('any pages in any order', () => {
  const page = fc.record({ index: fc.nat(31), isDirty: fc.boolean() })
  const pages = fc.uniqueArray(page, { selector: ({ index }) => index, maxLength: 32 })

  it('are all on the device and clean after a synchronous pass, and each is written once', () => {
    fc.assert(
      fc.property(pages, fc.boolean(), fc.boolean(), (rows, isDeferred, isFreeing) => {
        const kernel = new TestKernel({ sizeBytes: 32 * PAGE_SIZE, isDeferred })
        for (const { index, isDirty } of rows) {
          if (isDirty) kernel.addDirtyPage(index, 100 + index)
          else kernel.addPage(index, 1)
        }
        kernel.pager.vnodes.flags[kernel.vnode]! |= VnodeFlag.onWorklist
        put(kernel, 0, 0, cleanIt | syncIo | (isFreeing ? free : 0))
        const dirty = rows.filter(({ isDirty }) => isDirty)
        for (const { index } of dirty) expect(kernel.device[(64 + index * 8) * 512]).toBe(100 + index)
        const written = kernel.requests().reduce((sum, entry) => sum + Number(entry.split('+')[1]), 0)
        expect(written).toBe(dirty.length * PAGE_SIZE)
        expect(kernel.list()).toEqual(isFreeing ? [] : rows.map(({ index }) => index))
        expect(kernel.busyPages()).toEqual([])
        expect(kernel.pager.vnodes.outputCount[kernel.vnode]).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})
