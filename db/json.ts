/** Reading JSON that was stored: what is not of the expected shape becomes the given substitute, never a wrong type. */

export type JsonObject = Record<string, unknown>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return null
  }
}

/** The members of a stored object that are numbers. */
export function numbersOf(value: unknown): Record<string, number> {
  const numbers: Record<string, number> = {}
  if (isObject(value))
    for (const [name, member] of Object.entries(value)) if (typeof member === 'number') numbers[name] = member
  return numbers
}

/** The member that a path such as "machine.frames" or "swap.devices" leads to; undefined if there is none. */
export function memberAt(value: unknown, path: string): unknown {
  let at = value
  for (const name of path.split('.')) {
    if (Array.isArray(at)) at = at[Number(name)]
    else if (isObject(at)) at = at[name]
    else return undefined
  }
  return at
}

export function textAt(value: unknown, path: string, substitute = ''): string {
  const member = memberAt(value, path)
  return typeof member === 'string' ? member : substitute
}

export function numberAt(value: unknown, path: string): number | null {
  const member = memberAt(value, path)
  return typeof member === 'number' ? member : null
}

export function listAt(value: unknown, path: string): unknown[] {
  const member = memberAt(value, path)
  return Array.isArray(member) ? member : []
}
