/** Directories: entries in pieces of 512 bytes, none of which crosses the border of a piece. */
import { decodeText, Fields } from './fields.ts'
import type { Superblock } from './superblock.ts'
import { UfsError } from './ufsError.ts'

export const DIRECTORY_PIECE = 512
const HEADER_BYTES = 8

export interface DirectoryEntry {
  name: string
  inode: number
  /** Upper four bits of the mode, as the entry has them; 0: it does not say. */
  type: number
  /** Byte of the directory at which the entry begins, and the bytes that it has. */
  offset: number
  length: number
}

/** All entries of a directory's bytes; `offset` counts from `base`. Unused ones are left out unless wanted. Throws UfsError. */
export function readEntries(
  superblock: Superblock,
  directory: number,
  bytes: Uint8Array,
  base = 0,
  withUnused = false,
): DirectoryEntry[] {
  const fields = new Fields(bytes, superblock.isLittleEndian)
  const entries: DirectoryEntry[] = []
  for (let at = 0; at < bytes.length;) {
    const bad = (why: string): UfsError =>
      new UfsError('corrupt', `directory ${directory}: the entry at byte ${base + at} ${why}`, { inode: directory })
    const inode = fields.u32(at)
    const length = fields.u16(at + 4)
    const type = superblock.hasOldDirectories ? 0 : fields.u8(at + 6)
    const nameLength = superblock.hasOldDirectories ? fields.u16(at + 6) : fields.u8(at + 7)
    const room = DIRECTORY_PIECE - (at % DIRECTORY_PIECE)
    if (length < HEADER_BYTES || length % 4 !== 0 || length > room)
      throw bad(`has ${length} bytes, where ${room} are left`)
    if (inode !== 0) {
      if (nameLength === 0 || HEADER_BYTES + nameLength > length)
        throw bad(`has a name of ${nameLength} bytes in its ${length}`)
      if (inode >= superblock.inodeCount) throw bad(`names inode ${inode}, of which there are ${superblock.inodeCount}`)
      const raw = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + nameLength)
      if (raw.includes(0) || raw.includes(0x2f)) throw bad('has a name that no file can have')
      entries.push({ name: decodeText(raw), inode, type, offset: base + at, length })
    } else if (withUnused) entries.push({ name: '', inode, type, offset: base + at, length })
    at += length
  }
  return entries
}

/** Bytes that an entry needs for its name. */
export function entryBytes(nameLength: number): number {
  return HEADER_BYTES + Math.ceil((nameLength + 1) / 4) * 4
}

/** Writes an entry into `bytes` at `at`. */
export function writeEntry(
  superblock: Superblock,
  bytes: Uint8Array,
  at: number,
  entry: { name: Uint8Array; inode: number; type: number; length: number },
): void {
  const fields = new Fields(bytes, superblock.isLittleEndian)
  fields.setU32(at, entry.inode)
  fields.setU16(at + 4, entry.length)
  if (superblock.hasOldDirectories) fields.setU16(at + 6, entry.name.length)
  else {
    bytes[at + 6] = entry.type
    bytes[at + 7] = entry.name.length
  }
  bytes.set(entry.name, at + HEADER_BYTES)
  bytes.fill(0, at + HEADER_BYTES + entry.name.length, at + Math.min(entry.length, entryBytes(entry.name.length)))
}
