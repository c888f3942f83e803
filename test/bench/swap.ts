/**
 * Speed of the swap pager's data path: clusters of 32 pages out to a real image, and in again, against the same vectored
 * calls on the same frames. Write-through to a preallocated image, and an overlay whose pages are there. Rounds are interleaved, each
 * figure is the median of five.
 *
 *   pageout, pagein                  pages per second, write-through
 *   pageout-overlay, pagein-overlay  the same through an overlay
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { BlockStore } from '../../engine/disk/blockStore.ts'
import { Overlay } from '../../engine/disk/overlay.ts'
import { createImage, RawImage } from '../../engine/disk/rawImage.ts'
import { Columns } from '../../engine/sim/columns.ts'
import { DeviceKind } from '../../engine/swap/devices.ts'
import { PagerResult, SwapPager, Wait, type SwapPagerHost } from '../../engine/swap/pager.ts'
import { Contents } from '../../engine/vm/contents.ts'
import { ALL_SECTORS, ObjectType, VmPages } from '../../engine/vm/pages.ts'
import { median, type BenchResult } from './result.ts'

const ROUNDS = 5
/** Passes over all pages in a round, and before the rounds, in which the code is compiled and an overlay gets its pages. */
const PASSES = 8
const CLUSTER = 32
const PAGES = 8192
const IMAGE_PAGES = PAGES * 2 + 64

