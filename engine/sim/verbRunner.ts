/**
 * Doing the verbs of processes: system calls that change memory, processes and limits.
 *
 * perform() is called with the next verb of a process. It answers `done`, `blocked` where the process must wait and the verb is to be
 * performed again when it wakes, or `ended` where the process is no more. What a verb has done of its work so far is in columns.
 */
import type { AddressSpaces } from '../vm/addressSpace.ts'
import { FaultOutcome, type FaultHandler } from '../vm/fault.ts'
import type { VmObjects } from '../vm/objects.ts'
import { ObjectFlag, ObjectType, PAGE_SIZE } from '../vm/pages.ts'
import { RegionFlag, type RegionTable } from '../vm/regions.ts'
import type { Verb, VerbAction } from '../workload/verbs.ts'
import type { Operation } from '../vnode/operation.ts'
import type { Columns } from './columns.ts'
import type { Kernel } from './kernel.ts'

export const VerbOutcome = { done: 0, blocked: 1, ended: 2 } as const

/** What the machine does with processes when a verb says so. */
export interface ProcessControl {
  /** Begins process `child` as a copy of `parent`; false if it cannot be (ENOMEM). */
  fork(parent: number, child: number): boolean
  /** Begins process `child` with an address space of its own; false if it cannot be (ENOMEM). */
  spawn(parent: number, child: number): boolean
  exec(process: number): void
  exit(process: number): void
  hasBegun(process: number): boolean
  hasEnded(process: number): boolean
  /** The process sleeps until `child` has ended. */
  waitFor(process: number, child: number): void
  /** The process sleeps until a page is no longer busy. */
  waitForPage(process: number, frame: number): void
  /** The process sleeps until its call on a file is over. */
  waitForFile(process: number): void
  protect(process: number): void
  limitSwap(process: number, bytes: number): void
  /** A system call failed. */
  failed(process: number, verb: VerbAction['verb'], errno: number): void
}

type FileCall = Exclude<Extract<Verb, { verb: `file-${string}` | 'sync' }>, { verb: 'file-map' }>
/** A file that has been closed or reclaimed may be named all the same. */
const lifeVerbs: ReadonlySet<string> = new Set(['file-open', 'file-close', 'file-unlink', 'file-reclaim'])

const ENOENT = 2
const ECHILD = 10
const ENOMEM = 12
const EDOM = 33

export interface VerbParts {
  kernel: Kernel
  columns: Columns
  regions: RegionTable
  objects: VmObjects
  spaces: AddressSpaces
  fault: FaultHandler
  control: ProcessControl
  verbs: readonly (readonly Verb[])[]
}

export class VerbRunner {
  /** The place in its stream of each process's next verb; Infinity if there is none. */
  readonly nextAt: Float64Array
  readonly #parts: VerbParts
  readonly #verbs: readonly (readonly Verb[])[]
  /** Per process: verbs done; pages done of the one under way. */
  #done: Int32Array
  #progress: Float64Array
  /** Per shared memory object: its VM object, -1 if there is none of its name now. */
  #shared: Int32Array
  /** Names of shared memory objects in all verbs; a name's place is its number. */
  readonly #names: string[]

  constructor(parts: VerbParts) {
    this.#parts = parts
    this.#verbs = parts.verbs
    const names = parts.verbs.flat().flatMap((verb) => ('object' in verb && verb.object !== '' ? [verb.object] : []))
    this.#names = [...new Set(names)]
    const { columns } = parts
    this.#done = columns.define('verb.done', 'i32', parts.verbs.length)
    this.#progress = columns.define('verb.progress', 'f64', parts.verbs.length)
    this.#shared = columns.define('verb.sharedObject', 'i32', this.#names.length).fill(-1)
    columns.onRebind(() => {
      this.#done = columns.get('verb.done', 'i32')
      this.#progress = columns.get('verb.progress', 'f64')
      this.#shared = columns.get('verb.sharedObject', 'i32')
      this.#findNext()
    })
    this.nextAt = new Float64Array(parts.verbs.length)
    this.#findNext()
  }

