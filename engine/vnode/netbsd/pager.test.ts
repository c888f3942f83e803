import { describe, expect, it } from 'vitest'
import { Columns } from '../../sim/columns.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { BufferTable, Completion, Priority } from './buffers.ts'
import { RequestFlag } from './host.ts'
import { Errno } from '../operation.ts'
import { TestKernel } from './testing.ts'
import { MountFlag, VnodeFlag, VnodeTable, VnodeType, WriteMethod } from './vnodes.ts'

const { cleanIt, syncIo, locked } = RequestFlag

function clean(kernel: TestKernel, flags = cleanIt | syncIo): number {
  return kernel.run(kernel.pager.putPages(kernel.vnode, 0, 0, flags))
}

describe('writing pages out', () => {
  it('reaches to the size that is being written to, not to the size', () => {
    const kernel = new TestKernel({ sizeBytes: 512, writeSizeBytes: PAGE_SIZE + 100 })
    kernel.addDirtyPage(0)
    kernel.addDirtyPage(1)
    clean(kernel)
    expect(kernel.requests()).toEqual([`write:64+${PAGE_SIZE + 512}`])
  })

  it('passes over holes, whose pages are clean afterwards all the same', () => {
    const kernel = new TestKernel({ map: [64, -1, 128] })
    for (const index of [0, 1, 2]) kernel.addDirtyPage(index)
    expect(clean(kernel)).toBe(0)
    expect(kernel.requests()).toEqual([`write:64+${PAGE_SIZE}`, `write:128+${PAGE_SIZE}`])
    expect(kernel.stateOf(1)).toBe('C')
  })

  it('answers 0 at once where it is asynchronous, whatever comes of it', () => {
    const kernel = new TestKernel({ isDeferred: true })
    kernel.addDirtyPage(0)
    kernel.deviceErrno = () => Errno.EIO
    expect(clean(kernel, cleanIt)).toBe(0)
    expect(kernel.pager.vnodes.outputCount[kernel.vnode]).toBe(2)
    kernel.completeOldest()
    expect(kernel.pager.vnodes.outputCount[kernel.vnode]).toBe(0)
  })

  it('loses the data of a failed write, unless memory was short', () => {
    for (const [errno, state] of [
      [Errno.EIO, 'C'],
      [Errno.ENOMEM, ''],
    ] as const) {
      const kernel = new TestKernel()
      kernel.addDirtyPage(0)
      kernel.deviceErrno = () => errno
      expect(clean(kernel)).toBe(errno)
      expect(kernel.stateOf(0)).toBe(state)
    }
  })

  it('ends the pass at an error of a synchronous write', () => {
    const kernel = new TestKernel()
    kernel.addDirtyPage(0)
    kernel.addDirtyPage(4)
    kernel.deviceErrno = () => Errno.EIO
    clean(kernel)
    expect([kernel.stateOf(0), kernel.stateOf(4)]).toEqual(['C', ''])
  })

  it('wholly behind the end is a panic at the end itself, and goes to the blocks there beyond it', () => {
    const at = new TestKernel({ sizeBytes: 4 * PAGE_SIZE })
    at.addDirtyPage(4)
    expect(() => clean(at)).toThrow('nothing of the range')
    const beyond = new TestKernel({ sizeBytes: 4 * PAGE_SIZE })
    beyond.addDirtyPage(5)
    expect(clean(beyond)).toBe(0)
    expect(beyond.requests()).toEqual([`write:${64 + 40}+${PAGE_SIZE}`])
  })
})

