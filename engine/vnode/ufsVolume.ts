/** A UFS file system as a volume: files by the numbers of their inodes. */
import type { UfsFileSystem } from '../ufs/fileSystem.ts'
import { UfsError } from '../ufs/ufsError.ts'
import type { BlockPlace, FileVolume } from './volume.ts'

export class UfsVolume implements FileVolume {
  readonly fileSystem: UfsFileSystem
  readonly blockSize: number
  readonly kind: string
  readonly isReadOnly: boolean

  constructor(fileSystem: UfsFileSystem) {
    this.fileSystem = fileSystem
    this.blockSize = fileSystem.blockSize
    this.kind = fileSystem.kind
    this.isReadOnly = fileSystem.isReadOnly
  }

  sizeBytes(file: number): number {
    return this.fileSystem.sizeBytes(file)
  }

  bmap(file: number, block: number): BlockPlace {
    return this.fileSystem.bmap(file, block)
  }

  allocate(file: number, offset: number, lengthBytes: number): number {
    return errnoOf(() => this.fileSystem.allocate(file, offset, lengthBytes))
  }

  setSize(file: number, sizeBytes: number): number {
    return errnoOf(() => this.fileSystem.setSize(file, sizeBytes))
  }

  /** `name` is a path; a symbolic link at its end goes, and not the file that it leads to. */
  unlink(file: number, name: string, nowNs: number): number {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.')
    return errnoOf(() => {
      const directory = this.fileSystem.lookup(parts.slice(0, -1).join('/'))
      const inode = this.fileSystem.removeName(directory, parts.at(-1) ?? '', nowNs)
      if (inode !== file) this.fileSystem.release(inode)
    })
  }

  hasName(file: number): boolean {
    return this.fileSystem.inode(file).links > 0
  }

  release(file: number): number {
    return errnoOf(() => this.fileSystem.release(file))
  }

  touch(file: number, isModified: boolean, nowNs: number): void {
    this.fileSystem.touch(file, isModified, nowNs)
  }

  flush(): void {
    this.fileSystem.flush()
  }
}

function errnoOf(action: () => void): number {
  try {
    action()
    return 0
  } catch (error) {
    if (error instanceof UfsError) return error.errno
    throw error
  }
}
