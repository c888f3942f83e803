/**
 * One connection to a workspace's database: how it is opened, and the two ways in which everything else uses it,
 * `read` and `write`. A connection belongs to one thread; each thread opens its own.
 *
 * Life cycle:
 *  1. `openConnection` opens or creates the file, checks that it is ours, and brings it up to the newest schema.
 *  2. `write` runs a transaction under synchronous=NORMAL: after a crash of the program every committed piece is there,
 *     after a loss of power the last few may be gone. `writeDurably` waits for the disk.
 *  3. `close` folds the write-ahead log into the file if this was the last connection.
 */
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { asStoreError, StoreError } from './errors.ts'
import { migrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { APPLICATION_ID, migrate, readUserVersion } from './schema.ts'

export type Sqlite = Database.Database

export interface ConnectionOptions {
  /** Never writes; the file must exist and have the newest schema. */
  readOnly?: boolean
  /** The upgraders to use; tests pass their own. */
  migrations?: readonly Migration[]
  /** How long to wait for another writer. */
  busyTimeoutMs?: number
}

export interface Connection {
  readonly path: string
  readonly readOnly: boolean
  readonly sqlite: Sqlite
  /** Runs `body` on one consistent state of the database, whatever others write meanwhile. */
  read<T>(body: () => T): T
  /**
   * Runs `body` as one transaction: all of it is committed, or nothing. Within another transaction it joins that one.
   * `committed` is called when the outermost transaction is committed, and not at all if it fails.
   */
  write<T>(body: () => T, committed?: () => void): T
  /** As write, and returns only when the disk has it (within another writeDurably: when that one has returned). */
  writeDurably<T>(body: () => T): T
  /** Rows of a statement that only reads. Throws StoreError `read-only` for one that writes, SqliteError for bad SQL. */
  select(sql: string): { columns: string[]; rows: unknown[][] }
  /** What SQLite finds wrong with the file's structure or its references; empty if nothing. */
  check(): string[]
  /** From now on folds the write-ahead log into the file only where it is longer than LOG_PAGES_MAX. */
  checkpointSeldom(): void
  /** Folds the write-ahead log into the file as far as that goes beside readers and a writer. */
  checkpoint(): void
  /** Writes the file anew, without unused pages. */
  vacuum(): void
  close(): void
}

/** Pages larger than SQLite's usual 4096 bytes: most rows carry blobs of some 10 KiB. */
const PAGE_BYTES = 8192
const NODE_MAJOR_MIN = 24
/** Pages of the write-ahead log (64 MiB) that a writer folds even if another connection should. */
const LOG_PAGES_MAX = 8192

/** Throws StoreError: `unreadable`, `not-a-store`, `newer-version`, `read-only`, `damaged`. */
export function openConnection(path: string, options: ConnectionOptions = {}): Connection {
  const readOnly = options.readOnly ?? false
  // better-sqlite3 needs Node-API 10; on an older Node it does not fail, it crashes.
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN)
    throw new StoreError(
      'unreadable',
      `the trace store needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}`,
    )
  if (readOnly && !existsSync(path)) throw new StoreError('unreadable', `there is no database ${path}`)
  let sqlite: Sqlite | undefined
  try {
    sqlite = new Database(path, { readonly: readOnly, timeout: options.busyTimeoutMs ?? 10_000 })
    prepare(sqlite, path, readOnly, options.migrations ?? migrations)
  } catch (error) {
    sqlite?.close()
    throw asStoreError(error, path)
  }
  return new SqliteConnection(path, readOnly, sqlite)
}

