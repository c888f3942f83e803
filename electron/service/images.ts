/**
 * Raw disk images: where a name leads, what is on one, and opening those of an experiment.
 *
 * A name without a slash is an image of the workspace: one that was added by its path, or else a file in its folder
 * `images`. With a slash it is a path, relative to the workspace.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import type { RunDevice, RunFileImage } from '../../db/types.ts'
import { workspacePaths } from '../../db/workspace.ts'
import { NullStore, type BlockStore } from '../../engine/disk/blockStore.ts'
import { DiskError } from '../../engine/disk/diskError.ts'
import { ImageSet, type StoreRequest } from '../../engine/disk/imageSet.ts'
import { readPartitionTable } from '../../engine/disk/partitionTable.ts'
import { createImage, RawImage } from '../../engine/disk/rawImage.ts'
import { timingModelNamed, timingParameters } from '../../engine/disk/timing/index.ts'
import type { Experiment } from '../../engine/sim/experiment.ts'
import type { FileSource } from '../../engine/sim/machineFiles.ts'
import { ContractError, type ImageInfo } from '../contract/contract.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { fileRequest, openFileSource } from './fileSource.ts'
import { describeContent } from './imageContents.ts'

export interface AddedImage {
  name: string
  path: string
}

/** The swap pager keeps off a device's first two pages, so a device of two pages has no room at all. */
const DEVICE_PAGES_MIN = 3
const PAGE_BYTES = 4096

const isPath = (name: string) => /[/\\]/.test(name)

export function imagePath(workspace: string, added: readonly AddedImage[], name: string): string {
  const { directory, images } = workspacePaths(workspace)
  if (isPath(name)) return path.resolve(directory, name)
  const known = added.find((image) => image.name === name)
  return known ? path.resolve(directory, known.path) : path.join(images, name)
}

/** All images of a workspace: those in its folder and those added by path. A run's own files are not among them. */
export function listImages(workspace: string, added: readonly AddedImage[]): ImageInfo[] {
  const { images } = workspacePaths(workspace)
  const names = new Set(added.map((image) => image.name))
  for (const entry of existsSync(images) ? readdirSync(images, { withFileTypes: true }) : [])
    if (entry.isFile() && !entry.name.endsWith('.lock') && !entry.name.startsWith('.')) names.add(entry.name)
  return [...names].sort().map((name) => inspectImage(name, imagePath(workspace, added, name)))
}

/** What is on an image. Never throws: what is wrong is its `problem`. */
export function inspectImage(name: string, file: string): ImageInfo {
  const stat = statSync(file, { throwIfNoEntry: false })
  const info: ImageInfo = {
    name,
    path: file,
    sizeBytes: stat?.size ?? 0,
    allocatedBytes: (stat?.blocks ?? 0) * 512,
    inUse: false,
    partitions: [],
    content: null,
    problem: null,
  }
  let image: RawImage | undefined
  try {
    image = RawImage.open(file, 'read')
    const table = readPartitionTable(image)
    const opened = image
    info.partitions = table.partitions.map((found) => {
      const { index, name: title, typeName, offsetBytes, lengthBytes, scheme } = found
      return { index, name: title, typeName, offsetBytes, lengthBytes, scheme, content: describeContent(opened, found) }
    })
    if (table.scheme === 'none') info.content = describeContent(image, null)
    if (table.warnings.length > 0) info.problem = table.warnings.join('; ')
    else if (image.sizePages < DEVICE_PAGES_MIN) info.problem = tooSmall(file, image.sizePages)
  } catch (error) {
    info.problem = errorShape(error).message
    info.inUse = error instanceof DiskError && error.code === 'image-in-use'
  } finally {
    image?.close()
  }
  return info
}

/** Makes an image in the workspace's folder. Throws ContractError `bad-name`, `exists`, DiskError. */
export function createWorkspaceImage(workspace: string, name: string, sizeBytes: number): ImageInfo {
  if (isPath(name) || name.startsWith('.') || name.endsWith('.lock'))
    throw new ContractError({ code: 'bad-name', message: `"${name}" is no name for an image: no slashes, no leading dot`, field: 'name' })
  const size = Math.floor(sizeBytes / PAGE_BYTES) * PAGE_BYTES
  if (size < DEVICE_PAGES_MIN * PAGE_BYTES)
    throw new ContractError({ code: 'image-too-small', message: tooSmall(name, size / PAGE_BYTES), field: 'sizeBytes' })
  const file = path.join(workspacePaths(workspace).images, name)
  createImage(file, size)
  return inspectImage(name, file)
}

export function deleteWorkspaceImage(workspace: string, name: string): void {
  if (isPath(name)) return
  rmSync(path.join(workspacePaths(workspace).images, name), { force: true })
}

const tooSmall = (what: string, pages: number) =>
  `${what} has ${pages} pages of 4096 bytes; a swap device needs at least ${DEVICE_PAGES_MIN}, its first two are kept for a label`