export function bench(): Promise<BenchResult[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-bench-'))
  try {
    const image = path.join(folder, 'swap.img')
    createImage(image, IMAGE_PAGES * 4096, { preallocate: true })
    const through = RawImage.open(image, 'write')
    const results = measure('', through)
    through.close()
    const base = RawImage.open(image, 'read')
    const overlay = Overlay.create(path.join(folder, 'overlay'), base)
    results.push(...measure('-overlay', overlay))
    overlay.close()
    base.close()
    return Promise.resolve(results)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function measure(suffix: string, store: BlockStore): BenchResult[] {
  const rig = new Rig(store)
  for (let pass = 0; pass < PASSES; pass++) {
    rig.plainOut()
    rig.pageOut()
    rig.plainIn()
    rig.evict()
    rig.pageIn()
  }
  const seconds = { out: [] as number[], in: [] as number[], plainOut: [] as number[], plainIn: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    // pass by pass in turn, so that what else the machine does falls on both alike
    const sum = { out: 0, in: 0, plainOut: 0, plainIn: 0 }
    for (let pass = 0; pass < PASSES; pass++) {
      sum.plainOut += timed(() => rig.plainOut())
      sum.out += timed(() => rig.pageOut())
      sum.plainIn += timed(() => rig.plainIn())
      rig.evict()
      sum.in += timed(() => rig.pageIn())
    }
    for (const key of ['out', 'in', 'plainOut', 'plainIn'] as const) seconds[key].push(sum[key] / PASSES)
  }
  const result = (name: string, ours: number[], plain: number[]): BenchResult => ({
    name: name + suffix,
    value: PAGES / median(ours),
    unit: 'pages/s',
    baseline: PAGES / median(plain),
    ratio: median(plain.map((time, i) => time / ours[i]!)),
  })
  return [result('pageout', seconds.out, seconds.plainOut), result('pagein', seconds.in, seconds.plainIn)]
}

/** A swap object of PAGES pages, the pager, and one device. */
class Rig implements SwapPagerHost {
  readonly columns = new Columns()
  readonly pages = new VmPages(this.columns, PAGES)
  readonly contents = new Contents(this.columns, { frames: PAGES, slots: PAGES, seed: 1, isReal: true })
  readonly pager: SwapPager
  readonly store: BlockStore
  readonly object: number
  readonly #frames = new Int32Array(CLUSTER)
  readonly #buffers: Uint8Array[] = []
  /** Where each cluster went, for the plain calls: first page on the device. */
  readonly #places: number[] = []

  constructor(store: BlockStore) {
    this.store = store
    this.pager = new SwapPager(this.columns, this.pages, this, {
      pageCount: PAGES,
      maxZoneBytes: 0,
      bufferCount: 256,
      asyncMax: 4,
      clusterMax: CLUSTER,
      lowWater: 128,
      highWater: 512,
      writeBuffers: 64,
    })
    this.object = this.pages.createObject(ObjectType.default, PAGES)
    this.pager.swapon(0, DeviceKind.disk, IMAGE_PAGES * 8)
    for (let i = 0; i < PAGES; i++) this.pages.exclusiveBusy[this.allocatePage(this.object, i)] = 0
    for (let first = 2; first + CLUSTER <= IMAGE_PAGES; first += CLUSTER) this.#places.push(first)
  }

  pageOut(): void {
    const { pages, pager } = this
    for (let first = 0; first < PAGES; first += CLUSTER) {
      for (let i = 0; i < CLUSTER; i++) {
        const frame = pages.lookup(this.object, first + i)
        pages.valid[frame] = ALL_SECTORS
        pages.dirty[frame] = ALL_SECTORS
        pages.sharedBusy[frame] = 1
        this.#frames[i] = frame
      }
      pages.pagingInProgress[this.object]! += CLUSTER
      const operation = pager.beginPutPages(this.object, this.#frames, 0, CLUSTER, false)
      if (pager.continuePutPages(operation) !== Wait.none || pager.putResult(operation, 0) !== PagerResult.pend)
        throw new Error('a pageout failed')
      pager.endPutPages(operation)
    }
  }

  /** Leaves no page in memory: what a pagein finds. */
  evict(): void {
    for (let frame = 0; frame < PAGES; frame++) this.pages.free(frame)
  }

  pageIn(): void {
    const { pages, pager } = this
    for (let first = 0; first < PAGES; first += CLUSTER) {
      for (let i = 0; i < CLUSTER; i++) this.#frames[i] = this.allocatePage(this.object, first + i)
      if (
        pager.getPages(this.object, this.#frames, CLUSTER, -1, -1) !== PagerResult.pend ||
        pager.finishGetPages(this.#frames, CLUSTER) !== PagerResult.ok
      )
        throw new Error('a pagein failed')
      for (let i = 0; i < CLUSTER; i++) pages.exclusiveBusy[this.#frames[i]!] = 0
    }
  }

  plainOut(): void {
    for (let cluster = 0; cluster * CLUSTER < PAGES; cluster++)
      this.store.writePages(this.#places[cluster]!, this.#views(cluster), CLUSTER)
  }

  plainIn(): void {
    for (let cluster = 0; cluster * CLUSTER < PAGES; cluster++)
      this.store.readPages(this.#places[cluster]!, this.#views(cluster), CLUSTER)
  }

  /** The frames that the pages of a cluster are in now, so that both move the same memory. */
  #views(cluster: number): Uint8Array[] {
    for (let i = 0; i < CLUSTER; i++)
      this.#buffers[i] = this.contents.view(this.pages.lookup(this.object, cluster * CLUSTER + i))
    return this.#buffers
  }

  startRequest(buffer: number): void {
    const { pager } = this
    const count = pager.bufferPages[buffer]!
    for (let i = 0; i < count; i++) this.#buffers[i] = this.contents.view(pager.bufferFrames[buffer * 64 + i]!)
    const page = pager.bufferBlock[buffer]! - pager.devices.firstBlock[pager.bufferSlot[buffer]!]!
    if (pager.bufferIsWrite[buffer] !== 0) this.store.writePages(page, this.#buffers, count)
    else this.store.readPages(page, this.#buffers, count)
    pager.requestDone(buffer, 0)
  }

  allocatePage(object: number, pageIndex: number): number {
    return this.pages.allocate(object, pageIndex)
  }
  freePages = () => this.pages.freeCount
  isPageDaemon = () => true
  waitForMetadata = () => false
  outOfMemory(): void {}
  wakePage(): void {}
  wakeAsyncToken(): void {}
  wakeBusy(): void {}
  deviceChanged(): void {}
  message(): void {}
  totalSwap = () => IMAGE_PAGES
  nonWiredPages = () => PAGES
  swapLimit = () => Infinity
  mayExceedQuota = () => true
  mayExceedLimit = () => true
  currentUser = () => 0
  reservationFailed(): void {}
}

function timed(work: () => void): number {
  const started = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - started) / 1e9
}