function prepare(sqlite: Sqlite, path: string, readOnly: boolean, upgraders: readonly Migration[]): void {
  const newest = upgraders.at(-1)?.version ?? 0
  const tables = sqlite.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()
  const applicationId = sqlite.pragma('application_id', { simple: true })
  if (tables !== 0 && applicationId !== APPLICATION_ID)
    throw new StoreError('not-a-store', `${path} is a database of another program; it was not touched`)
  const version = readUserVersion(sqlite)
  if (version > newest)
    throw new StoreError(
      'newer-version',
      `${path} was written by a newer workbench (schema ${version}, this one knows ${newest}); update the workbench`,
    )
  if (readOnly) {
    if (version < newest)
      throw new StoreError(
        'read-only',
        `${path} has the older schema ${version}; open the workspace once for writing to bring it to ${newest}`,
      )
  } else {
    if (tables === 0) {
      sqlite.pragma(`page_size = ${PAGE_BYTES}`)
      sqlite.pragma('auto_vacuum = INCREMENTAL')
    }
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = NORMAL')
    migrate(sqlite, upgraders)
    sqlite.pragma('journal_size_limit = 67108864')
  }
  sqlite.pragma('foreign_keys = ON')
  sqlite.pragma('cache_size = -32768')
  sqlite.pragma('temp_store = MEMORY')
}

class SqliteConnection implements Connection {
  readonly path: string
  readonly readOnly: boolean
  readonly sqlite: Sqlite
  #committed: (() => void)[] = []

  constructor(path: string, readOnly: boolean, sqlite: Sqlite) {
    this.path = path
    this.readOnly = readOnly
    this.sqlite = sqlite
  }

  read<T>(body: () => T): T {
    try {
      return this.sqlite.inTransaction ? body() : this.sqlite.transaction(body).deferred()
    } catch (error) {
      throw asStoreError(error, this.path)
    }
  }

  write<T>(body: () => T, committed?: () => void): T {
    if (this.readOnly) throw new StoreError('read-only', `${this.path} was opened for reading only`)
    const outermost = !this.sqlite.inTransaction
    try {
      const result = outermost ? this.sqlite.transaction(body).immediate() : body()
      if (committed) this.#committed.push(committed)
      if (outermost) for (const notify of this.#committed.splice(0)) notify()
      return result
    } catch (error) {
      if (outermost) this.#committed = []
      throw asStoreError(error, this.path)
    }
  }

  writeDurably<T>(body: () => T): T {
    if (this.readOnly) throw new StoreError('read-only', `${this.path} was opened for reading only`)
    // within another transaction it is that one's commit that counts
    if (this.sqlite.inTransaction) return body()
    this.sqlite.pragma('synchronous = FULL')
    try {
      return this.write(body)
    } finally {
      this.sqlite.pragma('synchronous = NORMAL')
    }
  }

  select(sql: string): { columns: string[]; rows: unknown[][] } {
    const statement = this.sqlite.prepare<[], unknown[]>(sql)
    if (!statement.reader || !statement.readonly)
      throw new StoreError('read-only', 'the statement would change the database; only queries are run here', 'sql')
    return { columns: statement.columns().map((column) => column.name), rows: statement.raw().all() }
  }

  check(): string[] {
    return this.read(() => [
      ...this.sqlite
        .prepare<[], { integrity_check: string }>('PRAGMA integrity_check')
        .all()
        .map((row) => row.integrity_check)
        .filter((text) => text !== 'ok'),
      ...this.sqlite
        .prepare<[], { table: string; rowid: number; parent: string }>('PRAGMA foreign_key_check')
        .all()
        .map((row) => `row ${row.rowid} of ${row.table} refers to a missing row of ${row.parent}`),
    ])
  }

  checkpointSeldom(): void {
    this.sqlite.pragma(`wal_autocheckpoint = ${LOG_PAGES_MAX}`)
  }

  checkpoint(): void {
    this.sqlite.pragma('wal_checkpoint(PASSIVE)')
  }

  vacuum(): void {
    if (this.readOnly) throw new StoreError('read-only', `${this.path} was opened for reading only`)
    try {
      this.sqlite.exec('VACUUM')
      this.sqlite.pragma('wal_checkpoint(TRUNCATE)')
    } catch (error) {
      throw asStoreError(error, this.path)
    }
  }

  close(): void {
    if (!this.sqlite.open) return
    // Lets the query planner's statistics follow the data; cheap, and a no-op when nothing changed much.
    if (!this.readOnly) {
      try {
        this.sqlite.pragma('optimize')
      } catch {
        // a full disk must not keep a workspace from closing
      }
    }
    this.sqlite.close()
  }
}
