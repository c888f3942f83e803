/**
 * What the machines of the FreeBSD and DragonFly vnode pager logs share: a device of sectors, one file mapped onto it, the
 * contents that pages start with, the faults of a line, and page indices wider than the columns hold.
 */
import { crc32 } from 'node:zlib'
import { PAGE_SIZE, SECTOR_SIZE } from '../vm/pages.ts'
import {
  checkFields,
  flagField,
  integerField,
  isRecord,
  listField,
  plainJson,
  recordField,
  textField,
  UnusableLogError,
} from './log.ts'
import type { JsonRecord, JsonValue } from './log.ts'

/** A file on the logs' device. Offsets and lengths are bytes, blocks are file system blocks, sectors are 512 bytes. */
export class LogFile {
  readonly blockSize: number
  /** Most blocks that a run before or after a block is reported with. */
  readonly maxRun: number
  /** The size that the file system knows. */
  sizeBytes: number
  readonly #map: readonly number[]
  readonly #mapBase: number
  /** Sectors that were written; all others have the contents they were made with. */
  readonly #written = new Map<number, Uint8Array>()

  /** Reads the fields bsize, maxrun, map, map_base and fs_size of a setup. */
  constructor(setup: JsonRecord) {
    this.blockSize = integerField(setup, 'bsize', SECTOR_SIZE, 65536)
    this.maxRun = 'maxrun' in setup ? integerField(setup, 'maxrun', 0) : 0
    this.sizeBytes = integerField(setup, 'fs_size', 0)
    this.#map = integerList(setup, 'map')
    this.#mapBase = 'map_base' in setup ? integerField(setup, 'map_base', 0) : 0
  }

  /** The sector at which a block begins, -1 for a hole. */
  sectorOf(block: number): number {
    return this.#map[block - this.#mapBase] ?? -1
  }

  /** How many blocks follow (direction 1) or precede (-1) a block without a gap on the device, maxRun at most. */
  runLength(block: number, direction: 1 | -1): number {
    const sector = this.sectorOf(block)
    if (sector < 0) return 0
    let run = 0
    while (
      run < this.maxRun &&
      block + direction * (run + 1) >= 0 &&
      this.#continues(sector, block, direction * (run + 1))
    )
      run += 1
    return run
  }

  #continues(sector: number, block: number, distance: number): boolean {
    const there = this.sectorOf(block + distance)
    return there >= 0 && there === sector + (distance * this.blockSize) / SECTOR_SIZE
  }

  /** Fills `target` with device bytes from a sector on. */
  readSectors(sector: number, target: Uint8Array): void {
    for (let at = 0; at < target.length; at += SECTOR_SIZE) {
      const contents = this.#sector(sector + at / SECTOR_SIZE)
      target.set(target.length - at < SECTOR_SIZE ? contents.subarray(0, target.length - at) : contents, at)
    }
  }

  /** Fills `target` with the file's contents from an offset on, whatever its size. */
  read(offset: number, target: Uint8Array): void {
    for (const { block, within, at, length } of this.#pieces(offset, target.length)) {
      const sector = this.sectorOf(block)
      if (sector < 0) {
        target.fill(0, at, at + length)
        continue
      }
      for (let i = 0; i < length;) {
        const position = within + i
        const start = position % SECTOR_SIZE
        const part = Math.min(SECTOR_SIZE - start, length - i)
        target.set(this.#sector(sector + Math.floor(position / SECTOR_SIZE)).subarray(start, start + part), at + i)
        i += part
      }
    }
  }

  /** Writes through the map; what falls into a hole is dropped. */
  write(offset: number, bytes: Uint8Array): void {
    for (const { block, within, at, length } of this.#pieces(offset, bytes.length)) {
      const first = this.sectorOf(block)
      if (first < 0) continue
      for (let i = 0; i < length;) {
        const position = within + i
        const start = position % SECTOR_SIZE
        const part = Math.min(SECTOR_SIZE - start, length - i)
        const sector = first + Math.floor(position / SECTOR_SIZE)
        const contents = this.#written.get(sector) ?? this.#sector(sector)
        contents.set(bytes.subarray(at + i, at + i + part), start)
        this.#written.set(sector, contents)
        i += part
      }
    }
  }

  /** A byte range cut at block boundaries: place within the block, place within the range. */
  *#pieces(offset: number, length: number): Generator<{ block: number; within: number; at: number; length: number }> {
    for (let at = 0; at < length;) {
      const block = Math.floor((offset + at) / this.blockSize)
      const within = offset + at - block * this.blockSize
      const part = Math.min(this.blockSize - within, length - at)
      yield { block, within, at, length: part }
      at += part
    }
  }

  #sector(sector: number): Uint8Array {
    const written = this.#written.get(sector)
    if (written !== undefined) return written
    const contents = new Uint8Array(SECTOR_SIZE)
    // the array wraps to 8 bits; the terms stay far below 2^53
    const base = (sector * 31 + Math.floor(sector / 256) * 13) % 256
    for (let i = 0; i < SECTOR_SIZE; i++) contents[i] = base + i * 7 + (i >> 8) * 5
    return contents
  }
}

