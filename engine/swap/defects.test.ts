/** The kernel's own mistakes and oddities in the swap pager: one test for each that can be triggered through its entry points. */
import { describe, expect, test } from 'vitest'
import { Columns } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { runToEnd, testMachine } from '../sim/testing.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PageFlag, Queue, VmPages } from '../vm/pages.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import { swapDefectNames, type SwapDefect } from './defects.ts'
import { DeviceKind } from './devices.ts'
import { NO_BLOCK } from './metadata.ts'
import { Errno, PagerResult, SwapPager, Wait, type SwapPagerHost } from './pager.ts'

/** A pager whose requests are over at once, with `errno`. */
class Rig implements SwapPagerHost {
  readonly columns = new Columns()
  readonly pages: VmPages
  readonly pager: SwapPager
  readonly messages: string[] = []
  /** Pages of each read. */
  readonly reads: number[] = []
  errno = 0
  isDaemon = false
  limit = Infinity
  user = 0

  /** Defects that took effect. */
  readonly defects: SwapDefect[] = []

  constructor(
    frames = 256,
    devicePages: readonly number[] = [],
    lowWater = 0,
    highWater = 0,
    repaired: readonly SwapDefect[] = [],
  ) {
    this.pages = new VmPages(this.columns, frames)
    this.pager = new SwapPager(this.columns, this.pages, this, {
      pageCount: frames,
      maxZoneBytes: 0,
      bufferCount: 32,
      asyncMax: 4,
      clusterMax: 32,
      lowWater,
      highWater,
      writeBuffers: Infinity,
      metadataNodes: Infinity,
      repaired,
    })
    devicePages.forEach((count, unit) => this.pager.swapon(unit, DeviceKind.disk, count * 8))
  }

  allocatePage(object: number, pageIndex: number): number {
    return this.pages.allocate(object, pageIndex)
  }
  freePages = () => this.pages.freeCount
  startRequest(buffer: number): void {
    if (this.pager.bufferIsWrite[buffer] === 0) this.reads.push(this.pager.bufferPages[buffer]!)
    this.pager.requestDone(buffer, this.errno)
  }
  isPageDaemon = () => this.isDaemon
  outOfMemory(): void {}
  waitForMetadata = () => false
  wakePage(): void {}
  wakeAsyncToken(): void {}
  wakeBusy(): void {}
  deviceChanged(): void {}
  message(id: string): void {
    this.messages.push(id)
  }
  defect(name: SwapDefect): void {
    this.defects.push(name)
  }
  totalSwap = () => this.pager.devices.total
  nonWiredPages = () => 0
  swapLimit = () => this.limit
  mayExceedQuota = () => false
  mayExceedLimit = () => false
  currentUser = () => this.user
  reservationFailed(): void {}

  object(size: number): number {
    return this.pages.createObject(ObjectType.default, size)
  }

  /** Dirty pages from..from + count - 1. */
  write(object: number, from: number, count: number): void {
    for (let i = from; i < from + count; i++) {
      let frame = this.pages.lookup(object, i)
      if (frame < 0) {
        frame = this.allocatePage(object, i)
        this.pages.exclusiveBusy[frame] = 0
      }
      this.pages.valid[frame] = ALL_SECTORS
      this.pages.dirty[frame] = ALL_SECTORS
    }
  }

  /** Pages out from..from + count - 1; the result of each. */
  put(object: number, from: number, count: number): number[] {
    const { pages, pager } = this
    const frames = Int32Array.from({ length: count }, (_, i) => pages.lookup(object, from + i))
    for (const frame of frames) pages.sharedBusy[frame] = 1
    pages.pagingInProgress[object]! += count
    const operation = pager.beginPutPages(object, frames, 0, count, !this.isDaemon)
    expect(pager.continuePutPages(operation)).toBe(Wait.none)
    const results = Array.from(frames, (_, i) => pager.putResult(operation, i))
    for (let i = 0; i < count; i++)
      if (results[i] !== PagerResult.pend) {
        pages.sharedBusy[frames[i]!] = 0
        pages.pagingInProgress[object]! -= 1
      }
    pager.endPutPages(operation)
    return results
  }

  /** Writes pages, pages them out and frees them. */
  swapOut(object: number, from: number, count: number): void {
    this.write(object, from, count)
    expect(this.put(object, from, count)).toEqual(new Array(count).fill(PagerResult.pend))
    for (let i = from; i < from + count; i++) this.pages.free(this.pages.lookup(object, i))
  }

