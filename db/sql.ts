/**
 * Questions in SQL about a workspace: its tables and views, and table functions over the events of a run.
 *
 *     event(run, from_ns, to_ns, kind, page, object)
 *         events, a row each; `kind` may name several: 'swapin,swapout'
 *     event_time(run, bucket_ns, from_ns, to_ns)
 *         events counted by buckets of virtual time and kind
 *     event_page(run, kind, from_ns, to_ns)
 *         events counted by page and kind
 *
 * The view `objects` tells what the objects that events name are.
 *
 * An argument that is left out or '' is no condition (SQLite takes none that is NULL). Those after the run can be given by
 * name too: event(1) WHERE of_page = 7 AND of_object = 2. What an argument says is looked up before anything is decoded; a WHERE on a
 * column of the events is not. Counting in the functions is ten times as
 * quick as GROUP BY over `event`.
 *
 * Nothing can be changed: the connection is read-only, and only SELECT, VALUES, WITH and EXPLAIN are taken. A query ends with its
 * row or time cap. SQLite itself cannot be interrupted between two rows, so a query that recurs without end is refused.
 */
import { eventColumns, eventKinds } from '../engine/sim/events.ts'
import { columnOf } from './chunkReader.ts'
import { openConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import { asStoreError, StoreError } from './errors.ts'
import type { EventFilter, Piece } from './events.ts'
import { TraceStore } from './traceStore.ts'

export interface SqlLimits {
  /** Most rows of the answer. */
  rows: number
  /** Wall time after which no more rows are fetched. */
  seconds: number
}

export type SqlValue = number | string | null

export interface SqlAnswer {
  columns: string[]
  rows: SqlValue[][]
  /** Whether there are more rows than the cap. */
  more: boolean
}

type Row = SqlValue[]

const STATEMENTS = ['SELECT', 'VALUES', 'WITH', 'EXPLAIN']
/** Events between two looks at the clock. */
const EVENTS_PER_LOOK = 4096
const GROUPS_MAX = 5_000_000

/** A workspace's database for queries. Belongs to the thread that opened it. */
export class SqlSession {
  readonly #connection: Connection
  /** The functions read events over a connection of their own: the other one is busy with the query. */
  readonly #store: TraceStore
  #deadline = Infinity

  /** Throws StoreError as TraceStore.open. */
  constructor(file: string) {
    this.#connection = openConnection(file, { readOnly: true })
    try {
      this.#store = TraceStore.open(file, { readOnly: true })
    } catch (error) {
      this.#connection.close()
      throw error
    }
    const { sqlite } = this.#connection
    sqlite.pragma('query_only = ON')
    for (const [name, columns, parameters, rows] of this.#functions())
      sqlite.table(name, { columns, parameters, rows, directOnly: true })
  }

  /**
   * Throws StoreError: `read-only` for a statement that is no query, `bad-query` for what SQLite makes nothing of, `too-long`, `not-found`
   * for a run or kind that there is not.
   */
  run(sql: string, limits: SqlLimits): SqlAnswer {
    checkStatement(sql)
    this.#deadline = performance.now() + limits.seconds * 1000
    try {
      const statement = this.#connection.sqlite.prepare<[], unknown[]>(sql)
      if (!statement.reader || !statement.readonly) throw notAQuery()
      this.#refuseRecursion(sql)
      const columns = statement.columns().map(({ name }) => name)
      const rows: Row[] = []
      let more = false
      for (const row of statement.raw().iterate()) {
        more = rows.length >= limits.rows
        if (more) break
        rows.push(row.map(valueOf))
        this.#look()
      }
      return { columns, rows, more }
    } catch (error) {
      throw sqlError(error, this.#connection.path)
    }
  }

  close(): void {
    this.#store.close()
    this.#connection.close()
  }

  #look(): void {
    if (performance.now() > this.#deadline)
      throw new StoreError('too-long', 'the query took longer than it may; ask for less, or raise the limit', 'seconds')
  }

  #refuseRecursion(sql: string): void {
    if (/^\s*explain/i.test(sql)) return
    const plan = this.#connection.sqlite.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all()
    if (plan.some(({ detail }) => detail.includes('RECURSIVE')))
      throw new StoreError('bad-query', 'a query that refers to itself might never end and could not be stopped', 'sql')
  }

  #functions(): [string, string[], string[], (...args: unknown[]) => Generator<Row>][] {
    const timeOf = { time: 'time_ns', duration: 'duration_ns' }
    const columns = eventColumns.map(({ name }) => (name === 'time' || name === 'duration' ? timeOf[name] : name))
    return [
      [
        'event',
        ['event', ...columns],
        ['run', 'from_ns', 'to_ns', 'of_kind', 'of_page', 'of_object'],
        this.#events.bind(this),
      ],
      [
        'event_time',
        ['begin_ns', 'kind', 'events', 'pages'],
        ['run', 'bucket_ns', 'from_ns', 'to_ns'],
        this.#byTime.bind(this),
      ],
      [
        'event_page',
        ['object', 'page', 'kind', 'events'],
        ['run', 'of_kind', 'from_ns', 'to_ns'],
        this.#byPage.bind(this),
      ],
    ]
  }

  *#events(run: unknown, from: unknown, to: unknown, kind: unknown, page: unknown, object: unknown): Generator<Row> {
    const filter = {
      ...rangeOf(from, to),
      kinds: kindsOf(kind),
      page: number(page, 'page'),
      object: number(object, 'object'),
    }
    for (const { reader, first, rows } of this.#pieces(run, filter)) {
      const columns = eventColumns.map(({ name }) => columnOf(reader, name))
      for (const row of rows)
        yield [first + row, ...columns.map((column, i) => (i === 1 ? kindName(column[row]!) : column[row]!))]
    }
  }

  *#byTime(run: unknown, bucket: unknown, from: unknown, to: unknown): Generator<Row> {
    const bucketNs = number(bucket, 'bucket_ns') ?? 1e9
    if (!(bucketNs > 0)) throw new StoreError('bad-query', 'event_time: bucket_ns must be above 0', 'bucket_ns')
    const groups = new Groups<{ begin: number; kind: number; events: number; pages: number }>()
    for (const { reader, rows } of this.#pieces(run, { ...rangeOf(from, to), kinds: [] })) {
      const [times, kinds, pages] = [reader.numbers('time'), reader.kinds(), reader.integers('pages')]
      for (const row of rows) {
        const begin = Math.floor(times[row]! / bucketNs)
        const kind = kinds[row]!
        const group = groups.of(begin * eventKinds.length + kind, () => ({
          begin: begin * bucketNs,
          kind,
          events: 0,
          pages: 0,
        }))
        group.events++
        group.pages += pages[row]!
      }
    }
    for (const { begin, kind, events, pages } of groups.all()) yield [begin, kindName(kind), events, pages]
  }

  *#byPage(run: unknown, kind: unknown, from: unknown, to: unknown): Generator<Row> {
    const objects = new Map<number, Groups<{ page: number; kind: number; events: number }>>()
    for (const { reader, rows } of this.#pieces(run, { ...rangeOf(from, to), kinds: kindsOf(kind) })) {
      const [places, pages, kinds] = [reader.integers('object'), reader.numbers('page'), reader.kinds()]
      for (const row of rows) {
        const object = places[row]!
        if (object < 0) continue
        let groups = objects.get(object)
        if (!groups) objects.set(object, (groups = new Groups()))
        const [page, kindNumber] = [pages[row]!, kinds[row]!]
        groups.of(page * eventKinds.length + kindNumber, () => ({ page, kind: kindNumber, events: 0 })).events++
      }
    }
    for (const [object, groups] of objects)
      for (const { page, kind: kindNumber, events } of groups.all()) yield [object, page, kindName(kindNumber), events]
  }

  *#pieces(run: unknown, filter: EventFilter): Generator<Piece> {
    const id = number(run, 'run')
    if (id === undefined)
      throw new StoreError('bad-query', 'which run? Its number is the first argument: event(1)', 'run')
    if (filter.page !== undefined && filter.object === undefined)
      throw new StoreError(
        'bad-query',
        'a page is one of an object: event(run, from, to, kind, page, object)',
        'object',
      )
    this.#store.runs.get(id)
    for (const piece of this.#store.events.piecesInRange(id, filter)) {
      this.#look()
      for (let at = 0; at < piece.rows.length; at += EVENTS_PER_LOOK) {
        yield { ...piece, rows: piece.rows.subarray(at, at + EVENTS_PER_LOOK) }
        this.#look()
      }
    }
  }
}

