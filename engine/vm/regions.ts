/**
 * Map entries: which object backs which part of a process's address space, and how faults in it read ahead.
 * A row per region. Source of the read-ahead state: FreeBSD vm_map_entry's read_ahead and next_read.
 */
import type { Columns } from '../sim/columns.ts'

export class RegionTable {
  declare process: Int32Array
  /** First virtual page number, and pages. */
  declare start: Float64Array
  declare pages: Float64Array
  declare object: Int32Array
  /** Page index in the object of the region's first page. */
  declare offset: Float64Array
  /** Pages read ahead by the last sequential fault; the virtual page number that would continue it. */
  declare readAhead: Int32Array
  declare nextRead: Float64Array
  /** [0] regions. */
  #state: Int32Array = new Int32Array(0)
  readonly #columns: Columns

  constructor(columns: Columns) {
    this.#columns = columns
    this.process = columns.define('region.process', 'i32', 16)
    this.start = columns.define('region.start', 'f64', 16)
    this.pages = columns.define('region.pages', 'f64', 16)
    this.object = columns.define('region.object', 'i32', 16)
    this.offset = columns.define('region.offset', 'f64', 16)
    this.readAhead = columns.define('region.readAhead', 'i32', 16)
    this.nextRead = columns.define('region.nextRead', 'f64', 16)
    this.#state = columns.define('region.state', 'i32', 1)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.process = c.get('region.process', 'i32')
    this.start = c.get('region.start', 'f64')
    this.pages = c.get('region.pages', 'f64')
    this.object = c.get('region.object', 'i32')
    this.offset = c.get('region.offset', 'f64')
    this.readAhead = c.get('region.readAhead', 'i32')
    this.nextRead = c.get('region.nextRead', 'f64')
    this.#state = c.get('region.state', 'i32')
  }

  get count(): number {
    return this.#state[0]!
  }

  /** Adds a region; its number. */
  add(process: number, start: number, pages: number, object: number, offset: number): number {
    const region = this.#state[0]!
    if (region === this.process.length) {
      for (const name of ['process', 'object', 'readAhead'] as const)
        this.#columns.resize(`region.${name}`, 'i32', region * 2)
      for (const name of ['start', 'pages', 'offset', 'nextRead'] as const)
        this.#columns.resize(`region.${name}`, 'f64', region * 2)
      this.#rebind()
    }
    this.#state[0] = region + 1
    this.process[region] = process
    this.start[region] = start
    this.pages[region] = pages
    this.object[region] = object
    this.offset[region] = offset
    this.readAhead[region] = 0
    this.nextRead[region] = -1
    return region
  }
}
