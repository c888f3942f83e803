import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, Queue } from '../../vm/pages.ts'
import { PutFlag, IoFlag } from '../operation.ts'
import { sectorMask } from './partialPages.ts'
import { FIRST_METADATA_PAGE, pageOffset } from './state.ts'
import { deviceByte, Errno, run, TestKernel } from './testing.ts'
import { VnodeFlag, VnodeType } from './vnodes.ts'

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

describe('reading pages', () => {
  it('reads the run around the requested page in one transfer and frees what lies apart', () => {
    const kernel = new TestKernel({ map: [10, 18, 500, 508, 516, 700] })
    const frames = kernel.addPages(0, [0, 0, 0, 0, 0, 0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 3))).toBe(PagerResult.ok)
    expect(kernel.log).toEqual(['free 0', 'free 1', 'free 5', 'read 500 12288'])
    expect(kernel.resident()).toEqual([2, 3, 4])
    expect(counts(kernel)).toEqual([1, 3, 0, 0])
    const { pages } = kernel
    expect([2, 3, 4].map((i) => pages.valid[frames[i]!])).toEqual([ALL_SECTORS, ALL_SECTORS, ALL_SECTORS])
    expect([2, 3, 4].map((i) => pages.exclusiveBusy[frames[i]!])).toEqual([0, 1, 0])
    expect([2, 3, 4].map((i) => pages.queue[frames[i]!])).toEqual([Queue.inactive, Queue.none, Queue.inactive])
    expect(kernel.bytes(frames[4]!)[4095]).toBe(deviceByte(516 + 7, 511))
  })

  it('keeps a read-ahead page that somebody waits for on the active queue', () => {
    const kernel = new TestKernel()
    const frames = kernel.addPages(0, [0, 0])
    kernel.pages.wanted[frames[1]!] = 1
    run(kernel.pager.getPages(kernel.object, frames, 0))
    expect(kernel.pages.queue[frames[1]!]).toBe(Queue.active)
  })

  it('passes every wait of the file system on and goes on where it stopped', () => {
    const kernel = new TestKernel()
    kernel.waits = true
    const waits: unknown[] = []
    const frames = kernel.addPages(0, [0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 0), (wait) => waits.push(wait))).toBe(PagerResult.ok)
    expect(waits).toEqual([1, 1, 2].map((request) => ({ on: 'host', request })))
  })

  it('answers an error for a valid page whose place cannot be found out, and counts nothing', () => {
    const kernel = new TestKernel()
    kernel.bmapErrno = () => Errno.EIO
    const frames = kernel.addPages(0, [ALL_SECTORS, 0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 0))).toBe(PagerResult.error)
    expect(kernel.log).toEqual(['free 1'])
    expect(counts(kernel)).toEqual([0, 0, 0, 0])
  })

  it('frees the pages not looked at when a place in the row cannot be found out', () => {
    const kernel = new TestKernel({ map: [10, 500, 900, 1300] })
    kernel.bmapErrno = (block) => (block === 1 ? Errno.EIO : 0)
    const frames = kernel.addPages(0, [0, 0, 0, 0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 2))).toBe(PagerResult.error)
    expect(kernel.log).toEqual(['free 0', 'free 1', 'free 3'])
  })

  it('zeroes only the requested page at a hole and counts nothing', () => {
    const kernel = new TestKernel({ map: [-1, -1, 40] })
    const frames = kernel.addPages(0, [0, 0, 0])
    kernel.bytes(frames[1]!).fill(9)
    expect(run(kernel.pager.getPages(kernel.object, frames, 1))).toBe(PagerResult.ok)
    expect(kernel.bytes(frames[1]!).every((byte) => byte === 0)).toBe(true)
    expect(kernel.log).toEqual(['free 0', 'free 2'])
    expect(counts(kernel)).toEqual([0, 0, 0, 0])
  })

  it('lets device bytes behind the end of the file into the page, up to whole device sectors, and zeroes the rest', () => {
    const kernel = new TestKernel({ sizeBytes: 700, deviceSectorSize: 2048 })
    const [frame] = kernel.addPages(0, [0])
    kernel.bytes(frame!).fill(9)
    expect(run(kernel.pager.getPages(kernel.object, Int32Array.of(frame!), 0))).toBe(PagerResult.ok)
    expect(kernel.log).toEqual(['read 100 2048'])
    // the sector that the end cuts is zeroed behind it; the sectors after it are not
    const bytes = kernel.bytes(frame!)
    expect([bytes[699], bytes[700], bytes[1023]]).toEqual([deviceByte(101, 187), 0, 0])
    expect([bytes[1024], bytes[2047], bytes[2048], bytes[4095]]).toEqual([
      deviceByte(102, 0),
      deviceByte(103, 511),
      0,
      0,
    ])
    expect(kernel.pages.valid[frame!]).toBe(0b11)
  })

  it('does not zero the tail of the last sector of a read-ahead page where it was valid before', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 + 700 })
    const frames = kernel.addPages(0, [0, 0b10])
    run(kernel.pager.getPages(kernel.object, frames, 0))
    expect(kernel.bytes(frames[1]!)[700]).toBe(deviceByte(109, 188))
  })

  it('marks the run valid even when the transfer failed', () => {
    const kernel = new TestKernel()
    kernel.readErrno = Errno.EIO
    const frames = kernel.addPages(0, [0, 0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 0))).toBe(PagerResult.error)
    expect([...frames].map((frame) => kernel.pages.valid[frame])).toEqual([ALL_SECTORS, ALL_SECTORS])
    expect(kernel.log.at(-1)).toBe('vnode-read-error 0')
  })

  it('leaves all pages where they are for a doomed vnode', () => {
    const kernel = new TestKernel()
    kernel.pager.vnodes.flags[kernel.vnode] = VnodeFlag.doomed
    expect(run(kernel.pager.getPages(kernel.object, kernel.addPages(0, [0, 0]), 1))).toBe(PagerResult.bad)
    expect(kernel.resident()).toEqual([0, 1])
  })

  it('reads small blocks one by one, skips those with any valid sector, zeroes those beyond the end', () => {
    const kernel = new TestKernel({ blockSize: 1024, sizeBytes: 2048 + 100, map: [10, 12, 14, 16] })
    const frames = kernel.addPages(0, [0b0100, 0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 0))).toBe(PagerResult.ok)
    expect(kernel.log).toEqual(['free 1', 'read 10 1024', 'read 14 1024'])
    expect(kernel.pages.valid[frames[0]!]).toBe(0b11110111)
    const [beyond] = kernel.addPages(7, [0])
    expect(run(kernel.pager.getPages(kernel.object, Int32Array.of(beyond!), 0))).toBe(PagerResult.ok)
    expect(kernel.pages.valid[beyond!]).toBe(ALL_SECTORS)
  })

  it('keeps the small blocks before one that fails', () => {
    const kernel = new TestKernel({ blockSize: 1024 })
    kernel.bmapErrno = (block) => (block === 2 ? Errno.EIO : 0)
    const [frame] = kernel.addPages(0, [0])
    expect(run(kernel.pager.getPages(kernel.object, Int32Array.of(frame!), 0))).toBe(PagerResult.error)
    expect(kernel.pages.valid[frame!]).toBe(0b1111)
  })

  it('reads through the file system where blocks cannot be mapped, and counts before it looks at the end', () => {
    const kernel = new TestKernel({ sizeBytes: 5000 })
    kernel.bmapErrno = () => Errno.EOPNOTSUPP
    const frames = kernel.addPages(0, [0, 0, 0])
    expect(run(kernel.pager.getPages(kernel.object, frames, 1))).toBe(PagerResult.ok)
    expect(kernel.log).toEqual(['free 0', 'free 2', 'file read 4096 904'])
    expect([kernel.pages.valid[frames[1]!], kernel.bytes(frames[1]!)[903], kernel.bytes(frames[1]!)[904]]).toEqual([
      ALL_SECTORS,
      0x55,
      0,
    ])
    expect(run(kernel.pager.getPages(kernel.object, kernel.addPages(2, [0]), 0))).toBe(PagerResult.bad)
    expect(counts(kernel)).toEqual([2, 2, 0, 0])
  })

  it('stops where the kernel would panic or never end', () => {
    const device = new TestKernel({ type: VnodeType.characterDevice })
    expect(stopOf(() => run(device.pager.getPages(device.object, device.addPages(0, [0]), 0))).kind).toBe(
      'kernel-panic',
    )
    const network = new TestKernel({ blockSize: 512, isNetwork: true })
    expect(stopOf(() => run(network.pager.getPages(network.object, network.addPages(0, [0]), 0))).kind).toBe('livelock')
    const dirty = new TestKernel()
    const frames = dirty.addPages(0, [0])
    dirty.pages.dirty[frames[0]!] = 1
    expect(stopOf(() => run(dirty.pager.getPages(dirty.object, frames, 0))).message).toContain('dirty')
  })
})

