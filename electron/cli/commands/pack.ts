/** pager pack: makes one file of a recorded run. */
import { statSync } from 'node:fs'
import path from 'node:path'
import { openWorkspace } from '../../../db/workspace.ts'
import { packRun } from '../../service/runPack.ts'
import { runNumber } from '../client.ts'
import { commonHelp, onlyArgument, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { writeOutput } from '../output.ts'
import { bytes } from '../terminal.ts'

export const pack: Command = {
  help: `
pager pack RUN -o FILE [options]

Makes one file of a recorded run: its configuration, events, samples, messages, keyframes, and the workloads that it read with how
they were recorded (command lines and paths of mapped files are among that). "pager unpack" takes it over on another machine,
where it can be replayed to the same digest. Raw images that were there before the run stay; a run that wants one says so when
it is replayed.

  -o, --out FILE    the file to make; there must be none of that name
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, { out: { type: 'string', short: 'o' } })
    const run = runNumber(onlyArgument(positionals, 'run'))
    const { out } = values
    if (out === undefined) throw new UsageError('where to? -o FILE says it')
    const workspace = openWorkspace(workspaceOf(values.workspace), { readOnly: true })
    try {
      await writeOutput(out, () => packRun(workspace.store, run, out, workspace.directory))
    } finally {
      workspace.close()
    }
    const size = statSync(out).size
    if (values.json) printJson({ run, file: path.resolve(out), bytes: size })
    else print(`run ${run} is in ${out}, ${bytes(size)}`)
    return 0
  },
}