describe('a file system without blocks', () => {
  const options = { writeMethod: WriteMethod.fileWrite, sizeBytes: 2 * PAGE_SIZE - 100 }

  it('fills pages by reading the file, and hands them out still marked as not filled', () => {
    const kernel = new TestKernel(options)
    const request = kernel.request(1, 1, syncIo)
    expect(kernel.run(kernel.pager.compatGetPages(kernel.vnode, request))).toBe(0)
    expect(kernel.stateOf(1)).toBe('CF')
    const bytes = kernel.bytesOf(request.frames[0]!)
    expect([bytes[0], bytes[PAGE_SIZE - 101], bytes[PAGE_SIZE - 100]]).toEqual([7, 7, 0])
  })

  it('does not cut the request off at the end of the file', () => {
    const kernel = new TestKernel(options)
    const request = kernel.request(1, 3, syncIo)
    expect(kernel.run(kernel.pager.compatGetPages(kernel.vnode, request))).toBe(0)
    expect(kernel.list()).toEqual([1, 2, 3])
    expect(kernel.run(kernel.pager.compatGetPages(kernel.vnode, kernel.request(4, 1, syncIo)))).toBe(Errno.EINVAL)
  })

  it('reads nothing ahead', () => {
    const kernel = new TestKernel(options)
    expect(kernel.run(kernel.pager.compatGetPages(kernel.vnode, kernel.request(0, 1, 0)))).toBe(0)
    expect(kernel.list()).toEqual([])
  })

  it('has resident pages handed out without a look at the end of the file', () => {
    const kernel = new TestKernel({ ...options, sizeBytes: 0 })
    kernel.addPage(0)
    expect(kernel.run(kernel.pager.compatGetPages(kernel.vnode, kernel.request(0, 1, locked)))).toBe(0)
  })

  it('frees what it could not read', () => {
    const kernel = new TestKernel(options)
    kernel.addPage(0)
    kernel.readErrno = Errno.EIO
    expect(kernel.run(kernel.pager.compatGetPages(kernel.vnode, kernel.request(0, 2, syncIo)))).toBe(Errno.EIO)
    expect(kernel.list()).toEqual([0])
    expect(kernel.busyPages()).toEqual([])
  })

  it('writes pages through the file, and waits for it', () => {
    const kernel = new TestKernel(options)
    kernel.addDirtyPage(0)
    expect(clean(kernel, cleanIt)).toBe(0)
    expect(kernel.file[0]).toBe(200)
    expect(kernel.pager.vnodes.outputCount[kernel.vnode]).toBe(0)
    kernel.addDirtyPage(1)
    kernel.writeErrno = Errno.EIO
    expect(clean(kernel, cleanIt)).toBe(Errno.EIO)
  })

  it('without pages has nothing to put', () => {
    const kernel = new TestKernel()
    expect(kernel.pager.putNoPages(kernel.vnode)).toBe(0)
    kernel.addPage(0)
    expect(() => kernel.pager.putNoPages(kernel.vnode)).toThrow('has pages')
  })
})

describe('direct I/O', () => {
  const request = (isWrite: boolean, offset: number, ...lengths: number[]) => ({
    isWrite,
    offset,
    residualBytes: lengths.reduce((sum, length) => sum + length, 0),
    vectors: lengths.map((length, i) => ({ address: i * 16384, length })),
    vectorIndex: 0,
    space: 0,
    isKernelMemory: false,
    isJournalLocked: false,
  })

  it('moves whole sectors between the device and the process, and leaves the tail', () => {
    const kernel = new TestKernel()
    const what = request(false, 1024, 5000)
    kernel.run(kernel.pager.directIo(kernel.vnode, what))
    expect(what).toMatchObject({ offset: 1024 + 4608, residualBytes: 392, vectors: [{ address: 4608, length: 392 }] })
    expect(kernel.user[0]).toBe(kernel.device[66 * 512])
  })

  it('goes by the end of the rounded chunk: a tail behind it may lie beyond the file', () => {
    const kernel = new TestKernel({ sizeBytes: 1024 })
    const what = request(false, 0, 1100)
    kernel.run(kernel.pager.directIo(kernel.vnode, what))
    expect(what.residualBytes).toBe(76)
    const beyond = request(false, 512, 1024)
    kernel.run(kernel.pager.directIo(kernel.vnode, beyond))
    expect(beyond.residualBytes).toBe(1024)
  })

  it('passes over empty vectors and goes in chunks', () => {
    const kernel = new TestKernel()
    kernel.pager.directIoBytes = 2048
    const what = request(false, 0, 0, 4096)
    kernel.run(kernel.pager.directIo(kernel.vnode, what))
    expect([what.vectorIndex, what.residualBytes]).toEqual([1, 0])
    expect(kernel.requests()).toEqual(['read:64+2048', 'read:68+2048'])
  })

  it('writes cached pages out before it reads, and drops them before it writes', () => {
    const kernel = new TestKernel()
    kernel.addDirtyPage(0, 55)
    kernel.run(kernel.pager.directIo(kernel.vnode, request(false, 0, 4096)))
    expect([kernel.user[0], kernel.list()]).toEqual([55, [0]])
    kernel.run(kernel.pager.directIo(kernel.vnode, request(true, 0, 4096)))
    expect(kernel.list()).toEqual([])
  })

  it('reads holes as zeros, but leaves a write to one to the pages before it flushes anything', () => {
    const kernel = new TestKernel({ map: [64, -1] })
    kernel.user.fill(9)
    kernel.run(kernel.pager.directIo(kernel.vnode, request(false, 0, 8192)))
    expect([kernel.user[0], kernel.user[4096]]).toEqual([kernel.device[64 * 512], 0])
    kernel.addDirtyPage(0)
    kernel.log.length = 0
    const what = request(true, 0, 8192)
    kernel.run(kernel.pager.directIo(kernel.vnode, what))
    expect([what.residualBytes, kernel.log, kernel.stateOf(0)]).toEqual([8192, [], ''])
  })

  it('tells its caller of no error, only how far it came', () => {
    const kernel = new TestKernel()
    kernel.pager.directIoBytes = 2048
    kernel.deviceErrno = (_, sector) => (sector === 68 ? Errno.EIO : 0)
    const what = request(false, 0, 4096)
    kernel.run(kernel.pager.directIo(kernel.vnode, what))
    expect(what.residualBytes).toBe(2048)
    expect(kernel.log.at(-1)).toBe('unwire')
  })

  it('leaves mapped vnodes, kernel memory and unaligned requests alone', () => {
    const kernel = new TestKernel()
    kernel.run(kernel.pager.directIo(kernel.vnode, { ...request(false, 0, 4096), isKernelMemory: true }))
    kernel.run(kernel.pager.directIo(kernel.vnode, request(false, 100, 4096)))
    kernel.pager.vnodes.flags[kernel.vnode] = VnodeFlag.mapped
    kernel.run(kernel.pager.directIo(kernel.vnode, request(false, 0, 4096)))
    expect(kernel.log).toEqual([])
  })

  it('holds the journal open around all of it, unless its caller does', () => {
    const kernel = new TestKernel({ mount: MountFlag.journal })
    kernel.run(kernel.pager.directIo(kernel.vnode, request(false, 0, 4096)))
    expect(kernel.log.at(-1)).toBe('journal:end')
    kernel.log.length = 0
    kernel.run(kernel.pager.directIo(kernel.vnode, { ...request(false, 0, 4096), isJournalLocked: true }))
    expect(kernel.log).not.toContain('journal:end')
  })
})

