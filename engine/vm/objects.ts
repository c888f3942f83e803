/**
 * VM objects as memory: shadow chains, their collapse and bypass, splitting, ending.
 *
 * An anonymous object may shadow another, its *backing* object, from `backingOffset` on: a page that it does not have
 * itself is looked for there. An object is referred to by map entries and by the objects that shadow it.
 *
 *   fork            both map entries refer to one object and need a copy
 *   first write     shadow(): the writer's entry gets an object of its own before that one
 *   one side ends   dereference(): the object between has one user left; collapse() moves its pages and blocks up, or goes round it
 *
 * Source: FreeBSD vm_object.c (2020), vm_object_shadow(), vm_object_split(), vm_object_collapse(), vm_object_deallocate(),
 * vm_object_terminate(), vm_object_page_remove(). Where the kernel would sleep for a busy page, a collapse is left undone and taken up
 * at the next occasion.
 */
import { Counter } from '../sim/metrics.ts'
import type { Kernel } from '../sim/kernel.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PAGE_SIZE, PageFlag } from './pages.ts'
import { RegionFlag, type RegionTable } from './regions.ts'

/** A vnode pager has the object, and counts its users. */
export function hasVnodePager({ files, pages }: Kernel, object: number): boolean {
  return files !== null && pages.objectType[object] === ObjectType.file
}

export class VmObjects {
  readonly #kernel: Kernel
  readonly #regions: RegionTable

  constructor(kernel: Kernel, regions: RegionTable) {
    this.#kernel = kernel
    this.#regions = regions
  }

  /** An anonymous object of `size` pages, charged `bytes` to a user (-1: nobody); one reference. FreeBSD's vm_object_allocate_anon. */
  createAnonymous(size: number, user: number, bytes: number): number {
    const { pages, contents } = this.#kernel
    const object = pages.createObject(ObjectType.default, size)
    pages.objectFlags[object] = ObjectFlag.anonymous | ObjectFlag.oneMapping
    pages.chargedUser[object] = user
    pages.charge[object] = user < 0 ? 0 : bytes
    pages.slotBase[object] = contents.allocateSlots(size)
    return object
  }

  /** Puts an object before another, `offset` pages into it. The caller's reference to the backing object becomes the object's. */
  back(object: number, backing: number, offset: number): void {
    const { pages } = this.#kernel
    pages.backing[object] = backing
    pages.backingOffset[object] = offset
    if (backing >= 0) pages.shadowCount[backing]! += 1
  }

