/** What a schema finds wrong, in words that read on after a field's name: "must be 32 at the most". */
import type { z } from 'zod'

const kinds: Record<string, string> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

const quoted = (value: unknown): string => (typeof value === 'string' ? `"${value}"` : String(value))

/** "a", "a or b", "a, b or c". */
function anyOf(values: readonly unknown[]): string {
  const words = values.map(quoted)
  const last = words.pop() ?? ''
  return words.length === 0 ? last : `${words.join(', ')} or ${last}`
}

const figure = (limit: number | bigint): string => limit.toLocaleString('en-US')

/** `missing`: nothing stands at the issue's place. What is not known here is said in the schema's own words. */
export function issueText(issue: z.core.$ZodIssue, missing = false): string {
  switch (issue.code) {
    case 'invalid_type':
      return missing ? 'is missing' : `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return missing ? 'is missing' : `must be ${anyOf(issue.values)}`
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? `must be ${anyOf(issue.options)}`
        : 'fits none of the forms it can have'
    case 'too_big':
      if (issue.origin === 'array') return `must have ${figure(issue.maximum)} entries at the most`
      if (issue.origin === 'string') return `must have ${figure(issue.maximum)} characters at the most`
      return issue.inclusive
        ? `must be ${figure(issue.maximum)} at the most`
        : `must be less than ${figure(issue.maximum)}`
    case 'too_small':
      if (issue.origin === 'array')
        return issue.minimum === 1
          ? 'must have at least one entry'
          : `must have at least ${figure(issue.minimum)} entries`
      if (issue.origin === 'string')
        return issue.minimum === 1 ? 'must not be empty' : `must have at least ${figure(issue.minimum)} characters`
      return issue.inclusive
        ? `must be at least ${figure(issue.minimum)}`
        : `must be more than ${figure(issue.minimum)}`
    default:
      return issue.message
  }
}
