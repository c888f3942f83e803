/**
 * The command line: `npx pager COMMAND ...`. Finds the command, runs it, and turns what it throws into one line on standard
 * error and exit status 2.
 */
import { writeSync } from 'node:fs'
import { errorShape } from '../hosts/dispatch.ts'
import type { Command } from './command.ts'
import { commands } from './commands/index.ts'

/** Runs a command. Answers the exit status; never throws. */
export async function main(argv: string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr])
    if (!stream.listeners('error').includes(onOutputError)) stream.on('error', onOutputError)
  const [name, ...args] = argv
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(overview())
    return name === undefined ? 2 : 0
  }
  const entry = commands.find((each) => each.name === name)
  if (!entry) {
    process.stderr.write(`pager: there is no command "${name}"; there are ${commands.map((each) => each.name).join(', ')}\n`)
    return 2
  }
  try {
    const command: Command = await entry.load()
    // what comes after -- belongs to somebody else
    const own = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined)
    if (own.includes('--help') || own.includes('-h')) {
      process.stdout.write(`${command.help.trim()}\n`)
      return 0
    }
    return await command.run(args)
  } catch (error) {
    const { code, message } = errorShape(error)
    const line = message.replace(/\s*\n\s*/g, ' ')
    process.stderr.write(`pager ${name}: ${code === 'internal' ? `internal error: ${line}` : line}\n`)
    if (process.env.PAGER_DEBUG && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
    return 2
  }
}

/**
 * Who reads the output may stop early, as `head` does: the rest of it is dropped, and the command ends as it would have. Output
 * that cannot be written for another reason, such as a full disk, ends it.
 */
function onOutputError(error: Error): void {
  const code = 'code' in error ? error.code : ''
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') return
  writeSync(2, `pager: the output cannot be written: ${error.message}\n`)
  process.exit(2)
}

function overview(): string {
  const width = Math.max(...commands.map((each) => each.name.length))
  const lines = commands.map((each) => `  ${each.name.padEnd(width)}  ${each.meaning}`)
  return `Pager Workbench: virtual-memory pagers on real disk images

  pager COMMAND [options]     pager COMMAND --help

${lines.join('\n')}

Exit status: 0; 1 if it ran and the result is negative; 2 if the input cannot be used.
`
}
