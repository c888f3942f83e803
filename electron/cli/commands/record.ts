/** pager record: makes a workload of what a real program does with its memory. */
import { FILTER_SIZE_MAX } from '../../../engine/workload/referenceFilter.ts'
import type { Notice, Params, RecordingInfo, WorkloadInfo } from '../../contract/contract.ts'
import { beginningText } from '../../contract/recordingText.ts'
import { RemoteWorkbench } from '../../service/owner.ts'
import { withWorkbench } from '../client.ts'
import { commonHelp, note, parse, print, printJson, UsageError, wholeNumber, workspaceOf, type Command } from '../command.ts'
import { followJob } from '../followJob.ts'
import { count, seconds } from '../terminal.ts'

export const record: Command = {
  help: `
pager record [options] -- PROGRAM [ARGUMENT...]

Runs a program under valgrind (--tool=lackey) and records the pages it refers to, as a workload that experiments can name.
A program takes some hundred times its usual time. Only what it does in user mode is recorded. Its input and output are
those of this command. Processes that it starts are recorded too, each as a stream of its own; in a run of the workload they
begin, and are waited for, where they were.

Ctrl-C ends the program and keeps what has been recorded; a second Ctrl-C drops it.

  -o, --output NAME           the workload's name; the program's where it is left out
  --filter K                  1: leave out a reference that is equal in page and kind to the one before (the default).
                              2 to ${FILTER_SIZE_MAX}: leave out references to the K pages used last, but the first write to each since it came
                              to be among them: what a translation buffer of K entries lets through. Smaller and faster
                              to replay; the workload keeps how many references each stored one stands for
  --references N              end the program after so many stored references
  --seconds N                 end the program after so many seconds
  --no-children               do not record the processes it starts
${commonHelp}

Exit status: 0 if something was recorded, whatever the program's own status, which is kept with the workload; 2 if not.`,

  async run(args) {
    const place = args.indexOf('--')
    const own = place < 0 ? args : args.slice(0, place)
    const [program, ...programArguments] = place < 0 ? [] : args.slice(place + 1)
    const { values, positionals } = parse(own, {
      output: { type: 'string', short: 'o', default: '' },
      filter: { type: 'string', default: '1' },
      references: { type: 'string', default: '0' },
      seconds: { type: 'string', default: '0' },
      'no-children': { type: 'boolean', default: false },
    })
    if (program === undefined || positionals.length > 0)
      throw new UsageError('which program? It comes after --, with its arguments: pager record -- PROGRAM ARGUMENT...')
    const filterSize = wholeNumber(values.filter, '--filter', 1)
    if (filterSize > FILTER_SIZE_MAX) throw new UsageError(`--filter: ${filterSize} is too many pages; at most ${FILTER_SIZE_MAX}`)
    const params = {
      program,
      arguments: programArguments,
      directory: process.cwd(),
      name: values.output,
      filterSize,
      referencesMax: wholeNumber(values.references, '--references'),
      secondsMax: wholeNumber(values.seconds, '--seconds'),
      followChildren: !values['no-children'],
    }
    return withWorkbench(workspaceOf(values.workspace), async (client) => {
      const isRemote = client instanceof RemoteWorkbench
      if (isRemote) note('The workspace is open in a workbench, which runs the program: in its environment, without input.')
      const workload = await followJob(client, {
        begin: () => client.request('workloads.record', { ...params, output: isRemote ? 'notices' : 'terminal' }),
        listen: (line, isMine) => [
          client.on('recording.progress', (progress) => {
            if (isMine(progress.job)) line.show(progressText(progress), shareOf(progress, params))
          }),
          client.on('recording.output', ({ job, stream, text }) => {
            if (!isMine(job)) return
            line.clear()
            process[stream].write(text)
          }),
        ],
        interrupt: (job, times) => (times === 1 ? client.request('workloads.endRecording', { job }) : client.request('jobs.cancel', { job })),
      })
      const recording = await client.request('workloads.recording', { id: workload.id })
      if (values.json) printJson({ ...workload, recording })
      else if (recording) print(resultText(workload, recording))
      return 0
    })
  },
}

/** Further ones are counted. */
const PROCESSES_SHOWN = 12

type Limits = Pick<Params<'workloads.record'>, 'referencesMax' | 'secondsMax'>

const endings = {
  finished: '',
  references: '; ended at the limit of references',
  seconds: '; ended at the limit of time',
  stopped: '; ended by Ctrl-C',
}

function resultText(workload: WorkloadInfo, recording: RecordingInfo): string {
  const { end, exitStatus, signal, processes, notes } = recording
  const status = exitStatus === null ? (signal === null ? '' : `; ended by ${signal}`) : `; exit status ${exitStatus}`
  const begun = processes.flatMap((process) => {
    const text = beginningText(process, recording)
    return text === null ? [] : [`${process.name}: ${count(process.references)} references, ${text}`]
  })
  const lines = [
    `"${workload.name}": ${count(workload.references)} references to ${count(workload.footprint)} pages ` +
      `(${count(workload.pagesWritten)} of them written) by ${processes.length === 1 ? 'one process' : `${processes.length} processes`}, user mode only`,
    `  ${count(recording.events)} page events in ${seconds(recording.seconds)}, ` +
      `${workload.eventsPerReference.toFixed(1)} for each reference${status}${endings[end]}`,
    ...begun.slice(0, PROCESSES_SHOWN).map((text) => `  ${text}`),
    ...(begun.length > PROCESSES_SHOWN ? [`  and ${begun.length - PROCESSES_SHOWN} more; --json names them all`] : []),
    ...notes.map((text) => `  note: ${text}`),
  ]
  return lines.join('\n')
}

function progressText({ references, rate, footprint, processes }: Notice<'recording.progress'>): string {
  const others = processes > 1 ? `, ${processes} processes` : ''
  return `${count(references)} references, ${count(rate)} events/s, ${count(footprint)} pages${others}`
}

/** How much of the nearer of its limits is reached; undefined where it has none. */
function shareOf({ references, seconds: elapsed }: Notice<'recording.progress'>, limits: Limits): number | undefined {
  const shares = [
    ...(limits.referencesMax > 0 ? [references / limits.referencesMax] : []),
    ...(limits.secondsMax > 0 ? [elapsed / limits.secondsMax] : []),
  ]
  return shares.length > 0 ? Math.max(...shares) : undefined
}
