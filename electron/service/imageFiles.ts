/** Files and directories of the file systems on images, and the check of one: what `pager image` and the window show. */
import { checkFileSystem, type CheckResult } from '../../engine/ufs/check.ts'
import type { UfsFileSystem } from '../../engine/ufs/fileSystem.ts'
import { FileKind, type Inode } from '../../engine/ufs/inode.ts'
import { UfsError } from '../../engine/ufs/ufsError.ts'
import { ContractError, type ImageFile } from '../contract/contract.ts'
import { openFileSystem } from './imageContents.ts'

const kindLetters = new Map<number, string>([
  [FileKind.pipe, 'p'],
  [FileKind.characterDevice, 'c'],
  [FileKind.directory, 'd'],
  [FileKind.blockDevice, 'b'],
  [FileKind.regular, '-'],
  [FileKind.link, 'l'],
  [FileKind.socket, 's'],
  [FileKind.whiteout, 'w'],
])

/** The files in a directory, or the one file that a path leads to. Throws UfsError. */
export function listFiles(fileSystem: UfsFileSystem, target: string): ImageFile[] {
  const number = fileSystem.lookup(target)
  return fileSystem.inode(number).kind === FileKind.directory
    ? fileSystem.list(number).map(({ name, inode }) => describeFile(fileSystem, name, inode))
    : [describeFile(fileSystem, target, number)]
}

function describeFile(fileSystem: UfsFileSystem, name: string, number: number): ImageFile {
  const inode = fileSystem.inode(number)
  return {
    name,
    inode: number,
    mode: modeText(inode),
    links: inode.links,
    uid: inode.uid,
    gid: inode.gid,
    sizeBytes: inode.size,
    allocatedBytes: inode.sectors * 512,
    modified: timeText(inode.time('mtime').seconds),
    target: inode.kind === FileKind.link ? fileSystem.linkTarget(number) : null,
  }
}

function modeText(inode: Inode): string {
  const bits = Array.from('rwxrwxrwx', (letter, index) => ((inode.mode & (0o400 >> index)) === 0 ? '-' : letter))
  return `${kindLetters.get(inode.kind) ?? '?'}${bits.join('')}`
}

/** A damaged inode may have a time that no calendar has. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().replace(/\.000Z$/, 'Z')
}

/** Most files of a directory that a window is given. */
const LISTED_MAX = 10_000

/** A directory of the file system of a partition (null: the only one on the image). Throws ContractError, DiskError. */
export function directoryOnImage(file: string, partition: number | null, target: string): ImageFile[] {
  return onFileSystem(file, partition, (fileSystem) => listFiles(fileSystem, target).slice(0, LISTED_MAX))
}

/** Throws ContractError, DiskError. */
export function checkOnImage(file: string, partition: number | null): CheckResult {
  return onFileSystem(file, partition, (fileSystem) => checkFileSystem(fileSystem))
}

function onFileSystem<Result>(
  file: string,
  partition: number | null,
  look: (fileSystem: UfsFileSystem) => Result,
): Result {
  const opened = openFileSystem(file, partition)
  try {
    return look(opened.fileSystem)
  } catch (error) {
    if (error instanceof UfsError) throw new ContractError({ code: error.code, message: error.message })
    throw error
  } finally {
    opened.close()
  }
}
