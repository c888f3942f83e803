/**
 * An engine thread: one running machine.
 *
 * Life cycle:
 *  1. `prepare` opens workload and images and makes the machine; what is wrong with the experiment is thrown here.
 *  2. `begin` connects the writer. The machine then runs in slices of some milliseconds, between which calls (pause, step,
 *     speed, swapoff, ...) are taken; nothing of that enters the run but interventions, which the machine stamps.
 *  3. Chunks of events go to the writer, which gives the buffers back; while all of them are on their way the thread waits.
 *  4. At the end the images are closed, the writer commits, and the thread says `ended` with the digest.
 */
import { existsSync, rmSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { inlining } from '../inlining.ts'
import { batchOf } from '../../../db/sampleBatch.ts'
import { TraceStore } from '../../../db/traceStore.ts'
import { workspacePaths } from '../../../db/workspace.ts'
import { NullStore, type BlockStore } from '../../../engine/disk/blockStore.ts'
import { createImage, RawImage } from '../../../engine/disk/rawImage.ts'
import { EVENTS_PER_CHUNK, eventKinds, type EventChunk } from '../../../engine/sim/events.ts'
import type { Experiment } from '../../../engine/sim/experiment.ts'
import type { KernelView } from '../../../engine/sim/kernelNames.ts'
import { Machine, type Moment } from '../../../engine/sim/machine.ts'
import { Counter } from '../../../engine/sim/metrics.ts'
import { ContractError, type RunMessage, type Totals } from '../../contract/contract.ts'
import { toEngineExperiment } from '../../contract/experiment.ts'
import { errorShape } from '../../hosts/dispatch.ts'
import { copyEvents, copyOfEvents, eventChunkIn, newEventBuffer } from '../eventBuffer.ts'
import { keepOverlaysOf } from '../keptOverlays.ts'
import { hostTimesFor } from '../hostTimes.ts'
import { openDevices, type OpenedDevices } from '../images.ts'
import { interventionIssues } from '../interventions.ts'
import { viewsOf } from '../machineViews.ts'
import { ObjectNamer } from '../objectNames.ts'
import { Pace } from '../pace.ts'
import { diskFullProblem } from '../problems.ts'
import {
  SharedWord,
  type EndStatus,
  type EngineCalls,
  type EngineData,
  type EngineProgress,
  type EngineSaid,
  type Prepared,
  type RunToWriter,
  type WriterToRun,
} from '../protocol.ts'
import { say, serveCalls } from '../threadCalls.ts'
import { totalsOf } from '../totals.ts'
import { engineVersion } from '../version.ts'
import { loadVariant } from '../variants.ts'
import { resolveWorkloads } from '../workloads.ts'

// the engine's fault path is many small routines: let the compiler put more of them into one another
for (const flag of inlining) setFlagsFromString(flag)

/** Between two turns of the event loop, in which calls are taken. */
const SLICE_MS = 8
/** A call of the machine takes about this long, so that a slice ends on time. */
const CALL_MS = 2
const REFERENCES_PER_CALL_MIN = 64
const REFERENCES_PER_CALL_MAX = 1 << 20
const PROGRESS_MS = 100
const SAMPLES_MS = 250
const TAIL_MS = 1000
const KEYFRAME_MS = 5000
/** A state larger than this is not kept: saving it would be felt. */
const KEYFRAME_BYTES_MAX = 128 << 20
/** Chunks of events that are being filled, or on their way to the writer and back. */
const BUFFERS_MAX = 4
const PAGE_BYTES = 4096

if (!parentPort) throw new Error('this file is a thread of the workbench')
const service: MessagePort = parentPort
// what the service has passed
const data = workerData as EngineData
const paths = workspacePaths(data.workspace)
const tell = (said: EngineSaid) => say(service, said)

/** The writer's end of the run: sends what is recorded, and hands out buffers for chunks of events. */
class Recorder {
  readonly record: boolean
  refused: string | null = null
  #port: MessagePort | null = null
  readonly #shared = new Int32Array(data.shared)
  readonly #free: SharedArrayBuffer[] = []
  #buffersMade = 1
  #current = newEventBuffer(EVENTS_PER_CHUNK)
  #chunk = eventChunkIn(this.#current, 0)
  #onEnded: ((ended: WriterToRun & { type: 'ended' }) => void) | null = null

  constructor(record: boolean) {
    this.record = record
  }

  connect(port: MessagePort): void {
    this.#port = port
    port.on('message', (message: WriterToRun) => this.#hear(message))
  }

  /** Sends something that only a recorded run keeps. */
  keep(message: RunToWriter): void {
    if (this.record) this.#port?.postMessage(message)
  }

  /** Sends a chunk of events away and answers an empty one, waiting for the writer if it is behind. */
  exchange(chunk: EventChunk): EventChunk {
    if (chunk.count > 0) {
      // the machine's first chunk is its own
      if (chunk !== this.#chunk) copyEvents(chunk, this.#chunk)
      const message: RunToWriter = { type: 'chunk', buffer: this.#current, count: chunk.count }
      this.#port?.postMessage(message)
      this.#current = this.#buffer()
    }
    this.#chunk = eventChunkIn(this.#current, 0)
    return this.#chunk
  }

  /** Shows the events of the chunk that is being filled. */
  keepTail(chunk: EventChunk): void {
    const { count } = chunk
    if (!this.record || count === 0) return
    this.keep({ type: 'tail', buffer: copyOfEvents(chunk, count), count })
  }

  /** Ends the run in the store and waits until that is done. */
  end(
    status: EndStatus,
    problem: string | null,
    totals: Totals,
    endTimeNs: number,
    kernelView: KernelView,
  ): Promise<WriterToRun & { type: 'ended' }> {
    return new Promise((resolve) => {
      this.#onEnded = resolve
      const message: RunToWriter = { type: 'end', status, problem, totals, endTimeNs, at: Date.now(), kernelView }
      this.#port?.postMessage(message)
    })
  }

  close(): void {
    this.#port?.close()
  }

  #buffer(): SharedArrayBuffer {
    for (;;) {
      const free = this.#free.pop()
      if (free) return free
      if (this.#buffersMade < BUFFERS_MAX || Atomics.load(this.#shared, SharedWord.abandon) !== 0) {
        this.#buffersMade++
        return newEventBuffer(EVENTS_PER_CHUNK)
      }
      const seen = Atomics.load(this.#shared, SharedWord.returned)
      const waiting = this.#port ? receiveMessageOnPort(this.#port) : undefined
      if (waiting) this.#hear(waiting.message as WriterToRun)
      else Atomics.wait(this.#shared, SharedWord.returned, seen, 1000)
    }
  }

  #hear(message: WriterToRun): void {
    if (message.type === 'buffer') this.#free.push(message.buffer)
    else if (message.type === 'refused') this.refused ??= message.problem
    else this.#onEnded?.(message)
  }
}

/** Everything of the run that has been made, in the order of need. */
class Engine {
  readonly machine: Machine
  readonly #recorder: Recorder
  readonly #store: TraceStore
  readonly #devices: OpenedDevices
  readonly #fileStore: { close(): void }
  readonly #shared = new Int32Array(data.shared)
  #run: number | null = null
  #isPaused = false
  #isStopped = false
  #hasEnded = false
  /** What a step goes on to: a number of references, or the next of something. */
  #step: 'reference' | 'fault' | 'io' | Moment | null = null
  readonly #pace = new Pace()
  #referencesPerCall = 1024
  #wake: (() => void) | null = null
  /** Wall time in which the machine ran, without pauses. */
  #activeMs = 0
  #progressAt = 0
  #progressReferences = 0
  #rate = 0
  #samplesAt = 0
  #tailAt = 0
  #keyframeAt = 0
  #interventionsKept = 0
  /** What was thrown outside the loop; it ends the run there. */
  #failure: Error | null = null
  readonly #messages: RunMessage[]
  readonly #namer: ObjectNamer | null

  constructor(parts: {
    machine: Machine
    recorder: Recorder
    store: TraceStore
    devices: OpenedDevices
    fileStore: { close(): void }
    messages: RunMessage[]
    namer: ObjectNamer | null
  }) {
    this.machine = parts.machine
    this.#recorder = parts.recorder
    this.#store = parts.store
    this.#devices = parts.devices
    this.#fileStore = parts.fileStore
    this.#messages = parts.messages
    this.#namer = parts.namer
  }

  begin(run: number | null, startPaused: boolean): void {
    this.#run = run
    this.#isPaused = startPaused
    if (startPaused) this.#recorder.keep({ type: 'status', status: 'paused' })
    const now = performance.now()
    this.#progressAt = now
    this.#samplesAt = now
    this.#tailAt = now
    this.#keyframeAt = now
    this.#restartPace()
    void this.#loop()
  }

  control(action: Parameters<EngineCalls['control']>[0], kinds: readonly string[] = []): void {
    if (this.#hasEnded) return
    if (action === 'stop') this.#isStopped = true
    else if (action === 'pause') this.#setPaused(true)
    else if (action === 'resume') this.#setPaused(false)
    else {
      this.#setPaused(true)
      this.#step = stepOf(action, kinds)
    }
    this.#wake?.()
  }

  speed(virtualSecondsPerSecond: number): void {
    this.#pace.setSpeed(virtualSecondsPerSecond, this.machine.virtualNs, performance.now())
    this.#wake?.()
  }

  /** A machine that cannot do what is asked (a device that is not there) says so by an error with its field. */
  intervene(intervention: Parameters<EngineCalls['intervene']>[0]): number {
    if (this.#hasEnded) throw new ContractError({ code: 'not-running', message: 'the run has ended' })
    const at = this.machine.references
    this.machine.intervene(intervention)
    // what has begun (a swapoff) takes its first step before anything else is done, as it will in a replay
    try {
      this.machine.run(0)
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
    }
    this.#report(performance.now())
    this.#wake?.()
    return at
  }

  async #loop(): Promise<void> {
    let status: EndStatus | 'running' = 'running'
    let problem: string | null
    try {
      while (status === 'running') {
        if (this.#failure) throw this.#failure
        if (this.#recorder.refused !== null || this.#isStopped || this.#isAbandoned()) {
          status = 'stopped'
        } else if (this.#isPaused && this.#step === null) {
          this.#showAll(performance.now())
          await this.#woken()
        } else {
          const behind = this.#step === null ? this.#waitMs() : 0
          if (behind > 1) {
            this.#housekeeping(performance.now())
            await Promise.race([sleep(Math.min(behind, SLICE_MS)), this.#woken()])
          } else {
            status = this.#slice()
            await nextTurn()
          }
        }
      }
      problem = status === 'finished' || status === 'stopped' ? null : this.machine.problem
    } catch (error) {
      status = 'failed'
      problem = problemOf(error)
    }
    await this.#end(status, problem)
  }

  /** Runs for some milliseconds. */
  #slice(): EndStatus | 'running' {
    const begun = performance.now()
    const end = begun + SLICE_MS
    let now = begun
    let status: EndStatus | 'running'
    do {
      const references = Math.min(this.#referencesPerCall, this.#pace.references)
      status = this.#step === null ? this.#runOn(references) : this.#runStep(this.#step)
      const after = performance.now()
      const took = after - now
      now = after
      // a call that the speed kept short says nothing about longer ones
      if (took < CALL_MS / 2 && references === this.#referencesPerCall)
        this.#referencesPerCall = Math.min(this.#referencesPerCall * 2, REFERENCES_PER_CALL_MAX)
      else if (took > CALL_MS * 2) this.#referencesPerCall = Math.max(this.#referencesPerCall >> 1, REFERENCES_PER_CALL_MIN)
      if (this.#isPaused && this.#step === null) break
    } while (status === 'running' && now < end && !this.#isAbandoned() && (this.#step !== null || this.#waitMs() <= 0))
    this.#activeMs += now - begun
    this.#housekeeping(now)
    return status
  }

  /** With a limit of speed, no further than the next device request: virtual time may jump while that is waited for. */
  #runOn(references: number): EndStatus | 'running' {
    const { machine } = this
    if (!this.#pace.isLimited) return machine.run(references)
    const { references: made, virtualNs } = machine
    const status = machine.run(references, 'io')
    this.#pace.made(machine.references - made, machine.virtualNs - virtualNs, CALL_MS)
    return status
  }

  #runStep(step: 'reference' | 'fault' | 'io' | Moment): EndStatus | 'running' {
    const { machine } = this
    if (step === 'reference') {
      this.#step = null
      return machine.run(1)
    }
    if (typeof step === 'object') {
      const status = machine.run(this.#referencesPerCall, step)
      if (machine.isAtMoment) this.#step = null
      return status
    }
    const before = machine.references
    const events = this.#stepEvents(step)
    const status = machine.run(this.#referencesPerCall, step)
    if (machine.references - before < this.#referencesPerCall || this.#stepEvents(step) !== events) this.#step = null
    return status
  }

  #stepEvents(step: 'fault' | 'io'): number {
    const { counters } = this.machine
    const at = (index: number) => counters[index] ?? 0
    return step === 'fault' ? at(Counter.faults) : at(Counter.deviceReads) + at(Counter.deviceWrites)
  }

  #setPaused(isPaused: boolean): void {
    this.#step = null
    if (this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    this.#restartPace()
    this.#recorder.keep({ type: 'status', status: isPaused ? 'paused' : 'running' })
    if (!isPaused) this.#progressReferences = this.machine.references
    this.#report(performance.now())
  }

  #restartPace(): void {
    this.#pace.restart(this.machine.virtualNs, performance.now())
  }

  /** Milliseconds by which virtual time is ahead of the speed that was asked for. */
  #waitMs(): number {
    return this.#pace.aheadMs(this.machine.virtualNs, performance.now())
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null
        resolve()
      }
    })
  }

  #isAbandoned(): boolean {
    return Atomics.load(this.#shared, SharedWord.abandon) !== 0
  }

  #housekeeping(now: number): void {
    if (now - this.#progressAt >= PROGRESS_MS) this.#report(now)
    if (now - this.#samplesAt >= SAMPLES_MS) {
      this.#samplesAt = now
      this.#keepSamples()
    }
    if (now - this.#tailAt >= TAIL_MS) {
      this.#tailAt = now
      this.#recorder.keepTail(this.machine.openChunk)
      this.#recorder.keep({ type: 'progress', totals: this.#totals('running'), endTimeNs: this.machine.virtualNs })
    }
    if (now - this.#keyframeAt >= KEYFRAME_MS) this.#keepKeyframe()
  }

  /** Everything that there is to see, before the run stands still. */
  #showAll(now: number): void {
    this.#keepSamples()
    this.#recorder.keepTail(this.machine.openChunk)
    this.#recorder.keep({ type: 'progress', totals: this.#totals('paused'), endTimeNs: this.machine.virtualNs })
    this.#report(now)
  }

  #keepSamples(): void {
    if (!this.#recorder.record) return
    this.machine.flushSamples()
    this.#keepMessages()
    this.#keepObjects()
    this.#keepInterventions()
  }

  #keepObjects(): void {
    const objects = this.#namer?.drain() ?? []
    if (objects.length > 0) this.#recorder.keep({ type: 'objects', objects })
  }

  #keepMessages(): void {
    if (this.#messages.length > 0) this.#recorder.keep({ type: 'messages', messages: this.#messages.splice(0) })
  }

  #keepInterventions(): void {
    const done = this.machine.interventionsDone
    if (done.length === this.#interventionsKept) return
    this.#recorder.keep({ type: 'interventions', interventions: done.slice(this.#interventionsKept) })
    this.#interventionsKept = done.length
  }

  /** Now and then, and the less often the longer saving takes: at most a fiftieth of the time goes into it. */
  #keepKeyframe(): void {
    const begun = performance.now()
    if (this.#recorder.record && this.machine.canSave) {
      const snapshot = this.machine.save()
      let bytes = 0
      for (const column of snapshot.values()) bytes += column.data.byteLength
      if (bytes <= KEYFRAME_BYTES_MAX)
        this.#recorder.keep({ type: 'keyframe', reference: this.machine.references, timeNs: this.machine.virtualNs, snapshot })
    }
    const now = performance.now()
    this.#keyframeAt = Math.max(now, now + (now - begun) * 50 - KEYFRAME_MS)
  }

  #totals(status: Totals['status'], traceDigest = ''): Totals {
    const { counters, virtualNs, eventCount } = this.machine
    const wallSeconds = this.#activeMs / 1000
    return totalsOf(counters, { run: this.#run, virtualNs, wallSeconds, events: eventCount, traceDigest, status })
  }

  #progress(status: Totals['status'], totals: Totals): EngineProgress {
    const { references, virtualNs } = this.machine
    const devices = this.machine.deviceStatus()
    return { type: 'progress', status, references, virtualNs, wallSeconds: totals.seconds, rate: this.#rate, totals, devices }
  }

  #report(now: number): void {
    const passedMs = now - this.#progressAt
    const { references } = this.machine
    if (passedMs > 20) {
      const rate = (references - this.#progressReferences) / (passedMs / 1000)
      this.#rate = this.#isPaused ? 0 : this.#rate === 0 ? rate : this.#rate * 0.6 + rate * 0.4
      this.#progressAt = now
      this.#progressReferences = references
    }
    const status = this.#isPaused ? 'paused' : 'running'
    tell(this.#progress(status, this.#totals(status)))
  }

  async #end(status: EndStatus, problem: string | null): Promise<void> {
    this.#hasEnded = true
    const begun = performance.now()
    try {
      this.machine.finish()
    } catch (error) {
      if (status !== 'failed') problem = problemOf(error)
      status = 'failed'
    }
    this.#keepMessages()
    this.#keepObjects()
    this.#keepInterventions()
    try {
      this.#fileStore.close()
      this.#devices.close()
      if (data.file.keepOverlays && this.#run !== null) keepOverlaysOf(paths.overlays, data.transientPrefix, this.#run)
    } catch (error) {
      problem ??= problemOf(error)
      status = 'failed'
    }
    this.#store.close()
    this.#activeMs += performance.now() - begun
    const view = this.machine.kernelView()
    const ended = await this.#recorder.end(status, problem, this.#totals(status), this.machine.virtualNs, view)
    const totals = { ...this.#totals(ended.status, ended.traceDigest), events: ended.events, seconds: ended.seconds }
    this.#recorder.close()
    const progress = this.#progress(ended.status, totals)
    tell({ type: 'ended', status: ended.status, problem: ended.problem, progress })
  }
}

function stepOf(action: 'step-reference' | 'step-fault' | 'step-io' | 'step-event', kinds: readonly string[]): 'reference' | 'fault' | 'io' | Moment {
  if (action === 'step-reference') return 'reference'
  if (action === 'step-fault') return 'fault'
  if (action === 'step-io') return 'io'
  const unknown = kinds.find((kind) => !eventKinds.some((name) => name === kind))
  if (unknown !== undefined)
    throw new ContractError({ code: 'bad-params', message: `kinds: there is no kind of event "${unknown}"`, field: 'kinds' })
  const bits = kinds.reduce((sum, kind) => sum | (1 << eventKinds.findIndex((name) => name === kind)), 0)
  return { kinds: kinds.length === 0 ? (1 << eventKinds.length) - 1 : bits }
}

function problemOf(error: unknown): string {
  const { code, message } = errorShape(error)
  return code === 'disk-full' ? diskFullProblem(message) : message
}

const recorder = new Recorder(data.record)
let engine: Engine | null = null

serveCalls<EngineCalls>(service, {
  prepare,
  begin: (run, port, startPaused) => {
    recorder.connect(port)
    running().begin(run, startPaused)
  },
  control: (action, kinds) => running().control(action, kinds),
  speed: (speed) => running().speed(speed),
  intervene: (intervention) => running().intervene(intervention),
  moment: () => viewsOf(running().machine).moment(),
  frames: () => viewsOf(running().machine).frames(),
  blocks: (device, cells) => viewsOf(running().machine).blocks(device, cells),
  objectPages: (object, from, count) => viewsOf(running().machine).objectPages(object, from, count),
})

function running(): Engine {
  if (!engine) throw new Error('the machine is not made yet')
  return engine
}

async function prepare(): Promise<Prepared> {
  const { file } = data
  const [issue] = interventionIssues(file)
  if (issue) throw new ContractError({ code: 'bad-experiment', message: `${issue.field}: ${issue.message}`, field: issue.field })
  const store = TraceStore.open(paths.database, { readOnly: true })
  const closers: (() => void)[] = [() => store.close()]
  try {
    const resolved = await resolveWorkloads(file, store, data.workspace)
    const experiment = toEngineExperiment(file, resolved.footprint, resolved.eventsPerReference)
    const added = store.images.list()
    const overlayPrefix = `${paths.overlays}/${data.transientPrefix}`
    const devices = openDevices(experiment, { workspace: data.workspace, added, overlayPrefix, baseDigests: data.baseDigests, keepOverlays: data.record && file.keepOverlays })
    closers.push(() => devices.close())
    const files = fileStoreMaker(experiment, `${overlayPrefix}files`)
    closers.push(() => files.close())
    const messages: RunMessage[] = []
    const namer = data.record ? new ObjectNamer(resolved, store) : null
    const loaded = data.variant && (await loadVariant(data.variant.file, data.variant.digest))
    const machine = new Machine({
      experiment,
      processes: resolved.processes,
      stores: devices.stores,
      makeFileStore: files.make,
      fileSource: devices.fileSource,
      trace: { take: (chunk) => recorder.exchange(chunk) },
      samples: {
        take: (rows, count) => {
          if (data.record) recorder.keep({ type: 'samples', batch: batchOf(rows, count) })
        },
      },
      messages: ({ time, level, routine, text }) => {
        const message: RunMessage = { time, level, routine, text }
        if (data.record) messages.push(message)
        tell({ type: 'message', message })
      },
      ...(namer ? { objects: namer.take } : {}),
      variant: loaded?.variant,
      hostTimes: hostTimesFor(experiment, store, data.sameConfiguration ? data.replayOf : null),
    })
    engine = new Engine({ machine, recorder, store, devices, fileStore: files, messages, namer })
    return {
      run: {
        name: file.name,
        experimentName: file.name,
        file,
        seed: file.seed,
        engineVersion,
        recorded: data.record,
        workloads: resolved.workloads,
        replayOf: data.replayOf,
        sameConfiguration: data.sameConfiguration,
        frames: experiment.machine.frames,
        nsPerReference: experiment.machine.nsPerReference,
        footprint: resolved.footprint,
        referencesTotal: resolved.references,
        bucketNs: experiment.sampling.bucketNs,
        thresholds: { ...machine.thresholds },
        devices: devices.devices,
        ...(devices.fileImage ? { fileImage: devices.fileImage } : {}),
        ...(loaded ? { variant: loaded.source } : {}),
      },
      thresholds: { ...machine.thresholds },
      imagePaths: devices.imagePaths,
    }
  } catch (error) {
    for (const close of closers.reverse()) {
      try {
        close()
      } catch {
        // the first error is the one to tell
      }
    }
    throw error
  }
}

/** File pages live in a sparse file that lasts as long as the run. */
function fileStoreMaker(experiment: Experiment, file: string): { make: (pages: number) => BlockStore; close(): void } {
  let image: RawImage | null = null
  return {
    make: (pages) => {
      if (experiment.contents === 'none') return new NullStore(pages)
      createImage(file, pages * PAGE_BYTES)
      image = RawImage.open(file, 'write')
      return image
    },
    close: () => {
      image?.close()
      if (existsSync(file)) rmSync(file)
    },
  }
}
