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
 * Residuals stand sorted by kind, as they are encoded.
 *
 * The models are a program of their own (program.ts), which is four times as quick as the same loops over typed arrays. It is said once
 * for both directions: what differs between them is a condition on `recalls` while it is made, not one for each row.
 */
import { EventKind, EVENTS_PER_CHUNK, FaultKind } from '../engine/sim/events.ts'
import type { Float, Int, Program, Table } from '../engine/workload/program.ts'

export const modelledColumns = ['object', 'page', 'time', 'duration', 'block'] as const
export type ModelledColumn = (typeof modelledColumns)[number]
export type Model = 'places' | 'times' | 'blocks'

export const isModelled = (name: string): name is ModelledColumn => modelledColumns.some((each) => each === name)

/** Where the models find rows and residuals of a chunk, and where each row stands when they are sorted by kind. */
export interface ModelTables {
  rows: {
    kind: Table<'u8'>
    object: Table<'i32'>
    pages: Table<'i32'>
    detail: Table<'i32'>
    time: Table<'f64'>
    page: Table<'f64'>
    block: Table<'f64'>
    duration: Table<'f64'>
  }
  places: Table<'u32'>
  residuals: {
    object: Table<'i32'>
    page: Table<'f64'>
    time: Table<'f64'>
    duration: Table<'f64'>
    block: Table<'f64'>
  }
}

/**
 * Adds the models to a program: `foresee MODEL` makes residuals from so many rows, and answers 0 where some value is beyond MODELLED_MAX, so
 * that they cannot be used; `recall MODEL` makes rows from residuals.
 */