  block(object: number, page: number): number {
    return this.pager.metadata.lookup(object, page)
  }

  /** Starts a read of one page; its frame. */
  get(object: number, page: number, behind: number, ahead: number): number {
    const frame = this.allocatePage(object, page)
    expect(this.pager.getPages(object, Int32Array.of(frame), 1, behind, ahead)).toBe(PagerResult.pend)
    return frame
  }
}

describe('allocation of swap space', () => {
  /** A pager whose next search begins at its first device, which has a run of 18 blocks at most. */
  function atFirstDevice(repaired: SwapDefect[] = []): Rig {
    const rig = new Rig(256, [100, 20], 0, 0, repaired)
    rig.swapOut(rig.object(4), 0, 4)
    const { pager } = rig
    pager.freeSpace(0, 0, 4)
    expect([...pager.swapoff(pager.devices.slotOf(0))]).toEqual([])
    expect(pager.devices.headSlot).toBe(pager.devices.firstSlot)
    return rig
  }

  test('a search that began at the first device never comes round: a livelock, not a hang', () => {
    const rig = atFirstDevice()
    const object = rig.object(30)
    rig.write(object, 0, 30)
    let stop: unknown
    try {
      rig.put(object, 0, 30)
    } catch (error) {
      stop = error
    }
    expect(stop).toBeInstanceOf(KernelStop)
    expect(stop).toMatchObject({ kind: 'livelock', routine: 'swp_pager_getswapspace' })
  })

  test('repaired, the search halves its request there as anywhere', () => {
    const rig = atFirstDevice(['allocator-livelock'])
    const object = rig.object(30)
    rig.write(object, 0, 30)
    const { pend, fail } = PagerResult
    expect(rig.put(object, 0, 30)).toEqual([...new Array<number>(18).fill(pend), ...new Array<number>(12).fill(fail)])
    expect(rig.defects).not.toContain('allocator-livelock')
  })

  test('what fits is found there all the same', () => {
    expect(atFirstDevice().pager.devices.allocate(18)).not.toBe(NO_BLOCK)
  })

  test('a machine in which it happens ends as a livelock that names the routine', () => {
    const under = testMachine({
      streams: generateWorkload('sequential', { pages: 3000, referencesPerPage: 1, writeFraction: 1, seed: 1 })
        .processes,
      frames: 900,
      swapPages: [40, 6],
      change: (experiment) => {
        experiment.swap.lowWater = 0
        experiment.swap.highWater = 0
      },
    })
    const { machine } = under
    const { devices } = machine.pager
    // four blocks that were taken and given back leave the cursor at the second device, which is soon the first
    devices.free(devices.allocate(4), 4)
    expect(devices.headSlot).toBe(devices.slotOf(1))
    machine.intervene({ action: 'swapoff', device: 0 })
    expect(runToEnd(machine)).toBe('livelock')
    expect(machine.problem).toMatch(/^swp_pager_getswapspace: /)
    // it can still be looked at, and it stays ended
    expect(machine.frameTable().object).toHaveLength(900)
    expect(machine.run(1000)).toBe('livelock')
    under.close()
  })

  test('elsewhere the request is halved each time round; a failure forgets the cursor and makes swap full', () => {
    const rig = new Rig(256, [20, 12])
    const { devices } = rig.pager
    expect(devices.allocate(64)).toBe(2)
    // 64, 32 and 16 were tried: up to 31 would have done, and 18 were there
    expect(devices.allocated).toBe(18)
    expect(devices.allocate(20)).toBe(21 + 2)
    expect(devices.allocated).toBe(10)
    expect(devices.allocate(1)).toBe(NO_BLOCK)
    expect([devices.headSlot, devices.full, devices.almostFull]).toEqual([-1, 2, 1])
    expect(rig.messages).toContain('swap-get-failed')
  })
})

