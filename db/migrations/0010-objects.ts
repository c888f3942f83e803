/** Schema 10: what the objects of a run are. */
import type { Migration } from './migration.ts'

export const withObjects: Migration = {
  version: 10,
  name: 'names of objects',
  up: (sqlite) => {
    sqlite.exec(`CREATE TABLE run_objects (
  -- What a VM object of a run was made for. Its number is used again when it is gone, by another row with a later first event.
  run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  object INTEGER NOT NULL,
  first_event INTEGER NOT NULL,            -- number of the first event that may be about it
  kind TEXT NOT NULL,                      -- file, anonymous, copy, shared-memory
  process INTEGER NOT NULL,                -- that had it mapped first; -1: it has a name of its own
  start_page INTEGER NOT NULL,             -- virtual page number of its page 0 in that process; -1: none
  pages INTEGER NOT NULL,
  name TEXT NOT NULL,                      -- empty: nothing is known but its number
  labels TEXT NOT NULL,                    -- JSON: what its pages were in the recorded program, [{page, pages, label}]
  PRIMARY KEY (run_id, object, first_event)
) STRICT, WITHOUT ROWID;

CREATE VIEW objects AS
  -- The same for questions: an event is about the object of its number whose first_event to last_event it lies in.
  SELECT run_id AS run, object, first_event,
    coalesce(lead(first_event) OVER (PARTITION BY run_id, object ORDER BY first_event) - 1, 9007199254740991) AS last_event,
    kind, process, start_page, pages, name
  FROM run_objects`)
  },
}
