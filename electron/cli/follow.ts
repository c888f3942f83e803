/** Following a run from its start to its end: progress on a terminal, Ctrl-C stops it, its totals in words. */
import type { Notice, RunMessage, Totals, WorkbenchClient } from '../contract/contract.ts'
import { isDiskFullProblem } from '../service/problems.ts'
import { bytes, count, ProgressLine, seconds, table } from './terminal.ts'

export interface EndedRun {
  id: number
  totals: Totals
  problem: string | null
  /** Warnings and errors of the machine. */
  messages: RunMessage[]
}

/** Starts a run and waits for its end. */
export async function followRun(client: WorkbenchClient, start: () => Promise<{ id: number }>): Promise<EndedRun> {
  // a short run may be over before its id is known here
  const progress = new Map<number, Notice<'run.progress'>>()
  const messages = new Map<number, RunMessage[]>()
  const ended = new Map<number, Notice<'run.ended'>>()
  const line = new ProgressLine()
  let id: number | undefined
  let wake = () => {}
  const ends = [
    client.on('run.progress', (notice) => {
      progress.set(notice.run, notice)
      if (notice.run !== id) return
      const { references, referencesTotal, rate, totals } = notice
      line.show(`${count(references)} references, ${count(rate)}/s, ${count(totals.faults)} faults`, references / Math.max(1, referencesTotal))
    }),
    client.on('run.message', ({ run, message }) => {
      if (message.level !== 'info') messages.set(run, [...(messages.get(run) ?? []), message])
    }),
    client.on('run.ended', (notice) => {
      ended.set(notice.run, notice)
      wake()
    }),
  ]
  const stop = () => {
    if (id !== undefined) client.request('runs.control', { id, action: 'stop' }).catch(() => undefined)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    id = (await start()).id
    while (!ended.has(id)) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const last = progress.get(id)
    if (!last) throw new Error(`run ${id} ended without its totals`)
    return { id, totals: last.totals, problem: ended.get(id)?.problem ?? null, messages: messages.get(id) ?? [] }
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    for (const end of ends) end()
    line.clear()
  }
}

/** 0 for a run that finished, 2 where the disk was too small for it, 1 otherwise. */
export function exitStatusOf({ totals, problem }: EndedRun): number {
  if (totals.status === 'finished') return 0
  return isDiskFullProblem(problem) ? 2 : 1
}

export function totalsText({ totals, problem, messages }: EndedRun): string {
  const title = totals.run === null ? 'Not recorded' : `Run ${totals.run}`
  const rows: [string, string, string][] = [
    ['references', count(totals.references), totals.seconds > 0 ? `${count(totals.references / totals.seconds)} per second` : ''],
    ['faults', count(totals.faults), `${count(totals.zeroFills)} zero-filled, ${count(totals.copyOnWriteFaults)} copied on write; ${count(totals.softFaults)} soft ones beside`],
    ['swap reads', count(totals.swapins), `${count(totals.pagesIn)} pages`],
    ['swap writes', count(totals.swapouts), `${count(totals.pagesOut)} pages`],
    ['file reads', count(totals.vnodeins), `${count(totals.vnodePagesIn)} pages`],
    ['file writes', count(totals.vnodeouts), `${count(totals.vnodePagesOut)} pages`],
    ['evictions', count(totals.evictions), 'pages'],
    ['bytes read', bytes(totals.bytesRead), `${bytes(totals.bytesVerified)} verified`],
    ['bytes written', bytes(totals.bytesWritten), ''],
    ['virtual time', seconds(totals.virtualSeconds), ''],
    ['wall time', seconds(totals.seconds), ''],
    ['events', count(totals.events), ''],
  ]
  const warnings = [...new Set(messages.map((message) => `${message.level}: ${message.routine}: ${message.text}`))]
  return [
    `${title}: ${totals.status}${problem === null ? '' : `: ${problem}`}`,
    table(['', '#', ''], rows).split('\n').slice(1).map((row) => `  ${row}`).join('\n'),
    `  trace digest ${totals.traceDigest}`,
    ...warnings.map((text) => `  ${text}`),
  ].join('\n')
}
