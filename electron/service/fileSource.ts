/** Opens what the files of an experiment are on: a file of a UFS image or partition, or the image itself. */
import path from 'node:path'
import { NullStore, type BlockStore } from '../../engine/disk/blockStore.ts'
import type { ImageSet, StoreRequest } from '../../engine/disk/imageSet.ts'
import type { Experiment } from '../../engine/sim/experiment.ts'
import type { FileSource } from '../../engine/sim/machineFiles.ts'
import { UfsFileSystem } from '../../engine/ufs/fileSystem.ts'
import { UfsError } from '../../engine/ufs/ufsError.ts'
import { UfsVolume } from '../../engine/vnode/ufsVolume.ts'
import { DeviceVolume } from '../../engine/vnode/volume.ts'
import { ContractError } from '../contract/contract.ts'

type Files = NonNullable<Experiment['files']>
type FileImage = NonNullable<Files['image']>

/** What is asked of the images of a run; `overlayPath` null: nothing is written, as for a check. */
export function fileRequest(image: FileImage, imagePath: string, overlayPath: string | null): StoreRequest {
  return {
    path: imagePath,
    partition: image.partition,
    mode: overlayPath === null ? 'read' : image.mode,
    ...(overlayPath === null ? {} : { overlayPath }),
    isSwap: false,
  }
}

/** The source, and the image's digest where it was asked for. Throws ContractError with the field at fault, DiskError. */
export function openFileSource(
  experiment: Experiment,
  files: Files,
  set: ImageSet,
  request: StoreRequest,
): { source: FileSource; digest: string | null } {
  const { store, digest } = set.open(request)
  return { source: sourceOn(store, experiment, files, request), digest }
}

function sourceOn(store: BlockStore, experiment: Experiment, files: Files, request: StoreRequest): FileSource {
  const inner = files.image?.path ?? ''
  // without contents the data are not moved, but the file system is still looked at
  const device = experiment.contents === 'none' ? new NullStore(store.sizePages) : store
  if (inner === '') {
    const volume = new DeviceVolume(store.sizePages)
    const readAll = () => {
      const bytes = new Uint8Array(store.sizePages * 4096)
      for (let page = 0; page < store.sizePages; page++)
        store.readPages(page, [bytes.subarray(page * 4096, (page + 1) * 4096)], 1)
      return bytes
    }
    return { volume, store: device, file: 0, isDevice: true, name: 'image', readAll }
  }
  const what = request.partition === null ? request.path : `partition ${request.partition} of ${request.path}`
  const fileSystem = atField('files.image', what, () => UfsFileSystem.open(store, { readOnly: request.mode === 'read' }))
  if (files.mapping === 'shared' && request.mode !== 'read' && fileSystem.readOnlyReason !== null)
    throw refusal('read-only', 'files.mapping', `${what} can only be read: ${fileSystem.readOnlyReason}; map files privately`)
  return atField('files.path', path.basename(inner), () => {
    const file = fileSystem.lookup(inner)
    const size = fileSystem.sizeBytes(file)
    return {
      volume: new UfsVolume(fileSystem),
      store: device,
      file,
      isDevice: false,
      name: inner,
      readAll: () => fileSystem.readAt(file, 0, size),
    }
  })
}

function atField<T>(field: string, what: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof UfsError) throw refusal(error.code, field, `${what}: ${error.message}`)
    throw error
  }
}

const refusal = (code: string, field: string, message: string) =>
  new ContractError({ code, message: `${field}: ${message}`, field })
