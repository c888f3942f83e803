/** Reports that were made and kept. Their text is complete in itself: it stays readable when its runs are removed. */
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'

export interface ReportInfo {
  id: number
  name: string
  createdAt: string
  format: string
  runs: number[]
  sizeBytes: number
}

export interface StoredReport {
  info: ReportInfo
  mediaType: string
  content: string
}

interface ReportRow {
  id: number
  name: string
  format: string
  media_type: string
  created_at: string
  size_bytes: number
}

const SELECT_REPORT =
  'SELECT id, name, format, media_type, created_at, octet_length(content) AS size_bytes FROM reports'

export class ReportTable {
  readonly #connection: Connection
  readonly #list
  readonly #get
  readonly #content
  readonly #runs

  constructor(connection: Connection) {
    const { sqlite } = connection
    this.#connection = connection
    this.#list = sqlite.prepare<[], ReportRow>(`${SELECT_REPORT} ORDER BY id DESC`)
    this.#get = sqlite.prepare<[number], ReportRow>(`${SELECT_REPORT} WHERE id = ?`)
    this.#content = sqlite.prepare<[number], { content: string }>('SELECT content FROM reports WHERE id = ?')
    this.#runs = sqlite.prepare<[number], { run_id: number }>(
      'SELECT run_id FROM report_runs WHERE report_id = ? ORDER BY position',
    )
  }

  /** Newest first. */
  list(): ReportInfo[] {
    return this.#connection.read(() => this.#list.all().map((row) => this.#info(row)))
  }

  /** Throws StoreError `not-found`. */
  get(id: number): StoredReport {
    return this.#connection.read(() => {
      const row = this.#get.get(id)
      const text = this.#content.get(id)
      if (!row || !text) throw missing(id)
      return { info: this.#info(row), mediaType: row.media_type, content: text.content }
    })
  }

  add(report: {
    name: string
    format: string
    mediaType: string
    content: string
    runs: readonly number[]
  }): ReportInfo {
    return this.#connection.writeDurably(() => {
      const { sqlite } = this.#connection
      const { lastInsertRowid } = sqlite
        .prepare('INSERT INTO reports (name, format, media_type, created_at, content) VALUES (?, ?, ?, ?, ?)')
        .run(report.name, report.format, report.mediaType, new Date().toISOString(), report.content)
      const id = Number(lastInsertRowid)
      const addRun = sqlite.prepare('INSERT INTO report_runs VALUES (?, ?, ?)')
      report.runs.forEach((run, position) => addRun.run(id, position, run))
      return this.get(id).info
    })
  }

  /** Throws StoreError `not-found`. */
  remove(id: number): void {
    const removed = this.#connection.write(() =>
      this.#connection.sqlite.prepare('DELETE FROM reports WHERE id = ?').run(id),
    )
    if (removed.changes === 0) throw missing(id)
  }

  #info(row: ReportRow): ReportInfo {
    return {
      id: row.id,
      name: row.name,
      createdAt: row.created_at,
      format: row.format,
      runs: this.#runs.all(row.id).map((run) => run.run_id),
      sizeBytes: row.size_bytes,
    }
  }
}

const missing = (id: number) => new StoreError('not-found', `there is no report ${id}`, 'id')
