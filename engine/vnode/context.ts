/** What a kernel's adapter is made of: the machine, the volume, its device, and what must be in the files. */
import type { Columns } from '../sim/columns.ts'
import type { Kernel } from '../sim/kernel.ts'
import { PAGE_SIZE } from '../vm/pages.ts'
import type { RegionTable } from '../vm/regions.ts'
import type { FileDevice } from './fileDevice.ts'
import type { FileTruth } from './fileTruth.ts'
import type { Operation } from './operation.ts'
import type { FileVolume } from './volume.ts'

/** What the files of a machine need of it beside the parts it shares. */
export interface FileKernel extends Kernel {
  /** Prints a console message: its id and figures. */
  message(id: string, a: number, b: number, c?: number): void
}

/** Constants of the kernels, under their names. */
export interface FileTunables {
  /** nbuf: buffers of the cache (FreeBSD, DragonFly); 0: by the kernel's formula, at most an eighth of memory. */
  nbuf: number
  /** vfs.hirunningspace: bytes of asynchronous writes on their way. */
  hirunningspace: number
  /** MAXPHYS: bytes of one transfer. */
  maxphys: number
  /** genfs_maxdio: bytes of one chunk of direct I/O (NetBSD). */
  maxdio: number
}

export interface FileContext {
  readonly columns: Columns
  readonly kernel: FileKernel
  readonly regions: RegionTable
  readonly volume: FileVolume
  readonly device: FileDevice
  readonly truth: FileTruth
  readonly tunables: FileTunables
  /** Begins an operation that nobody waits for. */
  readonly spawn: (run: Operation<unknown>) => void
  /** Whatever was dirty of a page has been written, or the page has gone. */
  readonly pageWritten: (frame: number) => void
}

/** v_pageout_free_min: pages that the page daemon keeps for itself. */
export const PAGEOUT_FREE_MIN = (2 * 65536) / PAGE_SIZE + 2

/** Fills bytes of a page with zeros. */
export function zeroBytes({ kernel }: FileContext, frame: number, offset: number, lengthBytes: number): void {
  if (kernel.contents.isReal) kernel.contents.view(frame).fill(0, offset, offset + lengthBytes)
}

/** Whether any mapping lets a process store into the page. */
export function isWriteMapped({ kernel }: FileContext, frame: number): boolean {
  const { pages, mappings } = kernel
  for (let mapping = pages.firstMapping[frame]!; mapping >= 0; mapping = mappings.next[mapping]!)
    if ((mappings.entry[mapping]! & 1) !== 0) return true
  return false
}

/** Bits of the sectors of a page that the bytes [from, to) touch. */
export function sectorBits(from: number, to: number): number {
  if (to <= from) return 0
  const first = Math.floor(from / 512)
  const end = Math.ceil(to / 512)
  return ((1 << end) - 1) & ~((1 << first) - 1)
}
