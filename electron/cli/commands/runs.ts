/** pager runs: lists the recorded runs. */
import { withReader } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { bytes, count, seconds, table } from '../terminal.ts'

export const runs: Command = {
  help: `
pager runs [options]

Lists the recorded runs of the workspace, newest first.

${commonHelp}`,

  run(args) {
    const { values, positionals } = parse(args, {})
    if (positionals.length > 0) throw new UsageError(`"${positionals.join(' ')}" is too much`)
    const list = withReader(workspaceOf(values.workspace), ({ store }) => store.runs.list())
    if (values.json) printJson({ runs: list })
    else if (list.length === 0) print('No run is recorded yet.')
    else
      print(
        table(
          ['run#', 'name', 'status', 'references#', 'faults#', 'swap reads#', 'swap writes#', 'virtual time#', 'stored#'],
          list.map(({ id, name, status, totals, storedBytes }) => [
            String(id),
            name,
            status,
            count(totals.references),
            count(totals.faults),
            count(totals.swapins),
            count(totals.swapouts),
            seconds(totals.virtualSeconds),
            bytes(storedBytes),
          ]),
        ),
      )
    return Promise.resolve(0)
  },
}
