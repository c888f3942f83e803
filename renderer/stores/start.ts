/** Connects, then has every store follow the service. */
import type { HostBridge } from '../../electron/contract/contract.ts'
import { useConnection } from './connection.ts'
import { useExperiments } from './experiments.ts'
import { useImages } from './images.ts'
import { useLongRuns } from './longRuns.ts'
import { useReports } from './reports.ts'
import { useRuns } from './runs.ts'
import { useRunView } from './runView.ts'
import { useNeeds } from './needs.ts'
import { useSweeps } from './sweeps.ts'
import { useWorkloads } from './workloads.ts'

export async function startStores(connect: () => Promise<HostBridge>): Promise<void> {
  const connection = useConnection()
  await connection.open(connect)
  if (connection.state !== 'ready') return
  const stores = [useExperiments(), useWorkloads(), useImages(), useRuns(), useReports(), useSweeps()]
  useRunView().follow()
  useLongRuns().follow()
  useNeeds().follow()
  for (const store of stores) store.follow()
  // whoever comes back may have put an image there, or taken it away, with another program
  window.addEventListener('focus', () => void useImages().load())
  // what was missed while the connection was away
  connection.host().onConnection((connected) => {
    if (connected) for (const store of stores) void store.load()
  })
}
