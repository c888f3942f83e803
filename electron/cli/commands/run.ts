/** pager run: runs an experiment file. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { makeFolder } from '../../../db/makeFolder.ts'
import type { WorkbenchClient } from '../../contract/contract.ts'
import { errorShape } from '../../hosts/dispatch.ts'
import { withWorkbench } from '../client.ts'
import {
  atPlace,
  commonHelp,
  note,
  onlyArgument,
  parse,
  print,
  printJson,
  UsageError,
  variantHelp,
  workspaceOf,
  type Command,
} from '../command.ts'
import { readExperimentFile } from '../experimentFile.ts'
import { exitStatusOf, followRun, totalsText } from '../follow.ts'
import { writeOutput } from '../output.ts'

export const run: Command = {
  help: `
pager run EXPERIMENT.json [options]

Runs an experiment and records it in the workspace. Prints its totals.

  --out DIR         also write report.html, samples.csv and totals.json there
  --no-record       keep nothing of the run but its totals and trace digest
${variantHelp}
${commonHelp}

Images named without a slash are those of the workspace; other paths start at the experiment file's folder.
Exit status: 0 finished; 1 stopped, failed, panicked or looped; 2 the experiment cannot be run.`,

  async run(args) {
    const { values, positionals } = parse(args, {
      out: { type: 'string' },
      'no-record': { type: 'boolean' },
      variant: { type: 'string' },
    })
    const name = onlyArgument(positionals, 'experiment file')
    const { out } = values
    const record = values['no-record'] !== true
    if (out !== undefined && !record)
      throw new UsageError('--out makes a report of what was recorded, so it does not go with --no-record')
    const file = readExperimentFile(name)
    if (out !== undefined) await writeOutput(out, () => makeFolder(out))
    const variant = values.variant === undefined ? {} : { variant: path.resolve(values.variant) }
    return withWorkbench(workspaceOf(values.workspace), async (client) => {
      const start = () =>
        client.request('runs.start', { file, record, startPaused: false, ...variant }).catch((error: unknown) => {
          // what is wrong with a variant begins with its own file
          throw errorShape(error).field === 'variant' ? error : atPlace(name, error)
        })
      const ended = await followRun(client, start)
      if (out !== undefined && ended.totals.run !== null) {
        writeFileSync(path.join(out, 'totals.json'), `${JSON.stringify(ended.totals, null, 2)}\n`)
        await writeReport(client, ended.id, 'html', path.join(out, 'report.html'))
        await writeReport(client, ended.id, 'csv', path.join(out, 'samples.csv'))
      }
      if (values.json) printJson(ended.totals)
      else print(totalsText(ended))
      const status = exitStatusOf(ended)
      // where standard output has no room for it, or the input was at fault
      if (ended.problem !== null && (values.json || status === 2)) note(`pager run: ${ended.problem}`)
      return status
    })
  },
}

/** Writes a report to a file, and leaves none in the workspace. */
async function writeReport(client: WorkbenchClient, run: number, format: 'html' | 'csv', file: string): Promise<void> {
  const { id } = await client.request('reports.create', { runs: [run], format, name: '' })
  const { content } = await client.request('reports.get', { id })
  writeFileSync(file, content)
  await client.request('reports.remove', { id })
}
