/** What a run needs to be run again. */
import { isDeepStrictEqual } from 'node:util'
import type { RunDetail } from '../../db/types.ts'
import { ContractError } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import type { StartOptions } from './liveRuns.ts'
import type { VariantFile } from './protocol.ts'

/** Statuses after which a replay ends at the same event, so that its digest must be the same. */
const comparable = new Set(['finished', 'kernel-panic', 'livelock'])

/**
 * The start of a replay of a recorded run, under `file` or, where that is null, its own configuration with everything that
 * was done to the machine. Images must be what they were. A run with a pager variant wants that named again: what the store says is no
 * leave to execute a file. Throws ContractError.
 */
export function replayOptions(run: RunDetail, file: ExperimentFile | null, variant: VariantFile | null): StartOptions {
  if (run.variant && !variant && file === null)
    throw new ContractError({
      code: 'variant-wanted',
      message: `run ${run.id} ran with the pager variant ${run.variant.name}: replay it from the command line with --variant ${run.variant.file} (SHA-256 ${run.variant.digest})`,
      field: 'variant',
    })
  const own = ownFile(run)
  const isSame = file === null || isDeepStrictEqual(withoutName(file), withoutName(own))
  const isSameVariant = (variant?.digest ?? '') === (run.variant?.digest ?? '')
  const images = [...run.devices, ...(run.fileImage ? [run.fileImage] : [])]
  const replayed = file ?? own
  return {
    file: isSame ? own : replayed,
    record: true,
    startPaused: false,
    replayOf: run.id,
    sameConfiguration: isSame && isSameVariant && comparable.has(run.status),
    variant,
    baseDigests: new Map(images.flatMap(({ image, baseDigest }) => (baseDigest === '' ? [] : [[image, baseDigest]]))),
  }
}

/** The experiment of a recorded run with everything that was done to the machine. Throws ContractError `damaged`. */
export function ownFile(run: RunDetail): ExperimentFile {
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
