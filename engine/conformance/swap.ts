/**
 * Replays swap pager logs: the abstract machine that the logs were made on, around the engine's swap pager.
 *
 * The machine has pages and devices whose contents are one number a page, a single thread, and one queue of asynchronous
 * writes that completes only when a `complete` operation says so or when the pager has to wait: each wait completes exactly the
 * oldest. What an operation does here is what the kernel's callers do around the pager's entry points.
 */
import { Columns } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { CLOSING, DeviceKind } from '../swap/devices.ts'
import { BlockList, formatFragmentation } from '../swap/blockList.ts'
import { META_PAGES, NO_BLOCK } from '../swap/metadata.ts'
import { VariantError, type PagerVariant } from '../swap/variant.ts'
import { Errno, PagerResult, SwapPager, Wait, type SwapPagerHost, type SwapoffWait } from '../swap/pager.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PageFlag, VmPages } from '../vm/pages.ts'
import type { BlockListFactory } from './blockList.ts'
import {
  bigintField,
  checkFields,
  compareFields,
  flagField,
  integerField,
  listField,
  textField,
  unknownOperation,
  UnusableLogError,
} from './log.ts'
import type { Difference, JsonRecord, JsonValue, Replayer } from './log.ts'

interface Unit {
  kind: string
  sectors: number
  contents: Map<number, number>
  /** Its provider has gone and it was not swapped on since. */
  orphaned: boolean
}

interface Operation {
  inputs: readonly string[]
  optional?: readonly string[]
  /** Result fields that the record must have, and those it may have. */
  results: readonly string[]
  perhaps?: readonly string[]
  perform: (machine: LogMachine, record: JsonRecord) => JsonRecord
}

const object = 'obj'
const nothing: JsonRecord = {}
/** By QueueRequest. */
const queueLetters = ['-', 'a', 'i', 'n', 'l']