  reference(object: number): void {
    if (hasVnodePager(this.#kernel, object)) this.#kernel.files!.pager.referenced(object)
    else this.#kernel.pages.references[object]! += 1
  }

  /**
   * Gives a region that needs a copy of its object one of its own to write to, charged to the region's user. An object that
   * nobody else refers to is written to itself: the charge is given back. FreeBSD's vm_object_shadow and the part of vm_map_lookup around it.
   */
  shadow(region: number): void {
    const regions = this.#regions
    const { pages, pager } = this.#kernel
    const old = regions.object[region]!
    const size = regions.pages[region]!
    const user = regions.chargedUser[region]!
    if (pages.references[old] === 1 && (pages.objectFlags[old]! & ObjectFlag.anonymous) !== 0)
      pager.reservation.release(size * PAGE_SIZE, user)
    else {
      const object = this.createAnonymous(size, user, size * PAGE_SIZE)
      this.back(object, old, regions.offset[region]!)
      regions.object[region] = object
      regions.offset[region] = 0
      this.#kernel.objectMade(object, 'copy', regions.process[region]!, regions.start[region]!)
    }
    regions.chargedUser[region] = -1
    regions.flags[region]! &= ~RegionFlag.needsCopy
  }

  /** Gives up a reference; with the last one the object ends. FreeBSD's vm_object_deallocate. */
  dereference(object: number): void {
    const { pages } = this.#kernel
    while (object >= 0) {
      if (hasVnodePager(this.#kernel, object)) {
        this.#kernel.files!.pager.released(object)
        this.#kernel.files!.mappingGone(object)
        return
      }
      pages.references[object]! -= 1
      const left = pages.references[object]!
      if (left > 0) {
        if (
          left === 1 &&
          pages.shadowCount[object] === 1 &&
          (pages.objectFlags[object]! & (ObjectFlag.anonymous | ObjectFlag.dead)) === ObjectFlag.anonymous
        )
          this.collapse(this.#shadowOf(object))
        return
      }
      const backing = pages.backing[object]!
      if (backing >= 0) pages.shadowCount[backing]! -= 1
      pages.backing[object] = -1
      pages.objectFlags[object]! |= ObjectFlag.dead
      if (pages.pagingInProgress[object] === 0) this.end(object)
      object = backing
    }
  }

  /** The one object that shadows this one. */
  #shadowOf(object: number): number {
    const { pages } = this.#kernel
    for (let each = pages.firstObject; each >= 0; each = pages.objectNext[each]!)
      if (pages.backing[each] === object) return each
    throw new Error(`object ${object} counts a shadow that there is not`)
  }

  /** Frees a dead object's pages, swap and reservation; paging on it is over. FreeBSD's vm_object_terminate. */
  end(object: number): void {
    const { pages, pager, contents } = this.#kernel
    while (pages.firstPage[object]! >= 0) {
      const frame = pages.firstPage[object]!
      pages.flags[frame]! &= ~PageFlag.swapFree
      pages.wired[frame] = 0
      this.#kernel.freePage(frame)
    }
    if (pages.slotBase[object]! >= 0) contents.freeSlots(pages.slotBase[object]!, pages.objectSize[object]!)
    this.#destroy(object)
    if (pages.objectType[object] === ObjectType.swap) pager.destroyObject(object)
    pages.destroyObject(object)
  }

  /** Releases the reservation of an object that goes. FreeBSD's vm_object_destroy. */
  #destroy(object: number): void {
    const { pages, pager } = this.#kernel
    if (pages.chargedUser[object]! >= 0) pager.reservation.release(pages.charge[object]!, pages.chargedUser[object])
  }

  /**
   * Shortens the chain behind an object: what only this object shadows is taken over, what it hides whole is gone round.
   * FreeBSD's vm_object_collapse.
   */
  collapse(object: number): void {
    const { pages, counters } = this.#kernel
    for (;;) {
      const backing = pages.backing[object]!
      if (
        backing < 0 ||
        (pages.objectFlags[object]! & ObjectFlag.dead) !== 0 ||
        (pages.objectFlags[backing]! & (ObjectFlag.anonymous | ObjectFlag.dead)) !== ObjectFlag.anonymous ||
        pages.pagingInProgress[object] !== 0 ||
        pages.pagingInProgress[backing] !== 0
      )
        return
      const offset = pages.backingOffset[object]!
      const next = pages.backing[backing]!
      if (pages.references[backing] === 1) {
        if (!this.#mayTakeOver(object, backing, offset)) return
        this.#takeContents(object, backing, offset)
        this.#takePages(object, backing, offset)
        if (pages.objectType[backing] === ObjectType.swap) this.#takeBlocks(object, backing, offset)
        pages.backing[object] = next
        pages.backingOffset[object] = offset + pages.backingOffset[backing]!
        pages.backing[backing] = -1
        this.end(backing)
        counters[Counter.collapses]! += 1
      } else {
        if (!this.#hidesAll(object, backing, offset)) return
        pages.backing[object] = next
        pages.backingOffset[object] = offset + pages.backingOffset[backing]!
        if (next >= 0) {
          pages.shadowCount[next]! += 1
          this.reference(next)
        }
        pages.shadowCount[backing]! -= 1
        pages.references[backing]! -= 1
        counters[Counter.bypasses]! += 1
      }
    }
  }

  /** Whether no page that would be moved or freed is busy. */
  #mayTakeOver(object: number, backing: number, offset: number): boolean {
    const { pages } = this.#kernel
    for (let frame = pages.firstPage[backing]!; frame >= 0; frame = pages.listNext[frame]!) {
      if (pages.isBusy(frame)) return false
      const inFront = pages.lookup(object, pages.pageIndex[frame]! - offset)
      if (inFront >= 0 && pages.exclusiveBusy[inFront] !== 0) return false
    }
    return true
  }

  /** Whether the object has a page of its own, resident or in swap. */
  #has(object: number, pageIndex: number): boolean {
    const { pages, pager } = this.#kernel
    return (
      pages.lookup(object, pageIndex) >= 0 ||
      (pages.objectType[object] === ObjectType.swap && pager.metadata.lookup(object, pageIndex) >= 0)
    )
  }

  /** Resident pages of the backing object that the object lacks become its own, all others are freed. FreeBSD's vm_object_collapse_scan. */
  #takePages(object: number, backing: number, offset: number): void {
    const { pages, pager } = this.#kernel
    const isSwap = pages.objectType[backing] === ObjectType.swap
    for (let frame = pages.firstPage[backing]!, next; frame >= 0; frame = next) {
      next = pages.listNext[frame]!
      const index = pages.pageIndex[frame]!
      const target = index - offset
      const isTaken = target >= 0 && target < pages.objectSize[object]! && !this.#has(object, target)
      if (isTaken) {
        pages.rename(frame, object, target)
        pages.dirty[frame] = ALL_SECTORS
      } else {
        pages.wired[frame] = 0
        this.#kernel.freePage(frame)
      }
      if (isSwap) pager.freeSpace(backing, index, 1)
    }
  }

  /** What the ledger says of the pages that change hands: those that the object never wrote itself are the backing object's. */
  #takeContents(object: number, backing: number, offset: number): void {
    const { pages, contents } = this.#kernel
    const to = pages.slotBase[object]!
    const from = pages.slotBase[backing]! + offset
    const count = Math.min(pages.objectSize[object]!, pages.objectSize[backing]! - offset)
    for (let i = 0; i < count; i++) if (contents.version[to + i] === 0) contents.copy(from + i, to + i)
  }