describe('pageout', () => {
  test('a synchronous pageout without space gives back a token that it never took, one for each cluster of 32', () => {
    const rig = new Rig()
    const object = rig.object(70)
    rig.write(object, 0, 70)
    expect(rig.put(object, 0, 70)).toEqual(new Array(70).fill(PagerResult.fail))
    expect([rig.pager.asyncFree, rig.pager.asyncMax]).toEqual([4 + 3, 4])
    // and the object has become a swap object though it has no swap
    expect(rig.pages.objectType[object]).toBe(ObjectType.swap)
    expect(rig.pages.metadataNodes[object]).toBe(0)
  })

  test('an asynchronous one took it', () => {
    const rig = new Rig()
    const object = rig.object(70)
    rig.write(object, 0, 70)
    rig.isDaemon = true
    rig.put(object, 0, 70)
    expect(rig.pager.asyncFree).toBe(4)
  })

  test('a successful synchronous write answers PEND', () => {
    const rig = new Rig(256, [100])
    const object = rig.object(8)
    rig.write(object, 0, 8)
    expect(rig.put(object, 0, 8)).toEqual(new Array(8).fill(PagerResult.pend))
    expect(rig.pages.dirty[rig.pages.lookup(object, 0)]).toBe(0)
  })

  test('replaced blocks are freed at the end only, so that writing again can fail though it would have made the room', () => {
    const rig = new Rig(256, [2 + 10])
    const object = rig.object(8)
    rig.write(object, 0, 8)
    rig.put(object, 0, 8)
    rig.write(object, 0, 8)
    const { pend, fail } = PagerResult
    expect(rig.put(object, 0, 8)).toEqual([pend, pend, fail, fail, fail, fail, fail, fail])
    expect(rig.pager.devices.available).toBe(2)
  })

  test('a page whose write failed stays dirty and active and keeps its block', () => {
    const rig = new Rig(256, [100])
    const object = rig.object(4)
    rig.write(object, 0, 4)
    rig.errno = Errno.EIO
    rig.put(object, 0, 4)
    const frame = rig.pages.lookup(object, 0)
    expect(rig.pages.dirty[frame]).toBe(ALL_SECTORS)
    expect(rig.pages.queue[frame]).toBe(Queue.active)
    expect(rig.block(object, 0)).toBe(2)
    expect(rig.messages).toEqual(['swap-pageout-error'])
  })

  test('ENOMEM fails a write without a word', () => {
    const rig = new Rig(256, [100])
    const object = rig.object(4)
    rig.write(object, 0, 4)
    rig.errno = Errno.ENOMEM
    rig.put(object, 0, 4)
    expect(rig.pages.dirty[rig.pages.lookup(object, 0)]).toBe(ALL_SECTORS)
    expect(rig.messages).toEqual([])
  })
})

describe('blocks that change hands', () => {
  test('a reserve that fails loses the run of replaced blocks it has not freed yet, and keeps those beyond', () => {
    const rig = new Rig(256, [2 + 10])
    const object = rig.object(6)
    rig.swapOut(object, 0, 6)
    expect(rig.pager.reserveSpace(object, 0, 6)).toBe(false)
    expect([0, 1, 2, 3, 4, 5].map((page) => rig.block(object, page))).toEqual([-1, -1, -1, -1, 6, 7])
    const { devices } = rig.pager
    expect(devices.used[0]).toBe(2 + 4)
    expect(devices.available).toBe(4)
    // nobody finds them again: swapoff gives up after a hundred passes
    const steps = rig.pager.swapoff(0)
    let passes = 0
    const swapoff = () => {
      for (const wait of steps) if (wait.on === 'pause') passes = wait.pass
    }
    expect(swapoff).toThrow('failed to locate 4 swap blocks')
    expect(passes).toBe(100)
  })

  test("a process's swap is counted from the unrounded start: blocks in a node that begins before are missed", () => {
    const rig = new Rig(256, [100])
    const object = rig.object(48)
    rig.swapOut(object, 0, 48)
    expect(rig.pager.countBlocks(object, 0, 48)).toBe(48)
    expect(rig.pager.countBlocks(object, 4, 44)).toBe(32)
    expect(rig.pager.countBlocks(object, 4, 12)).toBe(0)
  })

  test("in a copy the destination's block wins, its pages are not asked, and blocks move though the source stays", () => {
    const rig = new Rig(256, [100])
    const source = rig.object(10)
    const destination = rig.object(4)
    rig.swapOut(source, 0, 10)
    rig.swapOut(destination, 1, 1)
    rig.write(destination, 2, 1)
    const own = rig.block(destination, 1)
    const before = [5, 7].map((page) => rig.block(source, page))
    rig.pager.copy(source, destination, 5, false)
    expect([0, 1, 2].map((page) => rig.block(destination, page))).toEqual([before[0], own, before[1]])
    expect([4, 5, 6, 7, 8, 9].map((page) => rig.block(source, page) !== NO_BLOCK)).toEqual([
      true,
      false,
      false,
      false,
      false,
      true,
    ])
    expect(rig.pager.devices.used[0]).toBe(10)
  })

  test('a page written to without the lock is only marked; pageout clears the mark uncounted, the lock completes it', () => {
    const rig = new Rig(256, [100])
    const object = rig.object(2)
    rig.write(object, 0, 2)
    rig.put(object, 0, 2)
    const [first, second] = [rig.pages.lookup(object, 0), rig.pages.lookup(object, 1)]
    rig.pager.unswapped(first, false)
    rig.pager.unswapped(first, false)
    rig.pager.unswapped(second, false)
    expect(rig.pages.flags[first]! & PageFlag.swapFree).not.toBe(0)
    expect([rig.block(object, 0), rig.block(object, 1)]).toEqual([2, 3])
    expect([rig.pager.freeDeferred, rig.pager.freeCompleted]).toEqual([2, 0])
    rig.write(object, 0, 1)
    rig.put(object, 0, 1)
    expect(rig.pages.flags[first]! & PageFlag.swapFree).toBe(0)
    expect(rig.pager.freeCompleted).toBe(0)
    // the page's end completes it too
    rig.pages.free(second)
    expect(rig.pager.freeCompleted).toBe(1)
    expect(rig.block(object, 1)).toBe(NO_BLOCK)
  })
})

