/** Making folders. */
import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'

/**
 * Makes a folder, and those above it that are missing. In place of Node's own recursive mkdir, which never ends where a file
 * system answers ENOENT although the folder above is there, as /proc does. Throws the error of the system.
 */
export function makeFolder(folder: string): void {
  const whole = path.resolve(folder)
  if (isFolder(whole)) return
  const above = path.dirname(whole)
  // something else above is for mkdir to refuse
  if (!exists(above)) makeFolder(above)
  try {
    mkdirSync(whole)
  } catch (error) {
    // another process may have made it meanwhile
    if (!isFolder(whole)) throw error
  }
}

const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
const exists = (file: string): boolean => statSync(file, { throwIfNoEntry: false }) !== undefined
