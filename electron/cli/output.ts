/** Files that commands write where their user says. */
import { systemErrorCode } from '../../engine/disk/diskError.ts'
import { UsageError } from './command.ts'

const reasons: Record<string, string> = {
  EEXIST: 'there is one of that name already',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'what should be its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'permission is missing',
  EPERM: 'permission is missing',
  EROFS: 'that file system is read-only',
  ENOSPC: 'no room is left there',
  EDQUOT: 'the quota is used up',
}

/** Has `file` (a folder too) written by `write`. Throws UsageError where the system refuses it, other errors as they are. */
export async function writeOutput<T>(file: string, write: () => T): Promise<Awaited<T>> {
  try {
    return await write()
  } catch (error) {
    const code = systemErrorCode(error)
    if (!/^E[A-Z0-9]+$/.test(code)) throw error
    throw new UsageError(`${file} cannot be written: ${reasons[code] ?? code}`)
  }
}
