/** The policies by name. Adding one is adding a file and a line here. */
import { ReplacementError, type ReplacementPolicy } from '../simulator.ts'
import { arc } from './arc.ts'
import { clock, clock1 } from './clock.ts'
import { fifo } from './fifo.ts'
import { lru } from './lru.ts'
import { opt } from './opt.ts'
import { s3fifo } from './s3fifo.ts'
import { sieve } from './sieve.ts'

export const replacementPolicies: readonly ReplacementPolicy[] = [lru, fifo, clock, clock1, opt, arc, s3fifo, sieve]

/** Throws ReplacementError for a name that is not known; upper and lower case and hyphens do not matter. */
export function replacementPolicy(name: string): ReplacementPolicy {
  const plain = name.toLowerCase().replaceAll('-', '')
  const found = replacementPolicies.find((policy) => policy.name === plain)
  if (found === undefined) {
    const names = replacementPolicies.map((policy) => policy.name).join(', ')
    throw new ReplacementError('policy', `there is no policy "${name}"; there are ${names}`)
  }
  return found
}
