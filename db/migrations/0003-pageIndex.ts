/** Schema 3: digests and page indexes of chunks, the format of a run's trace; notes and tags of runs and workloads. */
import type { Migration } from './migration.ts'

const statements = `
ALTER TABLE runs ADD COLUMN trace_format /* of its events: what their canonical bytes and digests mean (docs/trace.md) */ INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE workloads ADD COLUMN note TEXT NOT NULL DEFAULT '';

CREATE TABLE chunk_index (
  -- Of each complete chunk of events from trace format 2 on: its digest, and which pages and objects it names.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  chunk INTEGER NOT NULL,
  digest BLOB NOT NULL,                    -- SHA-256; that of the trace is over these, in order
  page_count INTEGER NOT NULL,             -- hashes of pages; -1: too many to tell
  pages BLOB NOT NULL,                     -- a byte with their bits, then the hashes: column codec (u32)
  object_count INTEGER NOT NULL,           -- -1: too many to tell
  objects BLOB NOT NULL,                   -- column codec (u32)
  PRIMARY KEY (run_id, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_tags (
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (run_id, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE workload_tags (
  workload_id INTEGER NOT NULL REFERENCES workloads ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (workload_id, tag)
) STRICT, WITHOUT ROWID;
`

export const withPageIndex: Migration = {
  version: 3,
  name: 'digests and page indexes of chunks, notes and tags',
  up: (sqlite) => {
    sqlite.exec(statements)
  },
}