/** What fails during one line. */
export interface LogFaults {
  /** Errno name by file block. */
  readonly bmapErrors: ReadonlyMap<number, string>
  /** Bad sectors: [first, count]. */
  readonly bad: readonly (readonly [number, number])[]
  readonly read: TransferFault
  readonly write: TransferFault
  readonly isMemoryLow: boolean
}

/** The errno name that a transfer answers, "0" for none, and the most bytes it moves, Infinity where there is no limit. */
export interface TransferFault {
  readonly error: string
  readonly limitBytes: number
}

/** Reads a line's faults; `env` is its field of that name, and `optional` names what else it may have. */
export function readFaults(record: JsonRecord, optional: readonly string[] = []): LogFaults {
  const env = 'env' in record ? recordField(record, 'env') : {}
  checkFields(env, [], ['bmap_err', 'bad', 'read', 'write', 'lowmem', ...optional], 'env.')
  return {
    bmapErrors: new Map(
      pairs(env, 'bmap_err').map(([block, error]) => {
        if (typeof block === 'number' && typeof error === 'string') return [block, error]
        throw new UnusableLogError('log-field', 'field bmap_err: an entry is [block, errno name]', {
          field: 'env.bmap_err',
        })
      }),
    ),
    bad: pairs(env, 'bad').map(([first, count]) => {
      if (typeof first === 'number' && typeof count === 'number') return [first, count]
      throw new UnusableLogError('log-field', 'field bad: an entry is [first sector, count]', { field: 'env.bad' })
    }),
    read: transferFault(env, 'read'),
    write: transferFault(env, 'write'),
    isMemoryLow: 'lowmem' in env && flagField(env, 'lowmem'),
  }
}

function transferFault(env: JsonRecord, field: string): TransferFault {
  if (!(field in env)) return { error: '0', limitBytes: Infinity }
  const fault = recordField(env, field)
  checkFields(fault, [], ['err', 'limit'], `env.${field}.`)
  const limit = 'limit' in fault ? integerField(fault, 'limit') : -1
  return { error: 'err' in fault ? textField(fault, 'err') : '0', limitBytes: limit < 0 ? Infinity : limit }
}

/** Whether a device transfer meets a bad sector. */
export function meetsBadSector(faults: LogFaults, sector: number, lengthBytes: number): boolean {
  const end = sector + Math.ceil(lengthBytes / SECTOR_SIZE)
  return faults.bad.some(([first, count]) => first < end && sector < first + count)
}

/** A list of lists of two; empty where the field is absent. */
function pairs(record: JsonRecord, field: string): [JsonValue, JsonValue][] {
  if (!(field in record)) return []
  return listField(record, field).map((entry) => {
    if (Array.isArray(entry) && entry.length === 2) return [entry[0]!, entry[1]!]
    throw new UnusableLogError('log-field', `field ${field}: an entry is a list of two`, { field })
  })
}

export function integerList(record: JsonRecord, field: string): number[] {
  return listField(record, field).map((value) => {
    if (typeof value === 'number' && Number.isInteger(value)) return value
    throw new UnusableLogError('log-field', `field ${field} must be a list of integers`, { field })
  })
}

/** An optional record of a record, null where it is absent or null. */
export function optionalRecord(record: JsonRecord, field: string): JsonRecord | null {
  const value = record[field]
  if (value === undefined || value === null) return null
  if (isRecord(value)) return value
  throw new UnusableLogError('log-field', `field ${field} must be an object or null`, { field })
}

/** The bytes a page starts with. */
export function fillPage(page: Uint8Array, fill: number): void {
  for (let i = 0; i < PAGE_SIZE; i++) page[i] = fill * 29 + i * 11 + (i >> 8) * 3
}

/** The logs' checksum of bytes: CRC-32 as zlib computes it. */
export function checksum(bytes: Uint8Array): number {
  return crc32(bytes)
}

/** Bit 63 of the kernel's page index, in the 53 bits that a column holds. */
const TOP = 0x10_0000_0000_0000
const HALF = 1n << 51n
const SIGN = 1n << 63n

/**
 * A kernel's page index, unsigned 64 bits that the logs print as signed, as the 53 bits of a column: the top bit stands for the
 * top bit, and the 52 below it are the kernel's lowest. The order of indices is kept. Indices far from 0, 2^63 and 2^64 have no
 * such form: they are refused.
 */
export function toPageIndex(kernelIndex: JsonValue | undefined, field: string): number {
  if ((typeof kernelIndex === 'number' && Number.isInteger(kernelIndex)) || typeof kernelIndex === 'bigint') {
    const index = BigInt.asUintN(64, BigInt(kernelIndex))
    const rest = BigInt.asUintN(63, index)
    const low = Number(BigInt.asUintN(52, index))
    if (index === rest && rest < 2n * HALF) return low
    if (index !== rest && (rest < HALF || rest >= SIGN - HALF)) return TOP + low
  }
  throw new UnusableLogError(
    'log-field',
    `field ${field}: ${JSON.stringify(plainJson(kernelIndex ?? null))} is no page index that can be replayed`,
    { field },
  )
}

/** The reverse of `toPageIndex`, signed as the logs print it. */
export function fromPageIndex(pageIndex: number): number | bigint {
  if (pageIndex < TOP) return pageIndex
  const low = pageIndex - TOP
  return low < TOP / 2 ? BigInt(low) - SIGN : low - TOP
}