/** Groups by a whole number. */
class Groups<G> {
  readonly #groups = new Map<number, G>()

  of(key: number, make: () => G): G {
    const known = this.#groups.get(key)
    if (known) return known
    if (this.#groups.size >= GROUPS_MAX)
      throw new StoreError(
        'bad-query',
        `that would be more than ${GROUPS_MAX} groups; ask for larger ones, or for a shorter range`,
        'sql',
      )
    const group = make()
    this.#groups.set(key, group)
    return group
  }

  all(): Iterable<G> {
    return this.#groups.values()
  }
}

function checkStatement(sql: string): void {
  const [word = ''] = /[a-z]+/i.exec(sql.replace(/^(\s|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/, '')) ?? []
  if (!STATEMENTS.includes(word.toUpperCase())) throw notAQuery()
}

const notAQuery = () =>
  new StoreError('read-only', 'only queries are run here: SELECT, VALUES, WITH or EXPLAIN, and one at a time', 'sql')

function sqlError(error: unknown, file: string): unknown {
  if (error instanceof StoreError) return error
  const isSql =
    error instanceof Error &&
    (error.name === 'SqliteError' || error instanceof RangeError || error instanceof TypeError)
  const code = error instanceof Error && 'code' in error ? error.code : ''
  // SQLITE_ERROR is what it says of a query; others are about the file
  if (isSql && (code === 'SQLITE_ERROR' || code === ''))
    return new StoreError('bad-query', `the query: ${error.message}`, 'sql', error)
  return asStoreError(error, file)
}

function valueOf(value: unknown): SqlValue {
  if (value === null || typeof value === 'number' || typeof value === 'string') return value
  if (value instanceof Uint8Array) return `<${value.length} bytes>`
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value)
}

function number(value: unknown, what: string): number | undefined {
  if (value === null || value === undefined || value === '') return undefined
  const found = typeof value === 'bigint' ? Number(value) : value
  if (typeof found === 'number' && Number.isFinite(found)) return found
  throw new StoreError('bad-query', `${what} must be a number, not ${JSON.stringify(value)}`, what)
}

const rangeOf = (from: unknown, to: unknown) => ({
  fromNs: number(from, 'from_ns') ?? 0,
  toNs: number(to, 'to_ns') ?? Infinity,
})

function kindsOf(kind: unknown): string[] {
  if (kind === null || kind === undefined || kind === '') return []
  if (typeof kind === 'string') return kind.split(',').map((name) => name.trim())
  throw new StoreError(
    'bad-query',
    `a kind of event is named by a text such as 'swapin', not ${JSON.stringify(kind)}`,
    'kind',
  )
}

const kindName = (kind: number) => eventKinds[kind] ?? `kind ${kind}`
