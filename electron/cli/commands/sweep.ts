/** pager sweep: an experiment with lists of values becomes a grid of runs. */
import { writeFileSync } from 'node:fs'
import { sweepCsv } from '../../contract/sweepTable.ts'
import type { AxisValue, SweepProgress, SweepResult } from '../../contract/sweep.ts'
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
  wholeNumber,
  workspaceOf,
  type Command,
} from '../command.ts'
import { followSweep } from '../followSweep.ts'
import { writeOutput } from '../output.ts'
import { readSweepFile } from '../sweepFile.ts'
import { count, table } from '../terminal.ts'

const SHOWN = ['virtualSeconds', 'faults', 'swapins', 'pagesIn', 'swapouts', 'pagesOut', 'peakSwapPages']

export const sweep: Command = {
  help: `
pager sweep SWEEP.json [options]

Runs an experiment once for every combination of values, several runs at a time. Each run is recorded in the workspace, with the
sweep's name and a key in its tags; runs that have ended are not made again, so that a sweep that was cut off goes on where it
was. Results come in the order of the grid.

SWEEP.json: {"name", "experiment": FILE or an experiment, "vary": {FIELD: [VALUE, ...], ...}, "warmup": REFERENCES}. A FIELD is a path such
as machine.frames, daemon.policy, seed, swap.devices[*].timing.model, swap.deviceCount or variant (docs/sweep.schema.json).
Where several seeds are varied, mean and 95 % confidence interval (Student's t) come with the results.

  --workers N       runs at a time; one for each core unless told
  --csv FILE        the results as CSV, one line a run
  --show LIST       what the table shows; ${SHOWN.join(',')}
${commonHelp}

Pager variants that a sweep names are programs: they are executed with all your rights.
Exit status: 0 all runs ended well; 1 some did not, or the sweep was cancelled; 2 the sweep cannot be run.`,

  async run(args) {
    const { values, positionals } = parse(args, {
      workers: { type: 'string' },
      csv: { type: 'string' },
      show: { type: 'string' },
    })
    const name = onlyArgument(positionals, 'sweep file')
    const workers = values.workers === undefined ? 0 : wholeNumber(values.workers, '--workers', 1)
    const shown = values.show?.split(',').map((each) => each.trim()) ?? SHOWN
    const file = readSweepFile(name)
    return withWorkbench(workspaceOf(values.workspace), async (client) => {
      const { id } = await client.request('sweeps.save', { file }).catch((error: unknown) => {
        throw atPlace(name, error)
      })
      const before = await client.request('sweeps.result', { id })
      const unknown = shown.find((each) => !before.measures.some((measure) => measure.name === each))
      if (unknown !== undefined)
        throw new UsageError(
          `--show: there is no "${unknown}"; there are ${before.measures.map((each) => each.name).join(', ')}`,
        )
      // a file that cannot be written is better known before the runs than after them
      if (values.csv !== undefined) await writeCsv(values.csv, before)
      const progress = await followSweep(client, id, () =>
        client.request('sweeps.start', { id, workers, runVariants: true }),
      )
      const result = withProblems(await client.request('sweeps.result', { id }), progress)
      if (values.csv !== undefined) await writeCsv(values.csv, result)
      if (values.json) printJson({ ...result, skipped: progress.skipped })
      else {
        print(resultText(result, shown))
        if (progress.skipped > 0)
          print(
            `${count(progress.skipped)} of ${count(result.cells.length)} runs had ended before and were not made again`,
          )
      }
      for (const { cell, problem } of progress.problems.slice(0, 5))
        note(`pager sweep: ${pointText(result, result.cells[cell]?.point ?? [])}: ${problem}`)
      if (progress.problems.length > 5) note(`pager sweep: and ${progress.problems.length - 5} more`)
      return result.cells.every(({ status }) => status === 'finished') ? 0 : 1
    })
  },
}

function writeCsv(file: string, result: SweepResult): Promise<void> {
  return writeOutput(file, () => writeFileSync(file, sweepCsv(result)))
}

/** Cells that never became a run have nothing in the store that says why. */
function withProblems(result: SweepResult, { problems }: SweepProgress): SweepResult {
  const why = new Map(problems.map(({ cell, problem }) => [cell, problem]))
  const cells = result.cells.map((cell) =>
    cell.run === null && why.has(cell.index)
      ? { ...cell, status: 'refused', problem: why.get(cell.index) ?? null }
      : cell,
  )
  return { ...result, cells }
}

function resultText({ fields, cells, groups }: SweepResult, shown: readonly string[]): string {
  const names = fields.map(({ field }) => field)
  const lines = [
    table(
      [...names, 'run#', 'status', ...shown.map((name) => `${name}#`)],
      cells.map(({ point, run, status, measures }) => [
        ...point.map(valueText),
        run === null ? '-' : String(run),
        status,
        ...shown.map((name) => amount(measures?.[name])),
      ]),
    ),
  ]
  if (groups.length > 0) {
    const seedless = names.filter((name) => !isSeed(name))
    lines.push(
      '',
      table(
        [...seedless, 'runs#', ...shown.map((name) => `${name}#`)],
        groups.map(({ point, count: runs, measures }) => [
          ...point.map(valueText),
          String(runs),
          ...shown.map((name) => {
            const { mean, half = null } = measures[name] ?? {}
            return half === null ? amount(mean) : `${amount(mean)} ± ${amount(half)}`
          }),
        ]),
      ),
      'mean ± half of the 95 % confidence interval',
    )
  }
  return lines.join('\n')
}

const isSeed = (field: string) => field === 'seed' || field.endsWith('.seed')
const pointText = ({ fields }: SweepResult, point: readonly AxisValue[]) =>
  fields.map(({ field }, i) => `${field} ${valueText(point[i] ?? null)}`).join(', ')
const valueText = (value: AxisValue): string => (typeof value === 'string' ? value : JSON.stringify(value))

function amount(value: number | undefined): string {
  if (value === undefined) return '-'
  return Number.isInteger(value) ? count(value) : value.toPrecision(5)
}