const operations: { readonly [op: string]: Operation } = {
  swapon: {
    inputs: ['dev'],
    optional: ['kind', 'sectors'],
    results: ['err'],
    perform: (m, r) => ({ err: m.swapon(r) }),
  },
  swapoff: { inputs: ['dev'], results: ['err'], perform: (m, r) => ({ err: m.swapoff(integerField(r, 'dev', -1)) }) },
  swapoff_all: { inputs: [], results: [], perform: (m) => m.swapoffAll() },
  create: {
    inputs: ['kind', 'size'],
    optional: ['handle', 'offset', 'uid'],
    results: ['obj'],
    perhaps: ['pages', 'new'],
    perform: (m, r) => m.create(r),
  },
  deref: { inputs: [object], results: ['dead'], perform: (m, r) => ({ dead: m.dereference(m.objectOf(r)) }) },
  dirty: {
    inputs: [object, 'pi', 'n', 'v', 'locked'],
    results: ['got'],
    perform: (m, r) => ({
      got: m.dirty(
        m.objectOf(r),
        integerField(r, 'pi', 0),
        countField(r),
        integerField(r, 'v'),
        flagField(r, 'locked'),
      ),
    }),
  },
  unswapped: {
    inputs: [object, 'pi', 'n', 'locked'],
    results: ['did'],
    perform: (m, r) => ({
      did: m.unswapped(m.objectOf(r), integerField(r, 'pi', 0), countField(r), flagField(r, 'locked')),
    }),
  },
  pfree: {
    inputs: [object, 'pi', 'n', 'clean'],
    results: ['freed'],
    perform: (m, r) => ({
      freed: m.freePagesOf(m.objectOf(r), integerField(r, 'pi', 0), countField(r), flagField(r, 'clean')),
    }),
  },
  palloc: {
    inputs: [object, 'pi'],
    results: [],
    perform: (m, r) => m.allocateInvalid(m.objectOf(r), integerField(r, 'pi', 0)),
  },
  put: {
    inputs: [object, 'runs', 'pd', 'sync'],
    results: ['rt'],
    perform: (m, r) => ({ rt: m.put(m.objectOf(r), runsField(r), flagField(r, 'pd'), flagField(r, 'sync')) }),
  },
  complete: { inputs: ['n'], results: [], perform: (m, r) => m.complete(integerField(r, 'n', 0)) },
  get: {
    inputs: [object, 'pi', 'n', 'rb', 'ra', 'async'],
    results: ['rv'],
    perhaps: ['rb_out', 'ra_out', 'iodone'],
    perform: (m, r) => m.get(r),
  },
  has: {
    inputs: [object, 'pi'],
    results: ['r', 'before', 'after'],
    perform: (m, r) => {
      const found = m.pager.hasPage(m.objectOf(r), integerField(r, 'pi', 0))
      return { r: found ? 1 : 0, before: m.pager.before, after: m.pager.after }
    },
  },
  freespace: {
    inputs: [object, 'start', 'n'],
    results: [],
    perform: (m, r) => {
      m.pager.freeSpace(m.objectOf(r), integerField(r, 'start', 0), countField(r))
      return nothing
    },
  },
  reserve: {
    inputs: [object, 'start', 'n'],
    results: ['rv'],
    perform: (m, r) => ({
      rv: m.pager.reserveSpace(m.objectOf(r), integerField(r, 'start', 0), countField(r)) ? 0 : -1,
    }),
  },
  copy: {
    inputs: ['src', 'dst', 'offset', 'destroy'],
    results: [],
    perform: (m, r) =>
      m.copy(m.objectOf(r, 'src'), m.objectOf(r, 'dst'), integerField(r, 'offset', 0), flagField(r, 'destroy')),
  },
  find_least: {
    inputs: [object, 'pi'],
    results: ['r'],
    perform: (m, r) => ({ r: m.pager.findLeast(m.objectOf(r), integerField(r, 'pi', 0)) }),
  },
  vmspace_count: { inputs: ['ents'], results: ['r'], perform: (m, r) => ({ r: m.countEntries(listField(r, 'ents')) }) },
  frag: { inputs: [], results: ['text'], perform: (m) => ({ text: m.fragmentation() }) },
  dev_info: {
    inputs: ['idx'],
    results: ['err'],
    perhaps: ['name', 'nblks', 'used', 'closing'],
    perform: (m, r) => m.deviceInfo(integerField(r, 'idx')),
  },
  async_max: { inputs: ['new'], results: ['err'], perform: (m, r) => ({ err: m.setAsyncMax(integerField(r, 'new')) }) },
  writecount: {
    inputs: [object, 'start', 'end', 'release'],
    results: [],
    perform: (m, r) => {
      const [start, end] = [integerField(r, 'start', 0), integerField(r, 'end', 0)]
      if (flagField(r, 'release')) m.pager.releaseWriteCount(m.objectOf(r), start, end)
      else m.pager.updateWriteCount(m.objectOf(r), start, end)
      return nothing
    },
  },
  split: {
    inputs: [object, 'on'],
    results: [],
    perform: (m, r) => {
      const which = m.objectOf(r)
      if (flagField(r, 'on')) m.pages.objectFlags[which]! |= ObjectFlag.split
      else m.pages.objectFlags[which]! &= ~ObjectFlag.split
      return nothing
    },
  },
  overcommit: {
    inputs: ['v'],
    results: [],
    perform: (m, r) => {
      m.pager.reservation.overcommit = integerField(r, 'v', 0)
      return nothing
    },
  },
  wired: {
    inputs: ['n'],
    results: [],
    perform: (m, r) => {
      m.wired = countField(r)
      return nothing
    },
  },
  proc: {
    inputs: ['uid', 'noquota', 'norlimit', 'rlimit'],
    results: [],
    perform: (m, r) => {
      m.user = integerField(r, 'uid', 0)
      m.noQuota = flagField(r, 'noquota')
      m.noLimit = flagField(r, 'norlimit')
      m.limit = Number(bigintField(r, 'rlimit'))
      return nothing
    },
  },
  swap_reserve: {
    inputs: ['bytes', 'uid'],
    results: ['ok'],
    perform: (m, r) => ({ ok: m.pager.reservation.reserve(integerField(r, 'bytes', 0), m.userOf(r)) ? 1 : 0 }),
  },
  swap_reserve_force: {
    inputs: ['bytes'],
    results: [],
    perform: (m, r) => {
      m.pager.reservation.force(integerField(r, 'bytes', 0))
      return nothing
    },
  },
  swap_release: {
    inputs: ['bytes', 'uid'],
    results: [],
    perform: (m, r) => {
      m.pager.reservation.release(integerField(r, 'bytes', 0), m.userOf(r))
      return nothing
    },
  },
  inject: { inputs: ['what', 'n'], optional: ['err', 'exhausted'], results: [], perform: (m, r) => m.inject(r) },
  orphan: { inputs: ['dev'], results: [], perform: (m, r) => m.orphan(integerField(r, 'dev', 0)) },
  state: {
    inputs: [],
    results: [
      'avail',
      'total',
      'used',
      'full',
      'afull',
      'ndev',
      'hd',
      'wasync',
      'wmax',
      'pend',
      'reserved',
      'vmsize',
      'vin',
      'pgin',
      'vout',
      'pgout',
      'free',
      'oom',
      'sfd',
      'sfc',
      'devs',
      'objs',
    ],
    perform: (m) => m.state(),
  },
}

