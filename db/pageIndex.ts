/**
 * Which pages and objects the events of a chunk name, so that whoever looks for one page leaves most chunks alone.
 *
 * Pages are kept as a sorted list of hashes, of as many bits as makes some 32 values for each page that is named: a page that is not
 * in the chunk is taken to be there about once in 30 times. It takes about a byte for each different page, whatever the chunk's
 * events are. Objects are kept as they are.
 *
 * Layout of the pages' bytes: one byte with the number of bits, then the hashes as a column of u32 (codec.ts).
 */
import { decodeColumn, encodeColumn } from '../engine/workload/codec.ts'
import type { Float, Int, Program, RunningProgram, Table } from '../engine/workload/program.ts'
import { StoreError } from './errors.ts'

/** Plain data, may cross threads. */
export interface PageIndex {
  /** Different hashes; -1: too many pages to tell, so that every page may be there. */
  pageCount: number
  pages: Uint8Array
  /** Different objects; -1: too many. */
  objectCount: number
  objects: Uint8Array
}

const HASH_BITS = 20
const HASHES = 1 << HASH_BITS
/** Hashes that there are for each one in the list. */
const SPREAD = 32
/** An event over more pages than this makes the chunk one that may have every page. */
const PAGES_MAX = 4096
const OBJECTS = 1 << 16

/** Pages that an event covers: `page` and what follows it. */
export const pagesCovered = (pages: number) => (pages > 1 ? pages : 1)

/** Whether a chunk with this index may have events of a page. Throws StoreError `damaged`. */
export function mayHavePage(index: Pick<PageIndex, 'pageCount' | 'pages'>, object: number, page: number): boolean {
  if (index.pageCount < 0) return true
  const bits = index.pages[0] ?? 0
  if (bits < 1 || bits > HASH_BITS)
    throw new StoreError('damaged', 'the page index of a chunk cannot be read', 'chunk_index')
  const hashes = decodeColumn(index.pages.subarray(1), 'u32', index.pageCount)
  return includes(hashes, hashOf(object, page) >>> (HASH_BITS - bits))
}

/** Whether a chunk with this index has events of an object. */
export function mayHaveObject(index: Pick<PageIndex, 'objectCount' | 'objects'>, object: number): boolean {
  return index.objectCount < 0 || includes(decodeColumn(index.objects, 'u32', index.objectCount), object)
}

/** Two rounds of multiplication: neighbouring pages must not have neighbouring hashes, or a shorter hash tells nothing. */
function hashOf(object: number, page: number): number {
  // page numbers beyond 32 bits tell by both halves
  const high = (page / 4294967296) | 0
  const mixed = Math.imul(object ^ Math.imul(high, 0x27d4eb2f), 0x9e3779b1) ^ Math.imul(page | 0, 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) >>> (32 - HASH_BITS)
}

/** Where an index finds a chunk's rows. */
export interface IndexedTables {
  object: Table<'i32'>
  page: Table<'f64'>
  pages: Table<'i32'>
}

/**
 * Adds what marks and lists pages and objects to a program, because it is done for each page of each event. What it begins with makes the
 * index of the first `count` rows.
 */
