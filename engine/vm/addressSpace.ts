/**
 * Address spaces: the map entries of processes, and what system calls do to them.
 *
 * A process's mappings (mappings.ts) are one for each page that its stream references; its regions (regions.ts) cover whole ranges of
 * its address space, pages that it never references itself included, since a child may. Operations take ranges of virtual page numbers.
 *
 * Source: FreeBSD vm_map.c (2020), vmspace_fork(), vm_map_copy_entry(), vm_map_copy_swap_object(), vm_map_delete(), vm_map_entry_delete(),
 * vm_map_protect(), vm_map_madvise(), vmspace_free(); vm_object.c, vm_object_madvise(); vm_page.c, vm_page_advise().
 */
import type { Kernel } from '../sim/kernel.ts'
import { buildRegions } from '../workload/regions.ts'
import { PageUse, type StreamTables } from '../workload/workload.ts'
import type { FilePages } from './filePages.ts'
import { hasVnodePager, type VmObjects } from './objects.ts'
import { ObjectFlag, ObjectType, PAGE_SIZE, PageFlag, Queue } from './pages.ts'
import { RegionAdvice, RegionFlag, type RegionTable } from './regions.ts'

/** What madvise(2) may say of a range. */
export type Advice = 'normal' | 'sequential' | 'random' | 'willneed' | 'dontneed' | 'free' | 'nosync' | 'autosync'

export interface AddressSpaceParts {
  kernel: Kernel
  regions: RegionTable
  objects: VmObjects
  files: FilePages
  streams: readonly StreamTables[]
  /** First mapping of each process. */
  base: () => Int32Array
  userOf: (process: number) => number
  /** Where a region lies in a file of a vnode pager; null: there is none. */
  placeOfFile: ((process: number, startPage: number) => { object: number; offset: number; isOwn: boolean }) | null
  /** Pages that are never written come from a file. */
  untouchedIsFile: boolean
}

export class AddressSpaces {
  readonly #parts: AddressSpaceParts
  /** Per process: its dense pages by virtual page number, and those numbers, ascending. */
  readonly #order: { pages: Int32Array; numbers: Float64Array }[]
  /** Per process that is spawned: its file objects by the virtual page number that they begin at. */
  readonly #prepared = new Map<number, Map<number, number>>()

