/** pager import: makes a workload of a memory trace. */
import path from 'node:path'
import { traceFormats } from '../../../engine/workload/importers/index.ts'
import { withWorkbench } from '../client.ts'
import {
  commonHelp,
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
import { followJob } from '../followJob.ts'
import { bytes, count } from '../terminal.ts'

export const importTrace: Command = {
  help: `
pager import FILE [options]

Imports a memory trace into the workspace, from where experiments name it. It may be compressed with gzip, zstd, xz or
bzip2; what it is is found from its content, whatever its name.

${traceFormats.map(({ name, description }) => `  ${name.padEnd(9)} ${description}`).join('\n')}

  --format FORMAT             ${traceFormats.map(({ name }) => name).join(', ')}; found by its content where it is left out
  --name NAME                 its name; the file's where it is left out
  --limit N                   references of each process that are taken; 0: all
  --events-per-reference X    raw events behind one reference of the trace, where a filter dropped some
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, {
      format: { type: 'string', default: '' },
      name: { type: 'string', default: '' },
      limit: { type: 'string', default: '0' },
      'events-per-reference': { type: 'string', default: '1' },
    })
    const file = path.resolve(onlyArgument(positionals, 'trace file'))
    const { format, name } = values
    if (format !== '' && !traceFormats.some((each) => each.name === format))
      throw new UsageError(`--format: there is no format "${format}"; there are ${traceFormats.map((each) => each.name).join(', ')}`)
    const limit = wholeNumber(values.limit, '--limit')
    const eventsPerReference = positiveNumber(values['events-per-reference'], '--events-per-reference')
    return withWorkbench(workspaceOf(values.workspace), async (client) => {
      const workload = await followJob(client, {
        begin: () => client.request('workloads.import', { path: file, format, name, limit, eventsPerReference }),
        listen: (line, isMine) => [
          client.on('job', ({ job, state, done, total }) => {
            if (state === 'running' && isMine(job)) line.show(`${bytes(done)} of ${bytes(total)}`, done / Math.max(1, total))
          }),
        ],
        interrupt: (job) => client.request('jobs.cancel', { job }),
      })
      if (values.json) printJson(workload)
      else
        print(
          `"${workload.name}": ${count(workload.references)} references to ${count(workload.footprint)} pages ` +
            `(${count(workload.pagesWritten)} of them written), ${bytes(workload.storedBytes)} stored`,
        )
      return 0
    })
  },
}
