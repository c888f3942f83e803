/** pager workloads: lists the workloads of the workspace. */
import { withReader } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { bytes, count, table } from '../terminal.ts'

export const workloads: Command = {
  help: `
pager workloads [options]

Lists the workloads of the workspace.

${commonHelp}`,

  run(args) {
    const { values, positionals } = parse(args, {})
    if (positionals.length > 0) throw new UsageError(`"${positionals.join(' ')}" is too much`)
    const list = withReader(workspaceOf(values.workspace), ({ store }) => store.workloads.list())
    if (values.json) printJson({ workloads: list })
    else if (list.length === 0) print('There is no workload yet; "pager import" makes one of a trace.')
    else
      print(
        table(
          ['name', 'processes#', 'references#', 'pages#', 'written#', 'stored#', 'source'],
          list.map((each) => [
            each.name,
            count(each.processes),
            count(each.references),
            count(each.footprint),
            count(each.pagesWritten),
            bytes(each.storedBytes),
            each.source,
          ]),
        ),
      )
    return Promise.resolve(0)
  },
}