describe('page in', () => {
  test('haspage looks 31 pages either way, and a read can have 63', () => {
    const rig = new Rig(256, [200])
    const object = rig.object(96)
    rig.swapOut(object, 0, 96)
    expect(rig.pager.hasPage(object, 48)).toBe(true)
    expect([rig.pager.before, rig.pager.after]).toEqual([31, 31])
    rig.get(object, 48, 40, 40)
    expect(rig.reads).toEqual([63])
  })

  test('read-behind pages are got downward and first: when memory is short those ahead go without', () => {
    const rig = new Rig(20, [100])
    const object = rig.object(16)
    rig.swapOut(object, 0, 16)
    const filler = rig.object(16)
    for (let i = 0; i < 15; i++) rig.allocatePage(filler, i)
    rig.get(object, 8, 7, 7)
    expect([rig.pager.readBehind, rig.pager.readAhead]).toEqual([4, 0])
    expect(rig.pages.lookup(object, 4)).toBeGreaterThanOrEqual(0)
    expect(rig.pages.lookup(object, 3)).toBe(-1)
  })

  test('after a read error the pages read along stay busy and invalid, and the blocks are kept', () => {
    const rig = new Rig(64, [100])
    const object = rig.object(16)
    rig.swapOut(object, 0, 16)
    rig.errno = Errno.EIO
    const frame = rig.get(object, 8, 2, 2)
    expect(rig.pager.finishGetPages(Int32Array.of(frame), 1)).toBe(PagerResult.error)
    for (const page of [6, 7, 9, 10]) {
      const other = rig.pages.lookup(object, page)
      expect([rig.pages.exclusiveBusy[other], rig.pages.valid[other], rig.pager.isInProgress(other)]).toEqual([
        1,
        0,
        false,
      ])
    }
    expect(rig.pages.pagingInProgress[object]).toBe(0)
    expect(rig.block(object, 8)).toBe(10)
    expect(rig.messages).toEqual(['swap-pagein-error'])
  })
})