describe('writing pages', () => {
  const put = (kernel: TestKernel, frames: Int32Array, flags = 0): [number, number[]] => {
    const results = new Uint8Array(frames.length).fill(PagerResult.fail)
    for (const frame of frames) kernel.pages.sharedBusy[frame] = 1
    const result = run(kernel.pager.putPages(kernel.object, frames, flags, results))
    return [result, [...results]]
  }

  it('answers OK though the write failed, and cleans nothing', () => {
    const kernel = new TestKernel()
    kernel.writeResult = { errno: Errno.EIO, doneBytes: 0 }
    const frames = kernel.addPages(0, [ALL_SECTORS])
    kernel.pages.dirty[frames[0]!] = ALL_SECTORS
    expect(put(kernel, frames)).toEqual([PagerResult.ok, [PagerResult.ok]])
    expect(kernel.pages.dirty[frames[0]!]).toBe(ALL_SECTORS)
    expect(kernel.log.slice(1)).toEqual(['vnode-write-error 5', 'vnode-write-residual 4096'])
  })

  it('speaks of failed writes once a second', () => {
    const kernel = new TestKernel()
    const frames = kernel.addPages(0, [ALL_SECTORS])
    const messages = (): string[] => kernel.log.splice(0).filter((line) => !line.startsWith('write'))
    kernel.writeResult = { errno: 0, doneBytes: 4000 }
    put(kernel, frames)
    expect(messages()).toEqual(['vnode-write-residual 96'])
    kernel.now = 999_999_999
    put(kernel, frames)
    expect(messages()).toEqual([])
    kernel.now = 1_000_000_000
    put(kernel, frames)
    expect(messages()).toEqual(['vnode-write-residual 96'])
  })

  it('cleans the last page behind the end of the file, except in the sector that it cuts', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 + 700 })
    const frames = kernel.addPages(0, [ALL_SECTORS, ALL_SECTORS, ALL_SECTORS])
    for (const frame of frames) kernel.pages.dirty[frame] = ALL_SECTORS
    expect(put(kernel, frames)).toEqual([PagerResult.ok, [PagerResult.ok, PagerResult.ok, PagerResult.bad]])
    // 700 lies in the second sector, which counts as touched
    expect([...frames].map((frame) => kernel.pages.dirty[frame])).toEqual([ALL_SECTORS, 0b1, ALL_SECTORS])
    expect(kernel.log).toEqual([`write 0 4796 2 ${IoFlag.fromPages | IoFlag.async}`])
    expect(counts(kernel)).toEqual([0, 0, 1, 2])
  })

  it('still writes, and counts, when every page lies beyond the end', () => {
    const kernel = new TestKernel({ sizeBytes: 4096 })
    expect(put(kernel, kernel.addPages(1, [0]))).toEqual([PagerResult.bad, [PagerResult.bad]])
    expect(kernel.log).toEqual(['write 4096 0 0 5'])
    expect(counts(kernel)).toEqual([0, 0, 1, 0])
  })

  it('refuses pages of metadata', () => {
    const kernel = new TestKernel()
    expect(put(kernel, kernel.addPages(FIRST_METADATA_PAGE + 5, [0, 0]))).toEqual([
      PagerResult.bad,
      [PagerResult.bad, PagerResult.error],
    ])
    expect(counts(kernel)).toEqual([0, 0, 0, 0])
  })

  it.each([
    [0, false, IoFlag.async],
    [PutFlag.clusterOk, false, 0],
    [PutFlag.clusterOk, true, IoFlag.sync],
    [PutFlag.sync | PutFlag.clusterOk, false, IoFlag.sync],
    [PutFlag.invalidate, false, IoFlag.sync | IoFlag.invalidate],
  ])('turns flags %i with memory low %s into %i', (flags, isLow, expected) => {
    const kernel = new TestKernel()
    kernel.memoryIsLow = isLow
    put(kernel, kernel.addPages(0, [ALL_SECTORS]), flags)
    expect(kernel.log).toEqual([`write 0 4096 1 ${expected | IoFlag.fromPages}`])
  })

  it('asks for a partly written page again but takes its written sectors for clean', () => {
    const kernel = new TestKernel()
    const frames = kernel.addPages(0, [ALL_SECTORS, ALL_SECTORS, ALL_SECTORS])
    for (const frame of frames) kernel.pages.dirty[frame] = ALL_SECTORS
    const results = new Uint8Array(3).fill(PagerResult.error)
    kernel.pager.undirtyPages(frames, results, 4096 + 513)
    expect([...results]).toEqual([PagerResult.ok, PagerResult.again, PagerResult.error])
    expect([...frames].map((frame) => kernel.pages.dirty[frame])).toEqual([0, 0b11111100, ALL_SECTORS])
    kernel.pager.undirtyPages(frames, results, 0)
    expect([...results]).toEqual([PagerResult.ok, PagerResult.again, PagerResult.error])
  })
})

