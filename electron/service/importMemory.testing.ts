/**
 * Imports the trace file named by the first argument into the workspace named by the second one, as the service does, and prints the
 * references and the most memory that the process has had, in KiB: a process of its own, so that its memory can be limited and
 * measured.
 */
import { openWorkspace } from '../../db/workspace.ts'
import { importFile } from './workloads.ts'

const [, , trace = '', folder = ''] = process.argv
const workspace = openWorkspace(folder)
const writer = workspace.store.workloads.begin({ name: 'imported', source: trace, eventsPerReference: 1 })
const options = { format: '', limit: 0, eventsPerReference: 1, storageFor: (process: number) => writer.storage(process) }
const { references } = writer.finish((await importFile(trace, options)).processes)
workspace.close()
console.log(JSON.stringify({ references, maxRss: process.resourceUsage().maxRSS }))