describe('swapoff', () => {
  test('it reads 16 pages ahead and none behind, and dirties what it brought in', () => {
    const rig = new Rig(256, [100])
    const object = rig.object(40)
    rig.swapOut(object, 0, 40)
    expect([...rig.pager.swapoff(0)]).toEqual([])
    expect(rig.reads).toEqual([17, 17, 6])
    for (let page = 0; page < 40; page++) expect(rig.pages.dirty[rig.pages.lookup(object, page)]).toBe(ALL_SECTORS)
    expect(rig.pager.devices.count).toBe(0)
  })

  test('a read error in it is the end of the kernel', () => {
    const rig = new Rig(256, [100])
    rig.swapOut(rig.object(4), 0, 4)
    rig.errno = Errno.EIO
    expect(() => [...rig.pager.swapoff(0)]).toThrow(/^swap_pager_swapoff_object: read from swap failed/)
  })

  test('it is refused by the size of the whole device, however little of it is used', () => {
    const rig = new Rig(100, [150])
    rig.pager.devices.setWaterMarks(128, 512)
    // 100 free frames and 148 free blocks are less than 150 + 128
    expect(rig.pager.swapoff(0).next()).toEqual({ done: true, value: Errno.ENOMEM })
    expect(rig.pager.devices.used[0]).toBe(0)
  })

  test('blocks freed on a device that is going away lower its used count only', () => {
    const rig = new Rig(64, [40])
    const object = rig.object(16)
    rig.swapOut(object, 0, 16)
    rig.pager.devices.beginClosing(0)
    expect(rig.pager.devices.available).toBe(0)
    rig.pager.freeSpace(object, 0, 10)
    expect([rig.pager.devices.available, rig.pager.devices.used[0]]).toEqual([0, 6])
  })

  test('the free blocks of a device that disappeared still count as available, and are never given out', () => {
    const rig = new Rig(64, [40])
    rig.pager.devices.orphan(0)
    expect(rig.pager.devices.available).toBe(38)
    // with no other device the search has nowhere to go: it fails after halving to 1
    expect(rig.pager.devices.allocate(8)).toBe(NO_BLOCK)
  })
})

describe('figures', () => {
  test('swap begins almost full, and a small one stays so for ever; the total counts labels, the used pages do not', () => {
    const rig = new Rig(256, [300], 128, 512)
    const { devices } = rig.pager
    expect([devices.full, devices.almostFull]).toEqual([0, 1])
    rig.swapOut(rig.object(8), 0, 8)
    rig.pager.freeSpace(0, 0, 8)
    expect(devices.almostFull).toBe(1)
    expect([devices.total, devices.usedPages, devices.available]).toEqual([300, 0, 298])
    rig.pager.swapon(1, DeviceKind.disk, 300 * 8)
    expect(devices.almostFull).toBe(0)
  })

  test('almost full begins below the low and ends above the high water mark', () => {
    const { devices } = new Rig(256, [2 + 60], 20, 40).pager
    const first = devices.allocate(40)
    expect([devices.available, devices.almostFull]).toEqual([20, 0])
    devices.allocate(1)
    expect(devices.almostFull).toBe(1)
    devices.free(first, 21)
    expect([devices.available, devices.almostFull]).toEqual([40, 1])
    devices.free(first + 21, 1)
    expect(devices.almostFull).toBe(0)
  })

  test("the per-user limit compares pages with bytes, passes what is equal, and is the current process's", () => {
    const rig = new Rig(256, [100])
    const { reservation } = rig.pager
    reservation.overcommit = 2
    rig.limit = 4096
    // one page is allowed, and 4096 are given
    expect(reservation.reserve(4096 * 4096, 3)).toBe(true)
    expect(reservation.reserve(4096, 3)).toBe(false)
    // another user's process may charge user 3 by its own limit
    rig.user = 1
    rig.limit = 5000
    expect(reservation.reserve(4096, 3)).toBe(true)
    expect([reservation.byUser[3], reservation.byUser[1], reservation.reserved]).toEqual([4097, 0, 4097])
  })

  test("an object's size counts the offset; a name finds its object whatever size and user are asked for", () => {
    const { pager, pages } = new Rig(256, [100])
    const object = pager.createObject(7, 8192, 4096, -1)
    expect(pages.objectSize[object]).toBe(3)
    expect(pages.objectSize[pager.createObject(-1, 1, 4095, -1)]).toBe(1)
    expect(pages.objectSize[pager.createObject(-1, 2, 4095, -1)]).toBe(2)
    expect(pager.createObject(7, 400 * 4096, 0, 2)).toBe(object)
    expect([pages.references[object], pages.objectSize[object], pages.chargedUser[object]]).toEqual([2, 3, -1])
    expect(pager.reservation.reserved).toBe(0)
  })

  test('an object that is dead or being split is read page by page', () => {
    for (const flag of [ObjectFlag.dead, ObjectFlag.split]) {
      const rig = new Rig(64, [100])
      const object = rig.object(16)
      rig.swapOut(object, 0, 16)
      rig.pages.objectFlags[object]! |= flag
      rig.get(object, 8, 7, 7)
      expect(rig.reads).toEqual([1])
    }
  })
})

