/**
 * Replays logs of the FreeBSD vnode pager: the abstract machine that they were made on, around the engine's pager.
 *
 * The machine has one vnode, one file on one device (vnodeMachine.ts), one object at a time, and pages with real bytes. Nothing is
 * ever on its way: an operation waits only for a dead object, and then that object is gone at once. A record's `setup` builds the
 * machine afresh; without one the record goes on from what the one before it left.
 */
import { Columns, type Snapshot } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { PagerResult } from '../swap/pager.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PAGE_SIZE, Queue, VmPages } from '../vm/pages.ts'
import type { BlockMapping, FreebsdVnodeHost } from '../vnode/freebsd/host.ts'
import { Errno, PutFlag, IoFlag, type Operation, type TransferResult } from '../vnode/operation.ts'
import { FreebsdVnodePager } from '../vnode/freebsd/pager.ts'
import { VnodeFlag, VnodeType } from '../vnode/freebsd/vnodes.ts'
import {
  bigintField,
  checkFields,
  compareFields,
  flagField,
  integerField,
  isRecord,
  listField,
  recordField,
  textField,
  unknownOperation,
  UnusableLogError,
} from './log.ts'
import type { Difference, JsonRecord, JsonValue, Replayer } from './log.ts'
import {
  checksum,
  fillPage,
  fromPageIndex,
  LogFile,
  meetsBadSector,
  optionalRecord,
  readFaults,
  toPageIndex,
  type LogFaults,
} from './vnodeMachine.ts'

interface LogOperation {
  inputs: readonly string[]
  perform: (machine: LogMachine, input: JsonRecord) => JsonRecord
}

const operations: { readonly [name: string]: LogOperation } = {
  alloc: {
    inputs: ['size', 'null_handle'],
    perform: (m, r) => ({ ret: m.allocate(integerField(r, 'size', 0), flagField(r, 'null_handle')) }),
  },
  create_vobject: { inputs: ['isize'], perform: (m, r) => ({ ret: m.createVnodeObject(integerField(r, 'isize', 0)) }) },
  destroy_vobject: { inputs: [], perform: (m) => m.destroyVnodeObject() },
  dealloc: { inputs: [], perform: (m) => ({ ret: m.deallocate() }) },
  haspage: {
    inputs: ['pi', 'want'],
    perform: (m, r) => ({ ret: m.hasPage(toPageIndex(r['pi'], 'op.pi'), wishes(r)) }),
  },
  setsize: { inputs: ['nsize'], perform: (m, r) => m.setSize(integerField(r, 'nsize', 0)) },
  getpages: {
    inputs: ['pi', 'n', 'req'],
    perform: (m, r) => ({ ret: m.getPages(m.row(r), integerField(r, 'req', 0, integerField(r, 'n', 1) - 1)) }),
  },
  putpages: { inputs: ['pi', 'n', 'flags'], perform: (m, r) => m.putPages(m.row(r), putFlags(r)) },
  undirty_pages: {
    inputs: ['pi', 'n', 'written'],
    perform: (m, r) => m.undirtyPages(m.row(r), integerField(r, 'written', 0, integerField(r, 'n', 1) * PAGE_SIZE)),
  },
  update_writecount: {
    inputs: ['start', 'end'],
    perform: (m, r) => ({ ret: m.updateWriteCount(addressDifference(r)) }),
  },
  release_writecount: {
    inputs: ['start', 'end'],
    perform: (m, r) => ({ ret: m.releaseWriteCount(addressDifference(r)) }),
  },
}

export class FreebsdVnodeReplayer implements Replayer {
  readonly #machine = new LogMachine()
  #isSetUp = false

