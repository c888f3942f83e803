import { describe, expect, it } from 'vitest'
import { eventKinds } from '../engine/sim/events.ts'
import { StoreError } from './errors.ts'
import { EventEncoder } from './eventEncoder.ts'
import { SqlSession } from './sql.ts'
import { someEnd, someEvents, someRun, withStore } from './testing.ts'

const plenty = { rows: 100_000, seconds: 20 }

/** Two chunks of events in run 1, and queries over them. */
function withSession(body: (session: SqlSession, events: ReturnType<typeof someEvents>[]) => void): void {
  withStore((store, file) => {
    const id = store.createRun(someRun())
    const encoder = new EventEncoder(true)
    const first = someEvents(65536, 1)
    const events = [first, someEvents(700, 2, first.time[65535])]
    for (const chunk of events) store.appendEvents(id, encoder.add(chunk))
    store.finishRun(id, someEnd())
    const session = new SqlSession(file)
    try {
      body(session, events)
    } finally {
      session.close()
    }
  })
}

const codeOf = (body: () => unknown) => {
  try {
    body()
  } catch (error) {
    if (error instanceof StoreError) return error.code
    throw error
  }
  return 'nothing was thrown'
}

describe('a query in SQL', () => {
  it('sees tables and events, and the functions count as it would itself', () => {
    withSession((session, events) => {
      expect(session.run('SELECT id, status FROM runs', plenty)).toEqual({
        columns: ['id', 'status'],
        rows: [[1, 'finished']],
        more: false,
      })
      const grouped = session.run(
        'SELECT kind, count(*), sum(pages) FROM event(1) GROUP BY kind ORDER BY kind',
        plenty,
      ).rows
      const expected = eventKinds.flatMap((name, kind) => {
        const pages = events.flatMap((chunk) =>
          [...chunk.pages].filter((_, row) => row < chunk.count && chunk.kind[row] === kind),
        )
        return pages.length > 0 ? [[name, pages.length, pages.reduce((a, b) => a + b, 0)]] : []
      })
      expect(grouped).toEqual(expected.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
      const byTime = 'SELECT kind, sum(events), sum(pages) FROM event_time(1, 1000000) GROUP BY kind ORDER BY kind'
      expect(session.run(byTime, plenty).rows).toEqual(grouped)
      const byPage = "SELECT object, page, events FROM event_page(1, 'fault') ORDER BY 1, 2"
      const counted = "SELECT object, page, count(*) FROM event(1) WHERE of_kind = 'fault' GROUP BY 1, 2 ORDER BY 1, 2"
      expect(session.run(byPage, plenty).rows).toEqual(session.run(counted, plenty).rows)
    })
  })

  it('has its arguments looked up: range, kinds, page and object', () => {
    withSession((session, [first]) => {
      const [from, to] = [first!.time[1000]!, first!.time[2000]!]
      const within = session.run(`SELECT event, kind FROM event(1, ${from}, ${to}, 'swapin, swapout')`, plenty).rows
      const expected = [...first!.kind.keys()].filter(
        (row) => first!.time[row]! >= from && first!.time[row]! <= to && [1, 2].includes(first!.kind[row]!),
      )
      expect(within.map(([event]) => event)).toEqual(expected)
      const page = `SELECT event FROM event(1, '', '', '', ${first!.page[5]}, ${first!.object[5]})`
      expect(session.run(page, plenty).rows).toContainEqual([5])
    })
  })

  it('ends with its row cap and its time cap', () => {
    withSession((session) => {
      const answer = session.run('SELECT event FROM event(1)', { rows: 7, seconds: 20 })
      expect([answer.rows.length, answer.more]).toEqual([7, true])
      const endless = 'SELECT count(*) FROM event(1) AS a, event(1) AS b'
      expect(codeOf(() => session.run(endless, { rows: 7, seconds: 0.05 }))).toBe('too-long')
      expect(session.run('SELECT 1', plenty).rows).toEqual([[1]])
    })
  })

  it('cannot change anything, reach another file, or go on for ever', () => {
    withSession((session) => {
      const refused = {
        'read-only': [
          'DELETE FROM runs',
          "ATTACH 'x' AS y",
          'PRAGMA query_only = OFF',
          'PRAGMA journal_mode = DELETE',
          "VACUUM INTO '/nowhere/x'",
          'WITH x AS (SELECT 1) DELETE FROM runs',
          '-- SELECT\nDROP TABLE runs',
          '',
        ],
        'bad-query': [
          'SELECT 1; DELETE FROM runs',
          'SELECT nothing FROM runs',
          "SELECT load_extension('x')",
          'WITH c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c',
          'SELECT * FROM event',
          "SELECT * FROM event('one')",
          "SELECT * FROM event(1, '', '', '', 5)",
        ],
        'not-found': ['SELECT * FROM event(99)', "SELECT * FROM event(1, 0, 1, 'swap')"],
      }
      for (const [code, statements] of Object.entries(refused))
        for (const sql of statements) expect([sql, codeOf(() => session.run(sql, plenty))]).toEqual([sql, code])
      expect(session.run('SELECT count(*) FROM runs', plenty).rows).toEqual([[1]])
    })
  })
})
