/**
 * Puts files under a machine: the volume, its device, and which file backs which region of an address space.
 *
 * Without an image each region that needs a file has one of its own, made for the run; all lie on one device one after another. On
 * an image the regions lie one after another in one file, in the order of processes and addresses.
 */
import type { BlockStore } from '../disk/blockStore.ts'
import { Device } from '../disk/device.ts'
import type { FaultInjection } from '../disk/faultInjection.ts'
import { createTimingModel } from '../disk/timing/index.ts'
import { PAGE_SIZE } from '../vm/pages.ts'
import type { RegionTable } from '../vm/regions.ts'
import type { FileKernel } from '../vnode/context.ts'
import { Files } from '../vnode/files.ts'
import { FlatVolume, type FileVolume } from '../vnode/volume.ts'
import { buildRegions } from '../workload/regions.ts'
import { PageUse, type ProcessStream } from '../workload/workload.ts'
import type { Columns } from './columns.ts'
import { ExperimentError, type Experiment, type FilesExperiment } from './experiment.ts'
import { MAX_DEVICES } from './metrics.ts'

/** A file on an image, opened. */
export interface FileSource {
  volume: FileVolume
  store: BlockStore
  file: number
  /** The image is the file. */
  isDevice: boolean
  /** What verbs call it: its path. */
  name: string
  /** Reads all of the file past any pager. */
  readAll(): Uint8Array
}

/** An object of a file, and a page index in it. */
export interface Place {
  object: number
  offset: number
  /** The file was made for the region. */
  isOwn: boolean
}

export interface FilesSetUp {
  files: Files
  /** Where a region that begins at a virtual page number lies in its file. */
  placeOf: (process: number, startPage: number) => Place
}

interface Hooks {
  faultAnswered: (process: number) => void
  callEnded: (process: number) => void
  pageWritten: (frame: number) => void
  submitted: () => void
}

interface Options {
  experiment: Experiment
  processes: readonly { stream: ProcessStream }[]
  makeFileStore: (pages: number) => BlockStore
  fileSource?: FileSource | undefined
}

/** A file on an image may grow to twice its size, and to this at least. */
const GROWTH_BYTES = 1 << 22

/** Answers null where the experiment wants no vnode pager. Throws ExperimentError. */
export function setUpFiles(
  kernel: FileKernel & { readonly columns: Columns; readonly regions: RegionTable },
  { experiment, processes, makeFileStore, fileSource }: Options,
  faults: FaultInjection,
  hooks: Hooks,
): FilesSetUp | null {
  const wanted = experiment.files
  if (wanted === null) return null
  if (wanted.image !== null && fileSource === undefined) throw new Error('the image of the files was not opened')
  const needs = regionsOfFiles(processes, wanted.mapping === 'shared', experiment.untouched === 'file')
  const flat = new FlatVolume(wanted.blockSize)
  if (fileSource === undefined) {
    for (const need of needs) flat.add(need.pages * PAGE_SIZE)
    for (const { bytes, mostBytes } of wanted.named) flat.add(bytes, mostBytes)
  } else if (wanted.named.length > 0)
    throw new ExperimentError('named-files', 'files.named', 'files made for the run do not go with an image')
  const volume = fileSource?.volume ?? flat
  const store = fileSource?.store ?? makeFileStore(Math.max(1, flat.devicePages))
  flat.store = store
  requireRoom(kernel, volume, experiment.machine.wired)
  const { columns } = kernel
  if (fileSource === undefined) flat.keepIn(columns)
  const device = new Device({
    columns,
    name: 'file.device',
    number: MAX_DEVICES,
    store,
    timing: createTimingModel(experiment.fileTiming, columns, 'file.timing', store.sizePages),
    faults,
  })
  const { nbuf, hirunningspace, maxphys, maxdio } = wanted
  const files = new Files(columns, kernel, kernel.regions, {
    pager: wanted.pager,
    volume,
    device,
    tunables: { nbuf, hirunningspace, maxphys, maxdio },
    isShared: wanted.mapping === 'shared',
    syncerSeconds: wanted.syncerSeconds,
    processes: processes.length,
    faultAnswered: hooks.faultAnswered,
    callEnded: hooks.callEnded,
    pageWritten: hooks.pageWritten,
  })
  files.device.onSubmit = hooks.submitted
  const places =
    fileSource === undefined
      ? layOutFlat(kernel, files, flat, store, needs, wanted.named)
      : layOutImage(files, fileSource, wanted.pager, needs, kernel.contents.isReal)
  return { files, placeOf: (process, startPage) => placeOf(needs, places, process, startPage) }
}

