/** Following a job (an import, a recording) from its start to the workload that it makes. */
import { ContractError, type Notice, type WorkbenchClient, type WorkloadInfo } from '../contract/contract.ts'
import { ProgressLine } from './terminal.ts'

/** One Ctrl-C may come several times: from the terminal, and passed on by npx or by the Node that started this one. */
const ONE_INTERRUPT_MS = 500

export interface JobFollower {
  begin: () => Promise<{ job: number }>
  /** Subscribes to what is said of the job meanwhile; answers what ends the subscriptions. `isMine` knows the job's number. */
  listen: (line: ProgressLine, isMine: (job: number) => boolean) => (() => void)[]
  /** At Ctrl-C; `times` counts them from 1. */
  interrupt: (job: number, times: number) => Promise<unknown>
}

/** Answers the workload. Throws ContractError `cancelled` or `failed`. */
export async function followJob(client: WorkbenchClient, { begin, listen, interrupt }: JobFollower): Promise<WorkloadInfo> {
  const line = new ProgressLine()
  // a short job may be over before its number is known here
  const ended = new Map<number, Notice<'job'>>()
  let wake = () => {}
  let job: number | undefined
  let interrupts = 0
  let interruptedAt = -Infinity
  const ends = listen(line, (number) => number === job)
  ends.push(
    client.on('job', (notice) => {
      if (notice.state === 'running') return
      ended.set(notice.job, notice)
      wake()
    }),
  )
  const onSignal = () => {
    const now = performance.now()
    if (job === undefined || now - interruptedAt < ONE_INTERRUPT_MS) return
    interruptedAt = now
    interrupt(job, ++interrupts).catch(() => undefined)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    job = (await begin()).job
    let end = ended.get(job)
    while (end === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      end = ended.get(job)
    }
    if (end.state === 'cancelled') throw new ContractError({ code: 'cancelled', message: 'cancelled; nothing was kept' })
    if (end.state === 'failed' || end.result?.workload === undefined)
      throw new ContractError({ code: 'failed', message: end.error ?? `${end.title} failed` })
    return await client.request('workloads.get', { id: end.result.workload })
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    for (const end of ends) end()
    line.clear()
  }
}