describe('a new size', () => {
  it('makes the sectors behind the end valid, and clean but for the one that it cuts', () => {
    const kernel = new TestKernel()
    const [frame] = kernel.addPages(2, [0b00000001])
    kernel.pages.dirty[frame!] = ALL_SECTORS
    kernel.bytes(frame!).fill(9)
    kernel.pager.setSize(kernel.vnode, 8192 + 700)
    expect(kernel.log).toEqual(['remove 3 16'])
    expect(kernel.pages.valid[frame!]).toBe(ALL_SECTORS)
    expect(kernel.pages.dirty[frame!]).toBe(0b11)
    // the cut sector was not valid: its first part is zeroed too
    expect([kernel.bytes(frame!)[511], kernel.bytes(frame!)[512], kernel.bytes(frame!)[699]]).toEqual([9, 0, 0])
    expect([kernel.pager.fileSize(kernel.object), kernel.pages.objectSize[kernel.object]]).toEqual([8892, 3])
  })

  it('leaves a page without valid sectors alone', () => {
    const kernel = new TestKernel()
    const [frame] = kernel.addPages(0, [0])
    kernel.bytes(frame!).fill(9)
    kernel.pager.setSize(kernel.vnode, 100)
    expect([kernel.pages.valid[frame!], kernel.bytes(frame!)[4095]]).toEqual([0, 9])
  })

  it('touches no page when the file grows', () => {
    const kernel = new TestKernel({ sizeBytes: 5000 })
    const [frame] = kernel.addPages(1, [0b11])
    kernel.pager.setSize(kernel.vnode, 6000)
    expect([kernel.pages.valid[frame!], kernel.log, kernel.pager.fileSize(kernel.object)]).toEqual([0b11, [], 6000])
  })
})