export function defineModels(program: Program, tables: ModelTables): void {
  for (const recalls of [false, true]) {
    const name = recalls ? 'recall' : 'foresee'
    program.define(`${name} places`, (count) => definePlaces(program, tables, count, recalls))
    program.define(`${name} times`, (count) => defineTimes(program, tables, count, recalls))
    program.define(`${name} blocks`, (count) => defineBlocks(program, tables, count, recalls))
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

/** A page's place in the tables, by the lowest 32 bits of its index. */
function slotOf(object: Int, page: Int): Int {
  return object
    .times(0x9e3779b1)
    .xor(page.times(0x85ebca6b))
    .shiftRightUnsigned(32 - TABLE_BITS)
}

/** Object and page. */
function definePlaces(program: Program, { rows, places, residuals }: ModelTables, count: Int, recalls: boolean): Int {
  const widest = program.float(MODELLED_MAX)
  const lastObject = program.table('i32', KINDS)
  const lastPlace = program.table('i32', KINDS)
  const rowAfter = program.table('i32', TABLE_ROWS + KINDS)
  const arrivalOf = program.table('i32', TABLE_ROWS)
  const arrivedObject = program.table('i32', ARRIVALS)
  const arrivedPage = program.table('f64', ARRIVALS)
  const arrivedSlot = program.table('u16', ARRIVALS)
  const pageAfter = program.table('f64', OBJECT_ROWS)
  for (const table of [lastObject, rowAfter, arrivalOf, pageAfter]) table.clear()
  program.count(KINDS, (kind) => lastPlace.put(kind, kind.plus(TABLE_ROWS)))
  const arrivals = program.int(0)
  // the page that came after the one that was evicted last
  const nextArrival = program.int(0)
  // what the last read was for, until a fault has named it
  const isAsked = program.int(0)
  const askedObject = program.int(0)
  const askedPage = program.double(0)
  const isWide = program.int(0)
  const widestObject = program.int(0)

  /** A page has come. */
  const arrive = (object: Int, page: Float, slot: Int) => {
    const at = program.int(arrivals.and(ARRIVALS_MASK))
    arrivedObject.put(at, object)
    arrivedPage.put(at, page)
    arrivedSlot.put(at, slot)
    arrivals.set(arrivals.plus(1))
    arrivalOf.put(slot, arrivals)
  }

  program.count(count, (row) => {
    const kind = program.int(rows.kind.at(row))
    const detail = program.int(rows.detail.at(row))
    const pages = program.int(rows.pages.at(row))
    const place = program.int(places.at(row))
    // what this kind named last, and where that stands in rowAfter; before the kind has come, where nothing does
    const objectBefore = program.int(lastObject.at(kind))
    const placeBefore = program.int(lastPlace.at(kind))
    const object = program.int(objectBefore)
    const page = program.double(0)
    const how = detail.and(15)
    const isPagedIn = how.equals(FaultKind.swapin).or(how.equals(FaultKind.filein))
    program.if(
      kind.equals(EventKind.fault).and(isAsked).and(isPagedIn),
      () => {
        object.set(askedObject)
        page.set(askedPage)
      },
      () => {
        // the first of a few arrivals whose page is still there
        const arrival = program.int(0)
        program.if(kind.equals(EventKind.evict).and(nextArrival.differs(0)), () => {
          const candidate = program.int(nextArrival)
          const end = program.int(arrivals.atMost(nextArrival.plus(SUCCESSORS_MAX)))
          program.while(candidate.isBelow(end), () => {
            const slot = arrivedSlot.at(candidate.and(ARRIVALS_MASK))
            const isPresent = program.int(arrivalOf.at(slot).equals(candidate.plus(1)))
            candidate.set(candidate.plus(1))
            program.if(isPresent, () => {
              arrival.set(candidate)
              candidate.set(end)
            })
          })
        })
        program.if(
          arrival,
          () => {
            const at = program.int(arrival.minus(1).and(ARRIVALS_MASK))
            object.set(arrivedObject.at(at))
            page.set(arrivedPage.at(at))
          },
          () => {
            // what came next when this kind last named the page that it named last
            const after = program.int(rowAfter.at(placeBefore).minus(1))
            program.if(
              after.isAtLeast(0),
              () => {
                object.set(rows.object.at(after))
                page.set(rows.page.at(after))
              },
              () => {
                program.if(placeBefore.isBelow(TABLE_ROWS), () => page.set(pageAfter.at(objectBefore.and(OBJECT_MASK))))
              },
            )
          },
        )
      },
    )

    if (recalls) {
      const objectResidual = program.int(residuals.object.at(place))
      const pageResidual = program.double(residuals.page.at(place))
      program.if(objectResidual, () => object.set(objectBefore.plus(objectResidual).minus(objectResidual.isAbove(0))))
      program.if(objectResidual.or(pageResidual.differs(program.float(0))), () => {
        const step = pageResidual.minus(pageResidual.isAbove(program.float(0)).toFloat())
        page.set(pageAfter.at(object.and(OBJECT_MASK)).plus(step))
      })
      rows.object.put(row, object)
      rows.page.put(row, page)
    } else {
      const foreseenObject = program.int(object)
      const foreseenPage = program.double(page)
      object.set(rows.object.at(row))
      page.set(rows.page.at(row))
      isWide.set(isWide.or(page.absolute().isAtMost(widest).isZero()))
      widestObject.set(widestObject.or(object.xor(object.shiftRight(31))))
      // whether a row is as foreseen is itself hard to foresee, so nothing branches on it
      const objectDiffers = program.int(object.differs(foreseenObject))
      const objectStep = program.int(object.minus(objectBefore))
      const objectMoved = objectStep.plus(objectStep.isAtLeast(0))
      residuals.object.put(place, objectMoved.times(objectDiffers))
      const pageStep = program.double(page.minus(pageAfter.at(object.and(OBJECT_MASK))))
      const pageMoved = pageStep.plus(pageStep.isAtLeast(program.float(0)).toFloat())
      residuals.page.put(place, pageMoved.times(objectDiffers.or(page.differs(foreseenPage)).toFloat()))
    }

    const low = program.int(page.toInt())
    const slot = program.int(slotOf(object, low))
    rowAfter.put(placeBefore, row.plus(1))
    lastObject.put(kind, object)
    lastPlace.put(kind, slot.xor(kind.and(15).shiftLeft(TABLE_BITS - 4)))
    pageAfter.put(object.and(OBJECT_MASK), page.plus(pages.toFloat()))
    program.if(
      kind.equals(EventKind.evict),
      () => {
        nextArrival.set(arrivalOf.at(slot))
        arrivalOf.put(slot, program.constant(0))
      },
      () => {
        program.if(kind.equals(EventKind.fault), () => {
          isAsked.set(0)
          arrive(object, page, slot)
        })
        program.if(kind.equals(EventKind.swapin).or(kind.equals(EventKind.filein)), () => {
          isAsked.set(1)
          askedObject.set(object)
          askedPage.set(page.plus(detail.toFloat()))
          // a read brings all its pages; the one that is asked for comes with its fault
          program.count(pages.atMost(program.constant(PAGES_MAX)), (i) => {
            program.if(i.differs(detail), () => {
              arrive(object, page.plus(i.toFloat()), program.int(slotOf(object, low.plus(i))))
            })
          })
        })
      },
    )
  })
  return isWide.isZero().and(widestObject.isBelow(MODELLED_OBJECT_MAX))
}

/**
 * Time and duration, both together. Of several guesses the one is taken that was best the last time in the same situation: the same
 * kind after the same kind, and the same sort of fault.
 */
function defineTimes(program: Program, { rows, places, residuals }: ModelTables, count: Int, recalls: boolean): Int {
  const widest = program.float(MODELLED_MAX)
  const timeChoice = program.table('u8', SITUATIONS)
  const durationChoice = program.table('u8', SITUATIONS)
  const situationTime = program.table('f64', SITUATIONS)
  const situationPeriod = program.table('f64', SITUATIONS)
  const lastDuration = program.table('f64', KINDS * PAGES_MAX)
  for (const table of [timeChoice, durationChoice, situationTime, situationPeriod, lastDuration]) table.clear()
  const kindBefore = program.int(0)
  const timeBefore = program.double(0)
  const requestEnd = program.double(0)
  const readDuration = program.double(0)
  const faultTime = program.double(0)
  // time of the first event after the last fault
  const sinceFault = program.double(0)
  const isAfterFault = program.int(1)
  const isWide = program.int(0)
  const constant = (value: number) => program.constant(value)
  program.count(count, (row) => {
    const kind = program.int(rows.kind.at(row))
    const place = program.int(places.at(row))
    const isFault = program.int(kind.equals(EventKind.fault))
    const sort = isFault.choose(rows.detail.at(row).and(7), constant(0))
    const situation = program.int(kindBefore.shiftLeft(7).or(kind.and(15).shiftLeft(3)).or(sort))
    const timePeriodic = program.double(situationTime.at(situation).plus(situationPeriod.at(situation)))
    const byTime = program.int(timeChoice.at(situation))
    const foreseenTime = program.double(
      byTime.isZero().choose(timeBefore, byTime.equals(1).choose(requestEnd, timePeriodic)),
    )
    const time = program.double(recalls ? residuals.time.at(place).plus(foreseenTime) : rows.time.at(row))
    const alike = program.int(kind.shiftLeft(6).or(rows.pages.at(row).and(PAGES_MAX - 1)))
    const durationBefore = program.double(lastDuration.at(alike))
    const byDuration = program.int(durationChoice.at(situation))
    const since = byDuration.equals(2).choose(sinceFault, faultTime)
    const foreseenDuration = program.double(
      byDuration.isZero().choose(durationBefore, byDuration.equals(1).choose(readDuration, time.minus(since))),
    )
    const duration = program.double(
      recalls ? residuals.duration.at(place).plus(foreseenDuration) : rows.duration.at(row),
    )
    if (recalls) {
      rows.time.put(row, time)
      rows.duration.put(row, duration)
    } else {
      residuals.time.put(place, time.minus(foreseenTime))
      residuals.duration.put(place, duration.minus(foreseenDuration))
      const fits = time.absolute().isAtMost(widest).and(duration.absolute().isAtMost(widest))
      isWide.set(isWide.or(fits.isZero()))
    }

    const offBefore = program.double(time.minus(timeBefore).absolute())
    const offEnd = program.double(time.minus(requestEnd).absolute())
    const offPeriodic = program.double(time.minus(timePeriodic).absolute())
    const byNearest = offBefore
      .isAtMost(offEnd)
      .choose(
        offBefore.isAtMost(offPeriodic).choose(constant(0), constant(2)),
        offEnd.isAtMost(offPeriodic).choose(constant(1), constant(2)),
      )
    timeChoice.put(situation, byNearest)
    situationPeriod.put(situation, time.minus(situationTime.at(situation)))
    situationTime.put(situation, time)
    program.if(
      isFault,
      () => {
        const choice = program.int(0)
        const least = program.double(duration.minus(durationBefore).absolute())
        const consider = (number: number, off: Float) => {
          const isLess = program.int(off.isBelow(least))
          choice.set(isLess.choose<Int>(constant(number), choice))
          least.set(isLess.choose<Float>(off, least))
        }
        consider(1, duration.minus(readDuration).absolute())
        consider(2, duration.minus(time).plus(sinceFault).absolute())
        consider(3, duration.minus(time).plus(faultTime).absolute())
        durationChoice.put(situation, choice)
        faultTime.set(time)
        isAfterFault.set(1)
      },
      () => {
        sinceFault.set(isAfterFault.choose<Float>(time, sinceFault))
        isAfterFault.set(0)
        program.if(kind.isAtLeast(EventKind.swapin).and(kind.isAtMost(EventKind.fileout)), () => {
          requestEnd.set(time.plus(duration))
          const isRead = kind.equals(EventKind.swapin).or(kind.equals(EventKind.filein))
          readDuration.set(isRead.choose<Float>(duration, readDuration))
        })
      },
    )
    lastDuration.put(alike, duration)
    timeBefore.set(time)
    kindBefore.set(kind.and(15))
  })
  return isWide.isZero()
}

/** Block: which frame a page gets and loses, where it lies on swap and in its file. */
function defineBlocks(program: Program, { rows, places, residuals }: ModelTables, count: Int, recalls: boolean): Int {
  const widest = program.float(MODELLED_MAX)
  const frameOf = program.table('i32', TABLE_ROWS)
  const swapBlockOf = program.table('f64', TABLE_ROWS)
  const freedFrames = program.table('i32', EVENTS_PER_CHUNK)
  const fileBase = program.table('f64', OBJECT_ROWS)
  const lastBlock = program.table('f64', KINDS)
  for (const table of [frameOf, swapBlockOf, fileBase, lastBlock]) table.clear()
  const freed = program.int(0)
  const written = program.double(0)
  const isWide = program.int(0)

  const takeFreed = () => {
    freed.set(freed.minus(1))
    return freedFrames.at(freed)
  }

  program.count(count, (row) => {
    const kind = program.int(rows.kind.at(row))
    const object = program.int(rows.object.at(row))
    const page = program.double(rows.page.at(row))
    const pages = program.int(rows.pages.at(row).atMost(program.constant(PAGES_MAX)))
    const place = program.int(places.at(row))
    const low = program.int(page.toInt())
    const slot = program.int(slotOf(object, low))
    const isEvict = program.int(kind.equals(EventKind.evict))
    const isFault = program.int(kind.equals(EventKind.fault))
    const isSwap = program.int(kind.equals(EventKind.swapin).or(kind.equals(EventKind.swapout)))
    const isFile = program.int(kind.equals(EventKind.filein).or(kind.equals(EventKind.fileout)))
    const foreseen = program.double(0)
    program.if(
      isEvict.or(isFault),
      () => {
        const frame = program.int(frameOf.at(slot).minus(1))
        program.if(isFault.and(frame.isBelow(0)).and(freed.isAbove(0)), () => frame.set(takeFreed()))
        foreseen.set(frame.toFloat())
      },
      () => {
        const ofSwap = kind.equals(EventKind.swapin).choose(swapBlockOf.at(slot), written)
        const ofFile = page.plus(fileBase.at(object.and(OBJECT_MASK)))
        foreseen.set(isFile.choose(ofFile, isSwap.choose(ofSwap, lastBlock.at(kind))))
      },
    )

    const block = program.double(recalls ? residuals.block.at(place).plus(foreseen) : rows.block.at(row))
    if (recalls) rows.block.put(row, block)
    else {
      residuals.block.put(place, block.minus(foreseen))
      isWide.set(isWide.or(block.absolute().isAtMost(widest).isZero()))
    }

    program.if(
      isEvict,
      () => {
        frameOf.put(slot, program.constant(0))
        freedFrames.put(freed, block.toInt())
        freed.set(freed.plus(1))
      },
      () => {
        program.if(
          isFault,
          () => frameOf.put(slot, block.plus(program.float(1)).toInt()),
          () => {
            program.if(isSwap, () => {
              program.count(pages, (i) => {
                swapBlockOf.put(slotOf(object, low.plus(i)), block.plus(i.toFloat()))
              })
              const isWrite = kind.equals(EventKind.swapout)
              written.set(isWrite.choose<Float>(block.plus(pages.toFloat()), written))
            })
            program.if(isFile, () => fileBase.put(object.and(OBJECT_MASK), block.minus(page)))
            program.if(isSwap.or(isFile).isZero(), () => lastBlock.put(kind, block))
          },
        )
      },
    )
    program.if(kind.equals(EventKind.swapin).or(kind.equals(EventKind.filein)), () => {
      // a read takes frames for the page that is asked for, then for those before it, then for those after it
      const asked = program.int(rows.detail.at(row).atMost(pages.minus(1)).atLeast(program.constant(0)))
      const i = program.int(asked)
      const takeFrame = () => frameOf.put(slotOf(object, low.plus(i)), takeFreed().plus(1))
      program.while(i.isAtLeast(0).and(freed.isAbove(0)), () => {
        takeFrame()
        i.set(i.minus(1))
      })
      i.set(asked.plus(1))
      program.while(i.isBelow(pages).and(freed.isAbove(0)), () => {
        takeFrame()
        i.set(i.plus(1))
      })
    })
  })
  return isWide.isZero()
}
