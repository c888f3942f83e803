/** Schema 7: the image that a run's files are on, and what it was. */
import type { Migration } from './migration.ts'

export const withFileImage: Migration = {
  version: 7,
  name: 'digest of the file image',
  up: (sqlite) => {
    sqlite.exec(`CREATE TABLE run_file_images (
  run_id INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  image TEXT NOT NULL,                     -- its name in the experiment
  base_digest TEXT NOT NULL                -- SHA-256 of the image before the run, hex
) STRICT`)
  },
}
