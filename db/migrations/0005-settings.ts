/** Schema 5: settings of the workspace, such as how much it keeps. */
import type { Migration } from './migration.ts'

export const withSettings: Migration = {
  version: 5,
  name: 'settings of the workspace',
  up: (sqlite) => {
    sqlite.exec(`CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL                      -- JSON
) STRICT, WITHOUT ROWID`)
  },
}