/** Result fields that any operation may have; they are absent when empty. */
const traffic = ['io', 'done', 'log'] as const

export class SwapReplayer implements Replayer {
  readonly #makeBlockList: BlockListFactory | undefined
  readonly #variant: PagerVariant | undefined
  #machine: LogMachine | undefined

  constructor(makeBlockList?: BlockListFactory, variant?: PagerVariant) {
    this.#makeBlockList = makeBlockList
    this.#variant = variant
  }

  apply(record: JsonRecord): Difference[] {
    const op = textField(record, 'op')
    if (op === 'init') {
      checkFields(record, ['op', 'phys', 'page_count', 'free_reserved', 'wired', 'nswbuf'], ['profile'])
      this.#machine = new LogMachine(record, this.#makeBlockList, this.#variant)
      return []
    }
    const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
    if (operation === undefined) throw unknownOperation(op)
    checkFields(
      record,
      ['op', ...operation.inputs, ...operation.results],
      [...(operation.optional ?? []), ...(operation.perhaps ?? []), ...traffic],
    )
    const machine = this.#machine
    if (machine === undefined)
      throw new UnusableLogError('log-operation', `operation "${op}" comes before any "init"`, { field: 'op' })
    const expected: JsonRecord = {}
    for (const field of [...operation.results, ...(operation.perhaps ?? []), 'io', 'done'])
      if (field in record) expected[field] = record[field]!
    machine.beginOperation()
    let got: JsonRecord
    try {
      got = operation.perform(machine, record)
    } catch (error) {
      // the reference performed it, so a panic or a refusal is a difference
      if (
        !(error instanceof KernelStop) &&
        !(
          error instanceof Error &&
          'code' in error &&
          !(error instanceof UnusableLogError) &&
          !(error instanceof VariantError)
        )
      )
        throw error
      return [{ field: 'op', expected: op, got: error.message }]
    }
    return [
      ...compareFields(expected, { ...got, ...machine.traffic() }),
      ...compareMessages(record['log'], machine.messages),
    ]
  }
}

/** The kernel's wording is not ours: messages are compared by their number and the figures in them. */
function compareMessages(expected: JsonValue | undefined, got: number[][]): Difference[] {
  const texts = Array.isArray(expected) ? expected : []
  const figures = texts.map((text) =>
    typeof text === 'string' ? [...text.matchAll(/-?\d+/g)].map((match) => Number(match[0])) : [],
  )
  return compareFields(figures, got, 'log')
}

/** Figures of each message, in the order in which the kernel prints them. */
class LogMachine implements SwapPagerHost {
  readonly columns = new Columns()
  readonly pages: VmPages
  readonly pager: SwapPager
  readonly units = new Map<number, Unit>()
  /** Log object number -> engine object, -1 once it has gone. */
  readonly objects: number[] = []
  readonly contents: Float64Array
  readonly #queue: { buffer: number; sequence: number; errno: number }[] = []
  readonly #pageCount: number
  readonly #freeReserved: number
  #sequence = 0
  #failing = { r: { count: 0, errno: 0 }, w: { count: 0, errno: 0 } }
  #io: JsonValue[] = []
  #done: JsonValue[] = []
  messages: number[][] = []
  #outOfMemory = 0
  #pageDaemon = false
  wired: number
  user = 0
  noQuota = false
  noLimit = false
  limit = Infinity