describe('each defect', () => {
  /** Does what triggers a defect; answers what shows whether it took effect. */
  const triggers: Record<
    SwapDefect,
    { rig: (repaired: SwapDefect[]) => Rig; effect: (rig: Rig) => unknown; faithful: unknown; repaired: unknown }
  > = {
    'allocator-livelock': {
      rig: (repaired) => {
        const rig = new Rig(256, [100, 20], 0, 0, repaired)
        rig.swapOut(rig.object(4), 0, 4)
        rig.pager.freeSpace(0, 0, 4)
        rig.pager.swapoff(rig.pager.devices.slotOf(0)).next()
        return rig
      },
      effect: (rig) => {
        try {
          return rig.pager.devices.allocate(30) === NO_BLOCK ? 'none' : rig.pager.devices.allocated
        } catch (error) {
          return error instanceof KernelStop ? error.kind : 'other'
        }
      },
      faithful: 'livelock',
      repaired: 18,
    },
    'token-gain': {
      rig: (repaired) => new Rig(256, [], 0, 0, repaired),
      effect: (rig) => {
        const object = rig.object(70)
        rig.write(object, 0, 70)
        rig.put(object, 0, 70)
        return rig.pager.asyncFree
      },
      faithful: 7,
      repaired: 4,
    },
    'reserve-leak': {
      rig: (repaired) => new Rig(256, [12], 0, 0, repaired),
      effect: (rig) => {
        const object = rig.object(6)
        rig.swapOut(object, 0, 6)
        rig.pager.reserveSpace(object, 0, 6)
        rig.pager.freeSpace(object, 0, 6)
        return rig.pager.devices.used[0]
      },
      faithful: 4,
      repaired: 0,
    },
    'swap-count-start': {
      rig: (repaired) => new Rig(256, [100], 0, 0, repaired),
      effect: (rig) => {
        const object = rig.object(48)
        rig.swapOut(object, 0, 48)
        return rig.pager.countBlocks(object, 4, 40)
      },
      faithful: 28,
      repaired: 40,
    },
    'limit-units': {
      rig: (repaired) => new Rig(256, [100], 0, 0, repaired),
      effect: (rig) => {
        rig.pager.reservation.overcommit = 2
        rig.limit = 8192
        return [rig.pager.reservation.reserve(8192, 3), rig.pager.reservation.reserve(4096, 3)]
      },
      faithful: [true, true],
      repaired: [true, false],
    },
    'read-error-busy': {
      rig: (repaired) => new Rig(64, [100], 0, 0, repaired),
      effect: (rig) => {
        const object = rig.object(16)
        rig.swapOut(object, 0, 16)
        rig.errno = Errno.EIO
        rig.get(object, 8, 2, 2)
        return [6, 7, 8, 9, 10].map((page) => rig.pages.lookup(object, page) >= 0)
      },
      faithful: [true, true, true, true, true],
      repaired: [false, false, true, false, false],
    },
    'swapoff-whole-device': {
      // 30 frames would take the 20 pages in use; with 178 free blocks, all of this very device, they do not make 200 + 10
      rig: (repaired) => new Rig(30, [200], 0, 0, repaired),
      effect: (rig) => {
        rig.swapOut(rig.object(20), 0, 20)
        rig.pager.devices.setWaterMarks(10, 20)
        return rig.pager.canSwapoff(0)
      },
      faithful: Errno.ENOMEM,
      repaired: 0,
    },
    'orphan-available': {
      rig: (repaired) => new Rig(64, [40], 0, 0, repaired),
      effect: (rig) => {
        rig.pager.devices.orphan(0)
        return rig.pager.devices.available
      },
      faithful: 38,
      repaired: 0,
    },
  }
  test.each(swapDefectNames)('%s takes effect and is told, unless it is repaired', (name) => {
    const { rig: make, effect, faithful, repaired } = triggers[name]
    const kernel = make([])
    expect(effect(kernel)).toEqual(faithful)
    expect(kernel.defects).toContain(name)
    const better = make([name])
    expect(effect(better)).toEqual(repaired)
    expect(better.defects).toEqual([])
  })
})
