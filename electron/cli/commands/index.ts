/** The commands. Adding one is adding a file and a line here; a command's file is loaded when it is run. */
import type { Command } from '../command.ts'

interface CommandEntry {
  name: string
  meaning: string
  load: () => Promise<Command>
}

export const commands: readonly CommandEntry[] = [
  { name: 'run', meaning: 'run an experiment and record it', load: async () => (await import('./run.ts')).run },
  { name: 'replay', meaning: 'run a recorded run again, as it was or otherwise', load: async () => (await import('./replay.ts')).replay },
  { name: 'runs', meaning: 'list the recorded runs', load: async () => (await import('./runs.ts')).runs },
  { name: 'sysctl', meaning: "a run under the kernel's names: sysctl, swapinfo, vmstat, processes", load: async () => (await import('./sysctl.ts')).sysctl },
  { name: 'compare', meaning: "runs, or an experiment under several kernels' pagers, side by side", load: async () => (await import('./compare.ts')).compare },
  { name: 'gallery', meaning: 'ready experiments that show a known effect', load: async () => (await import('./gallery.ts')).gallery },
  { name: 'report', meaning: 'a report of one or more runs', load: async () => (await import('./report.ts')).report },
  { name: 'record', meaning: 'record what a real program does with its memory', load: async () => (await import('./record.ts')).record },
  { name: 'import', meaning: 'import a memory trace', load: async () => (await import('./import.ts')).importTrace },
  { name: 'workloads', meaning: 'list the workloads', load: async () => (await import('./workloads.ts')).workloads },
  { name: 'sweep', meaning: 'a grid of runs over the cores', load: async () => (await import('./sweep.ts')).sweep },
  { name: 'need', meaning: 'how much RAM a workload needs', load: async () => (await import('./need.ts')).need },
  { name: 'sim', meaning: 'misses of replacement policies at memory sizes', load: async () => (await import('./sim.ts')).sim },
  { name: 'mrc', meaning: 'misses of LRU at every memory size', load: async () => (await import('./mrc.ts')).mrc },
  { name: 'image', meaning: 'what is on a raw image', load: async () => (await import('./image.ts')).image },
  { name: 'verify', meaning: 'replay golden operation logs against the pagers', load: async () => (await import('./verify.ts')).verify },
  { name: 'sql', meaning: 'a query in SQL over runs and their events', load: async () => (await import('./sql.ts')).sql },
  { name: 'export', meaning: 'events, samples or references as a file for other programs', load: async () => (await import('./export.ts')).exportRun },
  { name: 'pack', meaning: 'make one file of a run', load: async () => (await import('./pack.ts')).pack },
  { name: 'unpack', meaning: 'take over a packed run', load: async () => (await import('./unpack.ts')).unpack },
  { name: 'check', meaning: 'whether the workspace is whole', load: async () => (await import('./check.ts')).check },
  { name: 'bench', meaning: "the project's benchmarks", load: async () => (await import('./bench.ts')).bench },
  { name: 'serve', meaning: 'open the workbench for a browser', load: async () => (await import('./serve.ts')).serve },
]
