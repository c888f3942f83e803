/** Schema 2: what the kernel's own tools would have shown at the end of a run, and the pager variant that it ran with. */
import type { Migration } from './migration.ts'

const statements = `
ALTER TABLE runs ADD COLUMN variant /* JSON: name, description, file and SHA-256 digest of a pager variant; NULL: the kernel's own decisions */ TEXT;

CREATE TABLE kernel_views (
  -- A run under the kernel's names, as of just before its last process exited.
  run_id INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  view TEXT NOT NULL                       -- JSON: timeNs, values by kernel name, devices, processes
) STRICT;
`

export const withKernelView: Migration = {
  version: 2,
  name: "the kernel's view of a run, and its pager variant",
  up: (sqlite) => {
    sqlite.exec(statements)
  },
}