export function definePageIndex(
  program: Program,
  rows: IndexedTables,
): (running: RunningProgram) => (count: number) => PageIndex {
  const seenPages = program.table('i32', HASHES / 32)
  const seenObjects = program.table('i32', OBJECTS / 32)
  const listed = program.table('u32', HASHES)
  const IS_TOO_LARGE = 1
  const HAS_MANY_OBJECTS = 2

  /** As hashOf: `high` and `low` are the halves of the page. */
  const hashOfHalves = (object: Int, high: Int, low: Int) => {
    const mixed = program.int(object.xor(high.times(0x27d4eb2f)).times(0x9e3779b1).xor(low.times(0x85ebca6b)))
    return program.int(
      mixed
        .xor(mixed.shiftRightUnsigned(15))
        .times(0xc2b2ae35)
        .shiftRightUnsigned(32 - HASH_BITS),
    )
  }

  const mark = (seen: Table<'i32'>, bit: Int) => {
    const word = program.int(bit.shiftRightUnsigned(5))
    seen.put(word, seen.at(word).or(program.constant(1).shiftLeft(bit)))
  }

  /** The whole part of a number of magnitude below 2^31. */
  const truncated = (value: Float) => {
    const magnitude = program.int(value.absolute().toUnsigned())
    return value.isBelow(program.float(0)).choose(program.constant(0).minus(magnitude), magnitude)
  }

  // whether an event is too large and whether there are too many objects, as bits
  program.define('mark what is named', (count) => {
    seenPages.clear()
    seenObjects.clear()
    const flags = program.int(0)
    program.count(count, (row) => {
      const object = program.int(rows.object.at(row))
      program.if(object.isAtLeast(0), () => {
        program.if(
          object.isBelow(OBJECTS),
          () => mark(seenObjects, object),
          () => flags.set(flags.or(HAS_MANY_OBJECTS)),
        )
        const page = program.double(rows.page.at(row))
        const covered = program.int(rows.pages.at(row).atLeast(program.constant(1)))
        program.if(covered.isAbove(PAGES_MAX), () => {
          flags.set(flags.or(IS_TOO_LARGE))
          covered.set(0)
        })
        program.if(
          page.absolute().isBelow(program.float(4294967296 - PAGES_MAX)),
          () => {
            const low = program.int(page.toInt())
            const end = program.int(low.plus(covered))
            program.while(low.differs(end), () => {
              mark(seenPages, hashOfHalves(object, program.constant(0), low))
              low.set(low.plus(1))
            })
          },
          () => {
            program.count(covered, (i) => {
              const each = program.double(page.plus(i.toFloat()))
              const high = program.int(truncated(each.times(program.float(1 / 4294967296))))
              const low = each.minus(high.toFloat().times(program.float(4294967296))).toInt()
              mark(seenPages, hashOfHalves(object, high, low))
            })
          },
        )
      })
    })
    return flags
  })

  program.define('count pages', () => {
    const found = program.int(0)
    program.count(HASHES / 32, (at) => found.set(found.plus(seenPages.at(at).bitCount())))
    return found
  })

  // lists the different ones of the marked hashes without their lowest bits, `shift` of them; how many there are
  program.define('list pages', (shift) => {
    const found = program.int(0)
    const before = program.int(-1)
    program.count(HASHES / 32, (at) => {
      const word = program.int(seenPages.at(at))
      program.while(word, () => {
        const hash = program.int(at.shiftLeft(5).plus(word.trailingZeros()).shiftRightUnsigned(shift))
        // one that was listed already is listed over
        listed.put(found, hash)
        found.set(found.plus(hash.differs(before)))
        before.set(hash)
        word.set(word.and(word.minus(1)))
      })
    })
    return found
  })

  program.define('list objects', () => {
    const found = program.int(0)
    program.count(OBJECTS / 32, (at) => {
      const word = program.int(seenObjects.at(at))
      program.while(word, () => {
        listed.put(found, at.shiftLeft(5).plus(word.trailingZeros()))
        found.set(found.plus(1))
        word.set(word.and(word.minus(1)))
      })
    })
    return found
  })

  return ({ run, view }) => {
    const list = view(listed)

    const packPages = (): Pick<PageIndex, 'pageCount' | 'pages'> => {
      const found = run('count pages')
      let bits = 1
      while (bits < HASH_BITS && 1 << bits < found * SPREAD) bits++
      const count = run('list pages', HASH_BITS - bits)
      const column = encodeColumn(list, count)
      const pages = new Uint8Array(column.length + 1)
      pages[0] = bits
      pages.set(column, 1)
      return { pageCount: count, pages }
    }

    return (count) => {
      const flags = run('mark what is named', count)
      const objectCount = run('list objects')
      const objectBytes = encodeColumn(list, objectCount)
      return {
        ...((flags & IS_TOO_LARGE) !== 0 ? { pageCount: -1, pages: new Uint8Array(0) } : packPages()),
        ...((flags & HAS_MANY_OBJECTS) !== 0
          ? { objectCount: -1, objects: new Uint8Array(0) }
          : { objectCount, objects: objectBytes }),
      }
    }
  }
}

/** Whether a rising list has a value. */
function includes(values: Uint32Array, value: number): boolean {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return values[low] === value
}
