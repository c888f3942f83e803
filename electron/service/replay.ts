/** What a run needs to be run again. */
import { isDeepStrictEqual } from 'node:util'
import type { RunDetail } from '../../db/types.ts'
import { ContractError } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import type { StartOptions } from './liveRuns.ts'

/** Statuses after which a replay ends at the same event, so that its digest must be the same. */
const comparable = new Set(['finished', 'kernel-panic', 'livelock'])

/**
 * The start of a replay of a recorded run, under `file` or, where that is null, its own configuration with everything that
 * was done to the machine. Images must be what they were. Throws ContractError.
 */
export function replayOptions(run: RunDetail, file: ExperimentFile | null): StartOptions {
  const own = ownFile(run)
  const isSame = file === null || isDeepStrictEqual(withoutName(file), withoutName(own))
  const images = new Map(run.devices.map((device) => [device.image, device.baseDigest]))
  const replayed = file ?? own
  return {
    file: isSame ? own : replayed,
    record: true,
    startPaused: false,
    replayOf: run.id,
    sameConfiguration: isSame && comparable.has(run.status),
    baseDigests: replayed.swap.devices.map((device) => images.get(device.image) ?? ''),
  }
}

function ownFile(run: RunDetail): ExperimentFile {
  const { file } = parseExperiment(run.file)
  if (!file)
    throw new ContractError({ code: 'damaged', message: `the configuration of run ${run.id} cannot be read by this version` })
  // what was foreseen and has not happened yet is still foreseen
  const foreseen = file.interventions.filter(({ at }) => at > run.totals.references)
  const { file: replayed } = parseExperiment({ ...file, interventions: [...run.interventions, ...foreseen] })
  if (!replayed)
    throw new ContractError({ code: 'damaged', message: `what was done to the machine of run ${run.id} cannot be read` })
  return replayed
}

const withoutName = (file: ExperimentFile) => ({ ...file, name: '', $schema: '' })
