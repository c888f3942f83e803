/** Finding valgrind and the program, and how the one is told to run the other. */
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { ContractError } from '../../contract/contract.ts'

const HOW_TO_GET =
  'recording a program wants valgrind, and there is none on the PATH; install it (Debian and Ubuntu: apt-get install valgrind; ' +
  'Fedora: dnf install valgrind; Arch: pacman -S valgrind)'

/** The path of valgrind. Throws ContractError `no-valgrind` that says how to get it. */
export function findValgrind(environment: NodeJS.ProcessEnv = process.env): string {
  if (process.platform !== 'linux')
    throw new ContractError({
      code: 'no-valgrind',
      message: `recording a program works on Linux; this is ${process.platform}`,
    })
  const found = findOnPath('valgrind', environment)
  if (found === undefined) throw new ContractError({ code: 'no-valgrind', message: HOW_TO_GET })
  return found
}

/** The program's path. Throws ContractError `no-program`. */
export function findProgram(program: string, directory: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (program === '') throw noProgram('which program?')
  const found = program.includes('/') ? path.resolve(directory, program) : findOnPath(program, environment)
  if (found === undefined) throw noProgram(`there is no program "${program}" on the PATH`)
  const stat = statSync(found, { throwIfNoEntry: false })
  if (!stat) throw noProgram(`there is no program ${found}`)
  if (!stat.isFile() || !isExecutable(found)) throw noProgram(`${found} is not a program that may be executed`)
  return found
}

/** `logs` is a folder in which each process gets a file of its own, named by its process id. */
export function valgrindArguments(options: {
  logs: string
  followChildren: boolean
  program: string
  programArguments: string[]
}): string[] {
  return [
    '--tool=lackey',
    '--trace-mem=yes',
    '--basic-counts=no',
    // where a process forks, and whom it waits for
    '--trace-syscalls=yes',
    `--trace-children=${options.followChildren ? 'yes' : 'no'}`,
    `--child-silent-after-fork=${options.followChildren ? 'no' : 'yes'}`,
    // what a user's own ~/.valgrindrc says would come into the way
    '--command-line-only=yes',
    '--vgdb=no',
    `--log-file=${path.join(options.logs.replaceAll('%', '%%'), '%p')}`,
    '--',
    options.program,
    ...options.programArguments,
  ]
}

export function findOnPath(name: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  for (const folder of (environment.PATH ?? '').split(path.delimiter)) {
    const candidate = path.join(folder === '' ? '.' : folder, name)
    if (statSync(candidate, { throwIfNoEntry: false })?.isFile() && isExecutable(candidate))
      return path.resolve(candidate)
  }
  return undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const noProgram = (message: string) => new ContractError({ code: 'no-program', message, field: 'program' })
