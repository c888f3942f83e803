import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { generateWorkload } from '../engine/workload/generators/index.ts'
import { EventEncoder } from './eventEncoder.ts'
import { batchOf } from './sampleBatch.ts'
import { inScratch, sampleRows, someEnd, someEvents, someRun, withStore } from './testing.ts'
import { TraceStore } from './traceStore.ts'

/** A run with two chunks of events, one of them tallied, samples at two resolutions and a keyframe, and a workload. */
function fill(store: TraceStore): void {
  const id = store.createRun(someRun())
  const encoder = new EventEncoder(true)
  const first = someEvents(65536, 1)
  store.appendEvents(id, encoder.add(first))
  store.appendEvents(id, encoder.add(someEvents(900, 2, first.time[65535])))
  const buckets = Array.from({ length: 2000 }, (_, i) => i * 3)
  store.appendSamples(id, batchOf(sampleRows(buckets), buckets.length))
  store.putKeyframe(id, { reference: 100, timeNs: 1000, data: new Uint8Array(5000).fill(3) })
  const { totals, ...end } = someEnd()
  store.finishRun(id, { ...end, totals: { ...totals, events: encoder.events, traceDigest: encoder.finish() } })
  store.tallies.put(id, [{ chunk: 0, ...store.events.tally(id, 0)! }])
  store.workloads.add({ ...generateWorkload('uniform', { pages: 50, references: 5000 }), name: 'w' })
}

/** The file of such a workspace, made once. */
const whole = withStore((store, file) => {
  fill(store)
  store.close()
  return readFileSync(file)
})

/** What a check finds after `sql` has been done to a whole workspace behind the store's back. */
function findingsAfter(sql: string, bytes = whole): string[] {
  return inScratch((directory) => {
    const file = path.join(directory, 'workbench.sqlite')
    writeFileSync(file, bytes)
    const raw = new Database(file)
    raw.pragma('foreign_keys = OFF')
    raw.exec(sql)
    raw.close()
    const reader = TraceStore.open(file, { readOnly: true })
    try {
      return [...reader.checkAll()].flatMap(({ findings }) =>
        findings.map(({ where, message }) => `${where}: ${message}`),
      )
    } finally {
      reader.close()
    }
  })
}

/** A blob with one byte more, one less, or another in its middle. */
const flipped = (column: string) =>
  `substr(${column}, 1, length(${column}) / 2) || x'5a' || substr(${column}, length(${column}) / 2 + 2)`

describe('a check', () => {
  it('finds nothing in a whole workspace, and counts its steps', () => {
    withStore((store) => {
      fill(store)
      const steps = [...store.checkAll()]
      expect(steps.flatMap(({ findings }) => findings)).toEqual([])
      expect(steps.at(-1)).toMatchObject({ done: 4, total: 4 })
    })
  })

  it.each([
    ['a chunk of events that is gone', 'DELETE FROM trace_chunks WHERE chunk = 0', 'chunk 0 is missing'],
    ['the last chunk gone', 'DELETE FROM trace_chunks WHERE chunk = 1', 'there are 65536 of 66436 events'],
    [
      'a flipped byte in a column',
      `UPDATE trace_chunks SET page = CAST(${flipped('page')} AS BLOB) WHERE chunk = 0`,
      'chunk 0',
    ],
    [
      'a flipped byte in kinds',
      `UPDATE trace_chunks SET kind = CAST(${flipped('kind')} AS BLOB) WHERE chunk = 0`,
      'chunk 0',
    ],
    [
      'a column cut off',
      'UPDATE trace_chunks SET time = substr(time, 1, 90) WHERE chunk = 1',
      'chunk 1 cannot be read',
    ],
    ['a wrong length', 'UPDATE trace_chunks SET time_bytes = time_bytes + 1 WHERE chunk = 1', 'chunk 1 cannot be read'],
    ['other counts', `UPDATE trace_chunks SET kind_counts = '{"fault":3}' WHERE chunk = 0`, 'other events by kind'],
    ['another range of time', 'UPDATE trace_chunks SET end_ns = end_ns + 1 WHERE chunk = 1', 'another range of time'],
    ['another beginning', 'UPDATE trace_chunks SET first_event = 5 WHERE chunk = 1', 'chunk 1 begins at event 5'],
    [
      "another chunk's digest",
      'UPDATE chunk_index SET digest = zeroblob(32) WHERE chunk = 1',
      'not the digest that was taken',
    ],
    ['no digest', 'DELETE FROM chunk_index WHERE chunk = 1', 'chunk 1 has no digest'],
    ["another run's digest", "UPDATE runs SET trace_digest = 'ab'", 'not the digest that the run ended with'],
    [
      'a chunk of samples cut off',
      'UPDATE sample_chunks SET data = substr(data, 1, 60) WHERE level = 0',
      'cannot be read',
    ],
    ['a chunk of samples gone', 'DELETE FROM sample_chunks WHERE level = 0 AND first_bucket = 0', 'does not add up'],
    ['other rows of samples', 'UPDATE sample_chunks SET row_count = 7 WHERE level > 0', 'of 7 rows'],
    [
      'samples in another place',
      'UPDATE sample_chunks SET first_bucket = 1 WHERE level = 0 AND first_bucket = 0',
      'its first row is',
    ],
    ['counts by object of something else', 'UPDATE chunk_tallies SET objects = processes, object_rows = process_rows', 'of chunk 0 are not those of its events'],
    ['counts by process cut off', 'UPDATE chunk_tallies SET processes = substr(processes, 1, 3)', 'of chunk 0 cannot be read'],
    ['a keyframe cut off', 'UPDATE keyframes SET data = substr(data, 1, 8)', 'at reference 100 cannot be read'],
    ['references gone', 'DELETE FROM stream_chunks', 'there are 0 of 5000 references'],
    ['references cut off', 'UPDATE stream_chunks SET data = substr(data, 1, 40)', 'chunk 0 cannot be read'],
    ['pages gone', 'UPDATE workload_processes SET page_count = 20', 'workloads'],
    [
      'a process begun by itself',
      "INSERT INTO workload_verbs VALUES (1, 0, 0, 9, 'fork', 0, NULL, NULL)",
      'verb 0, fork, names what there is not',
    ],
    [
      'memory without pages',
      "INSERT INTO workload_verbs VALUES (1, 0, 0, 9, 'map', NULL, 7, 0)",
      'verb 0, map, names what there is not',
    ],
    [
      'a verb beyond the end',
      "INSERT INTO workload_verbs VALUES (1, 0, 0, 5001, 'map', NULL, 7, 1)",
      'verb 0 stands at reference 5001',
    ],
    ['a row without its run', "INSERT INTO run_tags VALUES (77, 'x')", 'refers to a missing row of runs'],
  ])('finds %s', (_, sql, expected) => {
    const findings = findingsAfter(sql)
    expect(findings.join('\n')).toContain(expected)
  })

  it('finds a page of the file that was overwritten, wherever it lies', () => {
    const pageBytes = 8192
    for (let page = 3; (page + 1) * pageBytes <= whole.length; page += 23) {
      const bytes = Buffer.from(whole)
      const isUnused = bytes.subarray(page * pageBytes, (page + 1) * pageBytes).every((byte) => byte === 0)
      bytes.fill(0x5a, page * pageBytes, (page + 1) * pageBytes)
      let findings: string[]
      try {
        findings = findingsAfter('SELECT 1', bytes)
      } catch (error) {
        // damage that SQLite meets before a check begins
        findings = [String(error)]
      }
      expect([page, findings.length > 0 || isUnused]).toEqual([page, true])
    }
  })
})
