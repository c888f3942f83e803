/** pager report: writes a report of runs. */
import { writeFileSync } from 'node:fs'
import { buildReportInput, findReportFormat, reportFormats } from '../../../db/report/index.ts'
import { errorShape } from '../../hosts/dispatch.ts'
import { runNumber, withReader } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { bytes } from '../terminal.ts'

export const report: Command = {
  help: `
pager report RUN... -o FILE [options]

Writes a report of one run, or of several side by side.

  -o, --output FILE   where to; - for standard output
  --format FORMAT     ${reportFormats.map(({ name }) => name).join(', ')}; found from FILE's ending where it is left out
  --title TEXT        its title
${commonHelp}`,

  run(args) {
    const { values, positionals } = parse(args, {
      output: { type: 'string', short: 'o' },
      format: { type: 'string' },
      title: { type: 'string' },
    })
    if (positionals.length === 0) throw new UsageError('which run? "pager runs" lists them')
    const ids = positionals.map(runNumber)
    const { output } = values
    if (output === undefined) throw new UsageError('-o FILE says where the report goes (- for standard output)')
    const name = values.format ?? /\.([a-z]+)$/i.exec(output)?.[1]?.toLowerCase() ?? 'html'
    if (name === 'pdf')
      throw new UsageError('--format pdf wants Electron or a Chromium, which this command does not start; write html and print it')
    const format = findReportFormat(name)
    if (!format) throw new UsageError(`--format: there is no format "${name}"; there are ${reportFormats.map((each) => each.name).join(', ')}`)
    const title = values.title === undefined ? {} : { title: values.title }
    const content = withReader(workspaceOf(values.workspace), ({ store }) => format.render(buildReportInput(store, ids, title)))
    if (output === '-') {
      process.stdout.write(content)
      return Promise.resolve(0)
    }
    try {
      writeFileSync(output, content)
    } catch (error) {
      throw new UsageError(`${output} cannot be written: ${errorShape(error).message}`)
    }
    const sizeBytes = Buffer.byteLength(content)
    if (values.json) printJson({ file: output, format: format.name, runs: ids, sizeBytes })
    else print(`${output}: ${bytes(sizeBytes)}`)
    return Promise.resolve(0)
  },
}