describe('having a page', () => {
  const has = (kernel: TestKernel, pageIndex: number): unknown =>
    Object.values(run(kernel.pager.hasPage(kernel.object, pageIndex, true, true)))

  it('counts neighbours in pages of whole blocks, of which the last one ends with the file', () => {
    const kernel = new TestKernel({ blockSize: 16384, sizeBytes: 2 * 16384 + 5000, map: [32, 64, 96] })
    expect(has(kernel, 5)).toEqual([true, 5, 6])
    expect(has(kernel, 8)).toEqual([true, 8, 1])
  })

  it('counts only whole pages of small blocks', () => {
    expect(has(new TestKernel({ blockSize: 1024, map: [2, 4, 6, 8, 10, 12, 14, 16, 18, 20] }), 1)).toEqual([true, 1, 1])
  })

  it('is true where the place cannot be found out, false in a hole and at the end', () => {
    const kernel = new TestKernel({ sizeBytes: 8192, map: [-1, 8] })
    expect(has(kernel, 0)).toEqual([false, null, null])
    expect(has(kernel, 2)).toEqual([false, null, null])
    kernel.bmapErrno = () => Errno.EIO
    expect(has(kernel, 0)).toEqual([true, null, null])
  })

  it('wraps round with far pages as 64 bits do', () => {
    const kernel = new TestKernel({ blockSize: 512, map: [1, 2, 3, 4, 5, 6, 7, 8, 9] })
    // 2^63 + 1 pages is one page as an offset, and so is the block: eight of them wrap
    expect(has(kernel, FIRST_METADATA_PAGE + 1)).toEqual([true, 1, 0])
    expect(has(kernel, FIRST_METADATA_PAGE / 2)).toEqual([false, null, null])
  })
})

