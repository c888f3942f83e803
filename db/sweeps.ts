/** Sweeps that are kept in the workspace. Their runs are found by their tags. */
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import { parseJson } from './json.ts'

export interface StoredSweep {
  id: number
  name: string
  updatedAt: string
  /** The sweep file as JSON data; whoever hands it on checks it against the schema. */
  file: unknown
}

interface SweepRow {
  id: number
  name: string
  updated_at: string
  file: string
}

export class SweepTable {
  readonly #connection: Connection
  readonly #list
  readonly #get

  constructor(connection: Connection) {
    this.#connection = connection
    this.#list = connection.sqlite.prepare<[], SweepRow>('SELECT * FROM sweeps ORDER BY id')
    this.#get = connection.sqlite.prepare<[number], SweepRow>('SELECT * FROM sweeps WHERE id = ?')
  }

  list(): StoredSweep[] {
    return this.#connection.read(() => this.#list.all().map(sweepOf))
  }

  /** Throws StoreError `not-found`. */
  get(id: number): StoredSweep {
    const row = this.#connection.read(() => this.#get.get(id))
    if (row === undefined) throw new StoreError('not-found', `there is no sweep ${id}`, 'id')
    return sweepOf(row)
  }

  /** Saves under its name, in place of what had that name. */
  save(name: string, file: unknown): StoredSweep {
    return this.#connection.write(() => {
      const row = this.#connection.sqlite
        .prepare<[string, string, string], SweepRow>(
          'INSERT INTO sweeps (name, updated_at, file) VALUES (?, ?, ?) ' +
            'ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at, file = excluded.file RETURNING *',
        )
        .get(name, new Date().toISOString(), JSON.stringify(file))
      if (row === undefined) throw new StoreError('not-found', `the sweep "${name}" was not saved`, 'name')
      return sweepOf(row)
    })
  }

  /** Forgets the sweep; its runs stay. Throws StoreError `not-found`. */
  remove(id: number): void {
    const removed = this.#connection.write(() =>
      this.#connection.sqlite.prepare('DELETE FROM sweeps WHERE id = ?').run(id),
    )
    if (removed.changes === 0) throw new StoreError('not-found', `there is no sweep ${id}`, 'id')
  }
}

const sweepOf = (row: SweepRow): StoredSweep => ({
  id: row.id,
  name: row.name,
  updatedAt: row.updated_at,
  file: parseJson(row.file),
})
