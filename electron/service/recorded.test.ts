/** What can be asked of what a run recorded, while it runs and afterwards. */
import { describe, expect, it } from 'vitest'
import { decodeTable } from '../contract/dataPlane.ts'
import { runToEnd, smallExperiment, withService } from './testing.ts'

const run = { file: smallExperiment({}, 4000), record: true, startPaused: false }

describe('a recorded run', () => {
  it('answers all its sample columns at once', () =>
    withService(async (workbench) => {
      const { id } = await runToEnd(workbench, () => workbench.request('runs.start', run))
      const { sampleColumns } = await workbench.request('workbench.info', {})
      const columns = sampleColumns.slice(1)
      const answer = await workbench.request('runs.samples', { id, fromNs: 0, toNs: 1e12, buckets: 10, columns })
      expect(decodeTable(answer).columns).toHaveLength(2 + 3 * columns.length)
    }))

  it("gives a page's history in windows from its end on, and the same events by object and page", () =>
    withService(async (workbench) => {
      const { id } = await runToEnd(workbench, () => workbench.request('runs.start', run))
      const all = { id, fromNs: 0, toNs: 1e15, kinds: [], offset: 0, limit: 10_000 }
      const asked = { object: 0, page: 7 }
      const [, , , , firstPages, pageCounts] = decodeTable(await workbench.request('runs.events', all)).columns
      const expected = decodeTable(await workbench.request('runs.events', { ...all, ...asked }))
      const among = [...(firstPages ?? [])].filter(
        (first, row) => first <= 7 && 7 < first + Math.max(1, pageCounts?.[row] ?? 0),
      )
      expect(expected.rows).toBeGreaterThan(5)
      expect(among.length).toBeGreaterThanOrEqual(expected.rows)
      const numbers: number[] = []
      for (let more = true; more;) {
        const before = numbers[0] === undefined ? {} : { beforeEvent: numbers[0] }
        const window = decodeTable(await workbench.request('runs.pageHistory', { id, ...asked, ...before, limit: 3 }))
        numbers.unshift(...(window.columns.at(-1) ?? []))
        more = window.extra[0] === 1
      }
      expect(numbers).toEqual([...(expected.columns.at(-1) ?? [])])
    }))

  it('shows its newest events while it stands still, before a chunk is full', () =>
    withService(async (workbench) => {
      const { id } = await workbench.request('runs.start', { ...run, startPaused: true })
      const count = async () =>
        decodeTable(
          await workbench.request('runs.events', { id, fromNs: 0, toNs: 1e15, kinds: [], offset: 0, limit: 10_000 }),
        ).rows
      const before = await count()
      await workbench.request('runs.control', { id, action: 'step-io' })
      await expect.poll(count, { timeout: 5000 }).toBeGreaterThan(before)
      await workbench.request('runs.control', { id, action: 'stop' })
    }))
})

describe('the query box', () => {
  it('answers queries in SQL, and a new one or a cancel ends the one before', () =>
    withService(async (workbench) => {
      const { id, totals } = await runToEnd(workbench, () => workbench.request('runs.start', run))
      const ask = (sql: string) => workbench.request('sql.run', { sql, rows: 100, seconds: 60 })
      expect(await ask(`SELECT count(*) FROM event(${id})`)).toEqual({ columns: ['count(*)'], rows: [[totals.events]], more: false })
      await expect(ask('DELETE FROM runs')).rejects.toMatchObject({ code: 'read-only' })
      const long = `SELECT count(*) FROM event(${id}) a, event(${id}) b, event(${id}) c`
      const first = expect(ask(long)).rejects.toMatchObject({ code: 'closed' })
      const second = expect(ask(long)).rejects.toMatchObject({ code: 'closed' })
      await first
      await workbench.request('sql.cancel', {})
      await second
      expect((await ask('SELECT 1')).rows).toEqual([[1]])
    }))
})
