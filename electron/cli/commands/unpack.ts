/** pager unpack: takes over a run that `pager pack` made a file of. */
import path from 'node:path'
import { withWorkbench } from '../client.ts'
import { commonHelp, onlyArgument, parse, print, printJson, workspaceOf, type Command } from '../command.ts'

export const unpack: Command = {
  help: `
pager unpack FILE [options]

Takes over a packed run into the workspace, with the workloads that it read. Everything in the file is checked first; where something is
wrong nothing of it stays.

${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, {})
    const file = path.resolve(onlyArgument(positionals, 'packed run'))
    return withWorkbench(workspaceOf(values.workspace), async (client) => {
      const { id } = await client.request('runs.unpack', { path: file })
      const run = await client.request('runs.get', { id })
      if (values.json) printJson({ run: id, name: run.name, status: run.status, traceDigest: run.totals.traceDigest })
      else print(`"${run.name}" is run ${id}; "pager replay ${id}" runs it again`)
      return 0
    })
  },
}
