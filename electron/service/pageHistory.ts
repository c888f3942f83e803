/**
 * The history of a page, newest first: the chunks of events that may name the page are read by two threads beside each other, from the end
 * of the run on, until there are enough rows. A chunk is decoded as a whole for the few events of a page that it has, so that is
 * most of the work, and the window asks for few rows at first.
 */
import { eventRows, noEvents } from '../../db/events.ts'
import { decodeTable, encodeTable, type DataColumn, type DataTable } from '../contract/dataPlane.ts'
import type { Params } from '../contract/contract.ts'
import type { QueryCalls } from './protocol.ts'
import type { ThreadClient } from './threadCalls.ts'

type Thread = Pick<ThreadClient<QueryCalls>, 'call'>

/** Chunks that one thread reads alone: fewer are not worth another. */
const ALONE_CHUNKS = 3
/** Calls that a thread has at once, so that it need not wait for the next. */
const CALLS_AHEAD = 2

/** The newest events of a page before one, oldest first, as a binary table; `helper` is made when it is worth it. Throws what the threads throw. */
export async function pageHistory(
  thread: Thread,
  helper: () => Thread,
  asked: Params<'runs.pageHistory'>,
): Promise<ArrayBuffer> {
  const chunks = await thread.call('pageChunks', asked)
  const found: (DataTable | undefined)[] = []
  let next = 0
  // rows of the newest chunks, without a gap
  let rows = 0
  let done = 0
  const read = async (by: Thread) => {
    while (next < chunks.length && rows <= asked.limit) {
      const at = next++
      found[at] = decodeTable(await by.call('pageRows', asked, chunks[at] ?? 0))
      for (let table = found[done]; table; table = found[++done]) rows += table.rows
    }
  }
  const threads = chunks.length > ALONE_CHUNKS ? [thread, helper()] : [thread]
  await Promise.all(threads.flatMap((each) => Array.from({ length: CALLS_AHEAD }, () => read(each))))
  // others may have been read beyond a gap
  const newest = found.slice(0, done).flatMap((table) => table ?? [])
  return encodeTable(lastRows([eventRows(noEvents), ...newest.reverse()], asked.limit))
}

/** The last `limit` rows of tables one after the other; whether there are more of them is their first extra. */
function lastRows(tables: readonly DataTable[], limit: number): DataTable {
  const all = tables.reduce((sum, { rows }) => sum + rows, 0)
  const rows = Math.min(all, limit)
  const columns = (tables[0]?.columns ?? []).map((first, column) => {
    const out = ofKind(first, all)
    let at = 0
    for (const table of tables) {
      const values = table.columns[column]
      if (values) out.set(values, at)
      at += table.rows
    }
    return out.slice(all - rows)
  })
  return { kind: tables[0]?.kind ?? 0, rows, extra: [all > rows ? 1 : 0, 0, 0], columns }
}

function ofKind(column: DataColumn, rows: number): DataColumn {
  if (column instanceof Uint8Array) return new Uint8Array(rows)
  return column instanceof Int32Array ? new Int32Array(rows) : new Float64Array(rows)
}
