/** What the objects of runs are, in the store (objectNames.ts says what they are called). */
import type { Connection } from './connection.ts'
import { parseJson } from './json.ts'
import { ObjectNames, type NamedObject, type ObjectLabel } from './objectNames.ts'

type Row = Omit<NamedObject, 'labels'> & { labels: string }

export class ObjectTable {
  readonly #connection: Connection
  readonly #add
  readonly #list

  constructor(connection: Connection) {
    const { sqlite } = connection
    this.#connection = connection
    this.#add = sqlite.prepare(
      'INSERT OR REPLACE INTO run_objects (run_id, object, first_event, kind, process, start_page, pages, name, labels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.#list = sqlite.prepare<[number], Row>(
      'SELECT object, first_event AS firstEvent, kind, process, start_page AS startPage, pages, name, labels FROM run_objects WHERE run_id = ? ORDER BY first_event, object',
    )
  }

  append(run: number, objects: readonly NamedObject[]): void {
    if (objects.length === 0) return
    this.#connection.write(() => {
      for (const { object, firstEvent, kind, process, startPage, pages, name, labels } of objects)
        this.#add.run(run, object, firstEvent, kind, process, startPage, pages, name, JSON.stringify(labels))
    })
  }

  /** In the order in which they were made; none of a run that was recorded before objects had names. */
  list(run: number): NamedObject[] {
    return this.#connection.read(() =>
      this.#list.all(run).map((row) => ({ ...row, labels: labelsOf(parseJson(row.labels)) })),
    )
  }

  names(run: number): ObjectNames {
    return new ObjectNames(this.list(run))
  }
}

function labelsOf(value: unknown): ObjectLabel[] {
  if (!Array.isArray(value)) return []
  return value.filter(isLabel)
}

function isLabel(value: unknown): value is ObjectLabel {
  return (
    typeof value === 'object' &&
    value !== null &&
    'page' in value &&
    'pages' in value &&
    'label' in value &&
    typeof value.page === 'number' &&
    typeof value.pages === 'number' &&
    typeof value.label === 'string'
  )
}
