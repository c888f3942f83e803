/**
 * What the events of a chunk say of those that follow, so that only surprises need bytes.
 *
 * Many columns of an event can be foreseen: a fault that needed a page ends when the request that brings the page ends, and
 * names the page that the request was for; a page loses the frame that it got; frames that were freed last are given out first;
 * pages are evicted roughly in the order in which they came. Such columns are replaced by their difference to what was foreseen,
 * which mostly is zero. What was foreseen is never a condition: where it is wrong a difference is stored, so any events come
 * back as they were.
 *
 * A model begins anew with each chunk and knows nothing but the rows before, in whole numbers, so that chunks can be read by themselves
 * and residuals are canonical. Its tables are small, have no keys and forget: two pages that share a place in one mislead it, which
 * costs bytes only. Each model is one function for both directions; what it needs of other columns must be there before:
 *
 *     object, page      from kind, pages, detail
 *     time, duration    from kind, pages, detail
 *     block             from kind, object, page, pages, detail
 *
 * A residual of object or page is 0 where the row is as foreseen, else the difference to an earlier row, moved away from 0 by one.
 * Residuals stand sorted by kind (RowGroups.places), as they are encoded.
 */
import { EventKind as theEventKind, EVENTS_PER_CHUNK, FaultKind as theFaultKind } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'

// a constant of this module is folded into the code, one of another module is loaded at each use
const EventKind = theEventKind
const FaultKind = theFaultKind

export const modelledColumns = ['object', 'page', 'time', 'duration', 'block'] as const
export type ModelledColumn = (typeof modelledColumns)[number]
export type Residuals = Pick<EventChunk, ModelledColumn>

export const isModelled = (name: string): name is ModelledColumn => modelledColumns.some((each) => each === name)

export function newResiduals(count: number): Residuals {
  return {
    object: new Int32Array(count),
    page: new Float64Array(count),
    time: new Float64Array(count),
    duration: new Float64Array(count),
    block: new Float64Array(count),
  }
}

/** Beyond this a difference of differences may not be exact; a chunk with such values is kept without its model. */
export const MODELLED_MAX = 2 ** 50
const MODELLED_OBJECT_MAX = 2 ** 29

const TABLE_BITS = 16
const TABLE_ROWS = 1 << TABLE_BITS
const OBJECT_ROWS = 4096
const OBJECT_MASK = OBJECT_ROWS - 1
const KINDS = 256
/** The last pages that came are remembered. */
const ARRIVALS = 1 << 17
const ARRIVALS_MASK = ARRIVALS - 1
/** How many pages that came after one are looked at to find the next that has not gone. */
const SUCCESSORS_MAX = 8
/** Pages of a request that are followed. */
const PAGES_MAX = 64
const SITUATIONS = 16 * 16 * 8

// The tables, kept here so that a chunk allocates nothing. Each function clears its own.
const lastObject = new Int32Array(KINDS)
const lastPlace = new Int32Array(KINDS)
const rowAfter = new Int32Array(TABLE_ROWS + KINDS)
const arrivalOf = new Int32Array(TABLE_ROWS)
const arrivedObject = new Int32Array(ARRIVALS)
const arrivedPage = new Float64Array(ARRIVALS)
const arrivedSlot = new Uint16Array(ARRIVALS)
const pageAfter = new Float64Array(OBJECT_ROWS)
const timeChoice = new Uint8Array(SITUATIONS)
const durationChoice = new Uint8Array(SITUATIONS)
const situationTime = new Float64Array(SITUATIONS)
const situationPeriod = new Float64Array(SITUATIONS)
const lastDuration = new Float64Array(KINDS * PAGES_MAX)
const frameOf = new Int32Array(TABLE_ROWS)
const swapBlockOf = new Float64Array(TABLE_ROWS)
const freedFrames = new Int32Array(EVENTS_PER_CHUNK)
const fileBase = new Float64Array(OBJECT_ROWS)
const lastBlock = new Float64Array(KINDS)

