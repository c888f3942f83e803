/** Schema 6: sweeps, and runs found by their tags. */
import type { Migration } from './migration.ts'

export const withSweeps: Migration = {
  version: 6,
  name: 'sweeps',
  up: (sqlite) => {
    sqlite.exec(`CREATE TABLE sweeps (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,               -- runs of the sweep have it in a tag
  updated_at TEXT NOT NULL,                -- ISO 8601
  file TEXT NOT NULL                       -- the sweep file as JSON, its experiment included
) STRICT;

CREATE INDEX run_tags_by_tag ON run_tags (tag, run_id);
`)
  },
}
