import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeChunk } from '../../db/eventEncoder.ts'
import { someEnd, someEvents, someRun } from '../../db/testing.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import type { Notice } from '../contract/contract.ts'
import { decodeTable } from '../contract/dataPlane.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

/** More than are decoded for one answer. */
const CHUNKS = 8

const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-tallies-'))
const database = path.join(folder, 'workbench.sqlite')
let workbench: Workbench
beforeAll(async () => {
  const options = { workspace: folder, host: 'command' as const, seed: false }
  await (await createWorkbench(options)).close()
  const store = TraceStore.open(database)
  for (let run = 0; run < 3; run++) {
    const id = store.runs.create(someRun())
    for (let chunk = 0; chunk < CHUNKS; chunk++)
      store.events.append(id, encodeChunk(someEvents(EVENTS_PER_CHUNK, 1, chunk * 1e8), chunk * EVENTS_PER_CHUNK, true))
    store.finishRun(id, someEnd({ endTimeNs: CHUNKS * 1e8 }))
  }
  store.close()
  workbench = await createWorkbench(options)
})
afterAll(async () => {
  await workbench.close()
  rmSync(folder, { recursive: true, force: true })
})

const tiles = async (id: number) =>
  decodeTable(
    await workbench.request('runs.trackTiles', { id, by: 'objects', fromNs: 0, toNs: CHUNKS * 1e8, kinds: [], tracks: 8, buckets: 50 }),
  )
const isEstimated = ({ extra }: { extra: [number, number, number] }) => (extra[0] & 2) !== 0

function ends(): (run: number) => Promise<Notice<'tally.progress'>> {
  const seen: Notice<'tally.progress'>[] = []
  const waiting = new Set<() => void>()
  workbench.on('tally.progress', (notice) => {
    if (notice.state === 'running') return
    seen.push(notice)
    for (const each of waiting) each()
  })
  return (run) =>
    new Promise((resolve) => {
      const look = () => {
        const end = seen.find((notice) => notice.run === run)
        if (end) resolve(end)
      }
      waiting.add(look)
      look()
    })
}

/** Chunks of a run whose tallies are kept. */
function kept(run: number): number {
  const store = TraceStore.open(database, { readOnly: true })
  try {
    return store.tallies.of(run).size
  } finally {
    store.close()
  }
}

test('a run by objects is estimated at once and exact when it has been counted, which is kept and goes with the run', async () => {
  const ended = ends()
  const first = await tiles(1)
  expect(isEstimated(first)).toBe(true)
  await workbench.request('runs.tally', { id: 1, action: 'start' })
  expect(await ended(1)).toEqual({ run: 1, state: 'finished', done: CHUNKS, total: CHUNKS, error: null })
  const exact = await tiles(1)
  expect(isEstimated(exact)).toBe(false)
  expect(new Set(exact.columns[0])).toEqual(new Set(first.columns[0]))
  const all = exact.columns.slice(1).reduce((sum, column) => sum + Array.from(column).reduce((part, count) => part + count, 0), 0)
  expect(all).toBeCloseTo(CHUNKS * EVENTS_PER_CHUNK, 3)
  expect([kept(1), kept(2)]).toEqual([CHUNKS, 0])
  await workbench.request('runs.remove', { id: 1 })
  expect([kept(1), (await tiles(2)).rows]).toEqual([0, first.rows])
})

test('counting stops when it is told to or another run is counted; what was counted is kept, and counting goes on from there', async () => {
  const ended = ends()
  // at once, so that there is no time to finish
  await Promise.all([
    workbench.request('runs.tally', { id: 3, action: 'start' }),
    workbench.request('runs.tally', { id: 2, action: 'start' }),
    workbench.request('runs.tally', { id: 2, action: 'stop' }),
  ])
  expect([(await ended(3)).state, (await ended(2)).state]).toEqual(['stopped', 'stopped'])
  expect(kept(3)).toBeLessThan(CHUNKS)
  expect(kept(3)).toBe((await ended(3)).done)
  const again = ends()
  await workbench.request('runs.tally', { id: 3, action: 'start' })
  expect(await again(3)).toMatchObject({ state: 'finished', done: CHUNKS })
})
