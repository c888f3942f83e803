/**
 * Running machines: an engine thread each, from the request that starts one to the last notice about it.
 *
 * A run that is recorded has the id of its row. One that is not has a negative id; when it has ended its totals and messages are known until
 * some more have.
 */
import { readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { breakLockOfThread } from '../../engine/disk/imageLock.ts'
import { ContractError, type Params, type RunDetail, type RunInfo, type RunMessage } from '../contract/contract.ts'
import type { ExperimentFile } from '../contract/experiment.ts'
import type { WorkspacePaths } from '../../db/workspace.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { interventionOf } from './interventions.ts'
import type { Notices } from './notices.ts'
import {
  SHARED_BYTES,
  SharedWord,
  type EngineCalls,
  type EngineData,
  type EngineProgress,
  type EngineSaid,
  type Prepared,
  type VariantFile,
  type WriterCalls,
} from './protocol.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'
import { totalsOf } from './totals.ts'

/** A machine's columns are ArrayBuffers outside this; what is left on the heap is small. */
const ENGINE_LIMITS = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 64 }
const MESSAGES_MAX = 1000
/** Ended runs without a recording that are known. */
const UNRECORDED_MAX = 8
/** A thread that does not hear for as long that it is to stop is ended: it comes to hear between two slices, of some milliseconds each. */
const DEAF_MS = 3000
export const TRANSIENT = 'transient-'

export interface StartOptions {
  file: ExperimentFile
  record: boolean
  startPaused: boolean
  replayOf: number | null
  sameConfiguration: boolean
  /** Digests that images must have, by their names in the experiment. */
  baseDigests: ReadonlyMap<string, string>
  variant: VariantFile | null
  /** Tags that the run has from its beginning; absent: none. */
  tags?: string[]
}

interface LiveRun {
  id: number
  thread: ThreadClient<EngineCalls, EngineSaid>
  shared: Int32Array
  prepared: Prepared
  options: StartOptions
  startedAt: string
  progress: EngineProgress
  messages: RunMessage[]
  transientPrefix: string
  ended: Promise<void>
  setEnded: () => void
}

export class LiveRuns {
  readonly #runs = new Map<number, LiveRun>()
  /** Runs that were not recorded, as they ended; the newest last. */
  readonly #past = new Map<number, { info: RunInfo; detail: RunDetail }>()
  readonly #paths: WorkspacePaths
  readonly #notices: Notices
  readonly #writer: () => ThreadClient<WriterCalls>
  #starting = 0
  #unrecorded = 0
  #isClosing = false

  constructor(paths: WorkspacePaths, notices: Notices, writer: () => ThreadClient<WriterCalls>) {
    this.#paths = paths
    this.#notices = notices
    this.#writer = writer
  }

