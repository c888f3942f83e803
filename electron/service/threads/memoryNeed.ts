/** A thread of the search for the smallest RAM: makes machine after machine of one experiment, without contents and recording. */
import { parentPort } from 'node:worker_threads'
import { TraceStore } from '../../../db/traceStore.ts'
import { workspacePaths } from '../../../db/workspace.ts'
import { NullStore } from '../../../engine/disk/blockStore.ts'
import type { Experiment } from '../../../engine/sim/experiment.ts'
import { ExperimentError } from '../../../engine/sim/experiment.ts'
import { Machine } from '../../../engine/sim/machine.ts'
import { Counter, COUNTERS, Gauge, SAMPLE_WIDTH } from '../../../engine/sim/metrics.ts'
import { LABEL_PAGES } from '../../../engine/swap/devices.ts'
import { ContractError } from '../../contract/contract.ts'
import { toEngineExperiment, type ExperimentFile } from '../../contract/experiment.ts'
import type { MachineRun, MachineSize } from '../needSearch.ts'
import { serveCalls } from '../threadCalls.ts'
import { resolveWorkloads, type ResolvedWorkloads } from '../workloads.ts'

export interface NeedCalls {
  /** Opens the workloads. Throws what is wrong with the experiment, with its field. */
  prepare(workspace: string, file: ExperimentFile): { footprint: number; references: number }
  /** Null for a machine that is too small to be one, and for one whose virtual time passes the limit. */
  run(size: MachineSize, limitNs: number): MachineRun | null
}

/** Between two looks at the virtual time. */
const REFERENCES_PER_CALL = 1 << 16

if (!parentPort) throw new Error('this file is a thread of the workbench')
let base: { experiment: Experiment; workloads: ResolvedWorkloads } | null = null

serveCalls<NeedCalls>(parentPort, {
  prepare: async (workspace, file) => {
    const store = TraceStore.open(workspacePaths(workspace).database, { readOnly: true })
    const workloads = await resolveWorkloads(file, store, workspace)
    const experiment = toEngineExperiment(file, workloads.footprint, workloads.eventsPerReference)
    base = { experiment, workloads }
    return { footprint: workloads.footprint, references: workloads.references }
  },
  run: runMachine,
})

function runMachine({ frames, devices, swapPages }: MachineSize, limitNs: number): MachineRun | null {
  if (!base) throw new Error('a machine is asked for before its workloads are there')
  const { experiment, workloads } = base
  const [model] = experiment.swap.devices
  if (!model) throw new Error('an experiment without a swap device was not given one')
  const pagesOfEach = Math.max(1, Math.ceil(swapPages / devices)) + LABEL_PAGES
  let peakSwapPages = 0
  const swapUsed = 1 + COUNTERS + Gauge.swapUsed
  let machine: Machine
  try {
    machine = new Machine({
      experiment: {
        ...experiment,
        machine: { ...experiment.machine, frames },
        swap: { ...experiment.swap, devices: Array.from({ length: devices }, () => model) },
        contents: 'none',
      },
      processes: workloads.processes,
      stores: Array.from({ length: devices }, () => new NullStore(pagesOfEach)),
      makeFileStore: (pages) => new NullStore(pages),
      trace: {
        take: (chunk) => {
          chunk.count = 0
          return chunk
        },
      },
      samples: {
        take: (rows, count) => {
          for (let row = 0; row < count; row++)
            peakSwapPages = Math.max(peakSwapPages, rows[row * SAMPLE_WIDTH + swapUsed] ?? 0)
        },
      },
      messages: () => undefined,
    })
  } catch (error) {
    if (error instanceof ExperimentError) return null
    throw error
  }
  while (machine.run(REFERENCES_PER_CALL) === 'running') if (machine.virtualNs > limitNs) return null
  if (machine.status === 'failed')
    throw new ContractError({ code: 'failed', message: machine.problem ?? 'the machine failed' })
  machine.finish()
  return {
    isComplete: machine.status === 'finished' && machine.references >= workloads.references,
    virtualNs: machine.virtualNs,
    peakSwapPages,
    hasEvicted: (machine.totals()[Counter.evictions] ?? 0) > 0,
  }
}