describe('the life of an object', () => {
  it('is shared: a second caller gets a reference and a use, and its size is ignored', () => {
    const kernel = new TestKernel()
    expect(run(kernel.pager.allocate(kernel.vnode, 1))).toBe(kernel.object)
    expect(kernel.pages.references[kernel.object]).toBe(2)
    expect(kernel.pager.vnodes.useCount[kernel.vnode]).toBe(3)
    expect(kernel.pager.fileSize(kernel.object)).toBe(65536)
  })

  it('makes whoever wants a new one wait until the dead one has gone', () => {
    const kernel = new TestKernel()
    const { pages, pager, vnode, object } = kernel
    pages.objectFlags[object]! |= ObjectFlag.dead
    const waiting = pager.allocate(vnode, 4097)
    expect(waiting.next().value).toEqual({ on: 'dead-object', object })
    expect(waiting.next().value).toEqual({ on: 'dead-object', object })
    run(pager.deallocate(object))
    expect(kernel.log).toEqual(['wake'])
    const made = run(waiting)
    expect(made).not.toBe(object)
    expect([pages.objectSize[made], pager.vnodes.object[vnode]]).toEqual([2, made])
  })

  it('ends when paging is over, with one use for every reference', () => {
    const kernel = new TestKernel()
    const { pages, pager, vnode, object } = kernel
    run(pager.allocate(vnode, 0))
    pager.updateWriteCount(object, 4096)
    pager.vnodes.flags[vnode] = VnodeFlag.text
    pager.vnodes.useCount[vnode] = 2
    pages.pagingInProgress[object] = 1
    const ending = pager.deallocate(object)
    expect(ending.next().value).toEqual({ on: 'paging', object })
    pages.pagingInProgress[object] = 0
    run(ending)
    expect([pages.handle[object], pages.objectType[object], pages.writeMappings[object]]).toEqual([
      -1,
      ObjectType.dead,
      0,
    ])
    expect([
      pager.vnodes.object[vnode],
      pager.vnodes.useCount[vnode],
      pager.vnodes.writeCount[vnode],
      pager.vnodes.flags[vnode],
    ]).toEqual([-1, 0, 0, 0])
    expect(kernel.log).toEqual(['unused'])
    expect(stopOf(() => run(pager.deallocate(object))).routine).toBe('vnode_pager_dealloc')
  })

  it('is not begun for a file of unknown size, and keeps no reference when it is', () => {
    const kernel = new TestKernel()
    run(kernel.pager.destroyVnodeObject(kernel.vnode))
    kernel.pager.vnodes.useCount[kernel.vnode] = 1
    kernel.attributesErrno = Errno.EIO
    run(kernel.pager.createVnodeObject(kernel.vnode, 0))
    expect(kernel.pager.vnodes.object[kernel.vnode]).toBe(-1)
    kernel.attributesErrno = 0
    run(kernel.pager.createVnodeObject(kernel.vnode, 0))
    const made = kernel.pager.vnodes.object[kernel.vnode]!
    expect([
      kernel.pager.fileSize(made),
      kernel.pages.references[made],
      kernel.pager.vnodes.useCount[kernel.vnode],
    ]).toEqual([65536, 0, 1])
  })

  it('is terminated at reclaim only if nobody refers to it and nobody else does so', () => {
    const kernel = new TestKernel()
    kernel.pages.references[kernel.object] = 0
    kernel.pages.objectFlags[kernel.object]! |= ObjectFlag.dead
    run(kernel.pager.destroyVnodeObject(kernel.vnode))
    expect([kernel.log, kernel.pager.vnodes.object[kernel.vnode]]).toEqual([[], -1])
  })

  it('wants a vnode, in use', () => {
    const kernel = new TestKernel()
    expect(run(kernel.pager.allocate(-1, 5))).toBe(-1)
    kernel.pager.vnodes.useCount[kernel.vnode] = 0
    expect(stopOf(() => run(kernel.pager.allocate(kernel.vnode, 5))).routine).toBe('vnode_pager_alloc')
  })
})