/** A page's place in the tables. */
function slotOf(object: number, page: number): number {
  return (Math.imul(object, 0x9e3779b1) ^ Math.imul(page | 0, 0x85ebca6b)) >>> (32 - TABLE_BITS)
}

const movedBack = (residual: number) => (residual > 0 ? residual - 1 : residual)

/** Whether a fault of this detail waited for a request. */
function isPagedIn(detail: number): boolean {
  const how = detail & 15
  return how === FaultKind.swapin || how === FaultKind.filein
}

/** Object and page. With `recalls` from residuals to rows, else the other way. False: a value is beyond MODELLED_MAX. */
export function modelPlaces(chunk: EventChunk, places: Uint32Array, residuals: Residuals, recalls: boolean): boolean {
  const { count, kind: kinds, object: objects, page: pageIndices, pages: pageCounts, detail: details } = chunk
  const { object: objectResiduals, page: pageResiduals } = residuals
  lastObject.fill(0)
  for (let kind = 0; kind < KINDS; kind++) lastPlace[kind] = TABLE_ROWS + kind
  rowAfter.fill(0)
  arrivalOf.fill(0)
  pageAfter.fill(0)
  let arrivals = 0
  // the page that came after the one that was evicted last
  let nextArrival = 0
  // what the last read was for, until a fault has named it
  let isAsked = false
  let askedObject = 0
  let askedPage = 0
  let isWide = false
  let widestObject = 0
  for (let row = 0; row < count; row++) {
    const kind = kinds[row]!
    const detail = details[row]!
    const pages = pageCounts[row]!
    const place = places[row]!
    // what this kind named last, and where that stands in rowAfter; before the kind has come, where nothing does
    const objectBefore = lastObject[kind]!
    const placeBefore = lastPlace[kind]!
    let object = objectBefore
    let page = 0
    if (kind === EventKind.fault && isAsked && isPagedIn(detail)) {
      object = askedObject
      page = askedPage
    } else {
      let arrival = 0
      if (kind === EventKind.evict && nextArrival !== 0) arrival = nextPresent(nextArrival, arrivals)
      if (arrival !== 0) {
        const at = (arrival - 1) & ARRIVALS_MASK
        object = arrivedObject[at]!
        page = arrivedPage[at]!
      } else {
        // what came next when this kind last named the page that it named last
        const after = rowAfter[placeBefore]! - 1
        if (after >= 0) {
          object = objects[after]!
          page = pageIndices[after]!
        } else if (placeBefore < TABLE_ROWS) page = pageAfter[objectBefore & OBJECT_MASK]!
      }
    }

    if (recalls) {
      const objectResidual = objectResiduals[place]!
      const pageResidual = pageResiduals[place]!
      if (objectResidual !== 0) object = (objectBefore + movedBack(objectResidual)) | 0
      if (objectResidual !== 0 || pageResidual !== 0) page = pageAfter[object & OBJECT_MASK]! + movedBack(pageResidual)
      objects[row] = object
      pageIndices[row] = page
    } else {
      const foreseenObject = object
      const foreseenPage = page
      object = objects[row]!
      page = pageIndices[row]!
      isWide ||= !(Math.abs(page) <= MODELLED_MAX)
      widestObject |= object ^ (object >> 31)
      // whether a row is as foreseen is itself hard to foresee, so nothing branches on it
      const differs = Number(object !== foreseenObject)
      const step = (object - objectBefore) | 0
      objectResiduals[place] = (step + Number(step >= 0)) & -differs
      const pageStep = page - pageAfter[object & OBJECT_MASK]!
      pageResiduals[place] = (pageStep + Number(pageStep >= 0)) * (differs | Number(page !== foreseenPage))
    }

    const slot = slotOf(object, page)
    rowAfter[placeBefore] = row + 1
    lastObject[kind] = object
    lastPlace[kind] = slot ^ ((kind & 15) << (TABLE_BITS - 4))
    pageAfter[object & OBJECT_MASK] = page + pages
    if (kind === EventKind.evict) {
      nextArrival = arrivalOf[slot]!
      arrivalOf[slot] = 0
    } else if (kind === EventKind.fault || kind === EventKind.swapin || kind === EventKind.filein) {
      isAsked = kind !== EventKind.fault
      // a read brings all its pages; the one that is asked for comes with its fault
      const end = isAsked ? Math.min(pages, PAGES_MAX) : 1
      for (let i = 0; i < end; i++) {
        if (isAsked && i === detail) continue
        const at = arrivals & ARRIVALS_MASK
        const slot = slotOf(object, page + i)
        arrivedObject[at] = object
        arrivedPage[at] = page + i
        arrivedSlot[at] = slot
        arrivals++
        arrivalOf[slot] = arrivals
      }
      if (isAsked) {
        askedObject = object
        askedPage = page + detail
      }
    }
  }
  return !isWide && widestObject < MODELLED_OBJECT_MAX
}

