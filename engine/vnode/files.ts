/**
 * The files of a machine: a kernel's vnode pager with its volume and device, what is in the files, and the operations under way.
 *
 * A fault on a page of a file becomes an operation of its process; the page daemon's pageouts, the syncer's rounds and the calls of a
 * workload are operations too. Nothing waits inside: the machine calls step() between two events.
 */
import type { Device } from '../disk/device.ts'
import type { Columns } from '../sim/columns.ts'
import { QueueEvent } from '../sim/kernel.ts'
import { ObjectType, PAGE_SIZE } from '../vm/pages.ts'
import type { RegionTable } from '../vm/regions.ts'
import type { FileContext, FileKernel, FileTunables } from './context.ts'
import { DragonflyFiles } from './dragonfly/adapter.ts'
import { FileDevice } from './fileDevice.ts'
import type { FileFault, FilePager, FilePagerName } from './filePager.ts'
import { FileLocks, type Hold } from './fileLocks.ts'
import { FileTable } from './fileTable.ts'
import { FileTruth } from './fileTruth.ts'
import { FreebsdFiles } from './freebsd/adapter.ts'
import { NetbsdFiles } from './netbsd/adapter.ts'
import { Errno, PageOutcome, until, type Operation } from './operation.ts'
import type { VnodeLock } from './sendFile.ts'
import { FileTasks } from './tasks.ts'
import type { FileVolume } from './volume.ts'

/** Kernels by name: adding one is a file and a line. */
const pagers: { readonly [name in FilePagerName]: new (context: FileContext) => FilePager } = {
  freebsd: FreebsdFiles,
  dragonfly: DragonflyFiles,
  netbsd: NetbsdFiles,
}

export interface FilesOptions {
  pager: FilePagerName
  volume: FileVolume
  device: Device
  tunables: FileTunables
  /** Stores through mappings go to the file (MAP_SHARED). */
  isShared: boolean
  /** Seconds between two rounds of the syncer; 0: there is none. */
  syncerSeconds: number
  processes: number
  /** The operation of a process's fault is over. */
  faultAnswered: (process: number) => void
  /** The call of a process is over. */
  callEnded: (process: number) => void
  /** Whatever was dirty of a page has been written, or the page has gone. */
  pageWritten: (frame: number) => void
}

/** No answer yet. */
const WAITING = -100
const NO_CALL = -101

export class Files {
  readonly pager: FilePager
  readonly volume: FileVolume
  readonly device: FileDevice
  readonly truth: FileTruth
  readonly isShared: boolean
  readonly tasks: FileTasks
  readonly #kernel: FileKernel
  readonly #options: FilesOptions
  readonly #columns: Columns
  /** By process: what the operation of its fault has answered. */
  #answer: Int32Array
  /** By slot of the contents ledger: mappings take the page from the file. */
  #covers: Uint8Array
  readonly #table: FileTable
  readonly #faults: FileFault[] = []
  /** By process: the errno of a call that is over and was not asked after yet; WAITING: under way; NO_CALL: there is none. */
  #calls: Int32Array
  readonly #locks = new FileLocks()
  /** Objects of files that were being cut when a daemon wanted to put pages of them out. */
  readonly #refused = new Set<number>()
  /** Files that are being taken away. */
  #going = 0
  #hasSyncedAtEnd = false
  #isEnding = false

