import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EventEncoder } from '../../db/eventEncoder.ts'
import { someEvents, someRun } from '../../db/testing.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { Checkpointer } from './checkpointer.ts'

let folder = ''
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'checkpointer-'))))
afterEach(() => rmSync(folder, { recursive: true }))

it('what is recorded goes from the write-ahead log into the database while it is still open', async () => {
  const database = path.join(folder, 'events.sqlite')
  const store = TraceStore.open(database)
  store.checkpointSeldom()
  const checkpointer = new Checkpointer()
  const encoder = new EventEncoder(true)
  const run = store.createRun(someRun())
  const chunk = someEvents(65536)
  for (let i = 0; i < 30; i++) store.appendEvents(run, encoder.add(chunk))
  const unfolded = statSync(database).size
  const logged = statSync(`${database}-wal`).size
  checkpointer.wrote(1, database)
  checkpointer.wrote(8 << 20, database)
  while (statSync(database).size < unfolded + logged / 2) await new Promise((resolve) => setTimeout(resolve, 20))
  await checkpointer.end()
  expect([...store.events.eventsInRange(run, { fromNs: 0, toNs: Infinity, kinds: [] })].length).toBe(30)
  store.close()
})
