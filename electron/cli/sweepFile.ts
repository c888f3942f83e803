/** Reading a sweep file: its experiment is fetched where it is a file of its own, and paths become absolute. */
import path from 'node:path'
import { ContractError } from '../contract/contract.ts'
import { isRecord } from '../contract/fieldPath.ts'
import { expandSweep, VARIANT, type SweepFile } from '../contract/sweep.ts'
import { readExperimentFile, readJsonFile } from './experimentFile.ts'

/** Throws ContractError that names file, line or field. */
export function readSweepFile(file: string): SweepFile {
  const input = readJsonFile(file)
  if (!isRecord(input))
    throw new ContractError({
      code: 'bad-sweep',
      message: `${file}: is no sweep: an object with "experiment" and "vary"`,
    })
  const base = path.dirname(path.resolve(file))
  const { experiment, vary } = input
  const named = { name: path.basename(file).replace(/\.json$/, ''), ...input }
  const resolved = {
    ...named,
    ...(experiment === undefined
      ? {}
      : {
          experiment:
            typeof experiment === 'string'
              ? readExperimentFile(path.resolve(base, experiment))
              : absolute(experiment, base),
        }),
    ...(isRecord(vary)
      ? {
          vary: Object.fromEntries(
            Object.entries(vary).map(([field, values]) => [field, absoluteAt(field, values, base)]),
          ),
        }
      : {}),
  }
  const { sweep, issues } = expandSweep(resolved)
  if (sweep) return sweep
  const [first, ...others] = issues
  const more =
    others.length === 0 ? '' : ` (and ${others.length} more: ${others.map((issue) => issue.field).join(', ')})`
  throw new ContractError({
    code: 'bad-sweep',
    message: `${file}: ${first.field}: ${first.message}${more}`,
    field: first.field,
  })
}

/** The values of a varied field, with paths among them absolute. */
function absoluteAt(field: string, values: unknown, base: string): unknown {
  if (!Array.isArray(values)) return values
  if (field === VARIANT)
    return values.map((value: unknown) =>
      typeof value === 'string' && value !== '' ? path.resolve(base, value) : value,
    )
  const last = /[\w$]+$/.exec(field)?.[0] ?? ''
  return values.map((value: unknown) => absoluteMember(last, value, base))
}

/** Whatever has an `image` or a `file` in it, with those absolute; images without a slash are the workspace's. */
function absolute(value: unknown, base: string): unknown {
  if (Array.isArray(value)) return value.map((member: unknown) => absolute(member, base))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, absoluteMember(name, member, base)]))
}

function absoluteMember(name: string, value: unknown, base: string): unknown {
  if (typeof value !== 'string') return absolute(value, base)
  const isFile = name === 'image' ? /[/\\]/.test(value) : name === 'file'
  return isFile ? path.resolve(base, value) : value
}
