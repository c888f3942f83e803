/** pager sql: a question in SQL about what the workspace has. */
import { csvLine } from '../../../db/csv.ts'
import { SqlSession } from '../../../db/sql.ts'
import { workspacePaths } from '../../../db/workspace.ts'
import {
  commonHelp,
  note,
  onlyArgument,
  parse,
  positiveNumber,
  print,
  printJson,
  UsageError,
  wholeNumber,
  workspaceOf,
  type Command,
} from '../command.ts'
import { requireWorkspace } from '../requireWorkspace.ts'
import { table } from '../terminal.ts'

export const sql: Command = {
  help: `
pager sql QUERY [options]

Answers a query in SQL (SQLite's) over the workspace: its tables and views ("SELECT name FROM sqlite_schema"), and the events of
runs. Nothing can be changed by it.

  event(run, from_ns, to_ns, kind, page, object)   the events of a run; an argument that is left out or '' is no condition, and kind
                                                   may be several: 'swapin,swapout'
  event_time(run, bucket_ns, from_ns, to_ns)       events counted by buckets of virtual time and kind
  event_page(run, kind, from_ns, to_ns)            events counted by page and kind

What the functions' arguments say is looked up; what WHERE says is tried on every event. Those after the run have names
too: "... FROM event(1) WHERE of_kind = 'swapin'".

  --csv             as CSV
  --limit N         most rows (10000)
  --seconds X       most seconds (60)
${commonHelp}

  pager sql "SELECT kind, count(*) FROM event(1) GROUP BY kind"`,

  run(args) {
    const { values, positionals } = parse(args, {
      csv: { type: 'boolean', default: false },
      limit: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '60' },
    })
    const query = onlyArgument(positionals, 'query')
    if (values.csv && values.json) throw new UsageError('--csv and --json do not go together')
    const limits = {
      rows: wholeNumber(values.limit, '--limit', 1),
      seconds: positiveNumber(values.seconds, '--seconds'),
    }
    const workspace = workspaceOf(values.workspace)
    requireWorkspace(workspace)
    const session = new SqlSession(workspacePaths(workspace).database)
    try {
      const { columns, rows, more } = session.run(query, limits)
      if (values.json) printJson({ columns, rows, more })
      else if (values.csv) print([columns, ...rows].map(csvLine).join('\n'))
      else {
        const isNumber = columns.map(
          (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number' || row[i] === null),
        )
        print(
          table(
            columns.map((name, i) => (isNumber[i] ? `${name}#` : name)),
            rows.map((row) => row.map((value) => (value === null ? '' : String(value)))),
          ),
        )
      }
      if (more) note(`pager sql: there are more rows than ${limits.rows}; --limit raises it`)
      return Promise.resolve(0)
    } finally {
      session.close()
    }
  },
}