  /** Makes the machine and starts it. Answers its id. Throws ContractError for what is wrong with the experiment. */
  async start(options: StartOptions): Promise<number> {
    if (this.#isClosing) throw new ContractError({ code: 'closed', message: 'the workbench is being closed' })
    const shared = new SharedArrayBuffer(SHARED_BYTES)
    const transientPrefix = `${TRANSIENT}${process.pid}-${++this.#starting}-`
    const data: EngineData = {
      workspace: this.#paths.directory,
      file: options.file,
      replayOf: options.replayOf,
      sameConfiguration: options.sameConfiguration,
      baseDigests: options.baseDigests,
      variant: options.variant,
      record: options.record,
      shared,
      transientPrefix,
    }
    // what a thread says before its run has an id waits here
    const early: EngineSaid[] = []
    let live: LiveRun | null = null
    const thread: ThreadClient<EngineCalls, EngineSaid> = new ThreadClient(threadUrls.engine, "the machine's thread", {
      data,
      limits: ENGINE_LIMITS,
      onSaid: (said) => (live ? this.#hear(live, said) : early.push(said)),
      onFailed: (error) => live && void this.#fail(live, error),
    })
    const threadNumber = thread.threadNumber
    try {
      const prepared = await thread.call('prepare')
      const { port1, port2 } = new MessageChannel()
      const run = options.record ? { ...prepared.run, tags: options.tags ?? [] } : --this.#unrecorded
      const id = await this.#writer().callTransferring('beginRun', [port1], run, port1, shared)
      const begun = newLiveRun({ id, thread, shared: new Int32Array(shared), prepared, options, transientPrefix })
      live = begun
      this.#runs.set(id, begun)
      await thread.callTransferring('begin', [port2], options.record ? id : null, port2, options.startPaused)
      for (const said of early.splice(0)) this.#hear(begun, said)
      this.#notices.send('changed', { what: 'runs' })
      if (prepared.run.devices.length > 0) this.#notices.send('changed', { what: 'images' })
      return id
    } catch (error) {
      if (!live) {
        await thread.end()
        this.#clear(transientPrefix, [], threadNumber)
      }
      throw error
    }
  }

  has(id: number): boolean {
    return this.#runs.has(id)
  }

  /** Ids of the runs that are in the store too. */
  recordedIds(): number[] {
    return [...this.#runs.keys()].filter((id) => id > 0)
  }

  /** How a run stands, or how one that was not recorded has ended; undefined if it is neither. */
  info(id: number): RunInfo | undefined {
    const run = this.#runs.get(id)
    return run ? infoOf(run) : this.#past.get(id)?.info
  }

  /** All about a run that is not recorded. */
  detail(id: number): RunDetail | undefined {
    const run = this.#runs.get(id)
    return run ? detailOf(run) : this.#past.get(id)?.detail
  }

  unrecorded(): RunInfo[] {
    return [...this.#runs.keys(), ...this.#past.keys()].filter((id) => id < 0).flatMap((id) => this.info(id) ?? [])
  }

  /** Forgets a run that was not recorded; false if it is not known to have ended. */
  forget(id: number): boolean {
    return this.#past.delete(id)
  }

  progressOf(id: number): EngineProgress | undefined {
    return this.#runs.get(id)?.progress
  }

  messagesOf(id: number): RunMessage[] | undefined {
    return (this.#runs.get(id) ?? this.#past.get(id)?.detail)?.messages
  }

  /** Paths of images that running machines hold. */
  imagePaths(): Set<string> {
    return new Set([...this.#runs.values()].flatMap((run) => run.prepared.imagePaths))
  }

  control({ id, action, kinds = [] }: Params<'runs.control'>): Promise<void> {
    const run = this.#get(id)
    const heard = run.thread.call('control', action, kinds)
    return action === 'stop' ? this.#stopped(run, heard) : heard
  }

  /** The thread has heard that it is to stop, or is ended because it does not hear. */
  async #stopped(run: LiveRun, heard: Promise<void>): Promise<void> {
    const deaf = new ContractError({ code: 'thread-failed', message: "the machine's thread did not stop when it was told to, and was ended" })
    const timer = setTimeout(() => void run.thread.end().then(() => this.#fail(run, deaf)), DEAF_MS)
    try {
      await heard
    } catch (error) {
      // the thread is gone, and with it what was to be stopped
      if (this.#runs.has(run.id) && errorShape(error).code !== 'closed') throw error
    } finally {
      clearTimeout(timer)
    }
  }

  speed({ id, speed }: Params<'runs.speed'>): Promise<void> {
    return this.#get(id).thread.call('speed', speed)
  }

  intervene(params: Params<'runs.intervene'>): Promise<number> {
    const run = this.#get(params.id)
    return run.thread.call('intervene', interventionOf(params, run.prepared.run.devices.length))
  }

  /** What is to be seen in the machine now. */
  views(id: number): ThreadClient<EngineCalls, EngineSaid> {
    return this.#get(id).thread
  }

  /** Stops every run and waits until each is committed; ends those that do not stop. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.all(
      [...this.#runs.values()].map(async (run) => {
        Atomics.store(run.shared, SharedWord.abandon, 1)
        Atomics.notify(run.shared, SharedWord.returned)
        run.thread.call('control', 'stop', []).catch(() => undefined)
        let timer: NodeJS.Timeout | undefined
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, 15_000)
        })
        await Promise.race([run.ended, late])
        clearTimeout(timer)
        if (this.#runs.has(run.id)) {
          await run.thread.end()
          await this.#fail(run, new ContractError({ code: 'closed', message: 'the workbench was closed while it ran' }))
        }
      }),
    )
  }

  /** The writer is gone, and with it what the runs could still record. */
  async failAll(error: ContractError): Promise<void> {
    for (const run of [...this.#runs.values()]) {
      await run.thread.end()
      await this.#fail(run, error)
    }
  }

  #get(id: number): LiveRun {
    const run = this.#runs.get(id)
    if (!run) throw new ContractError({ code: 'not-running', message: `run ${id} is not running`, field: 'id' })
    return run
  }

  #hear(run: LiveRun, said: EngineSaid): void {
    switch (said.type) {
      case 'progress':
        if (!this.#runs.has(run.id)) return
        run.progress = said
        this.#sendProgress(run)
        return
      case 'message':
        run.messages.push(said.message)
        if (run.messages.length > MESSAGES_MAX) run.messages.shift()
        this.#notices.send('run.message', { run: run.id, message: said.message })
        return
      case 'ended':
        run.progress = said.progress
        void this.#finish(run, said.status, said.problem)
    }
  }

  #sendProgress(run: LiveRun): void {
    const { status, references, virtualNs, wallSeconds, rate, totals, devices } = run.progress
    const { referencesTotal } = run.prepared.run
    const notice = { run: run.id, status, references, referencesTotal, virtualNs, wallSeconds, rate, totals, devices }
    this.#notices.send('run.progress', notice)
  }

  async #finish(run: LiveRun, status: RunInfo['status'], problem: string | null): Promise<void> {
    this.#runs.delete(run.id)
    if (run.id < 0) {
      const ended = { status, problem }
      this.#past.set(run.id, { info: { ...infoOf(run), ...ended }, detail: { ...detailOf(run), ...ended } })
      for (const oldest of this.#past.keys()) if (this.#past.size > UNRECORDED_MAX) this.#past.delete(oldest)
    }
    await run.thread.end()
    this.#sendProgress(run)
    this.#notices.send('run.ended', { run: run.id, status, problem })
    this.#notices.send('changed', { what: 'runs' })
    if (run.prepared.run.devices.length > 0) this.#notices.send('changed', { what: 'images' })
    run.setEnded()
  }

  /** The thread has failed: the run ends as far as it was recorded. */
  async #fail(run: LiveRun, error: ContractError): Promise<void> {
    if (!this.#runs.delete(run.id)) return
    this.#clear(run.transientPrefix, run.prepared.imagePaths, run.thread.threadNumber)
    const problem = problemOfThread(run, error)
    const totals = { ...run.progress.totals, status: 'failed' as const }
    run.progress = { ...run.progress, status: 'failed', totals }
    await this.#writer()
      .call('endAbandoned', run.id, problem, totals, run.progress.virtualNs)
      .catch(() => undefined)
    await this.#finish(run, 'failed', problem)
  }

  /** Removes what a thread that did not end by itself left on the disk. */
  #clear(prefix: string, imagePaths: string[], threadNumber: number): void {
    for (const image of imagePaths) breakLockOfThread(image, threadNumber)
    clearTransientFiles(this.#paths.overlays, prefix)
  }
}

/** What happened to a run whose thread is gone, and what to do about it. */
function problemOfThread({ id, prepared: { run } }: LiveRun, { code, message }: ContractError): string {
  if (code !== 'thread-failed') return message
  const what = `${message.charAt(0).toUpperCase()}${message.slice(1)}. `
  const kept = id > 0 ? 'What was recorded until then is kept. ' : ''
  const next = run.variant
    ? `It ran with the pager variant ${run.variant.name}, a program of its own: look for the error in ${run.variant.file}.`
    : `Replay it${id > 0 ? `; if it fails so again, "pager pack ${id}" makes a file of it to send with a report of the error` : ''}.`
  return `${what}${kept}${next}`
}

/** Removes files that last as long as a run, of runs that are gone. */
export function clearTransientFiles(overlays: string, prefix: string): void {
  for (const name of readdirSync(overlays)) if (name.startsWith(prefix)) rmSync(path.join(overlays, name), { force: true })
}

function infoOf({ id, prepared: { run }, progress, options, startedAt }: LiveRun): RunInfo {
  return {
    id,
    name: run.name,
    experimentName: run.experimentName,
    workloadNames: run.workloads.map((workload) => workload.name),
    startedAt,
    status: progress.status,
    replayOf: options.replayOf,
    replayAgrees: null,
    problem: null,
    referencesTotal: run.referencesTotal,
    storedBytes: 0,
    note: '',
    tags: options.tags ?? [],
    totals: progress.totals,
  }
}

/** Of a run that is not recorded. */
function detailOf(live: LiveRun): RunDetail {
  const { engineVersion, frames, nsPerReference, footprint, bucketNs, devices, variant } = live.prepared.run
  return {
    ...infoOf(live),
    file: live.options.file,
    engineVersion,
    frames,
    nsPerReference,
    footprint,
    bucketNs,
    devices,
    thresholds: live.prepared.thresholds,
    endTimeNs: live.progress.virtualNs,
    eventCounts: {},
    messages: live.messages,
    interventions: [],
    ...(variant ? { variant } : {}),
  }
}

function newLiveRun(
  parts: Pick<LiveRun, 'id' | 'thread' | 'shared' | 'prepared' | 'options' | 'transientPrefix'>,
): LiveRun {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const status = parts.options.startPaused ? 'paused' : 'running'
  const run = parts.options.record ? parts.id : null
  const totals = totalsOf(new Float64Array(0), { run, virtualNs: 0, wallSeconds: 0, events: 0, traceDigest: '', status })
  return {
    ...parts,
    startedAt: new Date().toISOString(),
    progress: { type: 'progress', status, references: 0, virtualNs: 0, wallSeconds: 0, rate: 0, totals, devices: [] },
    messages: [],
    ended: promise,
    setEnded: () => resolve(undefined),
  }
}