  apply(record: JsonRecord): Difference[] {
    checkFields(record, ['id', 'op', 'exp'], ['setup', 'add', 'env'])
    textField(record, 'id')
    const machine = this.#machine
    const input = recordField(record, 'op')
    const name = textField(input, 'name')
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (operation === undefined) throw unknownOperation(name)
    checkFields(input, ['name', ...operation.inputs], [], 'op.')
    const expected = recordField(record, 'exp')
    checkFields(expected, [], ['ret', 'rtvals', 'io', 'pages', 'freed', 'cached', 'cnt', 'obj', 'vp'], 'exp.')

    if ('setup' in record) {
      if ('add' in record)
        throw new UnusableLogError('log-field', 'field add: a record with a setup adds nothing', { field: 'add' })
      machine.setUp(recordField(record, 'setup'))
      this.#isSetUp = true
    } else if (!this.#isSetUp)
      throw new UnusableLogError('log-field', 'field setup is missing: the first record must have one', {
        field: 'setup',
      })
    let got: JsonRecord
    try {
      machine.beginLine(record)
      got = operation.perform(machine, input)
    } catch (error) {
      // the reference performed it, so a panic, or a page that has gone astray in a line before, is a difference
      if (!(error instanceof KernelStop)) throw error
      return [{ field: 'op', expected: name, got: error.message }]
    }
    return compareFields(expected, { ...got, ...machine.observe(name) }, 'exp')
  }
}

const resultNames: { readonly [result: number]: string } = {
  [PagerResult.ok]: 'VM_PAGER_OK',
  [PagerResult.bad]: 'VM_PAGER_BAD',
  [PagerResult.fail]: 'VM_PAGER_FAIL',
  [PagerResult.pend]: 'VM_PAGER_PEND',
  [PagerResult.error]: 'VM_PAGER_ERROR',
  [PagerResult.again]: 'VM_PAGER_AGAIN',
}

const errorNumbers: { readonly [name: string]: number } = {
  '0': Errno.none,
  EIO: Errno.EIO,
  EINVAL: Errno.EINVAL,
  ENOSPC: Errno.ENOSPC,
  EOPNOTSUPP: Errno.EOPNOTSUPP,
}

const putFlagNames: { readonly [name: string]: number } = {
  VM_PAGER_PUT_SYNC: PutFlag.sync,
  VM_PAGER_PUT_INVAL: PutFlag.invalidate,
  VM_PAGER_CLUSTER_OK: PutFlag.clusterOk,
}

/** In the order in which the logs list them. */
const writeFlagNames = [
  ['IO_VMIO', IoFlag.fromPages],
  ['IO_SYNC', IoFlag.sync],
  ['IO_ASYNC', IoFlag.async],
  ['IO_INVAL', IoFlag.invalidate],
] as const

const vnodeTypes: { readonly [name: string]: number } = {
  VNON: VnodeType.none,
  VREG: VnodeType.regular,
  VDIR: VnodeType.directory,
  VBLK: VnodeType.blockDevice,
  VCHR: VnodeType.characterDevice,
}

const objectTypes: { readonly [name: string]: number } = { VNODE: ObjectType.file, DEAD: ObjectType.dead }

/** More pages than any log has resident at a time. */
const FRAMES = 1024

const nothing: JsonRecord = {}
const noFaults: LogFaults = readFaults(nothing)

class LogMachine implements FreebsdVnodeHost {
  readonly #columns = new Columns()
  readonly #pages = new VmPages(this.#columns, FRAMES)
  readonly #pager = new FreebsdVnodePager(this.#columns, this.#pages, this)
  /** The machine before anything was set up. */
  readonly #empty: Snapshot = this.#columns.save()
  readonly #contents = new Uint8Array(FRAMES * PAGE_SIZE)
  #file = new LogFile({ bsize: 512, map: [], fs_size: 0 })
  /** Indices of the pages in the cache of the object that was set up; an object made later has none. */
  readonly #cached = new Set<number>()
  #cacheOwner = -1
  #vnode = -1
  /** An object that its vnode has forgotten, -1: none. */
  #detached = -1

  // of the current line
  #faults = noFaults
  #attributesErrno = 0
  /** The object that the operation is about, -1: none. */
  #subject = -1
  #io: JsonValue[] = []
  #freed: number[] = []
  #slept = 0
  #wakeups = 0
  #startWrites = 0
  #counts: number[] = []

  // ---- setting up ------------------------------------------------------------------------------------------

