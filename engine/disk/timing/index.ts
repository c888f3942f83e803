/** The timing models by name. Another one is one more file here and one more line in the list below. */

import type { Columns } from '../../sim/columns.ts'
import { DiskError } from '../diskError.ts'
import { hdd } from './hdd.ts'
import { instant } from './instant.ts'
import { measured } from './measured.ts'
import { nfs } from './nfs.ts'
import { nvme } from './nvme.ts'
import { ssd } from './ssd.ts'
import type { TimingModel, TimingModelDefinition } from './timingModel.ts'

export type { TimingModel, TimingModelDefinition, TimingModelOptions, TimingParameter } from './timingModel.ts'

export const timingModels: readonly TimingModelDefinition[] = [instant, hdd, ssd, nvme, nfs, measured]

/** The definition of a model. Throws DiskError `no-such-timing-model`. */
export function timingModelNamed(name: string): TimingModelDefinition {
  const definition = timingModels.find((model) => model.name === name)
  if (definition !== undefined) return definition
  const names = timingModels.map((model) => model.name).join(', ')
  throw new DiskError('no-such-timing-model', `there is no timing model ${name}; there are ${names}`, {
    field: 'model',
  })
}

/**
 * All parameters of a model: the given ones, and defaults for the rest. Throws DiskError `bad-parameter` that names the
 * parameter if one is unknown or out of its bounds.
 */
export function timingParameters(
  definition: TimingModelDefinition,
  given: Readonly<Record<string, number>> = {},
): Record<string, number> {
  for (const name of Object.keys(given)) {
    if (definition.parameters.some((parameter) => parameter.name === name)) continue
    const names = definition.parameters.map((parameter) => parameter.name).join(', ')
    const known = names === '' ? 'it has none' : `it has ${names}`
    throw new DiskError('bad-parameter', `timing model ${definition.name} has no parameter ${name}; ${known}`, {
      field: name,
    })
  }
  const parameters: Record<string, number> = {}
  for (const { name, unit, default: byDefault, min, max, isWhole } of definition.parameters) {
    const value = given[name] ?? byDefault
    if (!(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
      throw new DiskError(
        'bad-parameter',
        `timing model ${definition.name}: ${name} must be ${isWhole ? 'a whole number ' : ''}from ${min} to ${max} ${unit}, not ${value}`,
        { field: name },
      )
    }
    parameters[name] = value
  }
  return parameters
}

export interface TimingModelChoice {
  model: string
  parameters?: Readonly<Record<string, number>>
}

/** Makes the chosen model for a device of `sizePages`; its state is in columns whose names begin with `name`. */
export function createTimingModel(
  choice: TimingModelChoice,
  columns: Columns,
  name: string,
  sizePages: number,
): TimingModel {
  const definition = timingModelNamed(choice.model)
  const parameters = timingParameters(definition, choice.parameters)
  return definition.create({ columns, name, sizePages, parameters })
}
