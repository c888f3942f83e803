import path from 'node:path'
import { expect, test } from 'vitest'
import { encodeChunk } from '../../db/eventEncoder.ts'
import { someEnd, someEvents, someRun } from '../../db/testing.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import type { Notice } from '../contract/contract.ts'
import { decodeTable } from '../contract/dataPlane.ts'
import { inFolder } from './testing.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

const CHUNKS = 10

/** Runs `body` with a workbench that has two runs of some chunks. */
async function withRuns(body: (workbench: Workbench, database: string, runs: [number, number]) => Promise<void>): Promise<void> {
  await inFolder(async (workspace) => {
    const options = { workspace, host: 'command' as const, seed: false }
    await (await createWorkbench(options)).close()
    const database = path.join(workspace, 'workbench.sqlite')
    const store = TraceStore.open(database)
    const add = () => {
      const id = store.runs.create(someRun())
      for (let chunk = 0; chunk < CHUNKS; chunk++)
        store.events.append(id, encodeChunk(someEvents(EVENTS_PER_CHUNK, 1, chunk * 1e8), chunk * EVENTS_PER_CHUNK, true))
      store.finishRun(id, someEnd({ endTimeNs: CHUNKS * 1e8 }))
      return id
    }
    const runs: [number, number] = [add(), add()]
    store.close()
    const workbench = await createWorkbench(options)
    try {
      await body(workbench, database, runs)
    } finally {
      await workbench.close()
    }
  })
}

const tiles = async (workbench: Workbench, id: number) =>
  decodeTable(
    await workbench.request('runs.trackTiles', { id, by: 'objects', fromNs: 0, toNs: CHUNKS * 1e8, kinds: [], tracks: 8, buckets: 50 }),
  )
const isEstimated = ({ extra }: { extra: [number, number, number] }) => (extra[0] & 2) !== 0

function ends(workbench: Workbench): (run: number) => Promise<Notice<'tally.progress'>> {
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

test('a run by objects is estimated at once and exact when it has been counted, which is kept', () =>
  withRuns(async (workbench, database, [run, other]) => {
    const ended = ends(workbench)
    const first = await tiles(workbench, run)
    expect(isEstimated(first)).toBe(true)
    await workbench.request('runs.tally', { id: run, action: 'start' })
    expect(await ended(run)).toEqual({ run, state: 'finished', done: CHUNKS, total: CHUNKS, error: null })
    const exact = await tiles(workbench, run)
    expect(isEstimated(exact)).toBe(false)
    expect(new Set(exact.columns[0])).toEqual(new Set(first.columns[0]))
    const all = exact.columns.slice(1).reduce((sum, column) => sum + Array.from(column).reduce((part, count) => part + count, 0), 0)
    expect(all).toBeCloseTo(CHUNKS * EVENTS_PER_CHUNK, 3)
    const store = TraceStore.open(database, { readOnly: true })
    expect([store.tallies.of(run).size, store.tallies.of(other).size]).toEqual([CHUNKS, 0])
    store.close()
    // a run that goes takes its tallies along
    await workbench.request('runs.remove', { id: run })
    expect((await tiles(workbench, other)).rows).toBe(first.rows)
  }))

test('counting stops when it is told to or another run is counted; what was counted is kept, and counting goes on from there', () =>
  withRuns(async (workbench, database, [run, other]) => {
    const ended = ends(workbench)
    await workbench.request('runs.tally', { id: run, action: 'start' })
    await workbench.request('runs.tally', { id: other, action: 'start' })
    await workbench.request('runs.tally', { id: other, action: 'stop' })
    expect([(await ended(run)).state, (await ended(other)).state]).toEqual(['stopped', 'stopped'])
    const store = TraceStore.open(database, { readOnly: true })
    const kept = store.tallies.of(run).size
    expect(kept).toBeLessThan(CHUNKS)
    expect(kept).toBe((await ended(run)).done)
    store.close()
    const again = ends(workbench)
    await workbench.request('runs.tally', { id: run, action: 'start' })
    expect(await again(run)).toMatchObject({ state: 'finished', done: CHUNKS })
  }))
