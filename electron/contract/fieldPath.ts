/** Fields of an experiment by their path, as issues name them: `machine.frames`, `swap.devices[1].timing.model`; `[*]` is every entry. */

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The name of a field, the number of an entry, or "*" for all. */
type Step = string | number

/** Null for what is no path. */
function stepsOf(path: string): Step[] | null {
  if (!/^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*|\[(\d+|\*)\])*$/.test(path)) return null
  return [...path.matchAll(/[\w$]+|\*/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step))
}

/**
 * `input` with another value at the path; what `input` holds is not changed. Objects on the way that are missing are made, entries of
 * lists are not. Throws Error with what is wrong with the path.
 */
export function withField(input: unknown, path: string, value: unknown): unknown {
  const steps = stepsOf(path)
  if (!steps) throw new Error(`"${path}" is no path of a field, such as machine.frames or swap.devices[0].timing.model`)
  return changed(input, steps, value)
}

function changed(input: unknown, [step, ...rest]: Step[], value: unknown): unknown {
  if (step === undefined) return value
  if (step === '*') {
    if (!Array.isArray(input)) throw new Error('[*] stands for the entries of a list, and there is none')
    return input.map((entry) => changed(entry, rest, value))
  }
  if (typeof step === 'number') {
    if (!Array.isArray(input) || step >= input.length)
      throw new Error(`there is no entry ${step}; there are ${Array.isArray(input) ? input.length : 0}, counted from 0`)
    return input.map((entry: unknown, i) => (i === step ? changed(entry, rest, value) : entry))
  }
  if (input !== undefined && input !== null && !isRecord(input))
    throw new Error(`${step} would be a field of something that has none`)
  return { ...input, [step]: changed(input?.[step], rest, value) }
}
