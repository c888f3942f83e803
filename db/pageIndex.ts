/**
 * Which pages and objects the events of a chunk name, so that whoever looks for one page leaves most chunks alone.
 *
 * Pages are kept as a sorted list of hashes, of as many bits as makes some 32 values for each page that is named: a page that is not
 * in the chunk is taken to be there about once in 30 times. It takes about a byte for each different page, whatever the chunk's
 * events are. Objects are kept as they are.
 *
 * Layout of the pages' bytes: one byte with the number of bits, then the hashes as a column of u32 (codec.ts).
 */
import type { EventChunk } from '../engine/sim/events.ts'
import { decodeColumn, encodeColumn } from '../engine/workload/codec.ts'
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

const seenPages = new Int32Array(HASHES / 32)
const seenObjects = new Uint8Array(OBJECTS)
/** What is listed of either, before it is encoded. */
let listed = new Uint32Array(OBJECTS)

/** Pages that an event covers: `page` and what follows it. */
export const pagesCovered = (pages: number) => (pages > 1 ? pages : 1)

export function indexPages({ count, object: objects, page: pageIndices, pages: pageCounts }: EventChunk): PageIndex {
  seenPages.fill(0)
  seenObjects.fill(0)
  let isTooLarge = false
  let hasManyObjects = false
  for (let row = 0; row < count; row++) {
    const object = objects[row]!
    if (object < 0) continue
    if (object < OBJECTS) seenObjects[object] = 1
    else hasManyObjects = true
    const page = pageIndices[row]!
    const end = pagesCovered(pageCounts[row]!)
    if (end > PAGES_MAX) {
      isTooLarge = true
      continue
    }
    for (let i = 0; i < end; i++) {
      const hash = hashOf(object, page + i)
      seenPages[hash >>> 5]! |= 1 << (hash & 31)
    }
  }
  return {
    ...(isTooLarge ? { pageCount: -1, pages: new Uint8Array(0) } : packPages()),
    ...(hasManyObjects ? { objectCount: -1, objects: new Uint8Array(0) } : packObjects()),
  }
}

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

function packPages(): Pick<PageIndex, 'pageCount' | 'pages'> {
  let found = 0
  for (let at = 0; at < seenPages.length; at++) found += bitCount(seenPages[at]!)
  let bits = 1
  while (bits < HASH_BITS && 1 << bits < found * SPREAD) bits++
  const shift = HASH_BITS - bits
  if (listed.length < found) listed = new Uint32Array(found)
  const hashes = listed
  let count = 0
  let before = -1
  for (let at = 0; at < seenPages.length; at++) {
    for (let word = seenPages[at]!; word !== 0; word &= word - 1) {
      const hash = (at * 32 + 31 - Math.clz32(word & -word)) >>> shift
      if (hash !== before) hashes[count++] = hash
      before = hash
    }
  }
  const column = encodeColumn(hashes, count)
  const pages = new Uint8Array(column.length + 1)
  pages[0] = bits
  pages.set(column, 1)
  return { pageCount: count, pages }
}

function packObjects(): Pick<PageIndex, 'objectCount' | 'objects'> {
  let found = 0
  for (let object = seenObjects.indexOf(1); object >= 0; object = seenObjects.indexOf(1, object + 1))
    listed[found++] = object
  return { objectCount: found, objects: encodeColumn(listed, found) }
}

function bitCount(word: number): number {
  let rest = word - ((word >>> 1) & 0x55555555)
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333)
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
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