describe('write counts', () => {
  it('holds the vnode from the first writable mapping to the last', () => {
    const kernel = new TestKernel()
    const { pager, vnode, object } = kernel
    const writeCount = (): number => pager.vnodes.writeCount[vnode]!
    pager.updateWriteCount(object, 8192)
    pager.updateWriteCount(object, 4096)
    expect(writeCount()).toBe(1)
    run(pager.releaseWriteCount(object, 4096))
    expect([writeCount(), kernel.log]).toEqual([1, []])
    run(pager.releaseWriteCount(object, 8192))
    expect([writeCount(), kernel.log]).toEqual([0, ['start write', 'finish write']])
  })

  it('looks only for exact equality: more than is mapped goes below zero without the vnode', () => {
    const kernel = new TestKernel()
    run(kernel.pager.releaseWriteCount(kernel.object, 4096))
    expect([kernel.pages.writeMappings[kernel.object], kernel.log]).toEqual([-4096, []])
    kernel.pages.writeMappings[kernel.object] = 0
    kernel.pager.updateWriteCount(kernel.object, -4096)
    expect(kernel.pager.vnodes.writeCount[kernel.vnode]).toBe(1)
  })

  it('finds the vnode reclaimed after its wait, and leaves it alone', () => {
    const kernel = new TestKernel()
    const { pager, vnode, object } = kernel
    pager.updateWriteCount(object, 4096)
    kernel.waits = true
    const release = pager.releaseWriteCount(object, 4096)
    release.next()
    expect(pager.vnodes.holdCount[vnode]).toBe(1)
    run(pager.deallocate(object))
    run(release)
    expect([pager.vnodes.writeCount[vnode], pager.vnodes.holdCount[vnode]]).toEqual([0, 0])
  })
})

describe('state', () => {
  it('comes back with the columns', () => {
    const kernel = new TestKernel()
    const snapshot = kernel.columns.save()
    run(kernel.pager.getPages(kernel.object, kernel.addPages(0, [0, 0]), 0))
    kernel.pager.setSize(kernel.vnode, 5)
    const others = Array.from({ length: 100 }, () =>
      kernel.pager.vnodes.add({ type: VnodeType.regular, blockSize: 512, deviceSectorSize: 512, isNetwork: false }),
    )
    for (const vnode of others) {
      kernel.pager.vnodes.useCount[vnode] = 1
      expect(kernel.pager.fileSize(run(kernel.pager.allocate(vnode, 1000 + vnode)))).toBe(1000 + vnode)
    }
    kernel.columns.restore(snapshot)
    expect([counts(kernel), kernel.resident(), kernel.pager.fileSize(kernel.object)]).toEqual([[0, 0, 0, 0], [], 65536])
    run(kernel.pager.getPages(kernel.object, kernel.addPages(0, [0, 0]), 0))
    expect(counts(kernel)).toEqual([1, 2, 0, 0])
  })
})

describe('sectors and offsets', () => {
  it('covers every sector that a range touches', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4096 }), fc.integer({ min: 0, max: 4096 }), (left, right) => {
        const [base, end] = [Math.min(left, right), Math.max(left, right)]
        let expected = 0
        for (let sector = 0; sector < 8; sector++)
          if (base < end && sector * 512 < end && base < sector * 512 + 512) expected |= 1 << sector
        expect(sectorMask(base, end - base)).toBe(expected)
      }),
    )
  })

  it('gives the offset of any page as 64 bits do', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger().map(Math.abs), (pageIndex) => {
        const kernelIndex = pageIndex < FIRST_METADATA_PAGE ? BigInt(pageIndex) : BigInt(pageIndex) - (1n << 53n)
        expect(BigInt(pageOffset(pageIndex))).toBe(BigInt.asIntN(64, kernelIndex << 12n))
      }),
    )
  })
})
