/**
 * The workbench service: everything that the window, the browser page and the command line can ask for (contract.ts),
 * done in threads, so that whoever holds it never waits for a disk or a machine.
 *
 * Life cycle:
 *  1. `createWorkbench` becomes the owner of a workspace (there is one owner at a time), starts the threads, fills a new
 *     workspace with the demo, and opens the owner's socket for commands of other processes.
 *  2. Requests are routed: lists and charts to the query thread, small changes to the writer, imports and images to the
 *     chores, runs to an engine thread each.
 *  3. `close` stops the runs, commits, and gives the workspace back.
 */
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { workspacePaths, type WorkspacePaths } from '../../db/workspace.ts'
import { eventKinds } from '../../engine/sim/events.ts'
import { counterDefinitions, gaugeDefinitions, sampleColumnNames } from '../../engine/sim/metrics.ts'
import { swapDefectNames, swapDefects } from '../../engine/swap/defects.ts'
import { timingModels } from '../../engine/disk/timing/index.ts'
import { generators } from '../../engine/workload/generators/index.ts'
import { traceFormats } from '../../engine/workload/importers/index.ts'
import {
  CONTRACT_VERSION,
  ContractError,
  recordingInfoSchema,
  type ExperimentInfo,
  type ImageInfo,
  type Method,
  type MomentOfRun,
  type Notice,
  type NoticeName,
  type Params,
  type Result,
  type RunDetail,
  type RunInfo,
  type WorkbenchClient,
  type WorkloadInfo,
} from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { readGallery, simulateVariation } from './gallery.ts'
import { imagePath } from './images.ts'
import { removeKeptOverlays } from './keptOverlays.ts'
import { clearTransientFiles, LiveRuns, TRANSIENT } from './liveRuns.ts'
import { MemoryNeeds } from './memoryNeeds.ts'
import { Moments } from './moments.ts'
import { Notices } from './notices.ts'
import { OwnerSocket } from './owner.ts'
import { pageHistory } from './pageHistory.ts'
import { Recordings } from './recordings.ts'
import { replayOptions } from './replay.ts'
import { seedWorkspace } from './seed.ts'
import { summaryOf } from './summary.ts'
import { sweepHandlers } from './sweepHandlers.ts'
import { Sweeps } from './sweeps.ts'
import { Tallies } from './tallies.ts'
import type { ChoresCalls, ChoresSaid, QueryCalls, Recorded, SqlCalls, VariantFile, WriterCalls } from './protocol.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'
import { variantDigest } from './variants.ts'
import { printPdf, type PrintPdf } from './printing.ts'
import { engineVersion } from './version.ts'

export interface Workbench extends WorkbenchClient {
  close(): Promise<void>
}

export interface WorkbenchOptions {
  /** The workspace's folder; made if it is missing. */
  workspace: string
  host: 'desktop' | 'browser' | 'command'
  /** Fill a new workspace with the demo; true unless told. */
  seed?: boolean
  /** Prints a report; a Chromium that is found does, unless told. */
  printPdf?: PrintPdf
  /** Hears of things worth a line to a person: runs that a dead owner left. */
  onNote?: (line: string) => void
}

/** Throws ContractError: `owned` if another process has the workspace, and what else WorkspaceError and StoreError know. */
export async function createWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const service = new WorkbenchService(options)
  try {
    await service.open()
    return service
  } catch (error) {
    await service.close()
    throw error
  }
}

export type Handlers = { [M in Method]: (params: Params<M>) => Promise<Result<M>> }

/** Of a run that has ended. */
const END: Recorded = { ns: Number.MAX_SAFE_INTEGER }

const WRITER_LIMITS = { maxOldGenerationSizeMb: 1024 }
const QUERY_LIMITS = { maxOldGenerationSizeMb: 1024 }
const CHORES_LIMITS = { maxOldGenerationSizeMb: 2048 }

const daemons = [
  { name: 'freebsd', meaning: "FreeBSD's page daemon: active, inactive and laundry queues, thresholds, laundering" },
  { name: 'lru', meaning: 'Exact least recently used' },
  { name: 'fifo', meaning: 'First in, first out' },
  { name: 'clock', meaning: 'Second chance' },
]