  constructor(parts: AddressSpaceParts) {
    this.#parts = parts
    this.#order = parts.streams.map(({ pageNumbers }) => {
      const pages = Int32Array.from(pageNumbers.keys()).sort((a, b) => pageNumbers[a]! - pageNumbers[b]!)
      return { pages, numbers: Float64Array.from(pages, (page) => pageNumbers[page]!) }
    })
  }

  // ---- whole address spaces --------------------------------------------------------------------------------

  /**
   * Maps what a process's stream references and nothing covers yet: a region for each run of pages, anonymous where a page of it is
   * written or it may have no file, and over a file where pages are never written. False if the reservation is refused.
   */
  build(process: number, mayHaveFiles: boolean): boolean {
    for (const pages of this.#uncovered(process)) if (!this.#buildGap(process, pages, mayHaveFiles)) return false
    return true
  }

  /**
   * Makes the files of a process that will be spawned: they are there before it begins, and the store of file pages is filled while the
   * machine is made. Memory is charged, and mapped, when it begins.
   */
  prepare(process: number): void {
    if (this.#parts.placeOfFile !== null) return
    const { regions, filePages } = this.#layOut(process, Array.from(this.#order[process]!.pages), true)
    const prepared = new Map<number, number>()
    regions.forEach(({ startPage, pageCount }, number) => {
      if (filePages[number]!.length > 0) prepared.set(startPage, this.#createFile(pageCount, filePages[number]!))
    })
    this.#prepared.set(process, prepared)
  }

  /** Lets go of what was prepared for a process: what it has mapped stays with it. */
  discardPrepared(process: number): void {
    for (const object of this.#prepared.get(process)?.values() ?? []) this.#parts.objects.dereference(object)
  }

  /** Regions for some dense pages of a process, the pages of each that come from a file, and whether others are in it. */
  #layOut(process: number, free: readonly number[], mayHaveFiles: boolean) {
    const { streams, untouchedIsFile } = this.#parts
    const stream = streams[process]!
    const { regions, regionOf, pageIndex } = buildRegions(Float64Array.from(free, (page) => stream.pageNumbers[page]!))
    const filePages = regions.map((): number[] => [])
    const hasAnonymous = new Uint8Array(regions.length)
    free.forEach((page, place) => {
      const region = regionOf[place]!
      if (mayHaveFiles && untouchedIsFile && (stream.pageUse[page]! & PageUse.write) === 0)
        filePages[region]!.push(pageIndex[place]!)
      else hasAnonymous[region] = 1
    })
    return { regions, filePages, hasAnonymous }
  }

  #createFile(pageCount: number, indices: readonly number[]): number {
    const { kernel, files } = this.#parts
    const { pages, contents } = kernel
    const object = pages.createObject(ObjectType.file, pageCount)
    pages.slotBase[object] = contents.allocateSlots(pageCount)
    files.addFile(object, pageCount, pages.slotBase[object], indices)
    return object
  }

  /** Maps some dense pages of a process between which no region lies. */
  #buildGap(process: number, free: readonly number[], mayHaveFiles: boolean): boolean {
    const { kernel, regions, objects, placeOfFile } = this.#parts
    const { pager } = kernel
    const isShared = mayHaveFiles && kernel.files?.isShared === true
    const plan = this.#layOut(process, free, mayHaveFiles)
    const { filePages, hasAnonymous } = plan
    const prepared = this.#prepared.get(process)
    const user = this.#parts.userOf(process)
    for (const [number, { startPage, pageCount }] of plan.regions.entries()) {
      let object = -1
      let offset = 0
      let firstPage = -1
      if (kernel.files !== null && placeOfFile !== null && (isShared || filePages[number]!.length > 0)) {
        const place = placeOfFile(process, startPage)
        object = place.object
        offset = firstPage = place.offset
        objects.reference(object)
        if (place.isOwn) kernel.objectMade(object, 'file', process, startPage)
        kernel.files.pager.mapped(object, isShared ? pageCount * PAGE_SIZE : 0)
        kernel.files.cover(
          object,
          offset,
          isShared ? Array.from({ length: pageCount }, (_, page) => page) : filePages[number]!,
        )
      } else if (filePages[number]!.length > 0) {
        object = prepared?.get(startPage) ?? this.#createFile(pageCount, filePages[number]!)
        if (prepared !== undefined) objects.reference(object)
        kernel.objectMade(object, 'file', process, startPage)
      }
      if (hasAnonymous[number] !== 0 && !isShared) {
        const bytes = pageCount * PAGE_SIZE
        if (!pager.reservation.reserve(bytes, user)) {
          if (object >= 0) objects.dereference(object)
          return false
        }
        const file = object
        object = objects.createAnonymous(pageCount, user, bytes)
        objects.back(object, file, offset)
        offset = 0
        kernel.objectMade(object, 'anonymous', process, startPage)
      }
      const region = regions.add(process, startPage, pageCount, object, offset)
      if (isShared) regions.flags[region] = RegionFlag.shared
      if (firstPage >= 0) kernel.files?.pager.newRegion(region, firstPage)
      this.#cover(region)
    }
    return true
  }

  /** Dense pages of a process that no region covers, in a list for each gap between regions. */
  #uncovered(process: number): number[][] {
    const { kernel, regions, base } = this.#parts
    const first = base()[process]!
    const { pages, numbers } = this.#order[process]!
    const gaps: number[][] = [[]]
    let region = regions.first[process]!
    pages.forEach((page, place) => {
      if (kernel.mappings.region[first + page]! >= 0) return
      if (region >= 0 && regions.start[region]! < numbers[place]!) {
        while (region >= 0 && regions.start[region]! < numbers[place]!) region = regions.next[region]!
        gaps.push([])
      }
      gaps.at(-1)!.push(page)
    })
    return gaps.filter((gap) => gap.length > 0)
  }

  /**
   * Makes `child` a copy of `parent`: private memory is shared until somebody writes to it, what is marked shared stays so. Answers false if the
   * reservation is refused; the child has nothing then. FreeBSD's vmspace_fork with fork1's accounting.
   */
  fork(parent: number, child: number): boolean {
    const { kernel, regions, objects } = this.#parts
    const { pages, pager } = kernel
    const user = this.#parts.userOf(parent)
    let charge = 0
    for (let region = regions.first[parent]!; region >= 0; region = regions.next[region]!) {
      const size = regions.pages[region]!
      const bytes = size * PAGE_SIZE
      const isShared = (regions.flags[region]! & RegionFlag.shared) !== 0
      if (!isShared) charge += this.#prepareCopy(region, user, bytes)
      const object = regions.object[region]!
      const copy = regions.add(child, regions.start[region]!, size, object, regions.offset[region]!)
      regions.flags[copy] = regions.flags[region]! & ~RegionFlag.locked
      regions.advice[copy] = regions.advice[region]!
      if (object >= 0) {
        objects.reference(object)
        pages.objectFlags[object]! &= ~ObjectFlag.oneMapping
        if (isShared && hasVnodePager(kernel, object)) kernel.files?.pager.mapped(object, bytes)
      }
      if (!isShared && regions.chargedUser[region]! >= 0) {
        regions.chargedUser[copy] = user
        charge += bytes
      }
      this.#cover(copy)
    }
    if (pager.reservation.reserve(charge, user)) return true
    // what the regions say they were charged for is released with them: so it is taken by force first
    pager.reservation.force(charge)
    this.release(child)
    return false
  }

  /** Makes a private region of a parent copy-on-write; the bytes it is newly charged. FreeBSD's vm_map_copy_swap_object. */
  #prepareCopy(region: number, user: number, bytes: number): number {
    const { kernel, regions, objects } = this.#parts
    const { pages } = kernel
    let charge = 0
    let object = regions.object[region]!
    const needsCopy = (regions.flags[region]! & RegionFlag.needsCopy) !== 0
    const type = pages.objectType[object]
    if (type === ObjectType.default || type === ObjectType.swap) {
      if ((pages.objectFlags[object]! & ObjectFlag.anonymous) !== 0) objects.collapse(object)
      if ((pages.objectFlags[object]! & ObjectFlag.oneMapping) !== 0) objects.split(region)
      object = regions.object[region]!
      if (!needsCopy && pages.chargedUser[object]! >= 0) {
        regions.chargedUser[region] = user
        charge = bytes
      }
    }
    if (!needsCopy) this.#protectMappings(region)
    regions.flags[region]! |= RegionFlag.needsCopy | RegionFlag.copyOnWrite
    return charge
  }

  /** Removes all regions of a process. FreeBSD's vmspace_free. */
  release(process: number): void {
    const { regions } = this.#parts
    for (let region = regions.first[process]!; region >= 0; region = regions.first[process]!) this.#delete(region)
  }

  // ---- ranges ----------------------------------------------------------------------------------------------

  /** Unmaps a range. FreeBSD's vm_map_delete. */
  unmap(process: number, page: number, count: number): void {
    for (const region of this.#clip(process, page, count)) this.#delete(region)
  }

  /**
   * Maps anonymous memory over a range: private, or (`object` >= 0, whose reference is handed over) a shared object from `offset` on. What was there is
   * unmapped. False if the reservation is refused.
   */
  map(process: number, page: number, count: number, object: number, offset: number): boolean {
    const { kernel, regions, objects } = this.#parts
    const bytes = count * PAGE_SIZE
    const user = this.#parts.userOf(process)
    this.unmap(process, page, count)
    const isShared = object >= 0
    if (!isShared) {
      if (!kernel.pager.reservation.reserve(bytes, user)) return false
      object = objects.createAnonymous(count, user, bytes)
      kernel.objectMade(object, 'anonymous', process, page)
    }
    const region = regions.add(process, page, count, object, offset)
    if (isShared) regions.flags[region] = RegionFlag.shared
    this.#cover(region)
    return true
  }

  /** Sets the rights to a range. False if making it writable needs a reservation that is refused. FreeBSD's vm_map_protect. */
  protect(process: number, page: number, count: number, access: 'none' | 'read' | 'write'): boolean {
    const { regions, kernel } = this.#parts
    for (const region of this.#clip(process, page, count)) {
      regions.flags[region]! &= ~(RegionFlag.noRead | RegionFlag.noWrite)
      if (access === 'none') regions.flags[region]! |= RegionFlag.noRead | RegionFlag.noWrite
      if (access === 'read') regions.flags[region]! |= RegionFlag.noWrite
      if (access === 'write') {
        if (!this.#chargeForWriting(region)) {
          regions.flags[region]! |= RegionFlag.noWrite
          return false
        }
        continue
      }
      if (access === 'read') this.#protectMappings(region)
      else for (const mapping of this.#mappingsOf(region)) this.#unmapPage(kernel, mapping)
    }
    return true
  }

  /** A private region over what is not charged yet (a file) will have to make a copy when it is written to. */
  #chargeForWriting(region: number): boolean {
    const { kernel, regions } = this.#parts
    const object = regions.object[region]!
    if (
      (regions.flags[region]! & RegionFlag.shared) !== 0 ||
      regions.chargedUser[region]! >= 0 ||
      kernel.pages.objectType[object] !== ObjectType.file
    )
      return true
    const user = this.#parts.userOf(regions.process[region]!)
    if (!kernel.pager.reservation.reserve(regions.pages[region]! * PAGE_SIZE, user)) return false
    regions.chargedUser[region] = user
    regions.flags[region]! |= RegionFlag.needsCopy | RegionFlag.copyOnWrite
    return true
  }

  /**
   * A resident page of a range that is busy, or -1: what changes pages must wait for it. Objects are looked through as a fault would.
   */
  busyIn(process: number, page: number, count: number): number {
    const { kernel, regions } = this.#parts
    const { pages } = kernel
    for (let region = regions.from(process, page); region >= 0; region = regions.next[region]!) {
      const start = Math.max(page, regions.start[region]!)
      const end = Math.min(page + count, regions.start[region]! + regions.pages[region]!)
      if (end <= start) break
      const shift = regions.offset[region]! - regions.start[region]!
      for (let at = start; at < end; at++)
        for (let object = regions.object[region]!, index = at + shift; object >= 0;) {
          const frame = pages.lookup(object, index)
          if (frame >= 0 && pages.isBusy(frame)) return frame
          if (frame >= 0) break
          index += pages.backingOffset[object]!
          object = pages.backing[object]!
        }
    }
    return -1
  }

  /** FreeBSD's vm_map_madvise. No page of the range may be busy. */
  advise(process: number, page: number, count: number, advice: Advice): void {
    const { regions } = this.#parts
    switch (advice) {
      case 'normal':
      case 'sequential':
      case 'random':
        for (const region of this.#clip(process, page, count)) regions.advice[region] = RegionAdvice[advice]
        break
      case 'nosync':
        for (const region of this.#clip(process, page, count)) regions.flags[region]! |= RegionFlag.noSync
        break
      case 'autosync':
        for (const region of this.#clip(process, page, count)) regions.flags[region]! &= ~RegionFlag.noSync
        break
      default:
        for (let region = regions.from(process, page); region >= 0; region = regions.next[region]!) {
          const start = Math.max(page, regions.start[region]!)
          const end = Math.min(page + count, regions.start[region]! + regions.pages[region]!)
          if (end <= start) break
          this.#advisePages(region, start, end, advice)
        }
    }
  }

  /** FreeBSD's vm_object_madvise over a part of one region: blocks of pages that are freed go with them. */
  #advisePages(region: number, start: number, end: number, advice: 'willneed' | 'dontneed' | 'free'): void {
    const { kernel, regions } = this.#parts
    const { pages, pager } = kernel
    const top = regions.object[region]!
    const first = start - regions.start[region]! + regions.offset[region]!
    const whole = ObjectFlag.oneMapping | ObjectFlag.anonymous
    for (let i = 0; i < end - start; i++) {
      let index = first + i
      for (let object = top; object >= 0;) {
        const frees = advice === 'free' && (pages.objectFlags[object]! & whole) === whole
        const frame = pages.lookup(object, index)
        if (frame >= 0 && (advice !== 'free' || frees) && pages.wired[frame] === 0) this.#advisePage(frame, advice)
        if (frees && pages.objectType[object] === ObjectType.swap) pager.freeSpace(object, index, 1)
        if (frame >= 0) break
        if (frees) this.#forget(object, index)
        index += pages.backingOffset[object]!
        object = pages.backing[object]!
      }
    }
  }

  /** A page that was in swap only, and whose block has been freed: nothing is left of it. */
  #forget(object: number, pageIndex: number): void {
    const { pages, contents } = this.#parts.kernel
    const base = pages.slotBase[object]!
    if (base >= 0) contents.version[base + pageIndex] = 0
  }

  /** FreeBSD's vm_page_advise. */
  #advisePage(frame: number, advice: 'willneed' | 'dontneed' | 'free'): void {
    const { pages, mappings } = this.#parts.kernel
    if (advice === 'willneed') return pages.activate(frame)
    mappings.testDirty(frame)
    if (advice === 'free') {
      // the next write must fault, else nobody would know that the page counts again
      mappings.removeWrite(frame)
      pages.dirty[frame] = 0
      pages.flags[frame]! |= PageFlag.mayVanish
    }
    pages.flags[frame]! &= ~PageFlag.referenced
    pages.hardwareReferenced[frame] = 0
    if (pages.dirty[frame] === 0) pages.deactivateNoReuse(frame)
    else if (pages.queue[frame] !== Queue.laundry) pages.launder(frame)
  }

  /** Mappings of a process's pages in a range, those that its stream references. */
  mappingsIn(process: number, page: number, count: number): number[] {
    const { pages, numbers } = this.#order[process]!
    const first = this.#parts.base()[process]!
    const found: number[] = []
    for (let at = lowerBound(numbers, page); at < numbers.length && numbers[at]! < page + count; at++)
      found.push(first + pages[at]!)
    return found
  }

  #mappingsOf(region: number): number[] {
    const { regions } = this.#parts
    return this.mappingsIn(regions.process[region]!, regions.start[region]!, regions.pages[region]!)
  }

  /** The pages of a region's range belong to it. */
  #cover(region: number): void {
    const { mappings } = this.#parts.kernel
    for (const mapping of this.#mappingsOf(region)) mappings.region[mapping] = region
  }

  #protectMappings(region: number): void {
    const { mappings } = this.#parts.kernel
    for (const mapping of this.#mappingsOf(region)) mappings.protect(mapping)
  }

  #unmapPage({ mappings }: Kernel, mapping: number): void {
    if (mappings.entry[mapping]! < 0) return
    mappings.testDirty(mappings.entry[mapping]! >> 1)
    mappings.remove(mapping)
  }

  /** The regions in a range, cut so that none reaches out of it. FreeBSD's vm_map_clip_start and vm_map_clip_end. */
  #clip(process: number, page: number, count: number): number[] {
    const { regions } = this.#parts
    const end = page + count
    const found: number[] = []
    for (let region = regions.from(process, page); region >= 0; region = regions.next[region]!) {
      if (regions.start[region]! >= end) break
      if (regions.start[region]! < page) {
        this.#cut(region, page)
        continue
      }
      if (regions.start[region]! + regions.pages[region]! > end) this.#cut(region, end)
      found.push(region)
    }
    return found
  }

  /** Cuts a region in two before a page. */
  #cut(region: number, page: number): void {
    const { kernel, regions, objects } = this.#parts
    const { pages } = kernel
    const object = regions.object[region]!
    const head = page - regions.start[region]!
    const user = regions.chargedUser[region]!
    const tail = regions.pages[region]! - head
    regions.pages[region] = head
    const flags = regions.flags[region]!
    const rest = regions.add(regions.process[region]!, page, tail, object, regions.offset[region]! + head)
    regions.flags[rest] = flags
    regions.advice[rest] = regions.advice[region]!
    regions.chargedUser[rest] = user
    if (object >= 0 && pages.references[object]! > 0) objects.reference(object)
    this.#cover(rest)
  }

  /** Removes a region, its mappings, what only it used of its object, and its charge. FreeBSD's vm_map_entry_delete. */
  #delete(region: number): void {
    const { kernel, regions, objects } = this.#parts
    const { pages, pager, mappings } = kernel
    for (const mapping of this.#mappingsOf(region)) {
      this.#unmapPage(kernel, mapping)
      mappings.region[mapping] = -1
    }
    const object = regions.object[region]!
    const size = regions.pages[region]!
    const offset = regions.offset[region]!
    if (regions.chargedUser[region]! >= 0) pager.reservation.release(size * PAGE_SIZE, regions.chargedUser[region])
    const isShared = (regions.flags[region]! & RegionFlag.shared) !== 0
    regions.remove(region)
    if (object < 0) return
    if (pages.references[object] !== 1 && (pages.objectFlags[object]! & ObjectFlag.oneMapping) !== 0) {
      objects.collapse(object)
      objects.removeRange(object, offset, size)
      this.#shrink(object, offset, offset + size)
    }
    if (hasVnodePager(kernel, object)) kernel.files?.pager.unmapped(object, isShared ? size * PAGE_SIZE : 0)
    objects.dereference(object)
  }

  /** An object whose end is no longer mapped ends before it. */
  #shrink(object: number, from: number, to: number): void {
    const { pages, pager, contents } = this.#parts.kernel
    const size = pages.objectSize[object]!
    if (to < size || from >= size || pages.lookupFrom(object, from) >= 0) return
    pages.objectSize[object] = from
    contents.freeSlots(pages.slotBase[object]! + from, size - from)
    if (pages.chargedUser[object]! < 0) return
    pager.reservation.release((size - from) * PAGE_SIZE, pages.chargedUser[object])
    pages.charge[object]! -= (size - from) * PAGE_SIZE
  }
}

/** First place in ascending `numbers` whose value is at least `value`. */
function lowerBound(numbers: Float64Array, value: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
