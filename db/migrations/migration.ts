/** What an upgrader is. Each lives in a file of its own, named for its version; index.ts lists them. */
import type Database from 'better-sqlite3'

export interface Migration {
  /** The schema version that `up` arrives at; it starts from the one before. */
  version: number
  /** What changed, in a few words. */
  name: string
  /** Runs inside a transaction. An upgrader never changes once a release has carried it. */
  up(sqlite: Database.Database): void
}