  setUp(setup: JsonRecord): void {
    checkFields(
      setup,
      ['bsize', 'maxrun', 'map', 'fs_size', 'vp', 'obj'],
      ['map_base', 'bo_bsize', 'unmapped', 'nfs', 'pages', 'cached'],
      'setup.',
    )
    this.#columns.restore(this.#empty)
    this.#file = new LogFile(setup)
    this.#cached.clear()
    this.#detached = -1
    // buffers without a mapping in the kernel make no difference that can be observed
    if ('unmapped' in setup) flagField(setup, 'unmapped')
    this.#vnode = this.#setUpVnode(setup)
    const description = optionalRecord(setup, 'obj')
    const object = description === null ? -1 : this.#setUpObject(description)
    if (object < 0 && 'pages' in setup)
      throw new UnusableLogError('log-field', 'field setup.pages: there is no object that could have pages', {
        field: 'setup.pages',
      })
    for (const page of 'pages' in setup ? listField(setup, 'pages') : []) this.#putPage(object, page)
    this.#cacheOwner = object
    for (const index of 'cached' in setup ? listField(setup, 'cached') : [])
      this.#cached.add(toPageIndex(index, 'setup.cached'))
  }

  #setUpVnode(setup: JsonRecord): number {
    const description = recordField(setup, 'vp')
    checkFields(description, ['use'], ['wc', 'type', 'doomed', 'text'], 'setup.vp.')
    const { vnodes } = this.#pager
    const vnode = vnodes.add({
      type: namedField(description, 'type', vnodeTypes, 'VREG'),
      blockSize: this.#file.blockSize,
      deviceSectorSize: 'bo_bsize' in setup ? integerField(setup, 'bo_bsize', 1) : 512,
      isNetwork: optionalFlag(setup, 'nfs'),
    })
    vnodes.useCount[vnode] = integerField(description, 'use')
    vnodes.writeCount[vnode] = 'wc' in description ? integerField(description, 'wc') : 0
    vnodes.flags[vnode] =
      (optionalFlag(description, 'doomed') ? VnodeFlag.doomed : 0) |
      (optionalFlag(description, 'text') ? VnodeFlag.text : 0)
    return vnode
  }

