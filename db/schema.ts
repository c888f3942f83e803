/**
 * The database's identity and version, and how an older one is brought up to date. The tables themselves are written
 * down, with their comments, in migrations/: `.schema` in the sqlite3 shell shows both.
 */
import type Database from 'better-sqlite3'
import type { Migration } from './migrations/migration.ts'

/** "PWB1" as a big-endian number: `PRAGMA application_id` of a workspace's database. */
export const APPLICATION_ID = 0x50574231

/** The schema's version as the file says it; 0 for a new file. */
export function readUserVersion(sqlite: Database.Database): number {
  const version = sqlite.pragma('user_version', { simple: true })
  return typeof version === 'number' ? version : 0
}

/**
 * Applies the upgraders that the file has not had, each in a transaction with its version number, so that an upgrade
 * that is cut off leaves the version before it. Answers the versions before and after.
 */
export function migrate(sqlite: Database.Database, upgraders: readonly Migration[]): { from: number; to: number } {
  upgraders.forEach((upgrader, i) => {
    if (upgrader.version !== i + 1)
      throw new Error(`upgrader "${upgrader.name}" has version ${upgrader.version}, not ${i + 1}`)
  })
  const from = readUserVersion(sqlite)
  for (const upgrader of upgraders) {
    if (upgrader.version <= from) continue
    sqlite
      .transaction(() => {
        // somebody else may have upgraded between our look at the version and our lock
        if (readUserVersion(sqlite) >= upgrader.version) return
        upgrader.up(sqlite)
        sqlite.pragma(`application_id = ${APPLICATION_ID}`)
        sqlite.pragma(`user_version = ${upgrader.version}`)
      })
      .immediate()
  }
  return { from, to: readUserVersion(sqlite) }
}