  /** The same of blocks: those of pages for which the object has none. */
  #takeBlocks(object: number, backing: number, offset: number): void {
    const { pages, pager, contents } = this.#kernel
    const to = pages.slotBase[object]!
    const from = pages.slotBase[backing]! + offset
    const hasBlock = (owner: number, index: number) =>
      pages.objectType[owner] === ObjectType.swap && pager.metadata.lookup(owner, index) >= 0
    const end = Math.min(offset + pages.objectSize[object]!, pages.objectSize[backing]!)
    for (let index = pager.findLeast(backing, offset); index < end; index = pager.findLeast(backing, index + 1))
      if (!hasBlock(object, index - offset)) contents.moveStored(from + index - offset, to + index - offset)
    pager.copy(backing, object, offset, true)
  }

  /** Whether no page of the backing object can be seen through the object. FreeBSD's vm_object_scan_all_shadowed. */
  #hidesAll(object: number, backing: number, offset: number): boolean {
    const { pages, pager } = this.#kernel
    const end = offset + pages.objectSize[object]!
    for (let frame = pages.firstPage[backing]!; frame >= 0; frame = pages.listNext[frame]!) {
      const index = pages.pageIndex[frame]!
      if (index < offset || index >= end) continue
      const inFront = pages.lookup(object, index - offset)
      if (inFront >= 0 && pages.exclusiveBusy[inFront] !== 0) return false
      if (!this.#has(object, index - offset)) return false
    }
    if (pages.objectType[backing] !== ObjectType.swap) return true
    for (
      let index = pager.findLeast(backing, offset);
      index < Math.min(end, pages.objectSize[backing]!);
      index = pager.findLeast(backing, index + 1)
    )
      if (!this.#has(object, index - offset)) return false
    return true
  }

  /**
   * Gives a region that maps a part of an object mapped in several parts one of its own, with the pages and blocks of that part. False if a page
   * is busy: nothing has been changed then. FreeBSD's vm_object_split.
   */
  split(region: number): boolean {
    const regions = this.#regions
    const { pages, pager, contents } = this.#kernel
    const old = regions.object[region]!
    const type = pages.objectType[old]
    if ((type !== ObjectType.default && type !== ObjectType.swap) || pages.references[old]! <= 1) return true
    const offset = regions.offset[region]!
    const size = regions.pages[region]!
    if (pages.pagingInProgress[old] !== 0) return false
    for (let frame = pages.firstPage[old]!; frame >= 0; frame = pages.listNext[frame]!)
      if (pages.pageIndex[frame]! >= offset && pages.pageIndex[frame]! < offset + size && pages.isBusy(frame))
        return false
    const bytes = size * PAGE_SIZE
    const user = pages.chargedUser[old]!
    const object = this.createAnonymous(size, user, bytes)
    if (user >= 0) pages.charge[old]! -= bytes
    this.#kernel.objectMade(object, 'anonymous', regions.process[region]!, regions.start[region]!)
    const backing = pages.backing[old]!
    if (backing >= 0) {
      this.reference(backing)
      this.back(object, backing, pages.backingOffset[old]! + offset)
    }
    for (let i = 0; i < size; i++) {
      contents.copy(pages.slotBase[old]! + offset + i, pages.slotBase[object]! + i)
      contents.moveStored(pages.slotBase[old]! + offset + i, pages.slotBase[object]! + i)
      contents.version[pages.slotBase[old]! + offset + i] = 0
    }
    pages.objectFlags[old]! |= ObjectFlag.split
    for (let frame = pages.firstPage[old]!, next; frame >= 0; frame = next) {
      next = pages.listNext[frame]!
      const index = pages.pageIndex[frame]! - offset
      if (index < 0 || index >= size) continue
      pages.rename(frame, object, index)
      pages.dirty[frame] = ALL_SECTORS
    }
    if (pages.objectType[old] === ObjectType.swap) pager.copy(old, object, offset, false)
    pages.objectFlags[old]! &= ~ObjectFlag.split
    regions.object[region] = object
    regions.offset[region] = 0
    this.dereference(old)
    return true
  }

  /**
   * Frees the pages and blocks of a part of an object that nothing maps any more, and shortens the object if the part reached to its end.
   * FreeBSD's vm_object_page_remove and the part of vm_map_entry_delete around it.
   */
  removeRange(object: number, from: number, count: number): void {
    const { pages, pager, contents } = this.#kernel
    for (let frame = pages.firstPage[object]!, next; frame >= 0; frame = next) {
      next = pages.listNext[frame]!
      const index = pages.pageIndex[frame]!
      // a busy page is left: it goes with the object
      if (index >= from && index < from + count && !pages.isBusy(frame) && pages.wired[frame] === 0)
        this.#kernel.freePage(frame)
    }
    if (pages.objectType[object] === ObjectType.swap) pager.freeSpace(object, from, count)
    for (let i = from; i < from + count; i++) {
      const frame = pages.lookup(object, i)
      if (frame < 0) contents.version[pages.slotBase[object]! + i] = 0
    }
  }
}
