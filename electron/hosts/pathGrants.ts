/**
 * Which files an untrusted window may name: those inside the workspace, and those that a person gave it (a dialog, a
 * file dropped on it, an upload). Anything else is refused before the workbench sees it, so that a window that was
 * taken over cannot read or write what it likes through the service.
 */
import { realpathSync } from 'node:fs'
import path from 'node:path'
import { ContractError } from '../contract/contract.ts'
import { expandSweep } from '../contract/sweep.ts'

export class PathGrants {
  readonly #granted = new Set<string>()
  #workspace: string

  constructor(workspace: string) {
    this.#workspace = real(workspace)
  }

  /** Another workspace is open: what was given before is forgotten. */
  moveTo(workspace: string): void {
    this.#workspace = real(workspace)
    this.#granted.clear()
  }

  /** A person gave this file to the window. */
  grant(file: string): void {
    this.#granted.add(real(file))
  }

  covers(file: string): boolean {
    const target = real(path.resolve(this.#workspace, file))
    return this.#granted.has(target) || target === this.#workspace || target.startsWith(this.#workspace + path.sep)
  }

  /** The files that a request names and that the window was not given: [field, path]. */
  refused(method: string, params: unknown): [string, string][] {
    return namedPaths(method, params).filter(([, file]) => !this.covers(file))
  }

  refusal(field: string, file: string): ContractError {
    return new ContractError({
      code: 'path-not-given',
      message: `${file} lies outside the workspace ${this.#workspace}: choose it with a file dialog, drop it on the window, or put it into the workspace`,
      field,
    })
  }
}

/** Requests whose `path` is a file. */
const ofFiles = new Set(['images.add', 'workloads.import', 'runs.unpack'])

/** Fields of a request that name files: [field, path]. */
function namedPaths(method: string, params: unknown): [string, string][] {
  if (!isRecord(params)) return []
  if (ofFiles.has(method))
    return typeof params.path === 'string' ? [['path', params.path]] : []
  if (method.startsWith('sweeps.')) return sweepPaths(params.file)
  return experimentPaths(params.file)
}

/** Files that the experiments of a sweep name, each once. */
function sweepPaths(file: unknown): [string, string][] {
  const found = new Map<string, string>()
  for (const cell of expandSweep(file).cells ?? [])
    for (const [field, named] of experimentPaths(cell.file)) found.set(named, field)
  return [...found].map(([named, field]) => [field, named])
}

/** Files that an experiment names: [field, path]. An image is one if it has a slash; else it is a name. Never throws. */
export function experimentPaths(file: unknown): [string, string][] {
  if (!isRecord(file)) return []
  const { swap, processes, files } = file
  const found: [string, string][] = []
  if (isRecord(swap) && Array.isArray(swap.devices))
    swap.devices.forEach((device: unknown, i) => {
      if (isRecord(device) && typeof device.image === 'string' && /[/\\]/.test(device.image))
        found.push([`swap.devices[${i}].image`, device.image])
    })
  if (isRecord(files) && typeof files.image === 'string' && /[/\\]/.test(files.image)) found.push(['files.image', files.image])
  if (Array.isArray(processes))
    processes.forEach((each: unknown, i) => {
      if (isRecord(each) && isRecord(each.workload) && typeof each.workload.file === 'string')
        found.push([`processes[${i}].workload.file`, each.workload.file])
    })
  return found
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Links resolved as far as the path exists, so that one cannot lead out of the workspace. */
function real(file: string): string {
  const absolute = path.resolve(file)
  try {
    return realpathSync(absolute)
  } catch {
    const parent = path.dirname(absolute)
    return parent === absolute ? absolute : path.join(real(parent), path.basename(absolute))
  }
}
