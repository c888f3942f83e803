/**
 * What a command of the command line is, and what all of them share: options, errors, the terminal.
 *
 * Exit status: 0, 1 (it ran and the result is negative), 2 (unusable input: one line on standard error).
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { ContractError } from '../contract/contract.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { defaultWorkspace } from '../hosts/defaultWorkspace.ts'

export interface Command {
  /** What `pager NAME --help` prints. */
  help: string
  /** Answers the exit status. Throws what is wrong with the input. */
  run(args: string[]): Promise<number>
}

/** Options that every command takes. */
export const commonOptions = {
  help: { type: 'boolean', short: 'h' },
  workspace: { type: 'string' },
  json: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig

export const commonHelp = `  --workspace DIR   the workspace: $PAGER_WORKSPACE, else ~/PagerWorkbench
  --json            print one line of JSON
  --help            this text`

/** Something about the command line itself. */
export class UsageError extends Error {
  readonly code = 'usage'
}

/** Options and positional arguments. Throws UsageError for an option that is not known or has no value. */
export function parse<T extends ParseArgsOptionsConfig>(args: string[], options: T) {
  try {
    return parseArgs({ args, options: { ...commonOptions, ...options }, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(
      errorShape(error)
        .message.replace(/\. To specify a positional.*$/s, '')
        .replace(/^Option '(\S+)[^']*' argument is ambiguous.*$/s, '$1: a value that begins with a dash is written $1=-...'),
    )
  }
}

/** The only positional argument there must be. */
export function onlyArgument(positionals: string[], what: string): string {
  const [first, second] = positionals
  if (first === undefined) throw new UsageError(`which ${what}? See --help`)
  if (second !== undefined) throw new UsageError(`one ${what} only; "${second}" is too much`)
  return first
}

/** What `--help` says of a variant wherever one can be given. */
export const variantHelp = `  --variant FILE    a pager variant decides in the pager's place (docs/variants.md). The file is a program: it is
                    executed with all your rights, so name none that you have not read`

/** A whole number from `minimum` on. */
export function wholeNumber(text: string, what: string, minimum = 0): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= minimum) return value
  throw new UsageError(`${what}: "${text}" is no whole number from ${minimum} on`)
}

export function positiveNumber(text: string, what: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new UsageError(`${what}: "${text}" is no number above 0`)
}

export const workspaceOf = (option: string | undefined): string => option ?? defaultWorkspace()

/** Adds a place (a file) to the front of an error's message. */
export function atPlace(place: string, error: unknown): Error {
  const { message, ...shape } = errorShape(error)
  return shape.code === 'internal' && error instanceof Error ? error : new ContractError({ ...shape, message: `${place}: ${message}` })
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** A line on standard error that is not the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
