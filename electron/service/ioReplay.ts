/**
 * The device I/O of a recorded run, done again on a scratch image of the host: what the modelled devices were asked, a real one is.
 *
 * The image holds the run's swap devices one behind the other, as long as they were, and behind them its file store. A request goes
 * where it went in the run, as one vectored call; what is written has no meaning. The first two pages of the image are never
 * written: the swap pager leaves those of a device alone, and the file store never begins there.
 */
import { constants, closeSync, fsyncSync, openSync, readv, rmSync, writev } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { TraceStore } from '../../db/traceStore.ts'
import type { RunDetail } from '../../db/types.ts'
import { VectoredFile } from '../../engine/disk/blockStore.ts'
import { ImageSet } from '../../engine/disk/imageSet.ts'
import { createImage } from '../../engine/disk/rawImage.ts'
import { PAGE_BYTES } from '../../engine/disk/units.ts'
import { EventKind, eventKinds } from '../../engine/sim/events.ts'
import { AdminKind } from '../../engine/sim/administration.ts'
import { alignedBuffer } from '../../engine/vm/alignedBuffer.ts'
import { ContractError } from '../contract/contract.ts'
import { parseExperiment } from '../contract/experiment.ts'
import { Latencies } from './latencies.ts'

/** Kinds of events that are requests to a device. */
export const requestKinds = ['swapin', 'swapout', 'filein', 'fileout'] as const
export type RequestKind = (typeof requestKinds)[number]

/** A device's label, which swap keeps off. */
const LABEL_PAGES = 2
/** Requests under way at recorded speed; the host has threads for a few of them. */
const UNDER_WAY_MAX = 128
const LOOK_MS = 20
/** A request that is begun this much after its time is counted as late. */
const LATE_NS = 1e6

/** A request of the run, where it lies on the image. */
export interface DeviceRequest {
  kind: RequestKind
  /** Virtual time at which it was submitted, and what the device's model took for it. */
  timeNs: number
  modelledNs: number
  /** First page on the image. */
  page: number
  pages: number
}

/** Requests in memory: to decode events while requests have their times would make those late. */
export class RequestList {
  #room = 1024
  #count = 0
  #kinds = new Uint8Array(this.#room)
  #pages = new Int32Array(this.#room)
  #numbers = new Float64Array(this.#room * 3)

  get count(): number {
    return this.#count
  }

