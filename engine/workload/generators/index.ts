/** The generators of synthetic workloads; adding one is adding a file and a line to `generators`. */
import type { Workload } from '../workload.ts'
import { GeneratorError, streamOfPlan } from './generator.ts'
import type { Generator, Parameters } from './generator.ts'
import { loop } from './loop.ts'
import { phased } from './phased.ts'
import { sequential } from './sequential.ts'
import { uniform } from './uniform.ts'
import { zipf } from './zipf.ts'

export { GeneratorError } from './generator.ts'
export type { Generator, ParameterDescription, Parameters } from './generator.ts'

export const generators: readonly Generator[] = [sequential, loop, uniform, zipf, phased]

export function generator(name: string): Generator {
  const found = generators.find((each) => each.name === name)
  if (found === undefined) {
    const names = generators.map((each) => each.name).join(', ')
    throw new GeneratorError('unknown-generator', 'generator', `there is no generator "${name}"; there are ${names}`)
  }
  return found
}

/** The parameters with defaults filled in. Throws GeneratorError on one that is unknown or outside its limits. */
export function completeParameters(of: Generator, given: Parameters = {}): Parameters {
  for (const name of Object.keys(given))
    if (!of.parameters.some((each) => each.name === name)) {
      const names = of.parameters.map((each) => each.name).join(', ')
      throw new GeneratorError('unknown-parameter', name, `${of.name} has no parameter "${name}"; it has ${names}`)
    }
  const complete: Record<string, number> = {}
  for (const { name, default: preset, minimum, maximum, isInteger } of of.parameters) {
    const value = given[name] ?? preset
    if (!(value >= minimum && value <= maximum) || (isInteger && !Number.isInteger(value)))
      throw new GeneratorError(
        'bad-parameter',
        name,
        `${name} of ${of.name} is ${value}, expected ${isInteger ? 'a whole number' : 'a number'} from ${minimum} to ${maximum}`,
      )
    complete[name] = value
  }
  return complete
}

/** A workload of one process from the generator called `name`. Nothing is stored: references are made as they are read. */
export function generateWorkload(name: string, given: Parameters = {}): Workload {
  const found = generator(name)
  const parameters = completeParameters(found, given)
  const settings = Object.entries(parameters).map(([parameter, value]) => `${parameter}=${value}`)
  return {
    name: found.title,
    source: `${found.name} ${settings.join(' ')}`,
    eventsPerReference: 1,
    processes: [streamOfPlan(found.name, found.plan(parameters))],
  }
}
