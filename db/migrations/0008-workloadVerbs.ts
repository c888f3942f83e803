/** Schema 8: which processes of a workload begin, and wait for, which. */
import type { Migration } from './migration.ts'

export const withWorkloadVerbs: Migration = {
  version: 8,
  name: 'processes that begin others',
  up: (sqlite) => {
    sqlite.exec(`CREATE TABLE workload_verbs (
  -- What a process of a workload does with another one of it, before its reference number "at".
  workload_id INTEGER NOT NULL,
  process INTEGER NOT NULL,
  number INTEGER NOT NULL,                 -- 0, 1, ... in the order in which they are done
  at INTEGER NOT NULL,
  verb TEXT NOT NULL CHECK (verb IN ('fork', 'spawn', 'wait')),
  child INTEGER NOT NULL,                  -- the other process
  PRIMARY KEY (workload_id, process, number),
  FOREIGN KEY (workload_id, process) REFERENCES workload_processes ON DELETE CASCADE
) STRICT, WITHOUT ROWID`)
  },
}
