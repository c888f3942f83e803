/** Blocks of swap devices and pages of objects as the service sends them, and how their maps colour them. Pure. */
import { DataKind, DataPlaneError, decodeTable } from '../../../electron/contract/dataPlane.ts'
import { owners } from '../bench/owners.ts'

export interface BlockCells {
  count: number
  blocksPerCell: number
  /** Blocks of the device. */
  blocks: number
  /** Blocks of a cell that are used. */
  used: Int32Array
  /** Object and page of the first used block; -1: none. */
  object: Int32Array
  page: Float64Array
}

/** Decodes the answer to runs.blocks. Throws DataPlaneError. */
export function decodeBlocks(buffer: ArrayBuffer): BlockCells {
  const { kind, rows, columns, extra } = decodeTable(buffer)
  const [used, object, page] = columns
  if (kind !== DataKind.blocks || !(used instanceof Int32Array) || !(object instanceof Int32Array) || !(page instanceof Float64Array))
    throw new DataPlaneError('an answer about blocks lacks its columns')
  return { count: rows, blocksPerCell: extra[0], blocks: extra[1], used, object, page }
}

/** Classes of a map of blocks: owners by rank, other objects, and free ones last. */
export const blockColours = [...owners, '--q-free'] as const

/** Class of each cell; `ranked` are the objects that have a colour of their own, as in the map of frames. */
export function blockClasses(blocks: BlockCells, ranked: readonly number[]): Uint8Array {
  const own = new Map(ranked.slice(0, owners.length - 1).map((object, rank) => [object, rank]))
  return Uint8Array.from({ length: blocks.count }, (_, cell) =>
    (blocks.used[cell] ?? 0) === 0 ? owners.length : (own.get(blocks.object[cell] ?? -1) ?? owners.length - 1),
  )
}

/** Decodes the answer to runs.objectPages: the state bits of each page. Throws DataPlaneError. */
export function decodeObjectPages(buffer: ArrayBuffer): Uint8Array {
  const { kind, columns } = decodeTable(buffer)
  const [states] = columns
  if (kind !== DataKind.objectPages || !(states instanceof Uint8Array)) throw new DataPlaneError('an answer about pages lacks its column')
  return states
}

/** Classes of an object's pages, in the order of the legend. */
export const pageClasses = [
  { name: 'dirty in memory', colour: '--q-laundry' },
  { name: 'in memory', colour: '--q-active' },
  { name: 'in memory and in swap', colour: '--seq-5' },
  { name: 'in swap', colour: '--seq-3' },
  { name: 'of an object behind', colour: '--own-4' },
  { name: 'never touched', colour: '--q-free' },
] as const

/** Class of a page with these state bits (electron/contract/dataPlane.ts). */
export function pageClass(state: number): number {
  if (state & 8) return 4
  if (state & 4) return 0
  if (state & 1) return state & 2 ? 2 : 1
  return state & 2 ? 3 : 5
}