  constructor(record: JsonRecord, makeBlockList?: BlockListFactory, variant?: PagerVariant) {
    const frames = integerField(record, 'phys', 1)
    this.#pageCount = integerField(record, 'page_count', 1)
    this.#freeReserved = integerField(record, 'free_reserved', 0)
    this.wired = integerField(record, 'wired', 0)
    const bufferCount = integerField(record, 'nswbuf', 1)
    this.contents = new Float64Array(frames)
    this.pages = new VmPages(this.columns, frames)
    this.pager = new SwapPager(this.columns, this.pages, this, {
      pageCount: this.#pageCount,
      maxZoneBytes: 0,
      bufferCount,
      asyncMax: 4,
      clusterMax: 32,
      lowWater: 128,
      highWater: 512,
      writeBuffers: Infinity,
      metadataNodes: Infinity,
      variant,
    })
    if (makeBlockList) this.pager.devices.makeBlockList = makeBlockList
  }

  // ---- what the pager asks of the kernel -------------------------------------------------------------------

  allocatePage(which: number, pageIndex: number): number {
    const frame = this.pages.allocate(which, pageIndex)
    if (frame >= 0) this.contents[frame] = 0
    return frame
  }
  freePages = () => this.pages.freeCount
  isPageDaemon = () => this.#pageDaemon
  outOfMemory(): void {
    this.#outOfMemory += 1
  }
  waitForMetadata = () => true
  wakePage(): void {}
  wakeAsyncToken(): void {}
  wakeBusy(): void {}
  deviceChanged(): void {}
  totalSwap = () => this.pager.devices.total
  nonWiredPages = () => this.#pageCount - this.#freeReserved - this.wired
  swapLimit = () => this.limit
  mayExceedQuota = () => this.noQuota
  mayExceedLimit = () => this.noLimit
  currentUser = () => this.user
  reservationFailed(user: number, bytes: number): void {
    this.messages.push([user, this.#pageDaemon ? 0 : 100, bytes])
  }
  message(id: string, a: number, b: number, c?: number): void {
    const figures: { [id: string]: number[] } = {
      'swap-get-failed': [a],
      'swap-above-recommended': [a, b],
      'swap-pagein-error': [a, b, c ?? 0],
      'swap-pageout-error': [a, b, c ?? 0],
      'swap-off-skipped': [a, b],
    }
    this.messages.push(figures[id] ?? [])
  }

  startRequest(buffer: number): void {
    const { pager } = this
    const isWrite = pager.bufferIsWrite[buffer] !== 0
    const isAsync = pager.bufferIsAsync[buffer] !== 0
    const slot = pager.bufferSlot[buffer]!
    const failing = this.#failing[isWrite ? 'w' : 'r']
    let errno = 0
    if (failing.count > 0) {
      failing.count -= 1
      errno = failing.errno
    }
    const sequence = this.#sequence++
    this.#io.push([
      sequence,
      isWrite ? 'w' : 'r',
      pager.devices.unit[slot]!,
      pager.bufferBlock[buffer]! - pager.devices.firstBlock[slot]!,
      pager.bufferPages[buffer]!,
      errno,
      isAsync ? 1 : 0,
    ])
    if (isAsync) this.#queue.push({ buffer, sequence, errno })
    else this.#finish(buffer, errno)
  }

