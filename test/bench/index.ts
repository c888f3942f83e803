/** The benchmarks by name. Adding one is adding a file with `bench()` and a line here; a file is loaded when it is run. */
import type { BenchResult } from './result.ts'

export interface BenchOptions {
  /** Take minutes and hundreds of megabytes where a benchmark has something to show with them. */
  long: boolean
  /** libCacheSim's cachesim, to measure replacement-only simulation against; empty: none. */
  peer: string
}

export interface BenchModule {
  bench: (options: BenchOptions) => Promise<BenchResult[]>
}

export const benches: Readonly<Record<string, () => Promise<BenchModule>>> = {
  blist: () => import('./blockList.ts'),
  engine: () => import('./engine.ts'),
  import: () => import('./import.ts'),
  sim: () => import('./sim.ts'),
  store: () => import('./store.ts'),
  swap: () => import('./swap.ts'),
  torture: () => import('./torture.ts'),
  vnode: () => import('./vnode.ts'),
  window: () => import('./window.ts'),
}