/** A block must find room beyond the reserve, or its first fault would wait for ever. Throws ExperimentError. */
function requireRoom({ pages, thresholds }: FileKernel, volume: FileVolume, wired: number): void {
  const block = Math.max(1, volume.blockSize / PAGE_SIZE)
  const room = pages.frames - wired - thresholds.freeReserved
  if (room <= block)
    throw new ExperimentError(
      'machine-too-small',
      'machine.frames',
      `of ${pages.frames} frames ${Math.max(0, room)} are left beyond v_free_reserved (${thresholds.freeReserved}) and wired pages (${wired}), but a block of a file takes ${block}; give more frames, or a lower daemon.freeReserved`,
    )
}

/** A region of a process that is to have a file. */
interface Need {
  process: number
  startPage: number
  pages: number
}

/** What a process inherits may leave only part of a region to be mapped. */
function placeOf(needs: readonly Need[], places: readonly Place[], process: number, startPage: number): Place {
  const at = needs.findIndex(
    (need) => need.process === process && need.startPage <= startPage && startPage < need.startPage + need.pages,
  )
  if (at < 0) throw new Error(`no file was made for page ${startPage} of process ${process}`)
  const { object, offset, isOwn } = places[at]!
  return { object, offset: offset + startPage - needs[at]!.startPage, isOwn }
}

/** Regions that have pages of a file. */
function regionsOfFiles(processes: readonly { stream: ProcessStream }[], isShared: boolean, fromFile: boolean): Need[] {
  return processes.flatMap(({ stream }, process) => {
    const { regions, regionOf } = buildRegions(stream.pageNumbers)
    const has = new Uint8Array(regions.length)
    for (let page = 0; page < stream.pageCount; page++)
      if (isShared || (fromFile && (stream.pageUse[page]! & PageUse.write) === 0)) has[regionOf[page]!] = 1
    return regions.flatMap(({ startPage, pageCount }, region) =>
      has[region] !== 0 ? [{ process, startPage, pages: pageCount }] : [],
    )
  })
}

function layOutFlat(
  { pages, contents }: FileKernel,
  files: Files,
  volume: FlatVolume,
  store: BlockStore,
  needs: readonly Need[],
  named: FilesExperiment['named'],
): Place[] {
  const places = needs.map((_, file) => ({ object: files.open(file, false, null), offset: 0, isOwn: true }))
  const objects = places.map(({ object }) => object)
  named.forEach(({ name, mostBytes }, i) => {
    objects.push(files.open(needs.length + i, false, null, mostBytes, name))
  })
  if (!contents.isReal) return places
  const buffers: Uint8Array[] = []
  // nothing is resident yet: the first frames serve as buffers
  const most = Math.min(32, pages.frames)
  objects.forEach((object, file) => {
    const end = Math.ceil(volume.sizeBytes(file) / PAGE_SIZE)
    for (let index = 0; index < end;) {
      const count = Math.min(most, end - index)
      for (let i = 0; i < count; i++) {
        contents.fill(i, pages.slotBase[object]! + index + i)
        buffers[i] = contents.view(i)
        // behind the end of a file there are zeros on the device
        buffers[i]!.fill(0, Math.min(PAGE_SIZE, volume.sizeBytes(file) - (index + i) * PAGE_SIZE))
      }
      store.writePages(volume.firstPage(file) + index, buffers, count)
      index += count
    }
  })
  return places
}

function layOutImage(
  files: Files,
  source: FileSource,
  pager: string,
  needs: readonly Need[],
  isReal: boolean,
): Place[] {
  if (source.isDevice && pager === 'freebsd')
    throw new ExperimentError(
      'no-device-paging',
      'files.image.path',
      "FreeBSD's vnode pager does not page devices: name a file of a file system on the image",
    )
  const total = needs.reduce((sum, need) => sum + need.pages, 0)
  const has = Math.floor(source.volume.sizeBytes(source.file) / PAGE_SIZE)
  if (has < total)
    throw new ExperimentError(
      'file-too-small',
      'files.image.path',
      `the file has ${has} whole pages of 4096 bytes, but the regions it is to back have ${total}`,
    )
  const size = source.volume.sizeBytes(source.file)
  const object = files.open(
    source.file,
    source.isDevice,
    isReal ? source.readAll() : new Uint8Array(0),
    source.isDevice ? size : Math.max(size * 2, GROWTH_BYTES),
    source.name,
  )
  let offset = 0
  return needs.map(({ pages }) => {
    const place = { object, offset, isOwn: false }
    offset += pages
    return place
  })
}
