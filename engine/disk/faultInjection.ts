/**
 * Injected faults: requests of a device that are made to fail, by a rule that gives the same answer in every run.
 *
 * A fault can be added while the machine runs, so the list itself is engine state: one row per fault over the columns
 * below. A row is kept when its count is used up; `remaining` is then 0.
 *
 *   device, isWrite, errno   what fails, and how
 *   fromRequest              first request that can fail: the device's reads, or its writes, counted from 0
 *   fromNs                   earliest virtual time at which a request can fail
 *   remaining                requests that are still to fail
 *   firstPage, endPage       pages of the device that a request must touch, endPage excluded
 */

import type { Columns } from '../sim/columns.ts'
import { DiskError } from './diskError.ts'

/** The error numbers that the pagers and their devices answer with, as all three kernels number them. */
export const Errno = {
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  ENOMEM: 12,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
} as const

/** Errors that a device's medium makes: found out after the work, not at the door. */
export function isMediumError(errno: number): boolean {
  return errno === Errno.EIO
}

export interface DeviceFault {
  /** Number of the device. */
  device: number
  direction: 'read' | 'write'
  errno: number
  /** First request, counted per device and direction from 0, that fails; 0 if left out. */
  fromRequest?: number
  /** Virtual nanoseconds from which on requests fail; 0 if left out. */
  fromNs?: number
  /** How many requests fail. */
  count: number
  /** First page of the device, and number of pages, that a request must touch to fail; all if left out. */
  firstPage?: number
  pages?: number
}

const initialRows = 8

export class FaultInjection {
  readonly #columns: Columns
  readonly #name: string
  /** [0] rows in use, [1] rows whose count is not used up. */
  #counts: Float64Array
  #device: Int32Array
  #isWrite: Uint8Array
  #errno: Int32Array
  #fromRequest: Float64Array
  #fromNs: Float64Array
  #remaining: Float64Array
  #firstPage: Float64Array
  #endPage: Float64Array

  constructor(columns: Columns, name = 'faults') {
    this.#columns = columns
    this.#name = name
    this.#counts = columns.define(`${name}.counts`, 'f64', 2)
    this.#device = columns.define(`${name}.device`, 'i32', initialRows)
    this.#isWrite = columns.define(`${name}.isWrite`, 'u8', initialRows)
    this.#errno = columns.define(`${name}.errno`, 'i32', initialRows)
    this.#fromRequest = columns.define(`${name}.fromRequest`, 'f64', initialRows)
    this.#fromNs = columns.define(`${name}.fromNs`, 'f64', initialRows)
    this.#remaining = columns.define(`${name}.remaining`, 'f64', initialRows)
    this.#firstPage = columns.define(`${name}.firstPage`, 'f64', initialRows)
    this.#endPage = columns.define(`${name}.endPage`, 'f64', initialRows)
    columns.onRebind(() => this.#rebind())
  }

  /** Adds a fault and answers its number. Throws DiskError `bad-fault` with the field at fault. */
  add(fault: DeviceFault): number {
    const { device, direction, errno, fromRequest = 0, fromNs = 0, count, firstPage = 0, pages = Infinity } = fault
    requireWhole('device', device, 0)
    requireWhole('errno', errno, 1)
    requireWhole('fromRequest', fromRequest, 0)
    requireWhole('fromNs', fromNs, 0)
    requireWhole('count', count, 1)
    requireWhole('firstPage', firstPage, 0)
    if (pages !== Infinity) requireWhole('pages', pages, 1)
    const row = this.#counts[0]!
    if (row === this.#device.length) this.#grow(row * 2)
    this.#device[row] = device
    this.#isWrite[row] = direction === 'write' ? 1 : 0
    this.#errno[row] = errno
    this.#fromRequest[row] = fromRequest
    this.#fromNs[row] = fromNs
    this.#remaining[row] = count
    this.#firstPage[row] = firstPage
    this.#endPage[row] = firstPage + pages
    this.#counts[0] = row + 1
    this.#counts[1]!++
    return row
  }

  /** Faults that have requests left to fail. */
  get active(): number {
    return this.#counts[1]!
  }

  /** Requests that fault `row` has still to fail. */
  remaining(row: number): number {
    return row < this.#counts[0]! ? this.#remaining[row]! : 0
  }

  /**
   * The errno that a request fails with, or 0. `request` is its number among the device's requests of its direction,
   * from 0. Of several faults that apply the first added is taken, and loses one of its count.
   */
  check(device: number, isWrite: boolean, request: number, now: number, page: number, pages: number): number {
    if (this.#counts[1] === 0) return 0
    const direction = isWrite ? 1 : 0
    const rows = this.#counts[0]!
    for (let row = 0; row < rows; row++) {
      if (
        this.#remaining[row]! > 0 &&
        this.#device[row] === device &&
        this.#isWrite[row] === direction &&
        request >= this.#fromRequest[row]! &&
        now >= this.#fromNs[row]! &&
        page < this.#endPage[row]! &&
        page + pages > this.#firstPage[row]!
      ) {
        if (--this.#remaining[row]! === 0) this.#counts[1]!--
        return this.#errno[row]!
      }
    }
    return 0
  }

  #grow(rows: number): void {
    const columns = this.#columns
    const name = this.#name
    columns.resize(`${name}.device`, 'i32', rows)
    columns.resize(`${name}.isWrite`, 'u8', rows)
    columns.resize(`${name}.errno`, 'i32', rows)
    columns.resize(`${name}.fromRequest`, 'f64', rows)
    columns.resize(`${name}.fromNs`, 'f64', rows)
    columns.resize(`${name}.remaining`, 'f64', rows)
    columns.resize(`${name}.firstPage`, 'f64', rows)
    columns.resize(`${name}.endPage`, 'f64', rows)
    this.#rebind()
  }

  #rebind(): void {
    const columns = this.#columns
    const name = this.#name
    this.#counts = columns.get(`${name}.counts`, 'f64')
    this.#device = columns.get(`${name}.device`, 'i32')
    this.#isWrite = columns.get(`${name}.isWrite`, 'u8')
    this.#errno = columns.get(`${name}.errno`, 'i32')
    this.#fromRequest = columns.get(`${name}.fromRequest`, 'f64')
    this.#fromNs = columns.get(`${name}.fromNs`, 'f64')
    this.#remaining = columns.get(`${name}.remaining`, 'f64')
    this.#firstPage = columns.get(`${name}.firstPage`, 'f64')
    this.#endPage = columns.get(`${name}.endPage`, 'f64')
  }
}

function requireWhole(field: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new DiskError(
    'bad-fault',
    `injected fault: ${field} must be a whole number of at least ${least}, not ${value}`,
    {
      field,
    },
  )
}
