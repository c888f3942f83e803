/** Schema 4: how workloads that were recorded of a program came about. */
import type { Migration } from './migration.ts'

const statements = `
CREATE TABLE workload_recordings (
  -- Of a workload that was recorded of a program: its command line, how it ended, what its pages were.
  workload_id INTEGER PRIMARY KEY REFERENCES workloads ON DELETE CASCADE,
  info TEXT NOT NULL                       -- JSON: command, directory, seconds, end, exitStatus, signal, filterSize, events, processes, notes
) STRICT;
`

export const withRecordings: Migration = {
  version: 4,
  name: 'recordings of programs',
  up: (sqlite) => {
    sqlite.exec(statements)
  },
}