  add({ kind, timeNs, modelledNs, page, pages }: DeviceRequest): void {
    if (this.#count === this.#room) this.#grow()
    const at = this.#count++
    this.#kinds[at] = requestKinds.indexOf(kind)
    this.#pages[at] = pages
    this.#numbers.set([timeNs, modelledNs, page], at * 3)
  }

  *[Symbol.iterator](): Generator<DeviceRequest> {
    for (let at = 0; at < this.#count; at++) {
      const kind = requestKinds[this.#kinds[at]!]!
      const [timeNs, modelledNs, page] = [
        this.#numbers[at * 3]!,
        this.#numbers[at * 3 + 1]!,
        this.#numbers[at * 3 + 2]!,
      ]
      yield { kind, timeNs, modelledNs, page, pages: this.#pages[at]! }
    }
  }

  #grow(): void {
    const [kinds, pages, numbers] = [this.#kinds, this.#pages, this.#numbers]
    this.#room *= 2
    this.#kinds = new Uint8Array(this.#room)
    this.#pages = new Int32Array(this.#room)
    this.#numbers = new Float64Array(this.#room * 3)
    this.#kinds.set(kinds)
    this.#pages.set(pages)
    this.#numbers.set(numbers)
  }
}

export interface IoPlan {
  requests: RequestList
  /** Pages of the image, and of the longest request. */
  imagePages: number
  requestPagesMost: number
}

export interface IoReplayOptions {
  /** Each request at the time it had in the run, or one after the other. */
  speed: 'recorded' | 'full'
  /** Ends it before the last request. */
  signal: AbortSignal
  onProgress: (done: number) => void
}

export interface IoReplayed {
  requests: number
  reads: number
  writes: number
  bytesRead: number
  bytesWritten: number
  /** Wall time, and what the run's clock took for the same requests. */
  seconds: number
  virtualSeconds: number
  /** After the last request: until the host had all of it on the medium. */
  syncSeconds: number
  /** At recorded speed: requests that were begun more than a millisecond after their time, and the longest delay. */
  late: number
  latestNs: number
  byKind: ReadonlyMap<RequestKind, { pages: number; measured: Latencies; modelled: Latencies }>
}

/** The first `limit` requests of a run, 0: all. Throws ContractError `nothing-recorded` for a run without, `damaged`. */
export function planIo(store: TraceStore, run: RunDetail, limit = 0): IoPlan {
  const devicePages = run.devices.reduce((sum, { pages }) => sum + pages, 0)
  const filePage = Math.max(LABEL_PAGES, devicePages)
  const plan: IoPlan = { requests: new RequestList(), imagePages: filePage, requestPagesMost: 0 }
  for (const request of deviceRequests(store, run, filePage)) {
    plan.requests.add(request)
    plan.imagePages = Math.max(plan.imagePages, request.page + request.pages)
    plan.requestPagesMost = Math.max(plan.requestPagesMost, request.pages)
    if (plan.requests.count === limit) break
  }
  if (plan.requests.count === 0)
    throw new ContractError({
      code: 'nothing-recorded',
      message: run.recorded ? `run ${run.id} asked nothing of a device` : `run ${run.id} was not recorded`,
    })
  return plan
}

/** The requests of a run in order; `filePage` is where its file store begins on the image. Throws ContractError `damaged`. */
function* deviceRequests(store: TraceStore, run: RunDetail, filePage: number): Generator<DeviceRequest> {
  const map = new SwapMap(run)
  const filter = { fromNs: 0, toNs: Infinity, kinds: [...requestKinds, 'swapoff', 'admin'] }
  for (const window of store.events.eventsInRange(run.id, filter))
    for (let row = 0; row < window.count; row++) {
      const device = window.device[row]!
      const pages = window.pages[row]!
      const number = window.kind[row]!
      if (number === EventKind.admin) {
        if (window.detail[row] === AdminKind.swapon) map.attach(device)
        continue
      }
      if (number === EventKind.swapoff) {
        if (window.detail[row] === 0 && pages === 0) map.detach(device)
        continue
      }
      const kind = requestKinds.find((name) => name === eventKinds[number])
      if (kind === undefined) continue
      const block = window.block[row]!
      const page = device < 0 ? filePage + block : map.pageOf(device, block, pages)
      if (page === null || page < 0)
        throw new ContractError({
          code: 'damaged',
          message: `run ${run.id}: event ${window.number[row]!} is about block ${block}, which device ${device} has not`,
        })
      yield { kind, timeNs: window.time[row]!, modelledNs: window.duration[row]!, page, pages }
    }
}

/** Where the global swap blocks of each device lie, as FreeBSD's swaponsomething gives them out. */
class SwapMap {
  readonly #pages: number[]
  /** Where each device begins on the image. */
  readonly #places: number[] = []
  /** First global block of each attached device. */
  readonly #first = new Map<number, number>()

  constructor({ devices, file }: RunDetail) {
    this.#pages = devices.map(({ pages }) => pages)
    let place = 0
    for (const pages of this.#pages) {
      this.#places.push(place)
      place += pages
    }
    const swap = parseExperiment(file).file?.swap.devices
    devices.forEach((_, device) => {
      if (swap?.[device]?.swapon !== false) this.attach(device)
    })
  }

  attach(device: number): void {
    const pages = this.#pages[device]
    if (this.#first.has(device) || pages === undefined) return
    let first = 0
    // one block between two devices belongs to neither
    for (const [other, begin] of this.#first) first = Math.max(first, begin + (this.#pages[other] ?? 0) + 1)
    this.#first.set(device, first)
  }

  detach(device: number): void {
    this.#first.delete(device)
  }

  pageOf(device: number, block: number, pages: number): number | null {
    const first = this.#first.get(device)
    if (first === undefined) return null
    const page = block - first
    return page >= LABEL_PAGES && page + pages <= (this.#pages[device] ?? 0) ? (this.#places[device] ?? 0) + page : null
  }
}

/** An image to do it on, open and locked. */
export interface ScratchImage {
  file: VectoredFile
  /** Gives the image back, and removes it if it was made here and is not to be kept. */
  close(): void
}

/**
 * Makes the image with its room taken, or with `force` takes one that is there. `cached`: through the host's page cache instead of around
 * it. Throws ContractError, DiskError.
 */
export function openScratch(
  path: string,
  plan: IoPlan,
  { exists, force, keep, cached }: { exists: boolean; force: boolean; keep: boolean; cached: boolean },
): ScratchImage {
  if (exists && !force)
    throw new ContractError({
      code: 'exists',
      message: `${path} is there already, and would be written over; name a file that is not there yet, or say --force`,
    })
  const isOurs = !exists
  if (isOurs) createImage(path, plan.imagePages * PAGE_BYTES, { preallocate: true })
  const set = new ImageSet()
  let fd = -1
  const close = () => {
    if (fd >= 0) closeSync(fd)
    set.close()
    if (isOurs && !keep) rmSync(path, { force: true })
  }
  try {
    const { image } = set.open({ path, partition: null, mode: 'write-through', isSwap: true, force })
    if (image.sizePages < plan.imagePages)
      throw new ContractError({
        code: 'image-too-small',
        message: `${path} has ${image.sizePages} pages of 4096 bytes; the run's devices and files want ${plan.imagePages}`,
      })
    if (cached) return { file: image.file, close }
    fd = openDirect(path)
    return { file: new VectoredFile(fd, path), close }
  } catch (error) {
    close()
    throw error
  }
}

function openDirect(path: string): number {
  try {
    // not every platform has the flag
    if ('O_DIRECT' in constants) return openSync(path, constants.O_RDWR | constants.O_DIRECT)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EINVAL')) throw error
  }
  throw new ContractError({
    code: 'no-direct-io',
    message: `${path}: its file system cannot go around the page cache; put the image elsewhere, or say --cached`,
  })
}

/** Does the requests of a plan on an image. Throws DiskError. */
export async function replayIo(
  { requests, requestPagesMost }: IoPlan,
  file: VectoredFile,
  options: IoReplayOptions,
): Promise<IoReplayed> {
  const mover = new Mover(file, requestPagesMost)
  const done: IoReplayed = {
    ...{ requests: 0, reads: 0, writes: 0, bytesRead: 0, bytesWritten: 0 },
    ...{ seconds: 0, virtualSeconds: 0, syncSeconds: 0, late: 0, latestNs: 0 },
    byKind: new Map(
      requestKinds.map((kind) => [kind, { pages: 0, measured: new Latencies(), modelled: new Latencies() }]),
    ),
  }
  const count = ({ kind, pages, modelledNs }: DeviceRequest, ns: number) => {
    const of = done.byKind.get(kind)
    if (!of) return
    of.pages += pages
    of.measured.add(ns)
    of.modelled.add(modelledNs)
    done.requests++
    if (isWrite(kind)) {
      done.writes++
      done.bytesWritten += pages * PAGE_BYTES
    } else {
      done.reads++
      done.bytesRead += pages * PAGE_BYTES
    }
  }
  const flight = options.speed === 'recorded' ? new Flight(mover, count) : null
  const began = performance.now()
  let looked = began
  let firstNs = -1
  let begun = 0
  for (const request of requests) {
    if (options.signal.aborted) break
    if (firstNs < 0) firstNs = request.timeNs
    done.virtualSeconds = (request.timeNs + request.modelledNs - firstNs) / 1e9
    if (flight) {
      const dueMs = began + (request.timeNs - firstNs) / 1e6
      if (!(await isTime(dueMs, options.signal))) break
      await flight.begin(request)
      const lateNs = (performance.now() - dueMs) * 1e6
      done.latestNs = Math.max(done.latestNs, lateNs)
      if (lateNs > LATE_NS) done.late++
    } else {
      const start = process.hrtime.bigint()
      mover.move(request)
      count(request, Number(process.hrtime.bigint() - start))
    }
    begun++
    if (performance.now() - looked > LOOK_MS) {
      options.onProgress(begun)
      await nextTurn()
      looked = performance.now()
    }
  }
  await flight?.ended()
  const ended = performance.now()
  done.seconds = (ended - began) / 1000
  fsyncSync(file.fd)
  done.syncSeconds = (performance.now() - ended) / 1000
  return done
}

const isWrite = (kind: RequestKind) => kind === 'swapout' || kind === 'fileout'

/** Waits coarsely by the clock of the event loop, then turn by turn; false if it was told to end. */
async function isTime(due: number, signal: AbortSignal): Promise<boolean> {
  for (let left = due - performance.now(); left > 0 && !signal.aborted; left = due - performance.now())
    if (left > 2) await sleep(Math.min(left - 1, 100))
    else await nextTurn()
  return !signal.aborted
}

/** Pages of memory for the requests: scattered as a machine's frames are, so that a request is a vector. */
class Mover {
  readonly #file: VectoredFile
  readonly #reads: Uint8Array[]
  readonly #writes: Uint8Array[]

  constructor(file: VectoredFile, pages: number) {
    this.#file = file
    const scattered = (memory: ArrayBuffer) =>
      Array.from({ length: pages }, (_, i) => new Uint8Array(memory, i * 2 * PAGE_BYTES, PAGE_BYTES))
    this.#reads = scattered(alignedBuffer(pages * 2 * PAGE_BYTES))
    this.#writes = scattered(alignedBuffer(pages * 2 * PAGE_BYTES))
    // bytes that no file system or device makes shorter
    let word = 1
    for (const page of this.#writes)
      for (let i = 0; i < PAGE_BYTES; i++) {
        word = (Math.imul(word, 1664525) + 1013904223) | 0
        page[i] = word >>> 24
      }
  }

  move({ kind, page, pages }: DeviceRequest): void {
    if (isWrite(kind)) this.#file.write(page * PAGE_BYTES, this.#writes, 0, pages)
    else this.#file.read(page * PAGE_BYTES, this.#reads, 0, pages)
  }

  begin({ kind, page, pages }: DeviceRequest, then: (error: Error | null) => void): void {
    const { fd, path } = this.#file
    const finish = (error: Error | null, bytes: number) => {
      const isShort = error === null && bytes !== pages * PAGE_BYTES
      then(
        isShort
          ? new ContractError({ code: 'io', message: `${path}: ${bytes} of ${pages * PAGE_BYTES} bytes moved` })
          : error,
      )
    }
    if (isWrite(kind)) writev(fd, this.#writes.slice(0, pages), page * PAGE_BYTES, finish)
    else readv(fd, this.#reads.slice(0, pages), page * PAGE_BYTES, finish)
  }
}

/** Requests that are under way at the same time. */
class Flight {
  readonly #mover: Mover
  readonly #count: (request: DeviceRequest, ns: number) => void
  #underWay = 0
  #failure: Error | null = null
  #wake = () => {}

  constructor(mover: Mover, count: (request: DeviceRequest, ns: number) => void) {
    this.#mover = mover
    this.#count = count
  }

  /** Begins a request, when fewer than the most are under way. Throws what one of those before has failed with. */
  async begin(request: DeviceRequest): Promise<void> {
    await this.#until(UNDER_WAY_MAX - 1)
    this.#underWay++
    const start = process.hrtime.bigint()
    this.#mover.begin(request, (error) => {
      this.#underWay--
      if (error) this.#failure ??= error
      else this.#count(request, Number(process.hrtime.bigint() - start))
      this.#wake()
    })
  }

  ended(): Promise<void> {
    return this.#until(0)
  }

  async #until(underWay: number): Promise<void> {
    while (this.#underWay > underWay) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (this.#failure) throw this.#failure
  }
}