class WorkbenchService implements Workbench {
  readonly #options: WorkbenchOptions
  readonly #paths: WorkspacePaths
  readonly #notices = new Notices()
  readonly #runs: LiveRuns
  readonly #moments: Moments
  readonly #recordings: Recordings
  readonly #sweeps: Sweeps
  readonly #needs: MemoryNeeds
  readonly #tallies: Tallies
  readonly #handlers: Handlers
  #writer: ThreadClient<WriterCalls> | null = null
  #query: ThreadClient<QueryCalls> | null = null
  #secondQuery: ThreadClient<QueryCalls> | null = null
  #chores: ThreadClient<ChoresCalls, ChoresSaid> | null = null
  #sql: ThreadClient<SqlCalls> | null = null
  #socket: OwnerSocket | null = null
  readonly #jobs = new Map<number, { title: string; isCancelled: boolean; done: Promise<void> }>()
  #jobCount = 0
  #isOwner = false
  #closing: Promise<void> | null = null

  constructor(options: WorkbenchOptions) {
    this.#options = options
    this.#paths = workspacePaths(options.workspace)
    this.#runs = new LiveRuns(this.#paths, this.#notices, () => this.#writerThread())
    this.#moments = new Moments(this.#paths, (progress) => this.#notices.send('moment.progress', progress))
    this.#recordings = new Recordings(this.#paths, this.#notices)
    this.#needs = new MemoryNeeds(this.#paths.directory, (notice) => this.#notices.send('need.progress', notice))
    this.#tallies = new Tallies(
      this.#paths.database,
      (run, tallies) => this.#writerThread().call('keepTallies', run, tallies),
      (progress) => this.#notices.send('tally.progress', progress),
    )
    this.#sweeps = new Sweeps({
      startRun: ({ file, variant }, tags) => {
        const options = {
          record: true,
          startPaused: false,
          replayOf: null,
          sameConfiguration: false,
          baseDigests: new Map(),
        }
        return this.#runs.start({ ...options, file, tags, variant: variantFile(variant === '' ? undefined : variant) })
      },
      control: (params) => this.#runs.control(params),
      removeRun: async (id) => {
        await this.#writerThread().call('removeRun', id)
        this.#changed('runs', null)
      },
      result: (file) => this.#queryThread().call('sweepResult', file),
      send: (name, notice) => this.#notices.send(name, notice),
      on: (name, listener) => this.#notices.on(name, listener),
    })
    this.#handlers = this.#makeHandlers()
  }

  request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.#closing)
      return Promise.reject(new ContractError({ code: 'closed', message: 'the workbench is being closed' }))
    return this.#handlers[method](params)
  }

  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void {
    return this.#notices.on(name, listener)
  }

  async open(): Promise<void> {
    const { interrupted } = await this.#writerThread().call('open')
    this.#isOwner = true
    if (interrupted.length > 0)
      this.#options.onNote?.(
        `The last owner of ${this.#paths.directory} ended without closing it; ${interrupted.length === 1 ? 'run' : 'runs'} ${interrupted.join(', ')} marked interrupted.`,
      )
    clearTransientFiles(this.#paths.overlays, TRANSIENT)
    this.#socket = await OwnerSocket.open(this.#paths, this, (line) => this.#options.onNote?.(line))
    if (this.#options.seed !== false && (await this.#queryThread().call('isEmpty')))
      await seedWorkspace(this.#paths, this.#choresThread(), this.#writerThread())
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#socket?.close()
    for (const [job] of this.#jobs)
      if (this.#recordings.has(job)) await this.#recordings.end(job, true).catch(() => undefined)
      else await this.#cancel(job)
    await Promise.all([...this.#jobs.values()].map((job) => job.done))
    await this.#sweeps.close()
    await this.#needs.close()
    await this.#tallies.close()
    await this.#runs.close()
    await this.#moments.end()
    await this.#chores?.end()
    await this.#query?.end()
    await this.#secondQuery?.end()
    await this.#sql?.end()
    await this.#writer?.call('close').catch(() => this.#dropLock())
    await this.#writer?.end()
  }

  #writerThread(): ThreadClient<WriterCalls> {
    this.#writer ??= new ThreadClient(threadUrls.writer, "the trace store's thread", {
      data: { workspace: this.#paths.directory },
      limits: WRITER_LIMITS,
      onFailed: (error) => void this.#writerFailed(error),
    })
    return this.#writer
  }

  /** Its runs are over, but the workspace stays open: another thread takes it over. */
  async #writerFailed(error: ContractError): Promise<void> {
    await this.#writer?.end()
    this.#writer = null
    this.#dropLock()
    if (this.#isOwner && !this.#closing)
      await this.#writerThread()
        .call('open')
        .catch(() => undefined)
    await this.#runs.failAll(error)
    this.#notices.send('changed', { what: 'runs' })
  }

  /** The lock names this process, and the thread that held it is gone. */
  #dropLock(): void {
    if (this.#isOwner) rmSync(this.#paths.lock, { force: true })
  }

  #queryThread(): ThreadClient<QueryCalls> {
    // one that has failed is left to the next request to start
    this.#query ??= this.#newQueryThread('the query thread', () => (this.#query = null))
    return this.#query
  }

  /** For what two threads do sooner. */
  #secondQueryThread(): ThreadClient<QueryCalls> {
    this.#secondQuery ??= this.#newQueryThread('the second query thread', () => (this.#secondQuery = null))
    return this.#secondQuery
  }

  #newQueryThread(title: string, onFailed: () => void): ThreadClient<QueryCalls> {
    return new ThreadClient(threadUrls.query, title, {
      data: { database: this.#paths.database },
      limits: QUERY_LIMITS,
      onFailed,
    })
  }

  #choresThread(): ThreadClient<ChoresCalls, ChoresSaid> {
    this.#chores ??= new ThreadClient(threadUrls.chores, 'the thread for imports', {
      data: { workspace: this.#paths.directory },
      limits: CHORES_LIMITS,
      onSaid: ({ job, done, total }) => this.#jobNotice(job, 'running', { done, total }),
      onFailed: () => {
        this.#chores = null
      },
    })
    return this.#chores
  }

  #sqlThread(): ThreadClient<SqlCalls> {
    this.#sql ??= new ThreadClient(threadUrls.sql, 'the thread of the query', {
      data: { database: this.#paths.database },
      limits: QUERY_LIMITS,
      onFailed: () => {
        this.#sql = null
      },
    })
    return this.#sql
  }

  /** A thread in the middle of a row of SQLite's ends when that row is there: nobody waits for it. */
  #endSql(): void {
    void this.#sql?.end()
    this.#sql = null
  }

  #makeHandlers(): Handlers {
    const query = () => this.#queryThread()
    const writer = () => this.#writerThread()
    const chores = () => this.#choresThread()
    const none = {}
    return {
      'workbench.info': async () => this.#info(await query().call('workspaceBytes')),

      'workspace.storage': () => query().call('storage'),
      'workspace.limit': async (limits) => this.#changed('runs', { removed: await writer().call('limit', limits) }),
      'workspace.compact': async () => {
        await writer().call('compact')
        return none
      },

      'images.list': async () => this.#inUse(await chores().call('images', await query().call('addedImages'))),
      'images.create': async ({ name, sizeBytes }) => {
        await this.#refuseKnownImage(name)
        return this.#changed('images', await chores().call('createImage', name, sizeBytes))
      },
      'images.add': async ({ path: file }) => this.#addImage(path.resolve(this.#paths.directory, file)),
      'images.remove': async (params) => this.#removeImage(params),
      'images.directory': async ({ name, partition, path: directory }) =>
        chores().call('imageDirectory', await this.#knownImage(name), partition, directory),
      'images.check': async ({ name, partition }) => chores().call('imageCheck', await this.#knownImage(name), partition),

      'workloads.list': () => query().call('workloads'),
      'workloads.get': ({ id }) => query().call('workload', id),
      'workloads.import': (params) => Promise.resolve({ job: this.#import(params) }),
      'workloads.record': (params) => this.#record(params),
      'workloads.endRecording': async ({ job }) => {
        await this.#recordings.end(job, true)
        return none
      },
      'workloads.recording': async ({ id }) =>
        recordingInfoSchema.nullable().parse(await query().call('recording', id)),
      'workloads.generate': async ({ name, generator, parameters }) =>
        this.#changed('workloads', await chores().call('generateWorkload', name, generator, parameters)),
      'workloads.rename': async ({ id, name }) =>
        this.#changed('workloads', await writer().call('renameWorkload', id, name)),
      'workloads.annotate': async (params) =>
        this.#changed('workloads', await writer().call('annotateWorkload', params)),
      'workloads.remove': async ({ id }) => {
        await writer().call('removeWorkload', id)
        return this.#changed('workloads', none)
      },

      'experiments.list': async () =>
        (await query().call('experiments')).flatMap((stored) => experimentInfo(stored) ?? []),
      'experiments.get': async ({ id }) => experimentInfoOrThrow(await query().call('experiment', id)),
      'experiments.save': async ({ id, file }) =>
        this.#changed(
          'experiments',
          experimentInfoOrThrow(await writer().call('saveExperiment', id, checkedFile(file))),
        ),
      'experiments.remove': async ({ id }) => {
        await writer().call('removeExperiment', id)
        return this.#changed('experiments', none)
      },
      'experiments.check': ({ file }) => this.#check(file),

      'gallery.list': () => Promise.resolve(readGallery()),
      'gallery.simulate': ({ name, variation }) => simulateVariation(readGallery(), name, variation),

      'runs.list': () => this.#listRuns(),
      'runs.get': ({ id }) => this.#getRun(id),
      'runs.rename': async ({ id, name }) => {
        await writer().call('renameRun', id, name)
        return this.#changed('runs', await this.#runInfo(id))
      },
      'runs.annotate': async (params) => {
        await writer().call('annotateRun', params)
        return this.#changed('runs', await this.#runInfo(params.id))
      },
      'runs.unpack': async ({ path: file }) => {
        const id = await chores().call('unpackRun', path.resolve(this.#paths.directory, file))
        this.#notices.send('changed', { what: 'workloads' })
        return this.#changed('runs', { id })
      },
      'runs.remove': async ({ id }) => {
        if (this.#runs.forget(id)) return this.#changed('runs', none)
        await this.#moments.end(id)
        await this.#tallies.stop(id)
        await writer().call('removeRun', id)
        removeKeptOverlays(this.#paths.directory, id)
        return this.#changed('runs', none)
      },
      'runs.start': async ({ file, record, startPaused, variant }) => {
        const checked = checkedFile(file)
        const asked = { record, startPaused, variant: variantFile(variant) }
        return {
          id: await this.#runs.start({
            file: checked,
            ...asked,
            replayOf: null,
            sameConfiguration: false,
            baseDigests: new Map(),
          }),
        }
      },
      'runs.replay': async ({ id, file, variant }) => {
        const replay = file === null ? null : checkedFile(file)
        return {
          id: await this.#runs.start(replayOptions(await query().call('run', id), replay, variantFile(variant))),
        }
      },
      'runs.control': async (params) => {
        await this.#runs.control(params)
        return none
      },
      'runs.speed': async (params) => {
        await this.#runs.speed(params)
        return none
      },
      'runs.intervene': async (params) => ({ at: await this.#runs.intervene(params) }),
      'runs.samples': (params) => query().call('samples', params),
      'runs.events': (params) => query().call('events', params),
      'runs.eventCount': (params) => query().call('eventCount', params),
      'runs.eventTiles': (params) => query().call('eventTiles', params),
      'runs.trackTiles': (params) => this.#tallies.tiles(params),
      'runs.tally': async ({ id, action }) => {
        await (action === 'start' ? this.#tallies.count(id) : this.#tallies.stop(id))
        return none
      },
      'runs.neighbour': (params) => query().call('neighbour', params),
      'runs.pageHistory': (params) => pageHistory(query(), () => this.#secondQueryThread(), params),
      'runs.objects': ({ id }) => query().call('objects', id),
      'runs.messages': async ({ id }) => this.#runs.messagesOf(id) ?? query().call('messages', id),
      'runs.compare': ({ ids }) => query().call('compare', ids),
      'runs.moment': ({ id, at }) =>
        this.#isNow(id, at)
          ? this.#runs.views(id).call('moment')
          : this.#moments.of(id).call('moment', at ?? END, this.#runs.has(id)),
      'runs.frames': ({ id, at }) =>
        this.#isNow(id, at)
          ? this.#runs.views(id).call('frames')
          : this.#moments.of(id).call('frames', at ?? END, this.#runs.has(id)),
      'runs.blocks': ({ id, at, device, cells }) =>
        this.#isNow(id, at)
          ? this.#runs.views(id).call('blocks', device, cells)
          : this.#moments.of(id).call('blocks', at ?? END, this.#runs.has(id), device, cells),
      'runs.objectPages': ({ id, at, object, from, count }) =>
        this.#isNow(id, at)
          ? this.#runs.views(id).call('objectPages', object, from, count)
          : this.#moments.of(id).call('objectPages', at ?? END, this.#runs.has(id), object, from, count),

      'sql.run': async ({ sql, rows, seconds }) => {
        this.#endSql()
        return this.#sqlThread().call('run', sql, { rows, seconds })
      },
      'sql.cancel': () => {
        this.#endSql()
        return Promise.resolve(none)
      },

      'reports.list': () => query().call('reports'),
      'reports.create': async ({ runs, format, name, sections }) => {
        const { mediaType, content } = await query().call('renderReport', runs, format, name, sections)
        const title = name === '' ? `Runs ${runs.join(', ')}` : name
        return this.#changed(
          'reports',
          await writer().call('addReport', { name: title, format, mediaType, content, runs }),
        )
      },
      'reports.get': ({ id }) => query().call('report', id),
      'reports.pdf': async ({ id }) => {
        const { mediaType, content } = await query().call('report', id)
        if (!mediaType.startsWith('text/html'))
          throw new ContractError({ code: 'bad-params', message: 'only a report of HTML is printed', field: 'id' })
        return (await (this.#options.printPdf ?? printPdf)(content)).buffer
      },
      'reports.figures': ({ runs }) => query().call('reportFigures', runs),
      'reports.remove': async ({ id }) => {
        await writer().call('removeReport', id)
        return this.#changed('reports', none)
      },

      ...sweepHandlers(this.#sweeps, query, writer, () => this.#notices.send('changed', { what: 'sweeps' })),

      'need.start': async ({ file, within, deviceCounts }) => ({
        search: await this.#needs.start(checkedFile(file), within, deviceCounts),
      }),
      'need.cancel': async ({ search }) => {
        await this.#needs.cancel(search)
        return none
      },

      'jobs.cancel': async ({ job }) => {
        await this.#cancel(job)
        return none
      },
    }
  }

  /** Runs that are not recorded have no other moment than now. */
  #isNow(id: number, at: MomentOfRun | undefined): boolean {
    return this.#runs.has(id) && (at === null || at === undefined || id < 0)
  }

  #info(workspaceBytes: number): Result<'workbench.info'> {
    return {
      contractVersion: CONTRACT_VERSION,
      engineVersion,
      host: this.#options.host,
      workspace: this.#paths.directory,
      workspaceBytes,
      generators: generators.map(({ name, description, parameters }) => ({
        name,
        meaning: description,
        parameters: parameters.map((each) => ({
          name: each.name,
          default: each.default,
          unit: each.unit,
          meaning: each.sentence,
        })),
      })),
      timingModels: timingModels.map(({ name, description, parameters }) => ({
        name,
        meaning: description,
        parameters: parameters.map((each) => ({
          name: each.name,
          default: each.default,
          unit: each.unit,
          meaning: each.description,
        })),
      })),
      importFormats: traceFormats.map(({ name, description, extensions }) => ({
        name,
        meaning: description,
        extensions,
      })),
      daemons,
      defects: swapDefectNames.map((name) => ({ name, ...swapDefects[name] })),
      counters: counterDefinitions.map((each) => ({ ...each })),
      gauges: gaugeDefinitions.map((each) => ({ ...each })),
      sampleColumns: sampleColumnNames(),
      eventKinds: [...eventKinds],
      electron: 'electron' in process.versions ? process.versions.electron : null,
    }
  }

  #changed<T>(what: Notice<'changed'>['what'], result: T): T {
    this.#notices.send('changed', { what })
    return result
  }

  // ---- images

  #inUse(images: ImageInfo[]): ImageInfo[] {
    const held = this.#runs.imagePaths()
    return images.map((image) => ({ ...image, inUse: image.inUse || held.has(image.path) }))
  }

  async #refuseKnownImage(name: string): Promise<void> {
    const added = await this.#queryThread().call('addedImages')
    if (added.some((image) => image.name === name))
      throw new ContractError({ code: 'exists', message: `there is an image "${name}" already`, field: 'name' })
  }

  async #addImage(file: string): Promise<ImageInfo> {
    const name = path.basename(file)
    const { problem } = await this.#choresThread().call('inspectImage', name, file)
    if (!existsSync(file))
      throw new ContractError({ code: 'missing-image', message: problem ?? `there is no file ${file}`, field: 'path' })
    if (path.dirname(file) !== this.#paths.images) {
      if (existsSync(path.join(this.#paths.images, name)))
        throw new ContractError({
          code: 'exists',
          message: `the workspace has an image "${name}" already`,
          field: 'path',
        })
      await this.#writerThread().call('addImage', name, file)
    }
    return this.#changed('images', await this.#choresThread().call('inspectImage', name, file))
  }

  /** The file of an image by its name; a path is not taken for one. */
  async #knownImage(name: string): Promise<string> {
    const file = imagePath(this.#paths.directory, await this.#queryThread().call('addedImages'), name)
    if (/[/\\]/.test(name) || !existsSync(file))
      throw new ContractError({ code: 'not-found', message: `there is no image "${name}"`, field: 'name' })
    return file
  }

  async #removeImage({ name, deleteFile }: Params<'images.remove'>): Promise<Record<string, never>> {
    const added = await this.#queryThread().call('addedImages')
    const file = imagePath(this.#paths.directory, added, name)
    if (this.#runs.imagePaths().has(file))
      throw new ContractError({
        code: 'image-in-use',
        message: `${name} is in use by a run; stop that run first`,
        field: 'name',
      })
    const isKnown = await this.#writerThread().call('removeImage', name)
    if (!isKnown) {
      if (!existsSync(file))
        throw new ContractError({ code: 'not-found', message: `there is no image "${name}"`, field: 'name' })
      if (!deleteFile)
        throw new ContractError({
          code: 'in-workspace',
          message: `${name} lies in the workspace, so it cannot be forgotten without deleting its file`,
          field: 'deleteFile',
        })
      await this.#choresThread().call('deleteImage', name)
    }
    return this.#changed('images', {})
  }

  // ---- jobs

  #import(params: Params<'workloads.import'>): number {
    const trace = path.resolve(this.#paths.directory, params.path)
    return this.#startJob(`Import ${path.basename(trace)}`, (job) =>
      this.#choresThread().call('importWorkload', { ...params, path: trace, job }),
    )
  }

  #record(params: Params<'workloads.record'>): Promise<{ job: number }> {
    try {
      this.#recordings.check(params)
    } catch (error) {
      return Promise.reject(new ContractError(errorShape(error)))
    }
    const title = `Record ${path.basename(params.program)}`
    return Promise.resolve({ job: this.#startJob(title, (job) => this.#recordings.record(job, params)) })
  }

  /** Begins a job that makes a workload; its last notice says how it ended. */
  #startJob(title: string, begin: (job: number) => Promise<WorkloadInfo>): number {
    const job = ++this.#jobCount
    const known = { title, isCancelled: false, done: Promise.resolve() }
    this.#jobs.set(job, known)
    known.done = begin(job)
      .then(
        (workload) => {
          this.#jobNotice(job, 'finished', { result: { workload: workload.id } })
          this.#notices.send('changed', { what: 'workloads' })
        },
        (error: unknown) => {
          const { code, message } = errorShape(error)
          const isCancelled = code === 'cancelled' || known.isCancelled
          this.#jobNotice(job, isCancelled ? 'cancelled' : 'failed', { error: isCancelled ? null : message })
        },
      )
      .finally(() => this.#jobs.delete(job))
    return job
  }

  async #cancel(job: number): Promise<void> {
    const known = this.#jobs.get(job)
    if (!known) return
    known.isCancelled = true
    if (this.#recordings.has(job)) return this.#recordings.end(job, false)
    await this.#choresThread()
      .call('cancel', job)
      .catch(() => undefined)
  }

  #jobNotice(job: number, state: Notice<'job'>['state'], known: Partial<Notice<'job'>>): void {
    const title = this.#jobs.get(job)?.title ?? ''
    this.#notices.send('job', { job, title, state, done: 0, total: 0, error: null, result: null, ...known })
  }

  // ---- experiments and runs

  async #check(file: unknown): Promise<Result<'experiments.check'>> {
    const parsed = parseExperiment(file)
    const unknown = {
      summary: null,
      frames: null,
      footprint: null,
      references: null,
      nsPerReference: null,
      thresholds: null,
    }
    if (!parsed.file) return { ...unknown, issues: parsed.issues }
    const check = await this.#choresThread().call('checkExperiment', parsed.file)
    return { ...check, summary: check.issues.length > 0 ? null : summaryOf(parsed.file, check) }
  }

  async #listRuns(): Promise<RunInfo[]> {
    const stored = await this.#queryThread().call('runs')
    return [...this.#runs.unrecorded(), ...stored.map((run) => this.#withLive(run))]
  }

  async #runInfo(id: number): Promise<RunInfo> {
    const live = id < 0 ? this.#runs.info(id) : undefined
    return live ?? this.#withLive(await this.#queryThread().call('runInfo', id))
  }

  /** How a running run stands now, over what the store knew a moment ago. */
  #withLive(stored: RunInfo): RunInfo {
    const live = this.#runs.progressOf(stored.id)
    return live ? { ...stored, status: live.status, totals: live.totals } : stored
  }

  async #getRun(id: number): Promise<RunDetail> {
    const unrecorded = id < 0 ? this.#runs.detail(id) : undefined
    if (unrecorded) return unrecorded
    const stored = await this.#queryThread().call('run', id)
    const { file } = parseExperiment(stored.file)
    if (!file)
      throw new ContractError({
        code: 'damaged',
        message: `the configuration of run ${id} cannot be read by this version`,
      })
    const live = this.#runs.progressOf(id)
    return {
      ...this.#withLive(stored),
      file,
      engineVersion: stored.engineVersion,
      frames: stored.frames,
      nsPerReference: stored.nsPerReference,
      thresholds: stored.thresholds,
      footprint: stored.footprint,
      bucketNs: stored.bucketNs,
      endTimeNs: Math.max(stored.endTimeNs, live?.virtualNs ?? 0),
      devices: stored.devices,
      eventCounts: stored.eventCounts,
      messages: stored.messages,
      interventions: stored.interventions,
      ...(stored.fileImage ? { fileImage: stored.fileImage } : {}),
      ...(stored.variant ? { variant: stored.variant } : {}),
    }
  }
}

/** An experiment file with its defaults. Throws ContractError `bad-experiment` with the first field at fault. */
export function checkedFile(input: unknown): ExperimentFile {
  const { file, issues } = parseExperiment(input)
  if (file) return file
  const [first] = issues
  throw new ContractError({
    code: 'bad-experiment',
    message: first ? `${first.field}: ${first.message}` : 'the experiment cannot be read',
    ...(first ? { field: first.field } : {}),
  })
}

function variantFile(file: string | undefined): VariantFile | null {
  return file === undefined ? null : { file, digest: variantDigest(file) }
}

interface StoredExperiment {
  id: number
  name: string
  updatedAt: string
  file: unknown
}

/** Null for one that an older version stored and this one cannot read. */
function experimentInfo({ id, name, updatedAt, file }: StoredExperiment): ExperimentInfo | null {
  const parsed = parseExperiment(file)
  return parsed.file ? { id, name, updatedAt, file: parsed.file } : null
}

function experimentInfoOrThrow(stored: StoredExperiment): ExperimentInfo {
  const info = experimentInfo(stored)
  if (info) return info
  throw new ContractError({ code: 'damaged', message: `experiment ${stored.id} cannot be read by this version` })
}
