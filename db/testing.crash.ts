/** A program for one test: records a run for ever and says after each commit what it has committed; it is killed. */
import { writeSync } from 'node:fs'
import { EventEncoder } from './eventEncoder.ts'
import { batchOf } from './sampleBatch.ts'
import { sampleRows, someEvents, someRun } from './testing.ts'
import { TraceStore } from './traceStore.ts'

const [file = ''] = process.argv.slice(2)
const store = TraceStore.open(file)
const run = store.createRun(someRun())
// an import that will never be finished
store.workloads.begin({ name: 'half', source: '', eventsPerReference: 1 }).storage(0).write(0, new Uint32Array(100))
const encoder = new EventEncoder(true)
let time = 0
for (let chunks = 1; ; chunks++) {
  const events = someEvents(65536, chunks, time)
  time = events.time[events.count - 1] ?? 0
  store.appendEvents(run, encoder.add(events))
  const first = (chunks - 1) * 300
  store.appendSamples(run, batchOf(sampleRows(Array.from({ length: 300 }, (_, i) => first + i)), 300))
  writeSync(1, `${chunks} ${chunks * 300}\n`)
}
