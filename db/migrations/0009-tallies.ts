/** Schema 9: tallies of chunks, made when somebody looks at a run by process or by object. */
import type { Migration } from './migration.ts'

const statements = `
CREATE TABLE chunk_tallies (
  -- Of complete chunks that were tallied: how many events of each class each process and each object has. May be removed; it is made again.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  chunk INTEGER NOT NULL,
  process_rows INTEGER NOT NULL,           -- counts that are not 0
  processes BLOB NOT NULL,                 -- of each the process, then of each the class, then of each the count: column codec (i32)
  object_rows INTEGER NOT NULL,
  objects BLOB NOT NULL,                   -- likewise
  PRIMARY KEY (run_id, chunk)
) STRICT, WITHOUT ROWID;
`

export const withTallies: Migration = {
  version: 9,
  name: 'tallies of chunks by process and by object',
  up: (sqlite) => {
    sqlite.exec(statements)
  },
}
