/** What a new workspace begins with: a real program's trace, two images, and an experiment that is ready to run. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { WorkspacePaths } from '../../db/workspace.ts'
import { parseExperiment, parseSize } from '../contract/experiment.ts'
import type { ChoresCalls, ChoresSaid, WriterCalls } from './protocol.ts'
import type { ThreadClient } from './threadCalls.ts'
import { examplesFolder } from './threadUrls.ts'

/** Does nothing where the examples did not come along. */
export async function seedWorkspace(
  paths: WorkspacePaths,
  chores: ThreadClient<ChoresCalls, ChoresSaid>,
  writer: ThreadClient<WriterCalls>,
): Promise<void> {
  const folder = fileURLToPath(examplesFolder)
  const source = path.join(folder, 'demo.json')
  if (!existsSync(source)) return
  const input: unknown = JSON.parse(readFileSync(source, 'utf8'))
  const { file } = parseExperiment(input)
  if (!file) return
  for (const device of file.swap.devices)
    if (!existsSync(path.join(paths.images, device.image)))
      await chores.call('createImage', device.image, Math.floor(parseSize(device.create)))
  const processes: typeof file.processes = []
  for (const process of file.processes) {
    const { workload } = process
    if (!('file' in workload)) {
      processes.push(process)
      continue
    }
    const trace = path.join(folder, workload.file)
    const { format, limit, eventsPerReference } = workload
    const imported = await chores.call('importWorkload', { job: 0, path: trace, format, name: '', limit, eventsPerReference })
    processes.push({ ...process, workload: { name: imported.name } })
  }
  await writer.call('saveExperiment', null, { ...file, processes })
}
