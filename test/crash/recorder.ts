/**
 * The program that kill.test.ts kills: it has a workspace open as the workbench has, records runs and imports a trace beside
 * them, for ever, and says on standard output what has been reported to it as finished, a line each: `run ID DIGEST`, `workload ID`.
 */
import { writeSync } from 'node:fs'
import { runToEnd, smallExperiment } from '../../electron/service/testing.ts'
import { createWorkbench, type Workbench } from '../../electron/service/workbench.ts'

const [folder = '', trace = ''] = process.argv.slice(2)
const workbench = await createWorkbench({ workspace: folder, host: 'command', seed: false })
const say = (line: string) => writeSync(1, `${line}\n`)

async function recordForEver(): Promise<void> {
  for (let seed = 1; ; seed++) {
    // short runs end while long ones go on, and only long ones have several chunks
    const references = seed % 2 === 0 ? 150_000 : 5_000
    const file = { ...smallExperiment({}, references), seed }
    const { id, status, totals } = await runToEnd(workbench, () =>
      workbench.request('runs.start', { file, record: true, startPaused: false }),
    )
    if (status !== 'finished') throw new Error(`run ${id} ended as ${status}`)
    say(`run ${id} ${totals.traceDigest}`)
  }
}

async function importForEver(): Promise<void> {
  for (;;) {
    const { job } = await workbench.request('workloads.import', {
      path: trace,
      format: '',
      name: 'imported',
      limit: 0,
      eventsPerReference: 1,
    })
    say(`workload ${await finished(workbench, job)}`)
  }
}

function finished(client: Workbench, job: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const stop = client.on('job', (notice) => {
      if (notice.job !== job || notice.state === 'running') return
      stop()
      if (notice.state === 'finished' && notice.result?.workload !== undefined) resolve(notice.result.workload)
      else reject(new Error(notice.error ?? notice.state))
    })
  })
}

say('ready')
await Promise.all([recordForEver(), importForEver()])