describe('the node lock', () => {
  it('is shared by readers, and kept from new ones while a writer waits', () => {
    const kernel = new TestKernel({ isDeferred: true })
    const reading = kernel.pager.getPages(kernel.vnode, kernel.request(0, 1, syncIo))
    expect(reading.next().value).toMatchObject({ on: 'buffer' })
    const writer = kernel.pager.lockNode(kernel.vnode)
    expect(writer.next().value).toMatchObject({ on: 'node-lock' })
    kernel.addPage(5)
    const request = kernel.request(5, 1, locked)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(Errno.EBUSY)
    kernel.completeOldest()
    expect(kernel.run(reading)).toBe(0)
    expect(kernel.log).toContain('wake:node-lock')
    expect(writer.next().done).toBe(true)
    kernel.pager.unlockNode(kernel.vnode)
    expect(kernel.run(kernel.pager.getPages(kernel.vnode, request))).toBe(0)
  })
})

describe('the tables', () => {
  it('grow, and are saved and restored with their contents', () => {
    const columns = new Columns()
    const vnodes = new VnodeTable(columns, 2)
    const buffers = new BufferTable(columns)
    const rows = Array.from({ length: 9 }, (_, object) =>
      vnodes.add({ type: VnodeType.regular, object, blockShift: 13, deviceShift: 9, mount: 0, writeMethod: 0 }),
    )
    const describe = {
      vnode: 3,
      isRead: true,
      isAsync: false,
      isAging: false,
      completion: Completion.none,
      priority: Priority.limited,
      lengthBytes: 1,
    }
    const masters = Array.from({ length: 40 }, (_, i) => buffers.addMaster(describe, Int32Array.of(i, i + 1)))
    const wide = buffers.addMaster(
      describe,
      Int32Array.from({ length: 100 }, (_, i) => i),
    )
    expect(masters.map((master) => Array.from(buffers.framesOf(master)))).toEqual(masters.map((_, i) => [i, i + 1]))
    expect(buffers.framesOf(wide)).toHaveLength(100)
    const snapshot = columns.save()
    vnodes.object[rows[8]!] = 77
    buffers.free(wide)
    columns.restore(snapshot)
    expect(vnodes.object[rows[8]!]).toBe(8)
    expect(buffers.framesOf(wide)[99]).toBe(99)
  })

  it('use a removed row again', () => {
    const vnodes = new VnodeTable(new Columns(), 2)
    const description = {
      type: VnodeType.blockDevice,
      object: 0,
      blockShift: 16,
      deviceShift: 12,
      mount: 0,
      writeMethod: 0,
    }
    const first = vnodes.add(description)
    vnodes.remove(first)
    expect(vnodes.add(description)).toBe(first)
    expect([vnodes.blockShift(first), vnodes.deviceShift(first)]).toEqual([9, 9])
  })
})