export interface OpenedDevices {
  stores: BlockStore[]
  devices: RunDevice[]
  imagePaths: string[]
  /** What the files are on, where they are on an image. */
  fileSource?: FileSource
  /** That image and its digest; absent where its bytes do not matter to the run. */
  fileImage?: RunFileImage
  /** Closes the images and drops the overlays. */
  close(): void
}

export interface OpenDevicesOptions {
  workspace: string
  added: readonly AddedImage[]
  /** Where and how overlays are named; null: nothing is written, made or read, as for a check. */
  overlayPrefix: string | null
  /** Digests that images must have, by their names in the experiment; none: any. */
  baseDigests?: ReadonlyMap<string, string>
  /** Overlays stay when they are closed. */
  keepOverlays?: boolean
}

/**
 * Opens what the swap devices of an experiment are on, making missing images that have a size. Throws ContractError with
 * the field at fault; then everything is closed again.
 */
export function openDevices(experiment: Experiment, options: OpenDevicesOptions): OpenedDevices {
  const isCheck = options.overlayPrefix === null
  const hasContents = experiment.contents !== 'none' && !isCheck
  const requests = experiment.swap.devices.map((device, number): StoreRequest => ({
    path: imagePath(options.workspace, options.added, device.image),
    partition: device.partition,
    mode: hasContents ? device.mode : 'read',
    ...(options.overlayPrefix === null ? {} : { overlayPath: `${options.overlayPrefix}device${number}` }),
    keepOverlay: options.keepOverlays ?? false,
    isSwap: true,
    force: device.force,
    withDigest: hasContents,
  }))
  const { files } = experiment
  const ofFiles = files?.image
    ? {
        ...fileRequest(
          files.image,
          imagePath(options.workspace, options.added, files.image.name),
          options.overlayPrefix === null ? null : `${options.overlayPrefix}fileImage`,
        ),
        keepOverlay: options.keepOverlays ?? false,
        // where the blocks of a file are matters with or without contents; of a device nothing but its bytes does
        withDigest: !isCheck && (hasContents || files.image.path !== ''),
      }
    : null
  const wantDigest = (field: string, name: string, file: string, digest: string) => {
    const expected = options.baseDigests?.get(name)
    if (expected === undefined || digest === '' || digest === expected) return
    throw refusal(
      'base-changed',
      field,
      `${file} is not what it was when the run was recorded (its contents have another digest); put the image back, or start a new run on it`,
    )
  }
  const set = new ImageSet(ofFiles === null ? requests : [...requests, ofFiles])
  const opened: OpenedDevices = { stores: [], devices: [], imagePaths: [], close: () => set.close() }
  const foreseen = new Set<string>()
  try {
    requests.forEach((request, number) => {
      const device = experiment.swap.devices[number]
      if (!device) return
      const field = `swap.devices[${number}]`
      atField(`${field}.timing`, () => timingParameters(timingModelNamed(device.timing.model), device.timing.parameters))
      const isMissing = !existsSync(request.path) && device.createPages > 0
      let digest = ''
      if (isMissing && !hasContents) {
        if (foreseen.has(request.path)) throw refusal('image-used-twice', `${field}.image`, `${request.path} is another device's image already`)
        foreseen.add(request.path)
        opened.stores.push(new NullStore(device.createPages))
      } else {
        const result = atField(field, () => {
          if (isMissing) createImage(request.path, device.createPages * PAGE_BYTES)
          return set.open(request)
        })
        opened.stores.push(hasContents ? result.store : new NullStore(result.store.sizePages))
        digest = result.digest ?? ''
      }
      const pages = opened.stores.at(-1)?.sizePages ?? 0
      if (pages < DEVICE_PAGES_MIN) throw refusal('image-too-small', `${field}.image`, tooSmall(request.path, pages))
      wantDigest(`${field}.image`, device.image, request.path, digest)
      opened.imagePaths.push(request.path)
      opened.devices.push({
        name: path.basename(request.path) + (device.partition === null ? '' : ` p${device.partition}`),
        image: device.image,
        pages,
        timing: device.timing.model,
        baseDigest: digest,
      })
    })
    if (files !== null && ofFiles !== null) {
      const { source, digest } = atField('files', () => openFileSource(experiment, files, set, ofFiles))
      const image = files.image?.name ?? ''
      wantDigest('files.image', image, ofFiles.path, digest ?? '')
      opened.fileSource = source
      if (digest !== null) opened.fileImage = { image, baseDigest: digest }
      opened.imagePaths.push(ofFiles.path)
    }
    return opened
  } catch (error) {
    try {
      set.close()
    } catch {
      // the first error is the one to tell
    }
    throw error
  }
}

function atField<T>(field: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    const isPartition = error.code === 'no-such-partition' || error.code === 'bad-partition-table'
    const inner = field.endsWith('.timing')
      ? `.${error.code === 'no-such-timing-model' ? 'model' : `parameters.${error.field ?? ''}`}`
      : isPartition ? '.partition' : '.image'
    throw refusal(error.code, field + inner, error.message)
  }
}

const refusal = (code: string, field: string, message: string) =>
  new ContractError({ code, message: `${field}: ${message}`, field })
