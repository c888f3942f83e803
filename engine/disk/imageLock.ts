/**
 * The exclusive lock of an image that is written through: a file `IMAGE.lock` beside it that says who holds it.
 *
 * Life cycle:
 *  1. `acquireImageLock` makes the file with O_EXCL and writes the holder into it.
 *  2. Whoever comes meanwhile is refused with one line that names the holder.
 *  3. `release` removes the file. A holder that died without releasing is found out by its process id (and, on Linux,
 *     its start time, since ids are used again), and its lock is taken over.
 *
 * The holder is a thread, not a process: two runs of one service are two threads, and they exclude each other too.
 */

import fs from 'node:fs'
import os from 'node:os'
import { threadId } from 'node:worker_threads'
import { DiskError, diskErrorFrom, systemErrorCode } from './diskError.ts'

interface Holder {
  pid: number
  /** Start time of the process in clock ticks since boot; empty where the system does not tell. */
  started: string
  thread: number
  host: string
}

export interface ImageLock {
  readonly path: string
  release(): void
}

/** Takes the lock of `imagePath`. Throws DiskError `image-in-use` if a live holder has it. */
export function acquireImageLock(imagePath: string): ImageLock {
  const path = lockPathOf(imagePath)
  // A second turn follows the removal of a dead holder's lock; a third would mean that somebody else was faster.
  for (let turn = 0; turn < 3; turn++) {
    if (createLockFile(path, imagePath)) return heldLock(path)
    const holder = readHolder(path)
    if (holder === 'gone') continue
    if (holder === null || isAlive(holder)) break
    removeDeadLock(path, holder)
  }
  throw inUse(imagePath, readHolder(path))
}

/** Throws DiskError `image-in-use` if somebody other than this very thread has the lock of `imagePath`. */
export function refuseIfLocked(imagePath: string): void {
  const holder = readHolder(lockPathOf(imagePath))
  if (holder === 'gone') return
  if (holder !== null && (!isAlive(holder) || isThisThread(holder))) return
  throw inUse(imagePath, holder)
}

/**
 * Removes the lock of `imagePath` if a thread of this process has it: for a service whose thread ended without
 * releasing. Answers whether there was one.
 */
export function breakLockOfThread(imagePath: string, thread: number): boolean {
  const path = lockPathOf(imagePath)
  const holder = readHolder(path)
  if (holder === 'gone' || holder === null || !isThisProcess(holder) || holder.thread !== thread) return false
  fs.rmSync(path, { force: true })
  return true
}

export function lockPathOf(imagePath: string): string {
  // The lock belongs to the file, not to one of its names.
  try {
    return `${fs.realpathSync(imagePath)}.lock`
  } catch {
    return `${imagePath}.lock`
  }
}

function heldLock(path: string): ImageLock {
  let held = true
  return {
    path,
    release() {
      if (!held) return
      held = false
      const holder = readHolder(path)
      if (holder !== 'gone' && holder !== null && isThisThread(holder)) fs.rmSync(path, { force: true })
    },
  }
}

function createLockFile(path: string, imagePath: string): boolean {
  // Written under another name and then linked, so that nobody ever reads half a lock.
  const draft = `${path}.${process.pid}.${threadId}`
  const me: Holder = { pid: process.pid, started: startTimeOf(process.pid), thread: threadId, host: os.hostname() }
  try {
    fs.writeFileSync(draft, JSON.stringify(me) + '\n')
  } catch (error) {
    throw diskErrorFrom(error, imagePath, `taking its lock ${path}`)
  }
  try {
    fs.linkSync(draft, path)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    return createLockFileWithoutLinks(draft, path, imagePath)
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

/** For file systems without hard links. */
function createLockFileWithoutLinks(draft: string, path: string, imagePath: string): boolean {
  try {
    fs.copyFileSync(draft, path, fs.constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    throw diskErrorFrom(error, imagePath, `taking its lock ${path}`)
  }
}

/** Who holds the lock: 'gone' if nobody, null if the file does not say. */
function readHolder(path: string): Holder | 'gone' | null {
  let text
  try {
    text = fs.readFileSync(path, 'utf8')
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? 'gone' : null
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const pid = 'pid' in value && typeof value.pid === 'number' && Number.isInteger(value.pid) ? value.pid : 0
    if (pid <= 0) return null
    return {
      pid,
      started: 'started' in value && typeof value.started === 'string' ? value.started : '',
      thread: 'thread' in value && typeof value.thread === 'number' ? value.thread : 0,
      host: 'host' in value && typeof value.host === 'string' ? value.host : '',
    }
  } catch {
    return null
  }
}

/**
 * Takes a dead holder's lock away. The file is renamed first, since renaming succeeds for one of several that try; if
 * what was renamed turns out to be a new holder's lock, it is put back.
 */
function removeDeadLock(path: string, dead: Holder): void {
  const aside = `${path}.dead.${process.pid}.${threadId}`
  try {
    fs.renameSync(path, aside)
  } catch {
    return
  }
  const found = readHolder(aside)
  if (found !== 'gone' && found !== null && (found.pid !== dead.pid || found.started !== dead.started)) {
    try {
      fs.linkSync(aside, path)
    } catch {
      // Somebody else has the lock by now; there is no place to put this one back to.
    }
  }
  fs.rmSync(aside, { force: true })
}

function isThisProcess(holder: Holder): boolean {
  return holder.pid === process.pid && holder.host === os.hostname() && holder.started === startTimeOf(process.pid)
}

function isThisThread(holder: Holder): boolean {
  return isThisProcess(holder) && holder.thread === threadId
}

function isAlive(holder: Holder): boolean {
  // Another machine's processes cannot be asked: they count as alive.
  if (holder.host !== '' && holder.host !== os.hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return false
  }
  const started = startTimeOf(holder.pid)
  return started === '' || holder.started === '' || started === holder.started
}

/** Field 22 of /proc/PID/stat; it is counted from behind the name, which may hold spaces. */
function startTimeOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function inUse(imagePath: string, holder: Holder | 'gone' | null): DiskError {
  const path = lockPathOf(imagePath)
  let who = 'somebody'
  if (holder !== 'gone' && holder !== null) {
    who = isThisProcess(holder) ? 'another run of this process' : `process ${holder.pid}`
    if (holder.host !== '' && holder.host !== os.hostname()) who += ` on ${holder.host}`
  }
  const hint = holder === null ? `; if nobody does, remove ${path}` : ''
  return new DiskError('image-in-use', `${imagePath}: ${who} is writing to this image${hint}`, { path: imagePath })
}
