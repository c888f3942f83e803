/** Runs an experiment under several kernels' vnode pagers and puts their totals next to each other. */
import { filePagerNames, type FilePagerName } from '../../engine/vnode/filePager.ts'
import type { Totals } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import { ownCounters } from '../service/comparison.ts'
import { withWorkbench } from './client.ts'
import { atPlace, note, print, printJson, UsageError, workspaceOf } from './command.ts'
import { readView } from './commands/sysctl.ts'
import { readExperimentFile } from './experimentFile.ts'
import { exitStatusOf, followRun } from './follow.ts'
import { bytes, count, seconds, table } from './terminal.ts'

interface ComparedRun {
  pager: FilePagerName
  totals: Totals
  problem: string | null
  /** The kernel's own counters, under its names. */
  own: Record<string, number>
}

const rows: readonly { name: string; of: (totals: Totals) => string }[] = [
  { name: 'faults', of: ({ faults }) => count(faults) },
  { name: 'soft faults', of: ({ softFaults }) => count(softFaults) },
  { name: 'file reads (requests)', of: ({ vnodeins }) => count(vnodeins) },
  { name: 'file pages read', of: ({ vnodePagesIn }) => count(vnodePagesIn) },
  { name: 'pages a read', of: ({ vnodeins, vnodePagesIn }) => (vnodeins === 0 ? '' : (vnodePagesIn / vnodeins).toFixed(2)) },
  { name: 'file writes (requests)', of: ({ vnodeouts }) => count(vnodeouts) },
  { name: 'file pages written', of: ({ vnodePagesOut }) => count(vnodePagesOut) },
  { name: 'swap reads', of: ({ swapins }) => count(swapins) },
  { name: 'swap writes', of: ({ swapouts }) => count(swapouts) },
  { name: 'bytes read', of: ({ bytesRead }) => bytes(bytesRead) },
  { name: 'bytes written', of: ({ bytesWritten }) => bytes(bytesWritten) },
  { name: 'evictions', of: ({ evictions }) => count(evictions) },
  { name: 'virtual time', of: ({ virtualSeconds }) => seconds(virtualSeconds) },
]

/** Answers the exit status. Throws what is wrong with the input. */
export async function comparePagers(
  experiment: string,
  names: readonly string[],
  options: { workspace: string | undefined; json: boolean },
): Promise<number> {
  const pagers = names.map(pagerNamed)
  const file = readExperimentFile(experiment)
  const workspace = workspaceOf(options.workspace)
  const compared = await withWorkbench(workspace, async (client) => {
    const runs: ComparedRun[] = []
    for (const pager of pagers) {
      const start = () =>
        client
          .request('runs.start', { file: withPager(file, pager), record: true, startPaused: false })
          .catch((error: unknown) => {
            throw atPlace(experiment, error)
          })
      const ended = await followRun(client, start)
      if (ended.problem !== null) note(`pager compare: ${pager}: ${ended.problem}`)
      runs.push({ pager, totals: ended.totals, problem: ended.problem, own: ownCountersOf(ended.totals, workspace) })
      if (exitStatusOf(ended) === 2) break
    }
    return runs
  })
  if (options.json) printJson({ runs: compared })
  else {
    print(
      table(
        ['', ...compared.map(({ pager }) => `${pager}#`)],
        rows.map(({ name, of }) => [name, ...compared.map(({ totals }) => of(totals))]),
      ),
    )
    for (const { pager, totals, own } of compared) {
      const said = Object.entries(own).map(([name, value]) => `${name} ${count(value)}`)
      print(`${pager}: run ${totals.run ?? '-'}, ${totals.status}; its own counters: ${said.join(', ') || 'none were kept'}`)
    }
  }
  return compared.every(({ totals }) => totals.status === 'finished') ? 0 : 1
}

function pagerNamed(name: string): FilePagerName {
  const found = filePagerNames.find((each) => each === name.trim())
  if (found) return found
  throw new UsageError(`--pagers: there is no pager "${name}"; there are ${filePagerNames.join(', ')}`)
}

/** The experiment with another pager; one that names none gets its files' other fields by default. */
function withPager(file: ExperimentFile, pager: FilePagerName): ExperimentFile {
  const changed = parseExperiment({ ...file, files: { ...file.files, pager } })
  if (changed.file === null) throw new UsageError(changed.issues.map(({ field, message }) => `${field}: ${message}`).join('; '))
  return { ...changed.file, name: `${file.name}, ${pager}` }
}

function ownCountersOf({ run, status }: Totals, workspace: string): Record<string, number> {
  return run === null || status !== 'finished' ? {} : ownCounters(readView(run, workspace))
}
