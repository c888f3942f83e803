/**
 * The processes of a machine: what state each is in, how long it has waited, what it holds, and which one goes when memory runs out.
 *
 *   unborn -> ready <-> blocked -> ended
 */
import { RegionFlag, type RegionTable } from '../vm/regions.ts'
import type { Columns } from './columns.ts'
import type { Kernel, OutOfMemoryReason } from './kernel.ts'
import type { KernelProcess } from './kernelNames.ts'

/** A process that waits for its fork is unborn. */
export const ProcessState = { ready: 0, blocked: 1, ended: 2, unborn: 3 } as const
/** Bits of a process's flags: P_PROTECTED, P_WKILLED. */
export const ProcessFlag = { protected: 1, killed: 2 } as const
/** Process numbers of the kernel begin here, so that none is mistaken for a system process. */
export const FIRST_PID = 1000

export interface ProcessTableParts {
  columns: Columns
  kernel: Kernel
  regions: RegionTable
  names: readonly string[]
  /** Pages that each process's stream knows. */
  pageCounts: readonly number[]
}

export class ProcessTable {
  /** ProcessState and ProcessFlag bits, by process. */
  state!: Uint8Array
  flags!: Uint8Array
  /** Since when a blocked process waits, ns; how often that was told. */
  waitsSince!: Float64Array
  waitMessages!: Int32Array
  /** RLIMIT_SWAP, bytes. */
  swapLimit!: Float64Array
  /** First mapping of each process. */
  base!: Int32Array
  #residentAtExit!: Float64Array
  #swapAtExit!: Float64Array
  readonly #parts: ProcessTableParts

  constructor(parts: ProcessTableParts) {
    const { columns, names } = parts
    this.#parts = parts
    columns.define('process.state', 'u8', names.length)
    columns.define('process.flags', 'u8', names.length)
    columns.define('process.waitsSince', 'f64', names.length)
    columns.define('process.waitMessages', 'i32', names.length)
    columns.define('process.swapLimit', 'f64', names.length).fill(Infinity)
    columns.define('process.base', 'i32', names.length)
    columns.define('process.residentAtExit', 'f64', names.length)
    columns.define('process.swapAtExit', 'f64', names.length)
    this.#rebind()
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const { columns } = this.#parts
    this.state = columns.get('process.state', 'u8')
    this.flags = columns.get('process.flags', 'u8')
    this.waitsSince = columns.get('process.waitsSince', 'f64')
    this.waitMessages = columns.get('process.waitMessages', 'i32')
    this.swapLimit = columns.get('process.swapLimit', 'f64')
    this.base = columns.get('process.base', 'i32')
    this.#residentAtExit = columns.get('process.residentAtExit', 'f64')
    this.#swapAtExit = columns.get('process.swapAtExit', 'f64')
  }

  get count(): number {
    return this.state.length
  }

  isAlive(process: number): boolean {
    const state = this.state[process]
    return state === ProcessState.ready || state === ProcessState.blocked
  }

  allEnded(): boolean {
    for (let process = 0; process < this.count; process++) if (this.isAlive(process)) return false
    return true
  }

  someReady(): boolean {
    return this.state.includes(ProcessState.ready)
  }

  /** Whether no other process is alive. */
  isLast(process: number): boolean {
    return this.state.every((_, other) => other === process || !this.isAlive(other))
  }

  /** A process ends: what it holds at that moment is kept for its row. */
  end(process: number): void {
    this.#residentAtExit[process] = this.#mappedPages(process)
    this.#swapAtExit[process] = this.#swapBlocks(process)
    this.state[process] = ProcessState.ended
  }

  /** A row for each process; one that has exited shows what it held then. */
  rows(): KernelProcess[] {
    return this.#parts.names.map((name, process) => {
      const hasExited = this.state[process] === ProcessState.ended
      return {
        pid: FIRST_PID + process,
        name,
        hasExited,
        residentPages: hasExited ? this.#residentAtExit[process]! : this.#mappedPages(process),
        swapBlocks: hasExited ? this.#swapAtExit[process]! : this.#swapBlocks(process),
      }
    })
  }

  /**
   * The processes that may be killed, the one that holds most first: swap, and, unless it is swap metadata that ran out, memory. FreeBSD's
   * vm_pageout_oom.
   */
  ranking(reason: OutOfMemoryReason): { process: number; size: number }[] {
    const sizes: { process: number; size: number }[] = []
    for (let process = 0; process < this.count; process++) {
      if (!this.isAlive(process) || this.flags[process] !== 0) continue
      const size = this.#swapBlocks(process) + (reason === 'swap-metadata' ? 0 : this.#killablePages(process))
      if (size > 0) sizes.push({ process, size })
    }
    return sizes.sort((a, b) => b.size - a.size || a.process - b.process)
  }

  /** pmap_resident_count */
  #mappedPages(process: number): number {
    const { kernel, pageCounts } = this.#parts
    const { entry } = kernel.mappings
    const base = this.base[process]!
    let mapped = 0
    for (let page = 0; page < pageCounts[process]!; page++) if (entry[base + page]! >= 0) mapped += 1
    return mapped
  }

  /** vmspace_swap_count */
  #swapBlocks(process: number): number {
    const { kernel, regions } = this.#parts
    let blocks = 0
    for (let region = regions.first[process]!; region >= 0; region = regions.next[region]!)
      if (regions.object[region]! >= 0)
        blocks += kernel.pager.countBlocks(regions.object[region]!, regions.offset[region]!, regions.pages[region]!)
    return blocks
  }

  /** Resident pages of objects that would go with a process. FreeBSD's vm_pageout_oom_pagecount. */
  #killablePages(process: number): number {
    const { kernel, regions } = this.#parts
    const { pages } = kernel
    let resident = 0
    for (let region = regions.first[process]!; region >= 0; region = regions.next[region]!) {
      const object = regions.object[region]!
      if (object < 0) continue
      if ((regions.flags[region]! & RegionFlag.needsCopy) !== 0 && pages.references[object] !== 1) continue
      resident += pages.residentPages[object]!
    }
    return resident
  }
}
