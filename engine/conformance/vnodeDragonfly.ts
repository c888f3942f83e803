/**
 * Replays logs of the DragonFly vnode pager: the abstract machine that they were made on, around the engine's pager.
 *
 * The machine has one vnode, one file on one device (vnodeMachine.ts), one object at a time, and pages with real bytes; for the
 * lock, a chain of objects and two vnodes. Nothing is ever on its way: a wait ends at once, as the logs define for each. A
 * record's `setup` builds the machine afresh; without one the record goes on from what the one before it left.
 */
import { Columns, type Snapshot } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { PagerResult } from '../swap/pager.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PAGE_SIZE, PageFlag, Queue, SECTOR_SIZE, VmPages } from '../vm/pages.ts'
import { NO_OFFSET } from '../vnode/dragonfly/host.ts'
import { Errno, IoFlag, PutFlag } from '../vnode/operation.ts'
import type { BlockMapping, DragonflyVnodeHost, VnodeMessageId } from '../vnode/dragonfly/host.ts'
import type { Operation, TransferResult, VnodeWait } from '../vnode/operation.ts'
import { DragonflyPageFlag } from '../vnode/dragonfly/pageOperations.ts'
import { DragonflyVnodePager } from '../vnode/dragonfly/pager.ts'
import { VnodeFlag, VnodeType } from '../vnode/dragonfly/vnodes.ts'
import {
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
import { checksum, fillPage, fromPageIndex, LogFile, optionalRecord, readFaults, toPageIndex } from './vnodeMachine.ts'

interface LogOperation {
  inputs: readonly string[]
  perform: (machine: LogMachine, input: JsonRecord) => JsonRecord
}

const LOCK = 'vnode_pager_lock'

const operations: { readonly [name: string]: LogOperation } = {
  alloc: {
    inputs: ['length', 'blksize', 'boff', 'null_handle'],
    perform: (m, r) =>
      m.allocate(
        flagField(r, 'null_handle'),
        integerField(r, 'length', 0),
        integerField(r, 'blksize', 1),
        integerField(r, 'boff'),
      ),
  },
  reference: { inputs: [], perform: (m) => m.reference() },
  dealloc: { inputs: [], perform: (m) => m.deallocate() },
  haspage: { inputs: ['pi'], perform: (m, r) => m.hasPage(toPageIndex(r['pi'], 'op.pi')) },
  setsize: { inputs: ['nsize'], perform: (m, r) => m.setSize(integerField(r, 'nsize', 0)) },
  getpages: {
    inputs: ['pi', 'bytes', 'req', 'seqaccess'],
    perform: (m, r) => {
      const bytes = integerField(r, 'bytes', 1, FRAMES * PAGE_SIZE)
      const count = Math.ceil(bytes / PAGE_SIZE)
      return m.runGetPages(m.row(r, count), bytes, integerField(r, 'req', 0, count - 1), flagField(r, 'seqaccess'))
    },
  },
  getpage: { inputs: ['pi', 'seqaccess'], perform: (m, r) => m.runGetPage(m.row(r, 1)[0]!, flagField(r, 'seqaccess')) },
  putpages: {
    inputs: ['pi', 'n', 'flags'],
    perform: (m, r) => m.runPutPages(m.row(r, integerField(r, 'n', 1, FRAMES)), namedFlags(r, 'flags', putFlagNames)),
  },
  freepage: { inputs: ['pi'], perform: (m, r) => m.releasePage(m.row(r, 1)[0]!) },
  [LOCK]: { inputs: [], perform: (m) => m.lock() },
}

export class DragonflyVnodeReplayer implements Replayer {
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
    const isLock = name === LOCK
    if (isLock) checkFields(expected, ['ret', 'vgets', 'vputs', 'sleeps', 'v0', 'v1'], [], 'exp.')
    else checkFields(expected, [], ['ret', 'rtvals', 'io', 'pages', 'freed', 'cnt', 'obj', 'vp'], 'exp.')

    if ('setup' in record) {
      if ('add' in record)
        throw new UnusableLogError('log-field', 'field add: a record with a setup adds nothing', { field: 'add' })
      if (isLock) machine.setUpChain(recordField(record, 'setup'))
      else machine.setUp(recordField(record, 'setup'))
      this.#isSetUp = true
    } else if (!this.#isSetUp || isLock)
      throw new UnusableLogError('log-field', 'field setup is missing', { field: 'setup' })
    machine.beginLine(record, isLock)
    let got: JsonRecord
    try {
      got = operation.perform(machine, input)
    } catch (error) {
      // the reference performed it, so a panic is a difference
      if (!(error instanceof KernelStop)) throw error
      return [{ field: 'op', expected: name, got: error.message }]
    }
    return compareFields(expected, isLock ? got : { ...got, ...machine.observe() }, 'exp')
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

type Names = readonly (readonly [name: string, value: number])[]

const errnoNames: Names = [
  ['0', Errno.none],
  ['EIO', Errno.EIO],
  ['EINVAL', Errno.EINVAL],
  ['ENOSPC', Errno.ENOSPC],
  ['EOPNOTSUPP', Errno.EOPNOTSUPP],
]

const putFlagNames: Names = [
  ['VM_PAGER_PUT_SYNC', PutFlag.sync],
  ['VM_PAGER_PUT_INVAL', PutFlag.invalidate],
  ['VM_PAGER_CLUSTER_OK', PutFlag.clusterOk],
]

/** This list and the next in the order in which the logs name what is set. */
const ioFlagNames: Names = [
  ['IO_VMIO', IoFlag.fromPages],
  ['IO_SYNC', IoFlag.sync],
  ['IO_ASYNC', IoFlag.async],
  ['IO_INVAL', IoFlag.invalidate],
]

const vnodeFlagNames: Names = [
  ['VTEXT', VnodeFlag.text],
  ['VOBJBUF', VnodeFlag.objectBuffers],
  ['VOLOCK', VnodeFlag.objectLock],
  ['VOWANT', VnodeFlag.objectWanted],
  ['VRECLAIMED', VnodeFlag.reclaimed],
]

const vnodeTypeNames: Names = [
  ['VREG', VnodeType.regular],
  ['VCHR', VnodeType.characterDevice],
  ['VBLK', VnodeType.blockDevice],
]

/** To the pager an object is a file or not, so the types that the engine has no pager for are like any other. */
const objectTypeNames: Names = [
  ['DEFAULT', ObjectType.default],
  ['SWAP', ObjectType.swap],
  ['DEVICE', ObjectType.default],
  ['PHYS', ObjectType.default],
  ['DEAD', ObjectType.dead],
  ['VNODE', ObjectType.file],
]

/** More pages than any log has resident at a time. */
const FRAMES = 1024

const nothing: JsonRecord = {}

class LogMachine implements DragonflyVnodeHost {
  readonly #columns = new Columns()
  readonly #pages = new VmPages(this.#columns, FRAMES)
  readonly #pager = new DragonflyVnodePager(this.#columns, this.#pages, this)
  /** By frame: a process has it mapped. */
  readonly #mapped = new Uint8Array(FRAMES)
  /** The machine before anything was set up. */
  readonly #empty: Snapshot = this.#columns.save()
  readonly #contents = new Uint8Array(FRAMES * PAGE_SIZE)
  #file = new LogFile({ bsize: 512, map: [], fs_size: 0 })
  #vnode = -1
  /** In a record about the lock: the second vnode, the objects from the first down, and how often each vnode is locked. */
  #otherVnode = -1
  #chain: number[] = []
  #locks = [0, 0]

  // of the current line
  #faults = readFaults(nothing)
  #isStale = false
  #lockFailures = 0
  #diesOnSleep = 0
  #swapsHandle = false
  /** The object that the operation is about, -1: none. */
  #subject = -1
  #io: JsonValue[] = []
  #freed: number[] = []
  #sleeps = { vnode: 0, dead: 0, pause: 0 }
  #wakeups = 0
  #swapFreed = 0
  #lockCalls = { gets: 0, puts: 0 }
  /** What the file system answered to a request to put pages. */
  #putAnswer = -1
  #messages: VnodeMessageId[] = []
  #counts: number[] = []

  // ---- setting up ------------------------------------------------------------------------------------------

  setUp(setup: JsonRecord): void {
    checkFields(setup, ['bsize', 'map', 'fs_size', 'vp', 'obj'], ['map_base', 'pages'], 'setup.')
    this.#columns.restore(this.#empty)
    this.#file = new LogFile(setup)
    this.#vnode = this.#setUpVnode(recordField(setup, 'vp'))
    const description = optionalRecord(setup, 'obj')
    const object = description === null ? -1 : this.#setUpObject(description)
    for (const page of 'pages' in setup ? listField(setup, 'pages') : []) this.#putPage(object, page, 'setup.pages')
  }

  #setUpVnode(description: JsonRecord): number {
    checkFields(description, ['ref', 'filesize'], ['type', 'secsize', 'flags', 'nomount', 'nomsync'], 'setup.vp.')
    const { vnodes } = this.#pager
    const vnode = vnodes.add({
      type:
        'type' in description
          ? named(textField(description, 'type'), 'setup.vp.type', vnodeTypeNames)
          : VnodeType.regular,
      blockSize: optionalFlag(description, 'nomount') ? 0 : this.#file.blockSize,
      sectorSize: 'secsize' in description ? integerField(description, 'secsize', 1) : 0,
      isNoMsync: optionalFlag(description, 'nomsync'),
    })
    if (vnodes.isDevice(vnode) && !('secsize' in description))
      throw new UnusableLogError('log-field', 'field setup.vp.secsize is missing', { field: 'setup.vp.secsize' })
    vnodes.references[vnode] = integerField(description, 'ref')
    vnodes.fileSize[vnode] = integerField(description, 'filesize', NO_OFFSET)
    vnodes.flags[vnode] = 'flags' in description ? namedFlags(description, 'flags', vnodeFlagNames) : 0
    return vnode
  }

  #setUpObject(description: JsonRecord): number {
    checkFields(description, ['size'], ['ref', 'dead'], 'setup.obj.')
    const pages = this.#pages
    const object = pages.createObject(ObjectType.file, integerField(description, 'size', 0))
    if ('ref' in description) pages.references[object] = integerField(description, 'ref', 0)
    if (optionalFlag(description, 'dead')) pages.objectFlags[object]! |= ObjectFlag.dead
    pages.handle[object] = this.#vnode
    this.#pager.vnodes.object[this.#vnode] = object
    return object
  }

  /** The chain of a record about the lock; its vnodes are v0 and v1. */
  setUpChain(setup: JsonRecord): void {
    checkFields(setup, ['chain'], [], 'setup.')
    this.#columns.restore(this.#empty)
    const pages = this.#pages
    const { vnodes } = this.#pager
    const description = { type: VnodeType.regular, blockSize: PAGE_SIZE, sectorSize: 0, isNoMsync: false }
    this.#vnode = vnodes.add(description)
    this.#otherVnode = vnodes.add(description)
    for (const vnode of [this.#vnode, this.#otherVnode]) vnodes.references[vnode] = 1
    this.#locks = [0, 0]
    this.#chain = listField(setup, 'chain').map((entry) => {
      const [type, dead] = Array.isArray(entry) && entry.length === 2 ? entry : []
      if (typeof type !== 'string' || (dead !== 0 && dead !== 1))
        throw new UnusableLogError('log-field', 'field setup.chain: an entry is [object type, 0 or 1]', {
          field: 'setup.chain',
        })
      const object = pages.createObject(named(type, 'setup.chain', objectTypeNames), 1)
      if (dead === 1) pages.objectFlags[object]! |= ObjectFlag.dead
      if (pages.objectType[object] === ObjectType.file) pages.handle[object] = this.#vnode
      return object
    })
    for (const [at, object] of this.#chain.entries()) pages.backing[object] = this.#chain[at + 1] ?? -1
  }

  /** Makes a page resident as a log describes it; one that is there is replaced whole. */
  #putPage(object: number, description: JsonValue, field: string): void {
    const pages = this.#pages
    if (!Array.isArray(description) || (description.length !== 4 && description.length !== 7))
      throw new UnusableLogError(
        'log-field',
        `field ${field}: a page is [index, valid, dirty, fill] or these and [wired, soft busy, flags]`,
        { field },
      )
    const [index, valid, dirty, fill, wired = 0, softBusy = 0, letters = ''] = description
    const pageIndex = toPageIndex(index, field)
    if (object < 0)
      throw new UnusableLogError('log-field', `field ${field}: there is no object that could have pages`, { field })
    const resident = pages.lookup(object, pageIndex)
    if (resident >= 0) pages.free(resident)
    const frame = pages.allocate(object, pageIndex)
    if (frame < 0) throw new UnusableLogError('log-field', `field ${field}: more than ${FRAMES} pages`, { field })
    if (typeof letters !== 'string' || !/^R?C?M?W?$/.test(letters))
      throw new UnusableLogError('log-field', `field ${field}: the flags of a page are letters of RCMW`, { field })
    pages.valid[frame] = pageNumber(valid, ALL_SECTORS, field)
    pages.dirty[frame] = pageNumber(dirty, ALL_SECTORS, field)
    pages.wired[frame] = pageNumber(wired, 0x7fff_ffff, field)
    pages.sharedBusy[frame] = pageNumber(softBusy, 0x7fff_ffff, field)
    pages.wanted[frame] = 0
    pages.flags[frame] = letters.includes('R') ? PageFlag.referenced : 0
    pages.kernelFlags[frame] = letters.includes('C') ? DragonflyPageFlag.needCommit : 0
    pages.hardwareModified[frame] = letters.includes('W') ? 1 : 0
    this.#mapped[frame] = letters.includes('M') ? 1 : 0
    fillPage(this.#pageBytes(frame), pageNumber(fill, 0xffff, field))
  }

  beginLine(record: JsonRecord, isLock: boolean): void {
    const env = 'env' in record ? recordField(record, 'env') : nothing
    if (isLock) checkFields(env, [], ['vget_fail', 'die_on_sleep', 'vget_swap'], 'env.')
    this.#faults = isLock ? readFaults(nothing) : readFaults(record, ['stale'])
    this.#isStale = optionalFlag(env, 'stale')
    this.#lockFailures = 'vget_fail' in env ? integerField(env, 'vget_fail', 0) : 0
    this.#diesOnSleep = 'die_on_sleep' in env ? integerField(env, 'die_on_sleep', 0) : 0
    this.#swapsHandle = optionalFlag(env, 'vget_swap')
    const subject = isLock ? -1 : this.#pager.vnodes.object[this.#vnode]!
    this.#subject = subject
    for (const page of 'add' in record ? listField(record, 'add') : []) this.#putPage(subject, page, 'add')
    for (const frame of this.#frames(subject)) {
      this.#pages.removeFromQueue(frame)
      this.#pages.exclusiveBusy[frame] = 0
    }
    this.#io = []
    this.#freed = []
    this.#messages = []
    this.#sleeps = { vnode: 0, dead: 0, pause: 0 }
    this.#lockCalls = { gets: 0, puts: 0 }
    this.#wakeups = this.#swapFreed = 0
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

  #run<Result>(operation: Operation<Result>): Result {
    for (;;) {
      const step = operation.next()
      if (step.done === true) return step.value
      this.#endWait(step.value)
    }
  }

  /** What happens while the pager sleeps. */
  #endWait(wait: VnodeWait): void {
    const pages = this.#pages
    const { vnodes } = this.#pager
    if (wait.on === 'vnode') {
      if (!vnodes.has(wait.vnode, VnodeFlag.objectWanted))
        throw new KernelStop('livelock', 'tsleep', 'nobody was told to wake who sleeps on the vnode')
      this.#sleeps.vnode += 1
      vnodes.clearFlag(wait.vnode, VnodeFlag.objectLock)
    } else if (wait.on === 'dead-object') {
      this.#sleeps.dead += 1
      vnodes.object[this.#vnode] = -1
      this.#subject = -1
    } else if (wait.on === 'pause') {
      this.#sleeps.pause += 1
      const file = this.#chain.find((object) => pages.objectType[object] === ObjectType.file)
      if (this.#sleeps.pause === this.#diesOnSleep && file !== undefined) pages.objectFlags[file]! |= ObjectFlag.dead
    } else throw new KernelStop('livelock', 'sleep', `nothing is on its way that could end the wait on a ${wait.on}`)
  }

  /** The `count` resident pages from index `pi` on. */
  row(input: JsonRecord, count: number): Int32Array {
    const first = toPageIndex(input['pi'], 'op.pi')
    return Int32Array.from({ length: count }, (_, i) => {
      const frame = this.#subject < 0 ? -1 : this.#pages.lookup(this.#subject, first + i)
      // an earlier difference may have cost the page: a log is not unusable because of that
      if (frame < 0)
        throw new KernelStop(
          'kernel-panic',
          'vm_page_lookup',
          `page ${String(fromPageIndex(first + i))} is not resident`,
        )
      return frame
    })
  }

  allocate(isNull: boolean, lengthBytes: number, blockSize: number, offsetInBlock: number): JsonRecord {
    const ret = this.#find(this.#pager.allocate(isNull ? -1 : this.#vnode, lengthBytes, blockSize, offsetInBlock))
    const warned = (id: VnodeMessageId): number => this.#messages.filter((message) => message === id).length
    return {
      ret: {
        ...ret,
        warn_objsize: warned('vnode-object-size-mismatch'),
        warn_filesize: warned('vnode-file-size-mismatch'),
      },
    }
  }

  reference(): JsonRecord {
    return { ret: this.#find(this.#pager.reference(this.#vnode)) }
  }

  #find(operation: Operation<number>): JsonRecord {
    const before = this.#subject
    const object = this.#run(operation)
    if (object >= 0) this.#subject = object
    const found = object < 0 ? 'null' : object === before ? 'existing' : 'new'
    return { obj: found, dead_sleeps: this.#sleeps.dead, tsleeps: this.#sleeps.vnode, wakeups: this.#wakeups }
  }

  deallocate(): JsonRecord {
    this.#run(this.#pager.deallocate(this.#theSubject()))
    return { ret: { swap_freed: this.#swapFreed } }
  }

  hasPage(pageIndex: number): JsonRecord {
    return { ret: this.#run(this.#pager.hasPage(this.#theSubject(), pageIndex)) }
  }

  setSize(sizeBytes: number): JsonRecord {
    this.#file.sizeBytes = sizeBytes
    this.#run(this.#pager.setSize(this.#vnode, sizeBytes))
    return nothing
  }

  runGetPages(frames: Int32Array, bytes: number, required: number, isSequential: boolean): JsonRecord {
    for (const frame of frames) this.#pages.exclusiveBusy[frame] = 1
    return {
      ret: resultName(this.#run(this.#pager.genericGetPages(this.#vnode, frames, bytes, required, isSequential))),
    }
  }

  runGetPage(frame: number, isSequential: boolean): JsonRecord {
    this.#pages.exclusiveBusy[frame] = 1
    return { ret: resultName(this.#run(this.#pager.getPage(this.#theSubject(), frame, isSequential))) }
  }

  runPutPages(frames: Int32Array, flags: number): JsonRecord {
    const results = new Uint8Array(frames.length).fill(PagerResult.fail)
    this.#run(this.#pager.putPages(this.#theSubject(), frames, flags, results))
    const rtvals = Array.from(results, resultName)
    // a stale file system's answer is not one of the pager's, and what the pager does then is not answered to anybody
    return this.#isStale ? { rtvals } : { ret: resultName(this.#putAnswer), rtvals }
  }

  releasePage(frame: number): JsonRecord {
    this.#pages.exclusiveBusy[frame] = 1
    this.#pager.releasePage(frame)
    return nothing
  }

  lock(): JsonRecord {
    const { vnodes } = this.#pager
    const vnode = this.#run(this.#pager.lockBackingVnode(this.#chain[0] ?? -1))
    return {
      ret: vnode < 0 ? 'null' : `v${this.#which(vnode)}`,
      vgets: this.#lockCalls.gets,
      vputs: this.#lockCalls.puts,
      sleeps: this.#sleeps.pause,
      v0: [vnodes.references[this.#vnode]!, this.#locks[0]!],
      v1: [vnodes.references[this.#otherVnode]!, this.#locks[1]!],
    }
  }

  #which(vnode: number): 0 | 1 {
    return vnode === this.#otherVnode ? 1 : 0
  }

  #theSubject(): number {
    if (this.#subject < 0) throw new KernelStop('kernel-panic', 'v_object', 'the vnode has no object')
    return this.#subject
  }

  // ---- what the pager asks of the kernel -------------------------------------------------------------------

  *bmap(_vnode: number, offset: number): Operation<BlockMapping> {
    const block = offset / this.#file.blockSize
    const error = this.#faults.bmapErrors.get(block)
    if (error !== undefined) return { errno: named(error, 'env.bmap_err', errnoNames), deviceOffset: NO_OFFSET }
    const sector = this.#file.sectorOf(block)
    return { errno: 0, deviceOffset: sector < 0 ? NO_OFFSET : sector * SECTOR_SIZE }
  }

  *read(
    _vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult> {
    const { error, limitBytes } = this.#faults.read
    const doneBytes = Math.min(lengthBytes, Math.max(0, this.#file.sizeBytes - offset), limitBytes)
    this.#io.push({
      uio: 'read',
      off: offset,
      len: lengthBytes,
      ioflags: flagNames(flags, ioFlagNames),
      seq: sequential,
      done: doneBytes,
      ...errorField(error),
    })
    const pages = this.#pages
    for (const [i, frame] of frames.entries()) {
      // the buffer cache would sleep for ever on a page that somebody has busy, and take one that is not held for another's
      if (pages.exclusiveBusy[frame] !== 0 || pages.sharedBusy[frame] === 0)
        throw new KernelStop('kernel-panic', 'VOP_READ', 'a page is not soft-busy, or is busy')
      const bytes = this.#pageBytes(frame)
      for (let start = 0; start < PAGE_SIZE && i * PAGE_SIZE + start < doneBytes; start += SECTOR_SIZE) {
        const bit = 1 << (start / SECTOR_SIZE)
        if ((pages.valid[frame]! & bit) !== 0) continue
        const sector = bytes.subarray(start, start + SECTOR_SIZE)
        const readable = Math.min(SECTOR_SIZE, doneBytes - i * PAGE_SIZE - start)
        this.#file.read(offset + i * PAGE_SIZE + start, sector.subarray(0, readable))
        sector.fill(0, readable)
        pages.valid[frame]! |= bit
      }
    }
    return { errno: named(error, 'env.read.err', errnoNames), doneBytes }
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
      ioflags: flagNames(flags, ioFlagNames),
      seq: sequential,
      done: bytes.length,
      crc: checksum(bytes),
      ...errorField(error),
    })
    return { errno: named(error, 'env.write.err', errnoNames), doneBytes: bytes.length }
  }

  getPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    required: number,
    isSequential: boolean,
  ): Operation<number> {
    return this.#pager.genericGetPages(vnode, frames, lengthBytes, required, isSequential)
  }

  *putPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    flags: number,
    results: Uint8Array,
  ): Operation<number> {
    if (this.#isStale) return Errno.EOPNOTSUPP
    this.#putAnswer = yield* this.#pager.genericPutPages(vnode, frames, lengthBytes, flags, results)
    return this.#putAnswer
  }

  *lockVnode(vnode: number): Operation<number> {
    this.#lockCalls.gets += 1
    if (this.#lockFailures > 0) {
      this.#lockFailures -= 1
      return Errno.EIO
    }
    this.#pager.vnodes.references[vnode]! += 1
    this.#locks[this.#which(vnode)]! += 1
    if (this.#swapsHandle) {
      this.#swapsHandle = false
      const pages = this.#pages
      for (const object of this.#chain) if (pages.handle[object] === vnode) pages.handle[object] = this.#otherVnode
    }
    return 0
  }

  unlockVnode(vnode: number): void {
    this.#lockCalls.puts += 1
    this.#pager.vnodes.references[vnode]! -= 1
    this.#locks[this.#which(vnode)]! -= 1
  }

  wakeVnode(): void {
    this.#wakeups += 1
  }

  freeSwapSpace(): void {
    this.#swapFreed += 1
  }

  freePage(frame: number): void {
    const pages = this.#pages
    if (pages.wired[frame] !== 0 || pages.sharedBusy[frame] !== 0)
      throw new KernelStop('kernel-panic', 'vm_page_free', `page ${pages.pageIndex[frame]!} is wired or soft-busy`)
    this.#freed.push(pages.pageIndex[frame]!)
    this.#mapped[frame] = 0
    pages.free(frame)
  }

  releaseBusy(frame: number): void {
    this.#pages.wanted[frame] = 0
    this.#pages.exclusiveBusy[frame] = 0
  }

  unmapPage(frame: number): void {
    if (this.#mapped[frame] === 0) return
    this.#mapped[frame] = 0
    if (this.#pages.hardwareModified[frame] === 0) return
    this.#pages.hardwareModified[frame] = 0
    this.#pages.dirty[frame] = ALL_SECTORS
  }

  zero(frame: number, offset: number, lengthBytes: number): void {
    this.#pageBytes(frame).fill(0, offset, offset + lengthBytes)
  }

  isMemoryLow = () => this.#faults.isMemoryLow

  message(id: VnodeMessageId): void {
    this.#messages.push(id)
  }
  nowNs = () => 0

  // ---- results ---------------------------------------------------------------------------------------------

  /** What can be seen after an operation, in the record's words; what is empty is absent. */
  observe(): JsonRecord {
    const seen: JsonRecord = {}
    const pages: JsonValue[] = []
    for (const frame of this.#frames(this.#subject)) pages.push(this.#observePage(frame))
    const counts = this.#counters().map((count, i) => count - this.#counts[i]!)
    if (this.#io.length > 0) seen['io'] = this.#io
    if (pages.length > 0) seen['pages'] = pages
    if (this.#freed.length > 0) seen['freed'] = this.#freed.sort((left, right) => left - right).map(fromPageIndex)
    if (counts.some((count) => count !== 0)) seen['cnt'] = counts
    if (this.#subject >= 0) seen['obj'] = this.#observeObject(this.#subject)
    const { vnodes } = this.#pager
    const vnode = this.#vnode
    seen['vp'] = {
      ref: vnodes.references[vnode]!,
      filesize: vnodes.fileSize[vnode]!,
      obj: vnodes.object[vnode]! >= 0 ? 1 : 0,
      flags: flagNames(vnodes.flags[vnode]!, vnodeFlagNames),
    }
    return seen
  }

  #observePage(frame: number): JsonValue {
    const pages = this.#pages
    const queue = pages.queue[frame]
    const letters =
      ((pages.flags[frame]! & PageFlag.referenced) !== 0 ? 'R' : '') +
      ((pages.kernelFlags[frame]! & DragonflyPageFlag.needCommit) !== 0 ? 'C' : '') +
      (this.#mapped[frame] !== 0 ? 'M' : '') +
      (pages.hardwareModified[frame] !== 0 ? 'W' : '')
    return [
      fromPageIndex(pages.pageIndex[frame]!),
      pages.valid[frame]!,
      pages.dirty[frame]!,
      checksum(this.#pageBytes(frame)),
      queue === Queue.active ? 'A' : queue === Queue.inactive ? 'I' : '-',
      pages.exclusiveBusy[frame]!,
      pages.sharedBusy[frame]!,
      letters,
    ]
  }

  #observeObject(object: number): JsonRecord {
    const pages = this.#pages
    const flags = pages.objectFlags[object]!
    return {
      type: pages.objectType[object] === ObjectType.dead ? 'DEAD' : 'VNODE',
      size: pages.objectSize[object]!,
      ref: pages.references[object]!,
      handle: pages.handle[object]! >= 0 ? 1 : 0,
      dead: (flags & ObjectFlag.dead) !== 0 ? 1 : 0,
      nomsync: (flags & ObjectFlag.noMsync) !== 0 ? 1 : 0,
    }
  }
}

function resultName(result: number): string {
  return resultNames[result] ?? `result ${result}`
}

function errorField(error: string): JsonRecord {
  return error === '0' ? nothing : { err: error }
}

function named(name: string, field: string, names: Names): number {
  const found = names.find(([known]) => known === name)
  if (found === undefined) throw new UnusableLogError('log-field', `field ${field}: unknown name ${name}`, { field })
  return found[1]
}

function namedFlags(record: JsonRecord, field: string, names: Names): number {
  let flags = 0
  for (const name of listField(record, field))
    flags |= named(typeof name === 'string' ? name : JSON.stringify(name), field, names)
  return flags
}

function flagNames(flags: number, names: Names): string[] {
  return names.flatMap(([name, flag]) => ((flags & flag) !== 0 ? [name] : []))
}

function optionalFlag(record: JsonRecord, field: string): boolean {
  return field in record && flagField(record, field)
}

function pageNumber(value: JsonValue | undefined, most: number, field: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  const shown = value === undefined || isRecord(value) || Array.isArray(value) ? 'something else' : String(value)
  throw new UnusableLogError('log-field', `field ${field}: a number from 0 to ${most} expected, not ${shown}`, {
    field,
  })
}
