/** pager replay: runs a recorded run again. */
import path from 'node:path'
import { ContractError } from '../../contract/contract.ts'
import { variantDigest } from '../../service/variants.ts'
import { runNumber, withWorkbench } from '../client.ts'
import { commonHelp, note, onlyArgument, parse, print, printJson, UsageError, variantHelp, workspaceOf, type Command } from '../command.ts'
import { readExperimentFile } from '../experimentFile.ts'
import { exitStatusOf, followRun, totalsText } from '../follow.ts'
import { ioOptions, replayIoOf } from '../replayIo.ts'
import { requireWorkspace } from '../requireWorkspace.ts'

/** Ends that come at the same event when everything is the same. */
const repeatable = new Set(['finished', 'kernel-panic', 'livelock'])

export const replay: Command = {
  help: `
pager replay RUN [options]
pager replay RUN --io IMAGE [--speed full|recorded] [options]

Runs a recorded run again: the same workload, configuration and images, and everything that was done to the machine.
Its trace must then be the same, event for event; the digests are compared.

  --with EXPERIMENT.json   the run's workload under another configuration
${variantHelp};
                    a run that had a variant wants it again

With --io nothing is simulated: what the run asked of its swap devices and files is asked of a file of this host, request by
request, and the latencies are told beside those of the run's device models. IMAGE is made for it, with its room taken, and
removed afterwards.

  --io IMAGE        where; best on the disk that is to be measured
  --speed WHICH     full (default): one request after the other; recorded: each at the time it had in the run
  --limit N         only the first N requests
  --cached          through the host's page cache, not around it
  --keep            leaves IMAGE there
  --force           writes over IMAGE if it is there already; never over one that has a partition table
${commonHelp}

Exit status: 0; 1 if the trace differs although nothing was changed, or the replay did not finish; 2 if the run
cannot be replayed (an image has changed, a workload is gone).`,

  async run(args) {
    const { values, positionals } = parse(args, { with: { type: 'string' }, variant: { type: 'string' }, ...ioOptions })
    const original = runNumber(onlyArgument(positionals, 'run'))
    if (values.io !== undefined) {
      if (values.with !== undefined || values.variant !== undefined)
        throw new UsageError('--io does what the run did, so that --with and --variant do not go with it')
      return replayIoOf(original, values.io, values)
    }
    const alone = Object.keys(ioOptions).find((name) => args.some((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`)))
    if (alone !== undefined) throw new UsageError(`--${alone} goes with --io IMAGE`)
    const other = values.with === undefined ? null : readExperimentFile(values.with)
    const variant = values.variant === undefined ? {} : { variant: path.resolve(values.variant) }
    const digest = variant.variant === undefined ? '' : variantDigest(variant.variant)
    const workspace = workspaceOf(values.workspace)
    requireWorkspace(workspace)
    return withWorkbench(workspace, async (client) => {
      const before = await client.request('runs.get', { id: original })
      if (before.status === 'running' || before.status === 'paused')
        throw new ContractError({ code: 'running', message: `run ${original} is ${before.status}; wait for its end` })
      // another configuration, but the same input: that is what makes it a replay
      const file = other === null ? null : { ...other, processes: before.file.processes }
      const ended = await followRun(client, () => client.request('runs.replay', { id: original, file, ...variant }))
      const isSame = file === null && digest === (before.variant?.digest ?? '')
      const isComparable = isSame && repeatable.has(before.status) && before.totals.traceDigest !== ''
      const agrees = isComparable ? ended.totals.traceDigest === before.totals.traceDigest : null
      if (values.json) printJson({ ...ended.totals, replayOf: original, agrees })
      else {
        print(totalsText(ended))
        print(verdict(original, before.status, isSame, agrees))
      }
      const status = agrees === null ? exitStatusOf(ended) : agrees ? 0 : 1
      if (ended.problem !== null && (values.json || status === 2)) note(`pager replay: ${ended.problem}`)
      return status
    })
  },
}

function verdict(original: number, status: string, isSame: boolean, agrees: boolean | null): string {
  if (agrees === true) return `  the same trace as run ${original}, event for event`
  if (agrees === false) return `  the trace DIFFERS from that of run ${original}`
  if (!isSame) return `  another configuration than run ${original}: the traces are not compared`
  return `  run ${original} was ${status} before its end, so the traces cannot be compared`
}
