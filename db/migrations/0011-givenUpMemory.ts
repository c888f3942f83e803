/** Schema 11: memory that processes of a workload have anew, besides the processes that they begin. */
import type { Migration } from './migration.ts'

export const withGivenUpMemory: Migration = {
  version: 11,
  name: 'memory that processes give up',
  up: (sqlite) => {
    sqlite.exec(`ALTER TABLE workload_verbs RENAME TO old_workload_verbs;

CREATE TABLE workload_verbs (
  -- What a process of a workload does before its reference number "at", besides that.
  workload_id INTEGER NOT NULL,
  process INTEGER NOT NULL,
  number INTEGER NOT NULL,                 -- 0, 1, ... in the order in which they are done
  at INTEGER NOT NULL,
  verb TEXT NOT NULL,                      -- fork, spawn, wait; map: private anonymous memory, in place of what was there
  child INTEGER,                           -- of fork, spawn, wait: the other process
  page INTEGER,                            -- of map: the first virtual page number
  pages INTEGER,
  PRIMARY KEY (workload_id, process, number),
  FOREIGN KEY (workload_id, process) REFERENCES workload_processes ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO workload_verbs (workload_id, process, number, at, verb, child) SELECT workload_id, process, number, at, verb, child FROM old_workload_verbs;
DROP TABLE old_workload_verbs`)
  },
}
