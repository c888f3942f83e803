/** What images and their partitions hold, and the file systems on them. */
import type { BlockStore } from '../../engine/disk/blockStore.ts'
import { DiskError } from '../../engine/disk/diskError.ts'
import { detectContent, openPartition, readPartitionTable, type PartitionInfo } from '../../engine/disk/partitionTable.ts'
import { RawImage } from '../../engine/disk/rawImage.ts'
import { Partition } from '../../engine/disk/partition.ts'
import { UfsFileSystem } from '../../engine/ufs/fileSystem.ts'
import { UfsError } from '../../engine/ufs/ufsError.ts'
import { ContractError, type ImageContent } from '../contract/contract.ts'

const isUfs = (kind: string) => kind === 'ufs1' || kind === 'ufs2'

/** What a partition, or the whole image, holds. Reads superblocks only; throws DiskError where the image cannot be read. */
export function describeContent(image: RawImage, partition: PartitionInfo | null): ImageContent {
  const kind = partition?.content ?? detectContent(image, { offsetBytes: 0, lengthBytes: image.sizeBytes })
  const content: ImageContent = { kind, label: '', dataBytes: null, freeBytes: null, problem: null }
  if (!isUfs(kind)) return content
  try {
    const store = partition === null ? image : new Partition(image, partition.offsetBytes, partition.lengthBytes)
    const fileSystem = UfsFileSystem.open(store)
    content.label = fileSystem.superblock.label || fileSystem.superblock.mountedOn
    content.dataBytes = fileSystem.dataBytes
    content.freeBytes = fileSystem.freeBytes
    const reason = fileSystem.readOnlyReason
    if (reason !== null) content.problem = `can only be read: ${reason}`
  } catch (error) {
    if (!(error instanceof UfsError) && !(error instanceof DiskError)) throw error
    content.problem = error.message
  }
  return content
}

export interface OpenedFileSystem {
  fileSystem: UfsFileSystem
  store: BlockStore
  /** Index of the partition that it is on, null: the whole image. */
  partition: number | null
  close(): void
}

/**
 * Opens the file system of a partition to read; where none is named, the only one that there is. Throws DiskError, UfsError,
 * ContractError `which-partition`.
 */
export function openFileSystem(file: string, partition: number | null): OpenedFileSystem {
  const image = RawImage.open(file, 'read')
  try {
    const table = readPartitionTable(image)
    let index = partition
    if (index === null && table.partitions.length > 0) {
      const candidates = table.partitions.filter((each) => isUfs(each.content))
      const [only] = candidates
      if (candidates.length !== 1 || only === undefined)
        throw new ContractError({
          code: 'which-partition',
          message: `${file}: ${candidates.length === 0 ? 'no partition holds a UFS file system' : 'more than one partition holds a file system'}; name one with --partition: ${table.partitions.map((each) => `${each.index} (${each.name}, ${each.content === 'unknown' ? each.typeName : each.content})`).join(', ')}`,
          field: 'partition',
        })
      index = only.index
    }
    const store = index === null ? image : openPartition(image, table, index)
    return { fileSystem: UfsFileSystem.open(store), store, partition: index, close: () => image.close() }
  } catch (error) {
    image.close()
    if (error instanceof UfsError)
      throw new ContractError({ code: error.code, message: `${file}: ${error.message}`, ...(error.offset === null ? {} : { offset: error.offset }) })
    throw error
  }
}
