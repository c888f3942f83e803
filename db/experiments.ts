/** Experiment files that are kept in the workspace. */
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import { parseJson } from './json.ts'

export interface StoredExperiment {
  id: number
  name: string
  updatedAt: string
  /** The experiment file as JSON data; whoever hands it on checks it against the schema. */
  file: unknown
}

interface ExperimentRow {
  id: number
  name: string
  updated_at: string
  file: string
}

export class ExperimentTable {
  readonly #connection: Connection
  readonly #list
  readonly #get

  constructor(connection: Connection) {
    this.#connection = connection
    this.#list = connection.sqlite.prepare<[], ExperimentRow>('SELECT * FROM experiments ORDER BY id')
    this.#get = connection.sqlite.prepare<[number], ExperimentRow>('SELECT * FROM experiments WHERE id = ?')
  }

  list(): StoredExperiment[] {
    return this.#connection.read(() => this.#list.all().map(experimentOf))
  }

  /** Throws StoreError `not-found`. */
  get(id: number): StoredExperiment {
    const row = this.#connection.read(() => this.#get.get(id))
    if (row === undefined) throw new StoreError('not-found', `there is no experiment ${id}`, 'id')
    return experimentOf(row)
  }

  /** Saves under its id, or as a new one where id is null. Throws StoreError `not-found`. */
  save(id: number | null, name: string, file: unknown): StoredExperiment {
    return this.#connection.write(() => {
      const { sqlite } = this.#connection
      const [now, text] = [new Date().toISOString(), JSON.stringify(file)]
      if (id === null) {
        const inserted = sqlite
          .prepare('INSERT INTO experiments (name, updated_at, file) VALUES (?, ?, ?)')
          .run(name, now, text)
        return this.get(Number(inserted.lastInsertRowid))
      }
      sqlite.prepare('UPDATE experiments SET name = ?, updated_at = ?, file = ? WHERE id = ?').run(name, now, text, id)
      return this.get(id)
    })
  }

  /** Throws StoreError `not-found`. */
  remove(id: number): void {
    const removed = this.#connection.write(() =>
      this.#connection.sqlite.prepare('DELETE FROM experiments WHERE id = ?').run(id),
    )
    if (removed.changes === 0) throw new StoreError('not-found', `there is no experiment ${id}`, 'id')
  }
}

const experimentOf = (row: ExperimentRow): StoredExperiment => ({
  id: row.id,
  name: row.name,
  updatedAt: row.updated_at,
  file: parseJson(row.file),
})
