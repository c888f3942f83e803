/** Following a sweep to its end: progress on a terminal, Ctrl-C cancels it. */
import type { SweepProgress } from '../contract/sweep.ts'
import type { WorkbenchClient } from '../contract/contract.ts'
import { ProgressLine } from './terminal.ts'

/** Starts the sweep `id` and answers its last progress. */
export async function followSweep(
  client: WorkbenchClient,
  id: number,
  start: () => Promise<unknown>,
): Promise<SweepProgress> {
  const line = new ProgressLine()
  const { promise, resolve } = Promise.withResolvers<SweepProgress>()
  const end = client.on('sweep.progress', (progress) => {
    if (progress.sweep !== id) return
    if (progress.state !== 'running' && progress.state !== 'paused') return resolve(progress)
    const { cells, done, running, problems } = progress
    const under = running.map(({ share }) => `${Math.floor(share * 100)} %`).join(', ')
    const failed = problems.length === 0 ? '' : `, ${problems.length} with problems`
    const share = (done + running.reduce((sum, run) => sum + run.share, 0)) / Math.max(1, cells)
    line.show(`${done} of ${cells} runs${failed}${under === '' ? '' : `; under way: ${under}`}`, share)
  })
  const cancel = () => void client.request('sweeps.control', { id, action: 'cancel' }).catch(() => undefined)
  process.on('SIGINT', cancel)
  process.on('SIGTERM', cancel)
  try {
    await start()
    return await promise
  } finally {
    process.off('SIGINT', cancel)
    process.off('SIGTERM', cancel)
    end()
    line.clear()
  }
}
