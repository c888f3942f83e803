/**
 * The thread that looks at runs by process and by object: tallies the chunks of a run, one after the other, and answers with what is tallied so far.
 *
 * Chunks are taken in an order that spreads over the whole run from the beginning, so that what is estimated of the others is near everywhere.
 * Another run takes the place of the one at hand.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { ChunkTally } from '../../../db/eventTally.ts'
import type { NumberedTally } from '../../../db/tallies.ts'
import { TraceStore } from '../../../db/traceStore.ts'
import { trackTileRows } from '../../../db/trackTiles.ts'
import { encodeTable } from '../../contract/dataPlane.ts'
import { errorShape } from '../../hosts/dispatch.ts'
import type { QueryData, TalliesCalls, TalliesSaid } from '../protocol.ts'
import { say, serveCalls } from '../threadCalls.ts'
import { spreadOrder } from '../spreadOrder.ts'

/** Chunks that are tallied for the first answer, before it. */
const FIRST_CHUNKS = 6
const SAY_MS = 250
/** Tallies that are handed over to be kept, at once. */
const KEPT_TOGETHER = 128

interface Followed {
  run: number
  tallies: Map<number, ChunkTally>
}

if (!parentPort) throw new Error('this file is a thread of the workbench')
const port = parentPort
// what the service has passed
const { database } = workerData as QueryData
const store = TraceStore.open(database, { readOnly: true })
let followed: Followed | null = null
/** What is counted now. */
let counted: Followed | null = null

serveCalls<TalliesCalls>(port, {
  tiles: ({ id, ...query }) => {
    const { tallies } = follow(id)
    if (tallies.size < FIRST_CHUNKS) {
      const first = waiting(id, tallies).slice(0, FIRST_CHUNKS - tallies.size)
      tell({ type: 'tallied', run: id, tallies: first.flatMap((chunk) => take(id, tallies, chunk) ?? []) })
    }
    return encodeTable(trackTileRows(store.events.trackTiles(id, query, tallies)))
  },
  count: (id) => {
    if (counted?.run === id) return
    // a new object for each time, by which one that was stopped knows
    counted = { ...follow(id) }
    void count(counted)
  },
  stop: () => {
    counted = null
  },
})

const tell = (said: TalliesSaid): void => say(port, said)

function follow(run: number): Followed {
  if (followed?.run !== run) {
    counted = null
    followed = { run, tallies: store.tallies.of(run) }
  }
  return followed
}

/** Chunks that have no tally, or had fewer events then, in the order in which they are to be taken. */
function waiting(run: number, tallies: ReadonlyMap<number, ChunkTally>): number[] {
  const heads = store.events.heads(run)
  return spreadOrder(heads.length).flatMap((at) => {
    const head = heads[at]
    return head && tallies.get(head.chunk)?.events !== head.event_count ? [head.chunk] : []
  })
}

function take(run: number, tallies: Map<number, ChunkTally>, chunk: number): NumberedTally | null {
  const tally = store.events.tally(run, chunk)
  if (tally) tallies.set(chunk, tally)
  return tally && { chunk, ...tally }
}

async function count(of: Followed): Promise<void> {
  const { run, tallies } = of
  let fresh: NumberedTally[] = []
  const keep = () => {
    if (fresh.length > 0) tell({ type: 'tallied', run, tallies: fresh })
    fresh = []
  }
  try {
    const chunks = waiting(run, tallies)
    const total = tallies.size + chunks.length
    let said = 0
    for (const chunk of chunks) {
      if (counted !== of) break
      const tally = take(run, tallies, chunk)
      if (tally) fresh.push(tally)
      if (fresh.length >= KEPT_TOGETHER) keep()
      if (performance.now() - said > SAY_MS) {
        said = performance.now()
        tell({ type: 'progress', progress: { run, state: 'running', done: tallies.size, total, error: null } })
      }
      // whoever asks meanwhile is answered
      await new Promise((resolve) => setImmediate(resolve))
    }
    keep()
    const state = counted === of ? 'finished' : 'stopped'
    tell({ type: 'progress', progress: { run, state, done: tallies.size, total, error: null } })
  } catch (error) {
    tell({ type: 'progress', progress: { run, state: 'failed', done: tallies.size, total: 0, error: errorShape(error).message } })
  } finally {
    if (counted === of) counted = null
  }
}
