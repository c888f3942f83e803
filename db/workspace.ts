/**
 * A workspace: a directory with one database and the files that go with it.
 *
 *     workbench.sqlite   the trace store
 *     images/            raw images that were made here
 *     overlays/          copy-on-write overlays of runs
 *     reports/           exported reports
 *     incoming/          files on their way in (uploads), emptied by the owner when it opens the workspace
 *     owner.lock         who writes the workspace: process id, host, since when
 *
 * One process owns a workspace and writes it. Life cycle of an owner: `openWorkspace` takes the lock, or throws if a living
 * process has it; a dead one's lock is taken over and its runs are marked interrupted; `close` gives the lock back.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { asStoreError, StoreError, systemCode } from './errors.ts'
import { isObject, numberAt, parseJson, textAt } from './json.ts'
import { makeFolder } from './makeFolder.ts'
import { TraceStore } from './traceStore.ts'

export type WorkspaceErrorCode = 'not-a-directory' | 'missing' | 'owned' | 'disk-full' | 'not-writable'

export class WorkspaceError extends Error {
  readonly code: WorkspaceErrorCode
  /** The process that owns the workspace, where the code is `owned`. */
  readonly owner: WorkspaceOwner | undefined

  constructor(code: WorkspaceErrorCode, message: string, owner?: WorkspaceOwner, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'WorkspaceError'
    this.code = code
    this.owner = owner
  }
}

export interface WorkspaceOwner {
  pid: number
  host: string
  /** UTC, ISO 8601. */
  since: string
}

export interface WorkspacePaths {
  directory: string
  database: string
  images: string
  overlays: string
  reports: string
  incoming: string
  lock: string
}

export interface Workspace extends WorkspacePaths {
  readonly store: TraceStore
  /** Runs that the last owner left unfinished; empty for readers. */
  readonly interrupted: readonly number[]
  /** Whether the database was made just now. */
  readonly created: boolean
  close(): void
}

export function workspacePaths(directory: string): WorkspacePaths {
  const absolute = path.resolve(directory)
  const inside = (name: string) => path.join(absolute, name)
  return {
    directory: absolute,
    database: inside('workbench.sqlite'),
    images: inside('images'),
    overlays: inside('overlays'),
    reports: inside('reports'),
    incoming: inside('incoming'),
    lock: inside('owner.lock'),
  }
}

/**
 * Opens a workspace as its owner, making the directory and the database if need be; with `readOnly` as a reader, which takes
 * no lock and finds a workspace or throws. Throws WorkspaceError, and StoreError for the database itself.
 */
export function openWorkspace(directory: string, options: { readOnly?: boolean } = {}): Workspace {
  const paths = workspacePaths(directory)
  if (options.readOnly) {
    if (kindOf(paths.database) !== 'file')
      throw new WorkspaceError('missing', `there is no workspace in ${paths.directory} (it has no workbench.sqlite)`)
    const store = TraceStore.open(paths.database, { readOnly: true })
    return { ...paths, store, interrupted: [], created: false, close: () => store.close() }
  }
  if (kindOf(paths.directory) === 'file')
    throw new WorkspaceError('not-a-directory', `${paths.directory} is a file; a workspace is a directory`)
  attempt(paths.directory, () => {
    for (const each of [paths.directory, paths.images, paths.overlays, paths.reports, paths.incoming])
      makeFolder(each)
  })
  takeLock(paths)
  let store: TraceStore | undefined
  try {
    const created = kindOf(paths.database) === 'none'
    store = TraceStore.open(paths.database)
    const opened = store
    const interrupted = opened.markInterrupted()
    attempt(paths.incoming, () => {
      rmSync(paths.incoming, { recursive: true, force: true })
      mkdirSync(paths.incoming)
    })
    return {
      ...paths,
      store: opened,
      interrupted,
      created,
      close: () => {
        opened.close()
        releaseLock(paths)
      },
    }
  } catch (error) {
    store?.close()
    releaseLock(paths)
    throw error
  }
}

/** The living process that owns a workspace; null if none does. */
export function workspaceOwner(directory: string): WorkspaceOwner | null {
  const owner = readLock(workspacePaths(directory).lock)
  return owner && isAlive(owner) ? owner : null
}

function takeLock(paths: WorkspacePaths): void {
  // A second round is needed when a dead owner's lock was in the way; a third when somebody else was quicker to remove it.
  for (let round = 0; round < 3; round++) {
    if (createLock(paths)) return
    const owner = readLock(paths.lock)
    if (owner && isAlive(owner))
      throw new WorkspaceError(
        'owned',
        `the workspace ${paths.directory} is open in another workbench (process ${owner.pid} on ${owner.host}, since ` +
          `${owner.since}); close that one first`,
        owner,
      )
    removeDeadLock(paths)
  }
  throw new WorkspaceError('owned', `the workspace ${paths.directory} was taken by another workbench just now`)
}

/** Makes the lock file if there is none. The text is in it before it has its name, so nobody reads half a lock. */
function createLock(paths: WorkspacePaths): boolean {
  const text = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() })
  const draft = `${paths.lock}.new.${process.pid}`
  try {
    writeFileSync(draft, text, { mode: 0o600 })
    linkSync(draft, paths.lock)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw workspaceError(error, paths.directory)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Moves a dead owner's lock away before deleting it: of two who try, one fails to find it and goes round again. */
function removeDeadLock(paths: WorkspacePaths): void {
  const aside = `${paths.lock}.${process.pid}`
  try {
    renameSync(paths.lock, aside)
    unlinkSync(aside)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw workspaceError(error, paths.directory)
  }
}

function releaseLock(paths: WorkspacePaths): void {
  const owner = readLock(paths.lock)
  if (owner?.pid === process.pid && owner.host === hostname()) rmSync(paths.lock, { force: true })
}

function readLock(file: string): WorkspaceOwner | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return null
  }
  const lock = parseJson(text)
  const pid = numberAt(lock, 'pid')
  return isObject(lock) && pid !== null ? { pid, host: textAt(lock, 'host'), since: textAt(lock, 'since') } : null
}

/** A process of another host cannot be asked; its lock is respected. */
function isAlive(owner: WorkspaceOwner): boolean {
  if (owner.host !== hostname()) return true
  // In a container the same number comes back soon: an owner with our number from before our start is a dead one.
  if (owner.pid === process.pid) return Date.parse(owner.since) >= Date.now() - process.uptime() * 1000 - 1
  try {
    process.kill(owner.pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function kindOf(file: string): 'file' | 'directory' | 'none' {
  const found = statSync(file, { throwIfNoEntry: false })
  return !found ? 'none' : found.isDirectory() ? 'directory' : 'file'
}

function attempt(file: string, body: () => void): void {
  try {
    body()
  } catch (error) {
    throw workspaceError(error, file)
  }
}

function workspaceError(error: unknown, file: string): unknown {
  const known = asStoreError(error, file)
  if (known instanceof StoreError)
    return new WorkspaceError(
      known.code === 'disk-full' ? 'disk-full' : 'not-writable',
      known.message,
      undefined,
      error,
    )
  return error
}