/** The first of a few arrivals from `from` on whose page is still there; 0 if none is. */
function nextPresent(from: number, arrivals: number): number {
  const end = Math.min(arrivals, from + SUCCESSORS_MAX)
  for (let arrival = from; arrival < end; arrival++)
    if (arrivalOf[arrivedSlot[arrival & ARRIVALS_MASK]!] === arrival + 1) return arrival + 1
  return 0
}

/**
 * Time and duration, both together, as modelPlaces. Of several guesses the one is taken that was best the last time in the same
 * situation: the same kind after the same kind, and the same sort of fault.
 */
export function modelTimes(chunk: EventChunk, places: Uint32Array, residuals: Residuals, recalls: boolean): boolean {
  const { count, kind: kinds, time: times, duration: durations, pages: pageCounts, detail: details } = chunk
  const { time: timeResiduals, duration: durationResiduals } = residuals
  for (const table of [timeChoice, durationChoice, situationTime, situationPeriod, lastDuration]) table.fill(0)
  let kindBefore = 0
  let timeBefore = 0
  let requestEnd = 0
  let readDuration = 0
  let faultTime = 0
  // time of the first event after the last fault
  let sinceFault = 0
  let isAfterFault = true
  let isWide = false
  for (let row = 0; row < count; row++) {
    const kind = kinds[row]!
    const place = places[row]!
    const isFault = kind === EventKind.fault
    const situation = (kindBefore << 7) | ((kind & 15) << 3) | (isFault ? details[row]! & 7 : 0)
    const timePeriodic = situationTime[situation]! + situationPeriod[situation]!
    const byTime = timeChoice[situation]!
    const foreseenTime = byTime === 0 ? timeBefore : byTime === 1 ? requestEnd : timePeriodic
    const time = recalls ? timeResiduals[place]! + foreseenTime : times[row]!
    const alike = (kind << 6) | (pageCounts[row]! & (PAGES_MAX - 1))
    const durationBefore = lastDuration[alike]!
    const byDuration = durationChoice[situation]!
    const foreseenDuration =
      byDuration === 0
        ? durationBefore
        : byDuration === 1
          ? readDuration
          : time - (byDuration === 2 ? sinceFault : faultTime)
    const duration = recalls ? durationResiduals[place]! + foreseenDuration : durations[row]!
    if (recalls) {
      times[row] = time
      durations[row] = duration
    } else {
      timeResiduals[place] = time - foreseenTime
      durationResiduals[place] = duration - foreseenDuration
      isWide ||= !(Math.abs(time) <= MODELLED_MAX && Math.abs(duration) <= MODELLED_MAX)
    }

    const offBefore = Math.abs(time - timeBefore)
    const offEnd = Math.abs(time - requestEnd)
    const offPeriodic = Math.abs(time - timePeriodic)
    timeChoice[situation] = offBefore <= offEnd ? (offBefore <= offPeriodic ? 0 : 2) : offEnd <= offPeriodic ? 1 : 2
    situationPeriod[situation] = time - situationTime[situation]!
    situationTime[situation] = time
    if (isFault) {
      let choice = 0
      let least = Math.abs(duration - durationBefore)
      if (Math.abs(duration - readDuration) < least) {
        choice = 1
        least = Math.abs(duration - readDuration)
      }
      if (Math.abs(duration - time + sinceFault) < least) {
        choice = 2
        least = Math.abs(duration - time + sinceFault)
      }
      if (Math.abs(duration - time + faultTime) < least) choice = 3
      durationChoice[situation] = choice
      faultTime = time
      isAfterFault = true
    } else {
      if (isAfterFault) {
        sinceFault = time
        isAfterFault = false
      }
      if (kind >= EventKind.swapin && kind <= EventKind.fileout) {
        requestEnd = time + duration
        if (kind === EventKind.swapin || kind === EventKind.filein) readDuration = duration
      }
    }
    lastDuration[alike] = duration
    timeBefore = time
    kindBefore = kind & 15
  }
  return !isWide
}

