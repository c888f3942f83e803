/** The raw disk images that experiments name. Only names and paths are kept; what is on an image is read from it. */
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'

export interface StoredImage {
  name: string
  /** Relative to the workspace if it lies in it, else absolute. */
  path: string
  addedAt: string
}

interface ImageRow {
  name: string
  path: string
  added_at: string
}

export class ImageTable {
  readonly #connection: Connection
  readonly #list
  readonly #get

  constructor(connection: Connection) {
    this.#connection = connection
    this.#list = connection.sqlite.prepare<[], ImageRow>('SELECT * FROM images ORDER BY name')
    this.#get = connection.sqlite.prepare<[string], ImageRow>('SELECT * FROM images WHERE name = ?')
  }

  list(): StoredImage[] {
    return this.#connection.read(() => this.#list.all().map(imageOf))
  }

  /** The image of that name, null if there is none. */
  find(name: string): StoredImage | null {
    const row = this.#connection.read(() => this.#get.get(name))
    return row ? imageOf(row) : null
  }

  /** Throws StoreError `exists`. */
  add(name: string, path: string): StoredImage {
    return this.#connection.write(() => {
      if (this.#get.get(name))
        throw new StoreError('exists', `there is an image "${name}" already; give this one another name`, 'name')
      const image = { name, path, addedAt: new Date().toISOString() }
      this.#connection.sqlite.prepare('INSERT INTO images VALUES (?, ?, ?)').run(name, path, image.addedAt)
      return image
    })
  }

  /** Throws StoreError `not-found`. */
  remove(name: string): void {
    const removed = this.#connection.write(() =>
      this.#connection.sqlite.prepare('DELETE FROM images WHERE name = ?').run(name),
    )
    if (removed.changes === 0) throw new StoreError('not-found', `there is no image "${name}"`, 'name')
  }
}

const imageOf = (row: ImageRow): StoredImage => ({ name: row.name, path: row.path, addedAt: row.added_at })