  #findNext(): void {
    this.#verbs.forEach((verbs, process) => {
      this.nextAt[process] = verbs[this.#done[process]!]?.at ?? Infinity
    })
  }

  /** Performs the next verb of a process; a VerbOutcome. */
  perform(process: number): number {
    const verb = this.#verbs[process]![this.#done[process]!]!
    const outcome = this.#perform(process, verb)
    if (outcome === VerbOutcome.done) {
      this.#done[process]! += 1
      this.nextAt[process] = this.#verbs[process]![this.#done[process]!]?.at ?? Infinity
      this.#progress[process] = 0
    }
    return outcome
  }

  /** Lets go of the shared memory objects that still have a name. */
  end(): void {
    for (let name = 0; name < this.#names.length; name++) this.#unlink(name)
  }

  #perform(process: number, verb: Verb): number {
    const { control, spaces } = this.#parts
    switch (verb.verb) {
      case 'fork':
        if (!control.fork(process, verb.child)) control.failed(process, 'fork', ENOMEM)
        return VerbOutcome.done
      case 'spawn':
        if (!control.spawn(process, verb.child)) control.failed(process, 'spawn', ENOMEM)
        return VerbOutcome.done
      case 'wait':
        if (control.hasEnded(verb.child)) return VerbOutcome.done
        if (!control.hasBegun(verb.child)) {
          control.failed(process, 'wait', ECHILD)
          return VerbOutcome.done
        }
        control.waitFor(process, verb.child)
        return VerbOutcome.blocked
      case 'exec':
        control.exec(process)
        return VerbOutcome.done
      case 'exit':
        control.exit(process)
        return VerbOutcome.ended
      case 'map':
        return this.#map(process, verb)
      case 'unmap':
        if (this.#mustWait(process, verb.page, verb.pages)) return VerbOutcome.blocked
        this.#unwire(process, verb.page, verb.pages)
        spaces.unmap(process, verb.page, verb.pages)
        return VerbOutcome.done
      case 'protect':
        if (!spaces.protect(process, verb.page, verb.pages, verb.access)) control.failed(process, 'protect', ENOMEM)
        return VerbOutcome.done
      case 'lock':
        return this.#lock(process, verb.page, verb.pages)
      case 'unlock':
        this.#unwire(process, verb.page, verb.pages)
        return VerbOutcome.done
      case 'madvise':
        if (this.#mustWait(process, verb.page, verb.pages)) return VerbOutcome.blocked
        spaces.advise(process, verb.page, verb.pages, verb.advice)
        return VerbOutcome.done
      case 'protect-process':
        control.protect(process)
        return VerbOutcome.done
      case 'limit-swap':
        control.limitSwap(process, verb.bytes)
        return VerbOutcome.done
      case 'shm-open':
        this.#open(process, verb.verb, verb.object, verb.pages, false)
        return VerbOutcome.done
      case 'memory-disk':
        this.#open(process, verb.verb, verb.object, verb.pages, verb.isReserved)
        return VerbOutcome.done
      case 'shm-truncate':
        this.#truncate(process, verb.object, verb.pages)
        return VerbOutcome.done
      case 'file-read':
      case 'file-write':
      case 'file-truncate':
      case 'file-open':
      case 'file-close':
      case 'file-unlink':
      case 'file-reclaim':
      case 'file-unmount':
      case 'file-mount':
      case 'file-sync':
      case 'file-suspend':
      case 'file-send':
      case 'sync':
        return this.#callFiles(process, verb)
      case 'file-map':
        return this.#mapFile(process, verb)
      case 'shm-unlink':
        if (!this.#unlink(this.#names.indexOf(verb.object))) control.failed(process, 'shm-unlink', ENOENT)
        return VerbOutcome.done
    }
  }

  /** Puts the process to sleep where a page of a range is busy. */
  #mustWait(process: number, page: number, count: number): boolean {
    const { control, kernel, spaces } = this.#parts
    const frame = spaces.busyIn(process, page, count)
    if (frame < 0) return false
    kernel.pages.wanted[frame] = 1
    control.waitForPage(process, frame)
    return true
  }

  /** A call on a file: the process sleeps until its operation is over. */
  #callFiles(process: number, verb: FileCall): number {
    const { control, kernel } = this.#parts
    const { files } = kernel
    // a file may lose its name while a call on it is under way
    const isFound = !('file' in verb) || lifeVerbs.has(verb.verb) || files?.isCalling(process) === true
    const known = isFound ? -1 : files?.named.get(verb.file)
    if (files === null || known === undefined) {
      control.failed(process, verb.verb, ENOENT)
      return VerbOutcome.done
    }
    const object = known
    const isDirect = 'isDirect' in verb && verb.isDirect === true
    // sendfile(2) holds the vnode's lock for some of its time only
    const errno = files.call(process, verb.verb === 'file-send' ? -1 : object, () => {
      switch (verb.verb) {
        case 'file-read':
          return files.locked(
            object,
            isDirect ? 'direct' : 'shared',
            files.pager.read(object, verb.offset, verb.bytes, isDirect),
          )
        case 'file-write':
          return files.locked(
            object,
            isDirect ? 'direct' : 'exclusive',
            files.pager.write(object, verb.offset, verb.bytes, { isSync: verb.isSync, isDirect }),
          )
        case 'file-send':
          return files.send(object, verb.offset, verb.bytes, verb.bytesPerSecond)
        case 'file-truncate':
          return files.truncate(object, verb.bytes)
        case 'file-sync':
          return files.locked(object, 'exclusive', files.pager.sync(object, true))
        case 'file-suspend':
          return files.suspendCall(verb.seconds * 1e9)
        case 'sync':
          return files.syncCall()
        case 'file-open':
          return atOnce(files.openAgain(verb.file))
        case 'file-close':
          return files.close(verb.file)
        case 'file-unlink':
          return files.unlink(verb.file)
        case 'file-reclaim':
          return files.reclaim(verb.file)
        case 'file-unmount':
          return files.unmount(verb.isForced)
        case 'file-mount':
          return atOnce(files.mount())
      }
    })
    if (errno < 0) {
      control.waitForFile(process)
      return VerbOutcome.blocked
    }
    if (errno > 0) control.failed(process, verb.verb, errno)
    return VerbOutcome.done
  }

  #mapFile(process: number, verb: Extract<Verb, { verb: 'file-map' }>): number {
    const { control, kernel, objects, spaces } = this.#parts
    const object = kernel.files?.named.get(verb.file)
    if (kernel.files === null || object === undefined) {
      control.failed(process, 'file-map', ENOENT)
      return VerbOutcome.done
    }
    const { files } = kernel
    while (files.isDirect(object))
      if (files.call(process, object, () => files.settled(object)) < 0) {
        control.waitForFile(process)
        return VerbOutcome.blocked
      }
    if (this.#mustWait(process, verb.page, verb.pages)) return VerbOutcome.blocked
    this.#unwire(process, verb.page, verb.pages)
    objects.reference(object)
    kernel.files.pager.mapped(object, verb.pages * PAGE_SIZE)
    kernel.files.cover(
      object,
      verb.offset,
      Array.from({ length: verb.pages }, (_, page) => page),
    )
    spaces.map(process, verb.page, verb.pages, object, verb.offset)
    return VerbOutcome.done
  }

  #map(process: number, verb: Extract<Verb, { verb: 'map' }>): number {
    const { control, objects, spaces } = this.#parts
    if (this.#mustWait(process, verb.page, verb.pages)) return VerbOutcome.blocked
    let object = -1
    if (verb.object !== '') {
      object = this.#shared[this.#names.indexOf(verb.object)]!
      if (object < 0) {
        control.failed(process, 'map', ENOENT)
        return VerbOutcome.done
      }
      objects.reference(object)
    }
    this.#unwire(process, verb.page, verb.pages)
    if (!spaces.map(process, verb.page, verb.pages, object, verb.offset)) control.failed(process, 'map', ENOMEM)
    return VerbOutcome.done
  }

  // ---- wiring ----------------------------------------------------------------------------------------------

  /** Faults the pages of a range in and wires them, as far as the process's stream knows them. FreeBSD's vm_map_wire. */
  #lock(process: number, page: number, count: number): number {
    const { kernel, spaces, fault, regions, control } = this.#parts
    const { mappings, pages } = kernel
    const all = spaces.mappingsIn(process, page, count)
    while (this.#progress[process]! < all.length) {
      const mapping = all[this.#progress[process]!]!
      const region = mappings.region[mapping]!
      const isWritable = region >= 0 && (regions.flags[region]! & RegionFlag.noWrite) === 0
      if (mappings.entry[mapping]! < 0 || (isWritable && (mappings.entry[mapping]! & 1) === 0)) {
        const outcome = fault.resolve(process, mapping, isWritable ? 1 : 0)
        if (outcome === FaultOutcome.blocked) return VerbOutcome.blocked
        if (outcome === FaultOutcome.failed) {
          control.failed(process, 'lock', ENOMEM)
          return VerbOutcome.done
        }
      }
      const frame = mappings.entry[mapping]! >> 1
      pages.wired[frame]! += 1
      if (!pages.isOneQueue) pages.removeFromQueue(frame)
      if (region >= 0) regions.flags[region]! |= RegionFlag.locked
      this.#progress[process]! += 1
    }
    return VerbOutcome.done
  }

  #unwire(process: number, page: number, count: number): void {
    const { kernel, spaces, regions } = this.#parts
    const { mappings, pages } = kernel
    for (const mapping of spaces.mappingsIn(process, page, count)) {
      const region = mappings.region[mapping]!
      const entry = mappings.entry[mapping]!
      if (region < 0 || entry < 0 || (regions.flags[region]! & RegionFlag.locked) === 0) continue
      const frame = entry >> 1
      if (pages.wired[frame] === 0) continue
      pages.wired[frame]! -= 1
      if (pages.wired[frame] === 0) pages.activate(frame)
    }
  }

  /** Gives up all that a process has wired, before its memory goes. */
  unwireAll(process: number): void {
    const { regions } = this.#parts
    for (let region = regions.first[process]!; region >= 0; region = regions.next[region]!)
      if ((regions.flags[region]! & RegionFlag.locked) !== 0)
        this.#unwire(process, regions.start[region]!, regions.pages[region]!)
  }

  // ---- shared memory ---------------------------------------------------------------------------------------

  /** FreeBSD's shm_open, and mdcreate_swap: a swap object that is charged to who made it. */
  #open(process: number, verb: 'shm-open' | 'memory-disk', name: string, size: number, isReserved: boolean): void {
    const { control, kernel, objects } = this.#parts
    const number = this.#names.indexOf(name)
    if (this.#shared[number]! >= 0) return
    const object = this.#createShared(process, size, name)
    if (object < 0) return control.failed(process, verb, ENOMEM)
    if (isReserved) {
      kernel.pages.objectFlags[object] = ObjectFlag.reserved
      if (!kernel.pager.reserveSpace(object, 0, size)) {
        objects.dereference(object)
        return control.failed(process, verb, EDOM)
      }
    }
    this.#shared[number] = object
  }

  #createShared(process: number, size: number, name: string): number {
    const { kernel, objects } = this.#parts
    const user = kernel.userOf(process)
    if (!kernel.pager.reservation.reserve(size * PAGE_SIZE, user)) return -1
    const object = objects.createAnonymous(size, user, size * PAGE_SIZE)
    kernel.pages.objectFlags[object] = 0
    kernel.objectMade(object, 'shared-memory', -1, -1, name)
    return object
  }

  /** FreeBSD's shm_dotruncate: what is cut off is freed and no longer charged; growing reserves. */
  #truncate(process: number, name: string, size: number): void {
    const { kernel, control, objects } = this.#parts
    const { pages, pager, contents } = kernel
    const object = this.#shared[this.#names.indexOf(name)]!
    if (object < 0) return control.failed(process, 'shm-truncate', ENOENT)
    const before = pages.objectSize[object]!
    const user = pages.chargedUser[object]!
    if (size > before) {
      if (!pager.reservation.reserve((size - before) * PAGE_SIZE, user))
        return control.failed(process, 'shm-truncate', ENOMEM)
      this.#grow(object, size)
      pages.charge[object]! += (size - before) * PAGE_SIZE
      return
    }
    objects.removeRange(object, size, before - size)
    if (pages.objectType[object] === ObjectType.swap) pager.freeSpace(object, size, before - size)
    pages.objectSize[object] = size
    contents.freeSlots(pages.slotBase[object]! + size, before - size)
    pager.reservation.release((before - size) * PAGE_SIZE, user)
    pages.charge[object]! -= (before - size) * PAGE_SIZE
  }

  /** Gives an object more pages: its rows in the ledger are copied to a longer range. */
  #grow(object: number, size: number): void {
    const { pages, contents } = this.#parts.kernel
    const before = pages.objectSize[object]!
    const old = pages.slotBase[object]!
    const base = contents.allocateSlots(size)
    for (let i = 0; i < before; i++) contents.copy(old + i, base + i)
    for (let frame = pages.firstPage[object]!; frame >= 0; frame = pages.listNext[frame]!)
      pages.slot[frame] = base + pages.pageIndex[frame]!
    pages.slotBase[object] = base
    pages.objectSize[object] = size
    contents.freeSlots(old, before)
  }

  /** The name goes; false if there is none. */
  #unlink(name: number): boolean {
    const object = this.#shared[name]!
    if (object < 0) return false
    this.#shared[name] = -1
    this.#parts.objects.dereference(object)
    return true
  }
}

function* atOnce(errno: number): Operation<number> {
  return errno
}