  #setUpObject(description: JsonRecord): number {
    checkFields(description, ['size', 'vnp_size'], ['ref', 'wm', 'type', 'dead', 'disc', 'detached'], 'setup.obj.')
    const pages = this.#pages
    const object = pages.createObject(
      namedField(description, 'type', objectTypes, 'VNODE'),
      integerField(description, 'size', 0),
    )
    this.#pager.initializeFileSize(object, integerField(description, 'vnp_size', 0))
    if ('ref' in description) pages.references[object] = integerField(description, 'ref', 0)
    if ('wm' in description) pages.writeMappings[object] = integerField(description, 'wm')
    if (optionalFlag(description, 'dead')) pages.objectFlags[object]! |= ObjectFlag.dead
    if (optionalFlag(description, 'disc')) pages.objectFlags[object]! |= ObjectFlag.disconnectWanted
    if (optionalFlag(description, 'detached')) {
      pages.objectType[object] = ObjectType.dead
      this.#detached = object
    } else {
      pages.handle[object] = this.#vnode
      this.#pager.vnodes.object[this.#vnode] = object
    }
    return object
  }

  /** Makes a page resident as a log describes it; one that is there is replaced. */
  #putPage(object: number, description: JsonValue): void {
    const pages = this.#pages
    if (!Array.isArray(description) || (description.length !== 4 && description.length !== 6))
      throw new UnusableLogError(
        'log-field',
        'field pages: a page is [index, valid, dirty, fill] or these and [wired, wanted]',
        { field: 'pages' },
      )
    const [index, valid, dirty, fill, wired, wanted] = description
    const pageIndex = toPageIndex(index, 'pages')
    let frame = pages.lookup(object, pageIndex)
    if (frame < 0) frame = pages.allocate(object, pageIndex)
    if (frame < 0) throw new UnusableLogError('log-field', `field pages: more than ${FRAMES} pages`, { field: 'pages' })
    pages.valid[frame] = smallInteger(valid, ALL_SECTORS)
    pages.dirty[frame] = smallInteger(dirty, ALL_SECTORS)
    pages.wired[frame] = smallInteger(wired ?? 0, 0x7fff_ffff)
    pages.wanted[frame] = smallInteger(wanted ?? 0, 1)
    fillPage(this.#pageBytes(frame), smallInteger(fill, 0xffff))
  }

  /** The object of the vnode, or the one that the vnode has forgotten, or -1. */
  get #object(): number {
    const object = this.#pager.vnodes.object[this.#vnode]!
    return object >= 0 ? object : this.#detached
  }

  beginLine(record: JsonRecord): void {
    this.#faults = readFaults(record, ['getattr'])
    const env = 'env' in record ? recordField(record, 'env') : nothing
    this.#attributesErrno = 'getattr' in env ? errnoOf(textField(env, 'getattr')) : 0
    this.#subject = this.#object
    for (const page of 'add' in record ? listField(record, 'add') : []) this.#putPage(this.#requireObject(), page)
    for (const frame of this.#frames(this.#subject)) {
      this.#pages.removeFromQueue(frame)
      this.#pages.exclusiveBusy[frame] = 0
    }
    this.#io = []
    this.#freed = []
    this.#slept = this.#wakeups = this.#startWrites = 0
    this.#counts = this.#counters()
  }

  #counters(): number[] {
    const pager = this.#pager
    return [pager.vnodeIns, pager.vnodePagesIn, pager.vnodeOuts, pager.vnodePagesOut]
  }

  /** The resident pages of an object, by index. */
  *#frames(object: number): Generator<number> {
    if (object < 0) return
    const pages = this.#pages
    for (let frame = pages.lookupFrom(object, 0); frame >= 0;) {
      const index = pages.pageIndex[frame]!
      yield frame
      frame = pages.lookupFrom(object, index + 1)
    }
  }

  #pageBytes(frame: number): Uint8Array {
    return this.#contents.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)
  }

  // ---- operations ------------------------------------------------------------------------------------------

  /** Runs an operation to its end; a wait for a dead object ends with the object gone. */
  #run<Result>(operation: Operation<Result>): Result {
    for (;;) {
      const step = operation.next()
      if (step.done === true) return step.value
      if (step.value.on !== 'dead-object')
        throw new KernelStop('livelock', 'sleep', 'nothing is on its way that could end the wait')
      this.#slept += 1
      this.#pager.vnodes.object[this.#vnode] = -1
      this.#subject = -1
    }
  }

  /** The `n` resident pages from index `pi` on. */
  row(input: JsonRecord): Int32Array {
    const object = this.#requireObject()
    const first = toPageIndex(input['pi'], 'op.pi')
    return Int32Array.from({ length: integerField(input, 'n', 1, FRAMES) }, (_, i) => {
      const frame = this.#pages.lookup(object, first + i)
      if (frame < 0)
        throw new KernelStop(
          'kernel-panic',
          'vm_page_lookup',
          `page ${String(fromPageIndex(first + i))} is not resident`,
        )
      return frame
    })
  }

  #requireObject(): number {
    if (this.#subject < 0) throw new KernelStop('kernel-panic', 'vnode_pager', 'the vnode has no object')
    return this.#subject
  }

  allocate(sizeBytes: number, isNull: boolean): JsonRecord {
    const before = this.#pager.vnodes.object[this.#vnode]!
    const object = this.#run(this.#pager.allocate(isNull ? -1 : this.#vnode, sizeBytes))
    return this.#found(before, object)
  }

  createVnodeObject(sizeBytes: number): JsonRecord {
    const before = this.#pager.vnodes.object[this.#vnode]!
    this.#run(this.#pager.createVnodeObject(this.#vnode, sizeBytes))
    const object = this.#pager.vnodes.object[this.#vnode]!
    this.#subject = object
    return { rc: 0, ...this.#found(before, object) }
  }

  /** How an object compares with the one that the vnode had. */
  #found(before: number, object: number): JsonRecord {
    if (object >= 0 && object !== before) this.#subject = object
    return { obj: object < 0 ? 'null' : object === before ? 'existing' : 'new', slept: this.#slept }
  }

  destroyVnodeObject(): JsonRecord {
    this.#run(this.#pager.destroyVnodeObject(this.#vnode))
    return nothing
  }

  deallocate(): JsonRecord {
    this.#run(this.#pager.deallocate(this.#requireObject()))
    return { wakeups: this.#wakeups }
  }

  hasPage(pageIndex: number, wants: string): JsonRecord {
    const { has, before, after } = this.#run(
      this.#pager.hasPage(this.#requireObject(), pageIndex, wants.includes('b'), wants.includes('a')),
    )
    return { has, before, after }
  }

  setSize(sizeBytes: number): JsonRecord {
    this.#file.sizeBytes = sizeBytes
    this.#pager.setSize(this.#vnode, sizeBytes)
    return nothing
  }

  getPages(frames: Int32Array, requested: number): string {
    for (const frame of frames) this.#pages.exclusiveBusy[frame] = 1
    return resultNames[this.#run(this.#pager.getPages(this.#requireObject(), frames, requested))]!
  }

  putPages(frames: Int32Array, flags: number): JsonRecord {
    const pages = this.#pages
    const results = new Uint8Array(frames.length).fill(PagerResult.fail)
    for (const frame of frames) pages.sharedBusy[frame]! += 1
    const result = this.#run(this.#pager.putPages(this.#requireObject(), frames, flags, results))
    for (const frame of frames) pages.sharedBusy[frame]! -= 1
    return { ret: resultNames[result]!, rtvals: Array.from(results, (each) => resultNames[each]!) }
  }

  undirtyPages(frames: Int32Array, writtenBytes: number): JsonRecord {
    const results = new Uint8Array(frames.length).fill(PagerResult.error)
    this.#pager.undirtyPages(frames, results, writtenBytes)
    return { rtvals: Array.from(results, (each) => resultNames[each]!) }
  }

  updateWriteCount(bytes: number): JsonRecord {
    this.#pager.updateWriteCount(this.#requireObject(), bytes)
    return { start_write: this.#startWrites }
  }

  releaseWriteCount(bytes: number): JsonRecord {
    this.#run(this.#pager.releaseWriteCount(this.#requireObject(), bytes))
    return { start_write: this.#startWrites }
  }

  // ---- what the pager asks of the kernel -------------------------------------------------------------------

  *bmap(_vnode: number, block: number, wantsRuns: boolean): Operation<BlockMapping> {
    const error = this.#faults.bmapErrors.get(block)
    if (error !== undefined) return { errno: errnoOf(error), sector: -1, runAfter: 0, runBefore: 0 }
    const file = this.#file
    return {
      errno: 0,
      sector: file.sectorOf(block),
      runAfter: wantsRuns ? file.runLength(block, 1) : 0,
      runBefore: wantsRuns ? file.runLength(block, -1) : 0,
    }
  }

  *readDevice(
    _vnode: number,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    pageOffset: number,
  ): Operation<number> {
    const isBad = meetsBadSector(this.#faults, sector, lengthBytes)
    this.#io.push({ dev: 'read', blk: sector, bytes: lengthBytes, ...(isBad ? { err: 'EIO' } : {}) })
    if (isBad) return Errno.EIO
    const bytes = new Uint8Array(lengthBytes)
    this.#file.readSectors(sector, bytes)
    for (let at = 0; at < lengthBytes;) {
      const within = (pageOffset + at) % PAGE_SIZE
      const part = Math.min(PAGE_SIZE - within, lengthBytes - at)
      this.#pageBytes(frames[Math.floor((pageOffset + at) / PAGE_SIZE)]!).set(bytes.subarray(at, at + part), within)
      at += part
    }
    return 0
  }

  *read(_vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult> {
    const { error, limitBytes } = this.#faults.read
    const doneBytes = Math.min(lengthBytes, Math.max(0, this.#file.sizeBytes - offset), limitBytes)
    this.#file.read(offset, this.#pageBytes(frame).subarray(0, doneBytes))
    this.#io.push({
      uio: 'read',
      off: offset,
      len: lengthBytes,
      ioflags: [],
      seq: 0,
      done: doneBytes,
      ...errorField(error),
    })
    return { errno: errnoOf(error), doneBytes }
  }

  *write(
    _vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult> {
    const { error, limitBytes } = this.#faults.write
    const bytes = new Uint8Array(Math.min(lengthBytes, limitBytes))
    for (let at = 0; at < bytes.length; at += PAGE_SIZE)
      bytes.set(this.#pageBytes(frames[at / PAGE_SIZE]!).subarray(0, Math.min(PAGE_SIZE, bytes.length - at)), at)
    this.#file.write(offset, bytes)
    this.#io.push({
      uio: 'write',
      off: offset,
      len: lengthBytes,
      ioflags: writeFlagNames.flatMap(([name, flag]) => ((flags & flag) !== 0 ? [name] : [])),
      seq: sequential,
      done: bytes.length,
      crc: checksum(bytes),
      ...errorField(error),
    })
    return { errno: errnoOf(error), doneBytes: bytes.length }
  }

  *fileSize(): Operation<{ errno: number; sizeBytes: number }> {
    return { errno: this.#attributesErrno, sizeBytes: this.#file.sizeBytes }
  }

  *startWrite(): Operation<void> {
    this.#startWrites += 1
  }
  finishWrite(): void {}
  vnodeUnused(): void {}

  *terminateObject(object: number): Operation<void> {
    this.#pages.objectFlags[object]! |= ObjectFlag.dead
    for (const frame of [...this.#frames(object)]) this.freePage(frame)
    yield* this.#pager.deallocate(object)
  }

  wakeObject(): void {
    this.#wakeups += 1
  }

  freePage(frame: number): void {
    this.#freed.push(this.#pages.pageIndex[frame]!)
    this.#pages.free(frame)
  }

  releaseBusy(frame: number): void {
    this.#pages.wanted[frame] = 0
    this.#pages.exclusiveBusy[frame] = 0
  }

  removePages(object: number, first: number, end: number): void {
    const pages = this.#pages
    for (const frame of [...this.#frames(object)]) {
      const index = pages.pageIndex[frame]!
      if (index < first || (end !== 0 && index >= end)) continue
      if (pages.wired[frame] === 0) this.freePage(frame)
      else pages.valid[frame] = pages.dirty[frame] = 0
    }
    this.freeCached(object, first, end)
  }

  zero(frame: number, offset: number, lengthBytes: number): void {
    this.#pageBytes(frame).fill(0, offset, offset + lengthBytes)
  }

  isWriteMapped = () => false
  isMemoryLow = () => this.#faults.isMemoryLow

  isCached = (object: number, pageIndex: number) => object === this.#cacheOwner && this.#cached.has(pageIndex)

  freeCached(object: number, first: number, end: number): void {
    if (object !== this.#cacheOwner) return
    for (const index of this.#cached) if (index >= first && (end === 0 || index < end)) this.#cached.delete(index)
  }

  message(): void {}
  nowNs = () => 0

  // ---- results ---------------------------------------------------------------------------------------------

  /** What can be seen after an operation, in the record's words; what is empty is absent. */
  observe(operation: string): JsonRecord {
    const seen: JsonRecord = {}
    const pages: JsonValue[] = []
    for (const frame of this.#frames(this.#subject)) pages.push(this.#observePage(frame, operation === 'getpages'))
    const counts = this.#counters().map((count, i) => count - this.#counts[i]!)
    if (this.#io.length > 0) seen['io'] = this.#io
    if (pages.length > 0) seen['pages'] = pages
    if (this.#freed.length > 0) seen['freed'] = ascending(this.#freed)
    if (this.#cached.size > 0 && this.#subject === this.#cacheOwner) seen['cached'] = ascending(this.#cached)
    if (counts.some((count) => count !== 0)) seen['cnt'] = counts
    if (this.#subject >= 0) seen['obj'] = this.#observeObject(this.#subject)
    const { vnodes } = this.#pager
    const vnode = this.#vnode
    seen['vp'] = {
      use: vnodes.useCount[vnode]!,
      wc: vnodes.writeCount[vnode]!,
      obj: vnodes.object[vnode]! >= 0 ? 1 : 0,
      text: (vnodes.flags[vnode]! & VnodeFlag.text) !== 0 ? 1 : 0,
    }
    return seen
  }

  #observePage(frame: number, withState: boolean): JsonValue {
    const pages = this.#pages
    const page: JsonValue[] = [
      fromPageIndex(pages.pageIndex[frame]!),
      pages.valid[frame]!,
      pages.dirty[frame]!,
      checksum(this.#pageBytes(frame)),
    ]
    if (!withState) return page
    const queue = pages.queue[frame]
    return [...page, queue === Queue.active ? 'A' : queue === Queue.inactive ? 'I' : '-', pages.exclusiveBusy[frame]!]
  }

  #observeObject(object: number): JsonRecord {
    const pages = this.#pages
    const flags = pages.objectFlags[object]!
    return {
      type: pages.objectType[object] === ObjectType.dead ? 'DEAD' : 'VNODE',
      size: pages.objectSize[object]!,
      vnp_size: this.#pager.fileSize(object),
      ref: pages.references[object]!,
      wm: pages.writeMappings[object]!,
      handle: pages.handle[object]! >= 0 ? 1 : 0,
      dead: (flags & ObjectFlag.dead) !== 0 ? 1 : 0,
      disc: (flags & ObjectFlag.disconnectWanted) !== 0 ? 1 : 0,
    }
  }
}

function ascending(indices: Iterable<number>): JsonValue[] {
  return [...indices].sort((left, right) => left - right).map(fromPageIndex)
}

function errorField(error: string): JsonRecord {
  return error === '0' ? nothing : { err: error }
}

function errnoOf(name: string): number {
  const errno = Object.hasOwn(errorNumbers, name) ? errorNumbers[name] : undefined
  if (errno === undefined) throw new UnusableLogError('log-field', `field env: unknown error ${name}`, { field: 'env' })
  return errno
}

/** Which neighbours are asked for: "b" before, "a" after, or both. */
function wishes(input: JsonRecord): string {
  const wanted = textField(input, 'want')
  if (/^[ab]*$/.test(wanted)) return wanted
  throw new UnusableLogError('log-field', `field op.want: ${JSON.stringify(wanted)} asks for something unknown`, {
    field: 'op.want',
  })
}

function putFlags(input: JsonRecord): number {
  return listField(input, 'flags').reduce((flags: number, name) => {
    const flag = typeof name === 'string' && Object.hasOwn(putFlagNames, name) ? putFlagNames[name] : undefined
    if (flag === undefined)
      throw new UnusableLogError('log-field', `field op.flags: unknown flag ${JSON.stringify(name)}`, {
        field: 'op.flags',
      })
    return flags | flag
  }, 0)
}

/** `end` minus `start`, as the kernel's 64 bits have it. */
function addressDifference(input: JsonRecord): number {
  const difference = BigInt.asIntN(64, bigintField(input, 'end') - bigintField(input, 'start'))
  const bytes = Number(difference)
  if (!Number.isSafeInteger(bytes))
    throw new UnusableLogError('log-field', `field op.end: a mapping of ${difference} bytes cannot be replayed`, {
      field: 'op.end',
    })
  return bytes
}

function namedField(
  record: JsonRecord,
  field: string,
  names: { readonly [name: string]: number },
  normal: string,
): number {
  const name = field in record ? textField(record, field) : normal
  const value = Object.hasOwn(names, name) ? names[name] : undefined
  if (value === undefined)
    throw new UnusableLogError('log-field', `field ${field}: unknown ${field} ${name}`, { field })
  return value
}

function optionalFlag(record: JsonRecord, field: string): boolean {
  return field in record && flagField(record, field)
}

function smallInteger(value: JsonValue | undefined, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  const shown = value === undefined || isRecord(value) || Array.isArray(value) ? 'something else' : String(value)
  throw new UnusableLogError('log-field', `field pages: a number from 0 to ${most} expected, not ${shown}`, {
    field: 'pages',
  })
}