  constructor(columns: Columns, kernel: FileKernel, regions: RegionTable, options: FilesOptions) {
    this.#columns = columns
    this.#kernel = kernel
    this.#options = options
    this.volume = options.volume
    this.isShared = options.isShared
    this.truth = new FileTruth(columns, kernel.contents, kernel.pages)
    this.device = new FileDevice(columns, kernel, options.device, this.truth)
    this.pager = new pagers[options.pager]({
      columns,
      kernel,
      regions,
      volume: options.volume,
      device: this.device,
      truth: this.truth,
      tunables: options.tunables,
      spawn: (run) => {
        this.tasks.start(run, () => {})
      },
      pageWritten: options.pageWritten,
    })
    this.device.onBufferDone = (buffer, errno) => this.pager.bufferDone(buffer, errno)
    this.tasks = new FileTasks(kernel, this.pager)
    this.#answer = columns.define('file.fault.answer', 'i32', options.processes)
    this.#covers = columns.define('file.covers', 'u8', 0)
    this.#calls = columns.define('file.call', 'i32', options.processes).fill(NO_CALL)
    this.#table = new FileTable(columns)
    columns.onRebind(() => {
      this.#calls = columns.get('file.call', 'i32')
      this.#answer = columns.get('file.fault.answer', 'i32')
      this.#covers = columns.get('file.covers', 'u8')
    })
    for (let process = 0; process < options.processes; process++)
      this.#faults.push({
        object: -1,
        pageIndex: 0,
        isWrite: false,
        region: 0,
        pagesBefore: 0,
        pagesAfter: 0,
        wasResident: false,
      })
    this.#armSyncer()
  }

  // ---- making it -------------------------------------------------------------------------------------------

  /** Opens a file of the volume; its object, with the contents that it must have (null: made by the ledger, from version 1 on). */
  open(file: number, isDevice: boolean, bytes: Uint8Array | null, mostBytes = 0, name: string | null = null): number {
    const { pages, contents } = this.#kernel
    const object = this.pager.openFile(file, isDevice)
    const size = this.volume.sizeBytes(file)
    const slots = Math.max(pages.objectSize[object]!, Math.ceil(Math.max(size, mostBytes) / 4096))
    const base = contents.allocateSlots(slots)
    pages.slotBase[object] = base
    this.truth.add(object, base, slots, size, bytes)
    if (bytes === null) contents.version.fill(1, base, base + Math.ceil(size / 4096))
    if (base + slots > this.#covers.length)
      this.#covers = this.#columns.resize('file.covers', 'u8', Math.max(base + slots, this.#covers.length * 2))
    // whoever maps a file that no verb names has closed it
    if (name === null) this.pager.closed(object)
    this.#table.add(object, { file, isDevice, slots, name, descriptors: name === null ? 0 : 1, isUnlinked: false })
    return object
  }

  /** Mappings take these pages of an object from the file; others are not looked for in it. */
  cover(object: number, firstPage: number, pageIndices: Iterable<number>): void {
    const base = this.#kernel.pages.slotBase[object]! + firstPage
    for (const index of pageIndices) this.#covers[base + index] = 1
  }

  covers(object: number, pageIndex: number): boolean {
    return this.#covers[this.#kernel.pages.slotBase[object]! + pageIndex] === 1
  }

  /** Objects of the files that verbs know, by name. */
  get named(): ReadonlyMap<string, number> {
    return this.#table.named
  }

  // ---- faults ----------------------------------------------------------------------------------------------

  /** Where a fault says what it is about, before begin(). */
  faultOf(process: number): FileFault {
    return this.#faults[process]!
  }

  /** Asks the pager for the page of a process's fault; true if the answer is there already. */
  begin(process: number): boolean {
    const fault = this.#faults[process]!
    fault.wasResident = false
    this.#answer[process] = WAITING
    let isOver = false
    const open = this.#table.open.get(fault.object)
    const isGoing = open?.isGoing === true
    if (open !== undefined && !isGoing) open.users += 1
    const started = this.tasks.start(isGoing ? this.#goneWith(fault.object) : this.pager.getPage(fault), (answer) => {
      if (open !== undefined && !isGoing) open.users -= 1
      this.#answer[process] = answer
      if (isOver) this.#options.faultAnswered(process)
    })
    isOver = true
    return started
  }

  /** The object is about to be taken from its file: what would be stored into it now would be lost. */
  isGoing(object: number): boolean {
    return this.#going > 0 && this.#table.open.get(object)?.isGoing === true
  }

  /** Who is about to take a vnode away has its lock: the fault begins anew when it has gone. */
  *#goneWith(object: number): Operation<number> {
    yield* until(() => !this.#table.open.has(object))
    return PageOutcome.again
  }

  /** A process will not come back for the page of its fault. */
  abandon(process: number): void {
    const frame = this.#answer[process]!
    if (frame >= 0) {
      if (this.#kernel.pages.wired[frame] === 0) this.#kernel.pages.activate(frame)
      this.#kernel.releaseBusy(frame)
    }
    this.#answer[process] = PageOutcome.again
  }

  /** A page of a hole has been made. */
  zero(frame: number): void {
    const { contents } = this.#kernel
    if (contents.isReal) contents.view(frame).fill(0)
  }

  /** The frame, exclusively busy, or a PageOutcome. */
  answer(process: number): number {
    return this.#answer[process]!
  }

  // ---- calls -----------------------------------------------------------------------------------------------

  /**
   * A call of a process, on an object (-1: on none): begun, or asked after again. Answers its errno once it is over, -1 before. `run` is
   * made when it begins.
   */
  call(process: number, object: number, run: () => Operation<number>): number {
    if (this.#calls[process] === NO_CALL) {
      this.#calls[process] = WAITING
      let isLater = false
      const open = this.#table.open.get(object)
      if (open !== undefined) open.users += 1
      this.tasks.start(run(), (errno) => {
        if (open !== undefined) open.users -= 1
        this.#calls[process] = errno
        if (isLater) this.#options.callEnded(process)
      })
      isLater = true
    }
    const errno = this.#calls[process]!
    if (errno === WAITING) return -1
    this.#calls[process] = NO_CALL
    return errno
  }

  /** A call of the process is under way, or over and not yet asked after. */
  isCalling(process: number): boolean {
    return this.#calls[process] !== NO_CALL
  }

  /** A call on a file, with its vnode's lock. */
  *locked(object: number, hold: Hold, run: Operation<number>): Operation<number> {
    yield* this.#locks.take(object, hold)
    const errno = yield* run
    this.#locks.leave(object)
    return errno
  }

  /** ftruncate(2) */
  *truncate(object: number, sizeBytes: number): Operation<number> {
    const hold = this.pager.pageoutsLock ? 'cut' : 'exclusive'
    const errno = yield* this.locked(object, hold, this.pager.truncate(object, sizeBytes))
    // pages that a daemon had to leave alone may go now
    if (this.#refused.delete(object)) this.#kernel.retryAllocations()
    return errno
  }

  /** A direct call is under way on a file, which is not to be mapped meanwhile. */
  isDirect(object: number): boolean {
    return this.#locks.isDirect(object)
  }

  /** Not to be written now, if it is dirty: its file is being cut, or the file system is suspended. */
  isHeld(frame: number): boolean {
    return this.pager.isSuspended || this.#isCut(this.#kernel.pages.object[frame]!)
  }

  /** Asked by a daemon, which will have to be told when that is over. */
  #isCut(object: number): boolean {
    if (!this.#locks.isCut(object)) return false
    this.#refused.add(object)
    return true
  }

  /** Waits until there is none. */
  *settled(object: number): Operation<number> {
    yield* until(() => !this.isDirect(object))
    return 0
  }

  /** sendfile(2) of bytes from `offset` on, 0: all of them. The call holds the file, and its lock as its kernel does. */
  *send(object: number, offset: number, lengthBytes: number, bytesPerSecond: number): Operation<number> {
    const open = this.#table.open.get(object)!
    const locks = this.#locks
    const lock: VnodeLock = {
      isGone: () => open.isGoing,
      *take() {
        yield* locks.take(object, 'shared')
        if (open.isGoing) locks.leave(object)
        else open.users += 1
        return !open.isGoing
      },
      leave() {
        open.users -= 1
        locks.leave(object)
      },
    }
    this.pager.referenced(object)
    const errno = yield* this.pager.send({ object, file: open.file, offset, lengthBytes, bytesPerSecond }, lock)
    if (this.#kernel.pages.objectType[object] !== ObjectType.dead) {
      this.pager.released(object)
      this.mappingGone(object)
    } else {
      this.#kernel.pages.references[object]! -= 1
      this.#endDead(object, open.slots)
    }
    return errno
  }

  /** sync(2): everything dirty begins to be written. */
  *syncCall(): Operation<number> {
    yield* this.#syncAll(false)
    return 0
  }

  // ---- life of files ---------------------------------------------------------------------------------------

  /** open(2) of a file that verbs know. Answers an errno, as all of these do. */
  openAgain(name: string): number {
    const object = this.#table.named.get(name)
    if (object !== undefined) {
      this.pager.opened(object)
      this.#table.open.get(object)!.descriptors += 1
      return 0
    }
    const closed = this.#table.closed.get(name)
    if (closed === undefined || !this.#table.isMounted) return Errno.ENOENT
    this.#table.closed.delete(name)
    this.open(closed.file, closed.isDevice, closed.bytes, closed.mostBytes, name)
    return 0
  }

  /** close(2). The last one of an unlinked file that nothing maps removes it. */
  *close(name: string): Operation<number> {
    for (const [object, open] of this.#table.open) {
      if (open.name !== name || open.descriptors === 0) continue
      open.descriptors -= 1
      this.pager.closed(object)
      return yield* this.#removeUnused(object)
    }
    return Errno.EBADF
  }

  /** unlink(2): the name goes, and the file with its last user. */
  *unlink(name: string): Operation<number> {
    yield* until(() => !this.pager.isSuspended)
    const object = this.#table.named.get(name) ?? -1
    const open = this.#table.open.get(object)
    const file = (open ?? this.#table.closed.get(name))?.file
    if (file === undefined) return Errno.ENOENT
    const errno = this.volume.unlink(file, name, this.#kernel.now)
    if (errno !== 0) return errno
    this.#table.closed.delete(name)
    this.#table.named.delete(name)
    if (open === undefined) return this.volume.release(file)
    open.isUnlinked = true
    return yield* this.#removeUnused(object)
  }

  /** A mapping of a file has gone: ufs_inactive. */
  mappingGone(object: number): void {
    if (this.#table.open.get(object)?.isUnlinked === true && !this.pager.isUsed(object))
      this.tasks.start(this.#removeUnused(object), () => {})
  }

  *#removeUnused(object: number): Operation<number> {
    const open = this.#table.open.get(object)!
    if (!open.isUnlinked || this.volume.hasName(open.file) || this.pager.isUsed(object)) return 0
    const errno = yield* this.truncate(object, 0)
    return errno === 0 ? yield* this.#takeObject(object) : errno
  }

  /** The kernel takes the vnode of a file for another: who maps the file is cut off, who opens it gets a new one. */
  *reclaim(name: string): Operation<number> {
    const object = this.#table.named.get(name)
    if (object === undefined) return Errno.ENOENT
    return yield* this.#takeObject(object)
  }

  /** unmount(2): refused while a file is used, unless it is forced; then all vnodes are reclaimed. */
  *unmount(isForced: boolean): Operation<number> {
    if (!this.#table.isMounted) return Errno.EINVAL
    const objects = [...this.#table.open.keys()]
    if (!isForced && objects.some((object) => this.pager.isUsed(object))) return Errno.EBUSY
    this.#table.isMounted = false
    let errno = 0
    for (const object of objects) {
      const failed = yield* this.#takeObject(object)
      if (errno === 0) errno = failed
    }
    this.volume.flush()
    return errno
  }

  /** mount(2) of the same volume. */
  mount(): number {
    if (this.#table.isMounted) return Errno.EBUSY
    this.#table.isMounted = true
    return 0
  }

  *#takeObject(object: number): Operation<number> {
    const { pages, contents } = this.#kernel
    const open = this.#table.open.get(object)
    if (open === undefined || open.isGoing) return 0
    open.isGoing = true
    this.#going += 1
    const { file, isDevice, slots, name, isUnlinked } = open
    // nobody finds it from now on; who has its lock is waited for
    if (name !== null && this.#table.named.get(name) === object) this.#table.named.delete(name)
    yield* until(() => open.users === 0)
    let errno = yield* this.pager.reclaim(object)
    this.#going -= 1
    this.#table.open.delete(object)
    if (isUnlinked) errno = this.volume.release(file) || errno
    const bytes = contents.isReal ? this.truth.bytesOf(object) : new Uint8Array(0)
    if (name !== null && !isUnlinked)
      this.#table.closed.set(name, { file, isDevice, mostBytes: slots * PAGE_SIZE, bytes })
    this.truth.forget(object)
    if (pages.objectType[object] !== ObjectType.dead) return errno
    // who still maps it reads zeros from now on
    const base = pages.slotBase[object]!
    contents.version.fill(0, base, base + slots)
    this.#endDead(object, slots)
    return errno
  }

  /** An object without a file goes with the last who refers to it. */
  #endDead(object: number, slots: number): void {
    const { pages, contents } = this.#kernel
    if (pages.references[object] !== 0) return
    while (pages.firstPage[object]! >= 0) this.#kernel.freePage(pages.firstPage[object]!)
    contents.freeSlots(pages.slotBase[object]!, slots)
    pages.destroyObject(object)
  }

  // ---- snapshots -------------------------------------------------------------------------------------------

  /** As who makes a snapshot does: all is written, then the file system is suspended, and resumed some time later. */
  *suspendCall(durationNs: number): Operation<number> {
    yield* this.#syncAll(true)
    const errno = this.pager.suspend(durationNs)
    if (errno !== 0) return errno
    yield { on: 'pause', durationNs }
    // what a plain policy had to leave alone may go now
    this.#kernel.retryAllocations()
    return 0
  }

  // ---- the page daemon -------------------------------------------------------------------------------------

  /** Puts pages next to each other out; true if that is over already, else `finished` is called later. */
  pageOut(object: number, frames: Int32Array, finished: () => void): boolean {
    if (this.#isCut(object)) {
      for (const frame of frames) this.#kernel.pages.activate(frame)
      return true
    }
    let isLater = false
    const isOver = this.tasks.start(this.#locks.writing(object, this.pager.pageOut(object, frames)), () => {
      if (isLater) finished()
    })
    isLater = true
    return isOver
  }

  // ---- running ---------------------------------------------------------------------------------------------

  /** Carries on what need not wait any longer; false if all must. */
  step(): boolean {
    return this.tasks.count > 0 && this.tasks.step()
  }

  get nextTime(): number {
    return this.tasks.nextTime
  }

  /** Events in the queue that come by themselves, and so wake nobody. */
  get timers(): number {
    return this.#options.syncerSeconds > 0 && !this.#isEnding ? 1 : 0
  }

  /** Nothing is under way, so that the machine could be saved. */
  get isQuiet(): boolean {
    return this.tasks.count === 0
  }

  /** A transfer of the file device is over. */
  transferDone(request: number): void {
    this.device.done(request)
  }

  /** A round of the syncer: what is dirty begins to be written. */
  syncerRound(): void {
    if (this.#isEnding) return
    this.tasks.start(this.#syncAll(false), () => {})
    this.#armSyncer()
  }

  #armSyncer(): void {
    const { syncerSeconds } = this.#options
    if (syncerSeconds > 0) this.#kernel.queue.push(this.#kernel.now + syncerSeconds * 1e9, QueueEvent.syncer, 0)
  }

  *#syncAll(waits: boolean): Operation<void> {
    for (const [object, open] of [...this.#table.open]) {
      if (open.isGoing || (this.#locks.isCut(object) && !waits)) continue
      open.users += 1
      yield* until(() => !this.#locks.isCut(object))
      yield* this.#locks.writing(object, this.pager.sync(object, waits))
      open.users -= 1
    }
    this.volume.flush()
  }

  /** All processes have ended: the files are unmounted. True when everything is on the device. */
  unmounted(): boolean {
    if (!this.#hasSyncedAtEnd) {
      this.#hasSyncedAtEnd = true
      this.#isEnding = true
      this.tasks.start(this.#closeAll(), () => {})
    }
    return this.tasks.count === 0 && this.device.inFlight === 0
  }

  /** Descriptors went with the processes: files without a name go, the others are written. */
  *#closeAll(): Operation<void> {
    for (const [object, open] of [...this.#table.open]) {
      if (!open.isUnlinked) continue
      for (; open.descriptors > 0; open.descriptors--) this.pager.closed(object)
      yield* this.#removeUnused(object)
    }
    yield* this.#syncAll(true)
  }

  /** The machine went back to a saved state. */
  restored(): void {
    this.tasks.clear()
    this.#locks.clear()
    this.#refused.clear()
    for (const open of this.#table.open.values()) open.users = 0
    this.#going = 0
    this.#hasSyncedAtEnd = false
    this.#isEnding = false
  }
}