/** Block, as modelPlaces: which frame a page gets and loses, where it lies on swap and in its file. */
export function modelBlocks(chunk: EventChunk, places: Uint32Array, residuals: Residuals, recalls: boolean): boolean {
  const {
    count,
    kind: kinds,
    object: objects,
    page: pageIndices,
    pages: pageCounts,
    detail: details,
    block: blocks,
  } = chunk
  const { block: blockResiduals } = residuals
  for (const table of [frameOf, swapBlockOf, fileBase, lastBlock]) table.fill(0)
  let freed = 0
  let written = 0
  let isWide = false
  for (let row = 0; row < count; row++) {
    const kind = kinds[row]!
    const object = objects[row]!
    const page = pageIndices[row]!
    const pages = Math.min(pageCounts[row]!, PAGES_MAX)
    const place = places[row]!
    const slot = slotOf(object, page)
    let foreseen: number
    if (kind === EventKind.evict) foreseen = frameOf[slot]! - 1
    else if (kind === EventKind.fault) {
      foreseen = frameOf[slot]! - 1
      if (foreseen < 0 && freed > 0) foreseen = freedFrames[--freed]!
    } else if (kind === EventKind.filein || kind === EventKind.fileout)
      foreseen = page + fileBase[object & OBJECT_MASK]!
    else if (kind === EventKind.swapin) foreseen = swapBlockOf[slot]!
    else if (kind === EventKind.swapout) foreseen = written
    else foreseen = lastBlock[kind]!

    const block = recalls ? blockResiduals[place]! + foreseen : blocks[row]!
    if (recalls) blocks[row] = block
    else {
      blockResiduals[place] = block - foreseen
      isWide ||= !(Math.abs(block) <= MODELLED_MAX)
    }

    if (kind === EventKind.evict) {
      frameOf[slot] = 0
      freedFrames[freed++] = block
    } else if (kind === EventKind.fault) frameOf[slot] = block + 1
    else if (kind === EventKind.swapout || kind === EventKind.swapin) {
      for (let i = 0; i < pages; i++) swapBlockOf[slotOf(object, page + i)] = block + i
      written = kind === EventKind.swapout ? block + pages : written
    } else if (kind === EventKind.filein || kind === EventKind.fileout) fileBase[object & OBJECT_MASK] = block - page
    else lastBlock[kind] = block
    if (kind === EventKind.swapin || kind === EventKind.filein) {
      // a read takes frames for the page that is asked for, then for those before it, then for those after it
      const asked = Math.max(0, Math.min(details[row]!, pages - 1))
      for (let i = asked; i >= 0 && freed > 0; i--) frameOf[slotOf(object, page + i)] = freedFrames[--freed]! + 1
      for (let i = asked + 1; i < pages && freed > 0; i++) frameOf[slotOf(object, page + i)] = freedFrames[--freed]! + 1
    }
  }
  return !isWide
}
