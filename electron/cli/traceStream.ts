/** The stream that a command over one trace works on: of a trace file, or of a workload of the workspace. */
import { statSync } from 'node:fs'
import path from 'node:path'
import { traceFormats } from '../../engine/workload/importers/index.ts'
import type { ProcessStream } from '../../engine/workload/workload.ts'
import { CompactStorage } from '../service/simulation.ts'
import { importFile } from '../service/workloads.ts'
import { UsageError, wholeNumber } from './command.ts'
import { bytes, ProgressLine } from './terminal.ts'

export interface StreamChoice {
  /** Name of the format; empty: found from the content. */
  format: string
  /** Number of the process, from 1 on; empty: the only one. */
  process: string
}

export const streamOptions = {
  format: { type: 'string', default: '' },
  process: { type: 'string', default: '' },
} as const

export const streamHelp = `  --format FORMAT   ${traceFormats.map(({ name }) => name).join(', ')}; found by its content where it is left out
  --process N       which process, of a trace of several`

/** Reads a trace. Throws UsageError or ContractError. */
export async function openTrace(trace: string, { format, process }: StreamChoice): Promise<ProcessStream> {
  if (format !== '' && !traceFormats.some((each) => each.name === format))
    throw new UsageError(`--format: there is no format "${format}"; there are ${traceFormats.map((each) => each.name).join(', ')}`)
  const file = path.resolve(trace)
  const total = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  const line = new ProgressLine()
  try {
    const workload = await importFile(file, {
      format,
      limit: 0,
      eventsPerReference: 1,
      storageFor: () => new CompactStorage(),
      onRead: (done) => line.show(`reading ${bytes(done)} of ${bytes(total)}`, done / Math.max(1, total)),
    })
    return processOf(trace, workload.processes, process)
  } finally {
    line.clear()
  }
}

function processOf(trace: string, processes: ProcessStream[], choice: string): ProcessStream {
  const number = choice === '' ? (processes.length === 1 ? 1 : 0) : wholeNumber(choice, '--process', 1)
  const stream = processes[number - 1]
  if (stream) return stream
  const names = processes.map(({ name }, index) => `${index + 1} (${name})`).join(', ')
  throw new UsageError(
    number === 0
      ? `${trace} has ${processes.length} processes; choose one by --process: ${names}`
      : `--process: ${trace} has no process ${number}; there are ${names}`,
  )
}

/** A memory size as people write it: frames, or a percentage of the footprint (rounded down, at least one frame). */
export function frameCount(text: string, footprint: number): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)
  if (!percent) return wholeNumber(text, '--frames', 1)
  const share = Number(percent[1])
  if (share <= 0) throw new UsageError(`--frames: "${text}" is no memory at all`)
  return Math.max(1, Math.floor((footprint * share) / 100))
}

/** The parts of a list with commas, none of them empty. */
export function listOf(text: string, option: string): string[] {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.includes('')) throw new UsageError(`${option}: "${text}" has an empty entry`)
  return parts
}