  #finish(buffer: number, errno: number): void {
    const { pager } = this
    if (errno === 0) {
      const slot = pager.bufferSlot[buffer]!
      const unit = this.units.get(pager.devices.unit[slot]!)!
      const first = pager.bufferBlock[buffer]! - pager.devices.firstBlock[slot]!
      for (let i = 0; i < pager.bufferPages[buffer]!; i++) {
        const frame = pager.bufferFrames[buffer * 64 + i]!
        if (pager.bufferIsWrite[buffer] !== 0) unit.contents.set(first + i, this.contents[frame]!)
        else this.contents[frame] = unit.contents.get(first + i) ?? 0
      }
    }
    pager.requestDone(buffer, errno)
  }

  /** One wait: the oldest asynchronous write completes. */
  #wait(): void {
    const oldest = this.#queue.shift()
    if (oldest === undefined) throw new KernelStop('livelock', 'sleep', 'nothing is on its way that could end the wait')
    this.#done.push(oldest.sequence)
    this.#finish(oldest.buffer, oldest.errno)
  }

  // ---- operations ------------------------------------------------------------------------------------------

  beginOperation(): void {
    this.#io = []
    this.#done = []
    this.messages = []
  }

  traffic(): JsonRecord {
    return { ...(this.#io.length > 0 ? { io: this.#io } : {}), ...(this.#done.length > 0 ? { done: this.#done } : {}) }
  }

  objectOf(record: JsonRecord, field = 'obj'): number {
    const number = integerField(record, field, 0)
    const found = this.objects[number]
    if (found === undefined || found < 0)
      throw new UnusableLogError('log-field', `field ${field}: there is no object ${number}`, { field })
    return found
  }

  userOf(record: JsonRecord): number {
    const user = integerField(record, 'uid', -1)
    return user < 0 ? this.user : user
  }

  swapon(record: JsonRecord): number {
    const number = integerField(record, 'dev', -1)
    if (number < 0) return Errno.ENOENT
    const kind = textField(record, 'kind')
    const sectors = integerField(record, 'sectors', 0)
    if (kind === 'file') return Errno.ENOTBLK
    if (kind !== 'disk' && kind !== 'nfs')
      throw new UnusableLogError('log-field', `field kind: no such kind of device: ${kind}`, { field: 'kind' })
    const unit = this.units.get(number) ?? { kind, sectors, contents: new Map<number, number>(), orphaned: false }
    this.units.set(number, unit)
    const errno = this.pager.swapon(number, kind === 'disk' ? DeviceKind.disk : DeviceKind.networkFile, sectors)
    if (errno === 0) unit.orphaned = false
    return errno
  }

  swapoff(number: number): number {
    if (number < 0) return Errno.ENOENT
    const slot = this.pager.devices.slotOf(number)
    return slot < 0 ? Errno.EINVAL : this.#swapoffSlot(slot)
  }

  #swapoffSlot(slot: number): number {
    const run: Iterator<SwapoffWait, number> = this.pager.swapoff(slot)
    for (;;) {
      const step = run.next()
      if (step.done === true) return step.value
      if (step.value.on !== 'turn') this.#wait()
    }
  }

  swapoffAll(): JsonRecord {
    const { devices } = this.pager
    for (let slot = devices.firstSlot; slot >= 0;) {
      const next = devices.next[slot]!
      const unit = devices.unit[slot]!
      const errno = this.#swapoffSlot(slot)
      if (errno !== 0) this.messages.push(devices.kind[slot] === DeviceKind.disk ? [unit, errno] : [errno])
      slot = next
    }
    return nothing
  }

  create(record: JsonRecord): JsonRecord {
    const { pages } = this
    const size = integerField(record, 'size', 0)
    let made: number
    if (textField(record, 'kind') === 'default') {
      made = pages.createObject(ObjectType.default, Math.ceil(size / 4096))
      pages.objectFlags[made]! |= ObjectFlag.anonymous
    } else
      made = this.pager.createObject(
        integerField(record, 'handle', -1),
        size,
        integerField(record, 'offset', 0),
        integerField(record, 'uid', -1),
      )
    if (made < 0) return { obj: -1 }
    const known = this.objects.indexOf(made)
    if (known < 0) this.objects.push(made)
    return { obj: known < 0 ? this.objects.length - 1 : known, pages: pages.objectSize[made]!, new: known < 0 ? 1 : 0 }
  }

  dereference(which: number): number {
    const { pages } = this
    pages.references[which]! -= 1
    if (pages.references[which]! > 0) return 0
    pages.objectFlags[which]! |= ObjectFlag.dead
    while (pages.pagingInProgress[which]! > 0) this.#wait()
    this.#freeResident(which)
    if (pages.objectType[which] === ObjectType.swap) this.pager.destroyObject(which)
    this.#remove(which)
    return 1
  }

  #freeResident(which: number): void {
    const { pages } = this
    while (pages.firstPage[which]! >= 0) {
      const frame = pages.firstPage[which]!
      pages.flags[frame]! &= ~PageFlag.swapFree
      pages.free(frame)
    }
  }

  #remove(which: number): void {
    const { pages } = this
    if (pages.chargedUser[which]! >= 0) this.pager.reservation.release(pages.charge[which]!, pages.chargedUser[which])
    pages.destroyObject(which)
    this.objects[this.objects.indexOf(which)] = -1
  }

  dirty(which: number, first: number, count: number, value: number, locked: boolean): number {
    const { pages } = this
    for (let i = 0; i < count; i++) {
      let frame = pages.lookup(which, first + i)
      if (frame < 0) {
        frame = this.allocatePage(which, first + i)
        if (frame < 0) return i
        pages.exclusiveBusy[frame] = 0
      } else if (pages.isBusy(frame)) return i
      pages.valid[frame] = ALL_SECTORS
      pages.dirty[frame] = ALL_SECTORS
      this.contents[frame] = value + i
      if (pages.objectType[which] === ObjectType.swap) this.pager.unswapped(frame, locked)
    }
    return count
  }

  unswapped(which: number, first: number, count: number, locked: boolean): number {
    const { pages } = this
    let did = 0
    for (const frame of this.#resident(which, first, count)) {
      if (pages.isBusy(frame)) continue
      if (pages.objectType[which] === ObjectType.swap) this.pager.unswapped(frame, locked)
      did += 1
    }
    return did
  }

  *#resident(which: number, first: number, count: number): Generator<number> {
    for (let frame = this.pages.lookupFrom(which, first); frame >= 0 && this.pages.pageIndex[frame]! < first + count;) {
      const index = this.pages.pageIndex[frame]!
      yield frame
      frame = this.pages.lookupFrom(which, index + 1)
    }
  }

  freePagesOf(which: number, first: number, count: number, cleanOnly: boolean): number {
    const { pages } = this
    let freed = 0
    for (const frame of this.#resident(which, first, count)) {
      if (pages.sharedBusy[frame] !== 0 || this.pager.isInProgress(frame) || (cleanOnly && pages.dirty[frame] !== 0))
        continue
      pages.free(frame)
      freed += 1
    }
    return freed
  }

  allocateInvalid(which: number, pageIndex: number): JsonRecord {
    const frame = this.allocatePage(which, pageIndex)
    if (frame >= 0) this.pages.exclusiveBusy[frame] = 0
    return nothing
  }

  put(which: number, runs: [number, number][], pageDaemon: boolean, sync: boolean): JsonValue {
    const { pages, pager } = this
    const frames = Int32Array.from(
      runs.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => pages.lookup(which, first + i))),
    )
    for (const frame of frames) pages.sharedBusy[frame]! += 1
    pages.pagingInProgress[which]! += frames.length
    this.#pageDaemon = pageDaemon
    const operation = pager.beginPutPages(which, frames, 0, frames.length, sync)
    while (pager.continuePutPages(operation) !== Wait.none) this.#wait()
    this.#pageDaemon = false
    const results: [number, number][] = []
    for (let i = 0; i < frames.length; i++) {
      const result = pager.putResult(operation, i)
      if (result !== PagerResult.pend) {
        pages.pagingInProgress[which]! -= 1
        pages.sharedBusy[frames[i]!]! -= 1
      }
      const last = results.at(-1)
      if (last?.[0] === result) last[1] += 1
      else results.push([result, 1])
    }
    pager.endPutPages(operation)
    return results
  }

  complete(count: number): JsonRecord {
    for (let i = 0; i < count && this.#queue.length > 0; i++) this.#wait()
    return nothing
  }

  get(record: JsonRecord): JsonRecord {
    const { pages, pager } = this
    const which = this.objectOf(record)
    const first = integerField(record, 'pi', 0)
    const count = integerField(record, 'n', 1)
    const behind = record['rb'] === null ? -1 : integerField(record, 'rb', 0)
    const ahead = record['ra'] === null ? -1 : integerField(record, 'ra', 0)
    const frames = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      let frame = pages.lookup(which, first + i)
      if (frame < 0) frame = this.allocatePage(which, first + i)
      if (frame < 0) throw new KernelStop('kernel-panic', 'vm_page_alloc', 'no free page')
      pages.exclusiveBusy[frame] = 1
      frames[i] = frame
    }
    let result: number = pager.getPages(which, frames, count, behind, ahead)
    const answer: JsonRecord = {}
    if (result !== PagerResult.fail) {
      while (pager.isInProgress(frames[0]!)) this.#wait()
      result = pager.finishGetPages(frames, count)
      if (behind >= 0) answer['rb_out'] = pager.readBehind
      if (ahead >= 0) answer['ra_out'] = pager.readAhead
    }
    if (flagField(record, 'async'))
      answer['iodone'] = result === PagerResult.ok ? 0 : result === PagerResult.error ? Errno.EIO : Errno.EINVAL
    for (const frame of frames)
      if (result === PagerResult.ok) pages.exclusiveBusy[frame] = 0
      else pages.free(frame)
    return { rv: result, ...answer }
  }

  copy(source: number, destination: number, offset: number, destroy: boolean): JsonRecord {
    this.pager.copy(source, destination, offset, destroy)
    if (destroy) {
      this.#freeResident(source)
      this.#remove(source)
    }
    return nothing
  }

  countEntries(entries: JsonValue[]): number {
    let sum = 0
    for (const entry of entries) {
      if (!Array.isArray(entry) || entry.length !== 4)
        throw new UnusableLogError('log-field', 'field ents: an entry has four numbers', { field: 'ents' })
      const [number, offset, count, isSubmap] = entry.map(Number)
      if (number! < 0 || isSubmap !== 0) continue
      sum += this.pager.countBlocks(this.objectOf({ obj: number! }), offset!, count!)
    }
    return sum
  }

  fragmentation(): string {
    const { devices } = this.pager
    let text = ''
    for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!)
      text += `\nFree space on device ${this.#deviceName(slot)}:\n${formatFragmentation((devices.lists[slot] as BlockList).statistics())}`
    return text
  }

  #deviceName(slot: number): string {
    const { devices } = this.pager
    return devices.kind[slot] === DeviceKind.disk ? `d${devices.unit[slot]!}` : '[file]'
  }

  deviceInfo(index: number): JsonRecord {
    const { devices } = this.pager
    let slot = index < 0 ? -1 : devices.firstSlot
    for (let i = 0; i < index && slot >= 0; i++) slot = devices.next[slot]!
    if (slot < 0) return { err: Errno.ENOENT }
    return {
      err: 0,
      name: this.#deviceName(slot),
      nblks: devices.blocks[slot]!,
      used: devices.used[slot]!,
      closing: devices.flags[slot]! & CLOSING,
    }
  }

  setAsyncMax(wanted: number): number {
    for (;;) {
      const answer = this.pager.setAsyncMax(wanted)
      if (answer >= 0) return answer
      this.#wait()
    }
  }

  inject(record: JsonRecord): JsonRecord {
    const what = textField(record, 'what')
    const count = integerField(record, 'n', 0)
    if (what === 'r' || what === 'w') this.#failing[what] = { count, errno: integerField(record, 'err', 1) }
    else if (what === 'nobio') this.pager.injectBioFailures(count)
    else if (what === 'swblk') this.pager.metadata.injectFailures(count, flagField(record, 'exhausted'))
    else
      throw new UnusableLogError('log-field', `field what: nothing of the name ${what} can be made to fail`, {
        field: 'what',
      })
    return nothing
  }

  orphan(number: number): JsonRecord {
    const slot = this.pager.devices.slotOf(number)
    const unit = this.units.get(number)
    if (slot < 0 || unit === undefined || unit.orphaned) return nothing
    unit.orphaned = true
    this.pager.devices.orphan(slot)
    return nothing
  }

  state(): JsonRecord {
    const { pager, pages } = this
    const { devices } = pager
    const list: JsonValue[] = []
    for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!)
      list.push([
        devices.unit[slot]!,
        devices.firstBlock[slot]!,
        devices.endBlock[slot]!,
        devices.blocks[slot]!,
        devices.used[slot]!,
        devices.flags[slot]! & CLOSING,
      ])
    return {
      avail: devices.available,
      total: devices.total,
      used: devices.usedPages,
      full: devices.full,
      afull: devices.almostFull,
      ndev: devices.count,
      hd: devices.headSlot < 0 ? -1 : devices.unit[devices.headSlot]!,
      wasync: pager.asyncFree,
      wmax: pager.asyncMax,
      pend: this.#queue.length,
      reserved: pager.reservation.reserved,
      vmsize: [...pager.reservation.byUser.subarray(0, 4)],
      vin: pager.swapins,
      pgin: pager.pagesIn,
      vout: pager.swapouts,
      pgout: pager.pagesOut,
      free: pages.freeCount,
      oom: this.#outOfMemory,
      sfd: pager.freeDeferred,
      sfc: pager.freeCompleted,
      devs: list,
      objs: this.objects.flatMap((which, id) => (which < 0 ? [] : [this.#objectState(which, id)])),
    }
  }

  #objectState(which: number, id: number): JsonRecord {
    const { pages } = this
    const isSwap = pages.objectType[which] === ObjectType.swap
    return {
      id,
      type: isSwap ? 'swap' : 'default',
      size: pages.objectSize[which]!,
      ref: pages.references[which]!,
      pip: pages.pagingInProgress[which]!,
      charge: pages.charge[which]!,
      uid: pages.chargedUser[which]!,
      wm: pages.writeMappings[which]!,
      nsb: pages.metadataNodes[which]!,
      meta: isSwap ? this.#metadataRuns(which) : [],
      pages: this.#pageRuns(which),
    }
  }

  #metadataRuns(which: number): JsonValue {
    const { metadata } = this.pager
    const runs: [number, number, number][] = []
    for (
      let node = metadata.nodeFrom(which, 0);
      node >= 0;
      node = metadata.nodeFrom(which, metadata.nodeIndex[node]! + META_PAGES)
    )
      for (let i = 0; i < META_PAGES; i++) {
        const block = metadata.blocks[node * META_PAGES + i]!
        if (block === NO_BLOCK) continue
        const index = metadata.nodeIndex[node]! + i
        const last = runs.at(-1)
        if (last !== undefined && last[0] + last[2] === index && last[1] + last[2] === block) last[2] += 1
        else runs.push([index, block, 1])
      }
    return runs
  }

  #pageRuns(which: number): JsonValue {
    const { pages } = this
    const runs: [number, number, string, number][] = []
    for (const frame of this.#resident(which, 0, Infinity)) {
      const flags = pages.flags[frame]!
      const isValid = pages.valid[frame] === ALL_SECTORS
      const letters =
        (isValid ? 'V' : '') +
        (pages.dirty[frame] === ALL_SECTORS ? 'D' : '') +
        ((flags & PageFlag.swapSpace) !== 0 ? 'S' : '') +
        ((flags & PageFlag.swapFree) !== 0 ? 'F' : '') +
        ((flags & PageFlag.swapInProgress) !== 0 ? 'P' : '') +
        (pages.exclusiveBusy[frame] !== 0 ? 'X' : '') +
        (pages.sharedBusy[frame] !== 0 ? 'B' : '') +
        (queueLetters[pages.queueRequest[frame]!] ?? '?')
      const value = isValid ? this.contents[frame]! : 0
      const last = runs.at(-1)
      if (last?.[2] === letters && last[0] + last[1] === pages.pageIndex[frame]! && last[3] + last[1] === value)
        last[1] += 1
      else runs.push([pages.pageIndex[frame]!, 1, letters, value])
    }
    return runs
  }
}

/** A number of pages; one beyond 2^52 means all there are, and no page index is that large. */
function countField(record: JsonRecord): number {
  return Math.min(Number(bigintField(record, 'n')), 0x10_0000_0000_0000)
}

function runsField(record: JsonRecord): [number, number][] {
  return listField(record, 'runs').map((run) => {
    if (Array.isArray(run) && run.length === 2 && typeof run[0] === 'number' && typeof run[1] === 'number')
      return [run[0], run[1]]
    throw new UnusableLogError('log-field', 'field runs: a run is [first page, pages]', { field: 'runs' })
  })
}
