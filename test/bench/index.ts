/** The benchmarks by name. Adding one is adding a file with `bench()` and a line here; a file is loaded when it is run. */
import type { BenchResult } from './result.ts'

export interface BenchModule {
  bench: () => Promise<BenchResult[]>
}

export const benches: Readonly<Record<string, () => Promise<BenchModule>>> = {
  blist: () => import('./blockList.ts'),
  engine: () => import('./engine.ts'),
  sim: () => import('./sim.ts'),
  store: () => import('./store.ts'),
  swap: () => import('./swap.ts'),
  torture: () => import('./torture.ts'),
}
