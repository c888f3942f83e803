/**
 * A machine: processes that make references, memory, the pagers and their devices, under one virtual clock.
 *
 * run() makes references until it is told to stop. Between two events nothing but references happens, so they are made
 * in a tight loop over typed arrays (#makeReferences); a reference whose page is not mapped leaves the loop and becomes a fault. A fault blocks
 * only its process: others run on, and where none can, the clock jumps to the next event.
 *
 * All state is in columns, apart from running swapoffs (`canSave` is false while one lasts), so a machine can be saved between
 * two calls of run() and restored; what it does afterwards is the same to the bit.
 */
import { Device } from '../disk/device.ts'
import type { BlockStore } from '../disk/blockStore.ts'
import { FaultInjection } from '../disk/faultInjection.ts'
import { createTimingModel } from '../disk/timing/index.ts'
import { MEASURED, type HostTimes } from '../disk/timing/measured.ts'
import { SwapPager, Errno, type SwapPagerHost } from '../swap/pager.ts'
import { swapDefectNames, type SwapDefect } from '../swap/defects.ts'
import type { PagerVariant } from '../swap/variant.ts'
import { AddressSpaces } from '../vm/addressSpace.ts'
import { Contents, ContentsError } from '../vm/contents.ts'
import { FaultHandler, FaultOutcome } from '../vm/fault.ts'
import { FilePages } from '../vm/filePages.ts'
import { FreebsdDaemon } from '../vm/freebsdDaemon.ts'
import { Mappings } from '../vm/mappings.ts'
import { VmObjects } from '../vm/objects.ts'
import type { PageDaemon } from '../vm/pageDaemon.ts'
import { ObjectFlag, ObjectType, PAGE_SIZE, PageFlag, Queue, VmPages } from '../vm/pages.ts'
import { PolicyDaemon } from '../vm/policyDaemon.ts'
import { RegionTable } from '../vm/regions.ts'
import type { Files } from '../vnode/files.ts'
import { setUpFiles, type FileSource } from './machineFiles.ts'
import { computeThresholds, type Thresholds } from '../vm/thresholds.ts'
import { verbIssues, verbNames, type Verb, type VerbAction } from '../workload/verbs.ts'
import type { ProcessStream, StreamReader } from '../workload/workload.ts'
import { Administration, type Action } from './administration.ts'
import { Columns, type Snapshot } from './columns.ts'
import { EventQueue } from './eventQueue.ts'
import { EventLog, type TraceSink } from './eventLog.ts'
import { EventKind, type EventChunk } from './events.ts'
import { ExperimentError, type Experiment, type Intervention } from './experiment.ts'
import { kernelView, type KernelProcess, type KernelView } from './kernelNames.ts'
import { outOfMemoryReasons, QueueEvent, WaitFor, type Kernel, type OutOfMemoryReason } from './kernel.ts'
import { KernelStop } from './kernelStop.ts'
import { makeMessage, messageIds, type MachineMessage } from './messages.ts'
import { Counter, COUNTERS, DEVICE_METRICS, Gauge, MAX_DEVICES } from './metrics.ts'
import { FIRST_PID, ProcessFlag, ProcessState, ProcessTable } from './processTable.ts'
import type { ObjectOrigin, ObjectOriginKind } from './objectOrigin.ts'
import { Requests } from './requests.ts'
import { Sampler, type SampleSink } from './sampler.ts'
import { VerbOutcome, VerbRunner, type ProcessControl } from './verbRunner.ts'

export type MachineStatus = 'running' | 'finished' | 'kernel-panic' | 'livelock' | 'failed'

export interface MachineOptions {
  experiment: Experiment
  /** `verbs` ascending by place; a process that a fork verb names begins with that fork. */
  processes: readonly { name: string; stream: ProcessStream; verbs?: readonly Verb[]; user?: number }[]
  /** One store for each of experiment.swap.devices, opened by the caller. */
  stores: readonly BlockStore[]
  /** Makes the store of file pages; called once at most, while the machine is made. */
  makeFileStore: (pages: number) => BlockStore
  /** What experiment.files.image is on, opened by the caller. */
  fileSource?: FileSource | undefined
  trace: TraceSink
  samples: SampleSink
  messages: (message: MachineMessage) => void
  /** Hears what each object was made for. */
  objects?: (origin: ObjectOrigin) => void
  /** Takes decisions in the pager's place. */
  variant?: PagerVariant | undefined
  /** What requests take on the host, for swap devices of the timing model `measured`. */
  hostTimes?: HostTimes | undefined
}

/** Detail of a `process` event. */
export const ProcessEventKind = {
  start: 0,
  exit: 1,
  signal: 2,
  killed: 3,
  fork: 4,
  exec: 5,
  callFailed: 6,
  spawn: 7,
} as const
/** Processes of the ranking that a killing tells of. */
const OOM_RANKS = 5
/** vm.pfault_oom_attempts and vm.pfault_oom_wait: a fault that waits for memory so often, so long, has somebody killed. */
const STUCK_FAULT_NS = 3 * 10e9
/** vm_oom_pf_secs */
const STUCK_KILL_INTERVAL_NS = 10e9
/** hz * 20 in swap_pager_getpages_locked */
const INDEFINITE_WAIT_NS = 20e9
/** Virtual time in which no process got on before the machine is taken to be stuck. */
const STUCK_NS = 3600e9
const METADATA_PAUSE_NS = 10_000_000
/** v_interrupt_free_min */
const INTERRUPT_RESERVE = 2

const S = {
  now: 0,
  references: 1,
  current: 2,
  quantumLeft: 3,
  events: 4,
  lastProgress: 5,
  watchAt: 6, // when somebody may have waited for too long, Infinity: nobody waits
  lastStuckKill: 7,
  lastReserveMessage: 8,
} as const

/** Where run() stops, whichever comes first. */
export interface Moment {
  /** Everything that begins before this virtual time is done, and nothing else. */
  beforeNs?: number
  /** So many events have been recorded, or a few more where they come all at once. */
  events?: number
  /** Bits by EventKind: one of these kinds was recorded. */
  kinds?: number
}

export class Machine implements Kernel, SwapPagerHost, ProcessControl {
  readonly columns = new Columns()
  declare readonly experiment: Experiment
  declare readonly pages: VmPages
  declare readonly mappings: Mappings
  declare readonly contents: Contents
  declare readonly queue: EventQueue
  declare readonly regions: RegionTable
  declare readonly thresholds: Thresholds
  declare readonly pager: SwapPager
  readonly devices: Device[] = []
  declare readonly referencesTotal: number
  declare readonly footprint: number
  declare readonly processNames: readonly string[]
  declare counters: Float64Array
  /** After kernel-panic, livelock or failed: what happened. */
  problem: string | null = null
  #state: Float64Array
  #ordinal: Float64Array
  readonly #processes: ProcessTable
  readonly #faults: FaultInjection
  readonly #fault: FaultHandler
  readonly #files: FilePages
  readonly files: Files | null
  readonly #daemon: PageDaemon
  readonly #sampler: Sampler
  readonly #options: MachineOptions
  readonly #streams: readonly ProcessStream[]
  readonly #users: readonly number[]
  readonly #objects: VmObjects
  readonly #spaces: AddressSpaces
  readonly #verbs: VerbRunner
  readonly #administration: Administration
  readonly #requests: Requests
  /** Whether there can be more reads at a time, one of each process and swapoff, than buffers for them. */
  readonly #mayLackReadBuffers: boolean
  readonly #readers: StreamReader[]
  readonly #views: { references: Uint32Array; from: number }[]
  readonly #nsPerReference: number
  readonly #quantum: number
  readonly #isLru: boolean
  readonly #log: EventLog
  #status: MachineStatus = 'running'
  #pageDaemon = false
  /** Taken before the last process exits. */
  #viewAtExit: KernelView | null = null
  /**
   * In the midst of a swapoff's work, or after a request that a fault has submitted: between two references. What is done to the machine now is put
   * off until the next reference is made, a moment that a replay can find again.
   */
  #isBetween = false
  /** Set when a fault was resolved, for stepping. */
  #sawFault = false
  /** While run() goes to a moment: where that is. */
  #beforeNs = Infinity
  #isAtMoment = false

  constructor(options: MachineOptions) {
    const { experiment, variant } = options
    const { columns } = this
    this.#options = options
    this.experiment = experiment
    this.thresholds = computeThresholds(experiment)
    this.#streams = options.processes.map((process) => process.stream)
    this.#mayLackReadBuffers = options.processes.length + MAX_DEVICES > experiment.swap.bufferCount / 2
    this.#users = options.processes.map((process) => process.user ?? 0)
    this.processNames = options.processes.map((process) => process.name)
    this.#readers = this.#streams.map((stream) => stream.open())
    this.#views = this.#streams.map(() => ({ references: new Uint32Array(0), from: 0 }))
    this.referencesTotal = this.#streams.reduce((sum, stream) => sum + stream.referenceCount, 0)
    this.footprint = this.#streams.reduce((sum, stream) => sum + stream.pageCount, 0)
    this.#nsPerReference = experiment.machine.nsPerReference
    this.#quantum = experiment.machine.quantum
    this.#isLru = experiment.daemon.policy === 'lru'
    const processes = this.#streams.length
    if (variant?.chooseVictim && experiment.daemon.policy === 'freebsd')
      throw new ExperimentError(
        'variant',
        'daemon.policy',
        `variant ${variant.name} has chooseVictim, which only the daemons lru, fifo and clock ask; this is freebsd`,
      )
    if (processes === 0) throw new ExperimentError('no-process', 'processes', 'there must be at least one process')
    if (options.stores.length !== experiment.swap.devices.length)
      throw new Error('a store is wanted for each swap device')

    this.counters = columns.define('counters', 'f64', COUNTERS)
    this.#state = columns.define('machine', 'f64', 9)
    this.#state[S.quantumLeft] = this.#quantum
    this.#state[S.watchAt] = Infinity
    this.#state[S.lastStuckKill] = -Infinity
    this.#state[S.lastReserveMessage] = -Infinity
    this.#ordinal = columns.define('process.ordinal', 'f64', processes)
    const { frames, wired } = experiment.machine
    this.queue = new EventQueue(columns)
    this.pages = new VmPages(columns, frames, this.footprint)
    this.mappings = new Mappings(columns, this.pages, this.footprint)
    this.contents = new Contents(columns, {
      frames,
      slots: this.footprint,
      seed: experiment.seed,
      isReal: experiment.contents === 'verify',
    })
    this.regions = new RegionTable(columns, processes)
    this.#processes = new ProcessTable({
      columns,
      kernel: this,
      regions: this.regions,
      names: this.processNames,
      pageCounts: this.#streams.map((stream) => stream.pageCount),
    })
    this.pager = new SwapPager(columns, this.pages, this, {
      pageCount: frames,
      maxZoneBytes: experiment.swap.maxZoneBytes,
      bufferCount: experiment.swap.bufferCount,
      asyncMax: experiment.swap.asyncMax,
      clusterMax: 32,
      lowWater: experiment.swap.lowWater,
      highWater: experiment.swap.highWater,
      writeBuffers: Math.max(1, Math.floor(experiment.swap.bufferCount / 4)),
      variant,
      repaired: experiment.repaired,
      // the formula sizes the zone by the machine's frames; a plain policy's machine may have a handful of them
      ...(experiment.daemon.policy !== 'freebsd' && experiment.swap.maxZoneBytes === 0
        ? { metadataNodes: Infinity }
        : {}),
    })
    if (experiment.swap.asyncMax > experiment.swap.bufferCount / 2)
      throw new ExperimentError(
        'tunable',
        'swap.asyncMax',
        `${experiment.swap.asyncMax} is more than half of nswbuf, which is ${experiment.swap.bufferCount}`,
      )
    this.pager.reservation.overcommit = experiment.swap.overcommit
    this.#faults = new FaultInjection(columns)
    experiment.swap.devices.forEach((device, number) => {
      const store = options.stores[number]!
      if (store.sizePages < 3)
        throw new ExperimentError(
          'device-too-small',
          `swap.devices[${number}].image`,
          `a swap device must have 3 pages at least, this one has ${store.sizePages}`,
        )
      this.devices.push(
        new Device({
          columns,
          name: `device${number}`,
          number,
          store,
          timing: createTimingModel(device.timing, columns, `device${number}.timing`, store.sizePages),
          faults: this.#faults,
          hostTimes: hostTimesOf(options, number),
        }),
      )
    })
    this.#requests = new Requests({
      columns,
      kernel: this,
      devices: this.devices,
      notesStored: options.processes.some(({ verbs = [] }) => verbs.length > 0),
      ended: (buffer) => this.#endRequest(buffer),
    })
    this.#files = new FilePages(columns, this, this, processes)
    const setUp = setUpFiles(this, options, this.#faults, {
      faultAnswered: (process) => this.#faultAnswered(process),
      callEnded: (process) => this.#ready(process),
      pageWritten: (frame) => this.#daemon.pageWritten(frame),
      submitted: () => {
        this.#requests.wasSubmitted = true
      },
    })
    this.files = setUp?.files ?? null
    this.#objects = new VmObjects(this, this.regions)
    this.#spaces = new AddressSpaces({
      kernel: this,
      regions: this.regions,
      objects: this.#objects,
      files: this.#files,
      streams: this.#streams,
      base: () => this.#processes.base,
      userOf: (process) => this.userOf(process),
      placeOfFile: setUp?.placeOf ?? null,
      untouchedIsFile: experiment.untouched === 'file',
    })
    this.#daemon =
      experiment.daemon.policy === 'freebsd'
        ? new FreebsdDaemon(columns, this, variant)
        : new PolicyDaemon(columns, this, experiment.daemon.policy, variant)
    this.#fault = new FaultHandler(columns, this, this.regions, this.#objects, this.#files, this.#daemon, processes, {
      readCluster: experiment.paging.readCluster,
      readAheadMax: experiment.paging.readAheadMax,
      loadsUnreferenced: experiment.daemon.policy === 'clock',
    })
    this.#verbs = new VerbRunner({
      kernel: this,
      columns,
      regions: this.regions,
      objects: this.#objects,
      spaces: this.#spaces,
      fault: this.#fault,
      control: this,
      verbs: options.processes.map((process, number) => this.#checkVerbs(number, process.verbs ?? [])),
    })
    this.#administration = new Administration({
      columns,
      experiment,
      kernel: this,
      devices: this.devices,
      faults: this.#faults,
      daemon: this.#daemon,
      message: (id, a, b) => this.message(id, a, b),
    })
    this.#sampler = new Sampler(columns, experiment.sampling.bucketNs, options.samples, (gauges, devices) =>
      this.#readGauges(gauges, devices),
    )
    this.#log = new EventLog(options.trace)
    columns.onRebind(() => {
      this.counters = columns.get('counters', 'f64')
      this.#state = columns.get('machine', 'f64')
      this.#ordinal = columns.get('process.ordinal', 'f64')
    })

    this.#administration.start()
    const childrenBy = (begins: 'fork' | 'spawn') =>
      new Set(
        options.processes.flatMap(({ verbs = [] }) =>
          verbs.flatMap((verb) => (verb.verb === begins ? [verb.child] : [])),
        ),
      )
    const forked = childrenBy('fork')
    const spawned = childrenBy('spawn')
    let base = 0
    this.#streams.forEach((stream, process) => {
      this.#processes.base[process] = base
      this.mappings.pageNumber.set(stream.pageNumbers, base)
      base += stream.pageCount
      if (forked.has(process) || spawned.has(process)) this.#processes.state[process] = ProcessState.unborn
      if (spawned.has(process)) this.#spaces.prepare(process)
      if (this.#processes.state[process] !== ProcessState.unborn && !this.#spaces.build(process, true))
        throw new ExperimentError(
          'no-swap',
          'swap.overcommit',
          `process ${process}: swap for ${stream.pageCount} pages cannot be reserved`,
        )
    })
    for (const [name, object] of this.files?.named ?? []) this.objectMade(object, 'file', -1, -1, name)
    this.#buildFiles(options.makeFileStore)
    this.#wire(wired)
    for (let process = 0; process < processes; process++)
      if (this.#processes.state[process] === ProcessState.ready)
        this.emit(EventKind.process, process, -1, 0, 0, -1, 0, 0, ProcessEventKind.start)
  }

  // ---- making it -------------------------------------------------------------------------------------------

  #checkVerbs(process: number, verbs: readonly Verb[]): readonly Verb[] {
    for (const { field, message } of verbIssues(process, verbs, this.#streams.length, true))
      throw new ExperimentError('verb', field, message)
    return verbs
  }

  /** Fills the store of file pages with what must be in it. */
  #buildFiles(makeStore: (pages: number) => BlockStore): void {
    const { columns, pages, contents } = this
    const total = this.#files.storePages
    if (total === 0) return
    const store = makeStore(total)
    this.#files.device = new Device({
      columns,
      name: 'file.device',
      number: MAX_DEVICES,
      store,
      timing: createTimingModel(this.experiment.fileTiming, columns, 'file.timing', total),
      faults: this.#faults,
    })
    // nothing is resident yet: the first frames serve as buffers
    const most = Math.min(32, pages.frames)
    const buffers: Uint8Array[] = []
    for (let object = pages.firstObject; object >= 0; object = pages.objectNext[object]!) {
      if (pages.objectType[object] !== ObjectType.file) continue
      const size = pages.objectSize[object]!
      for (let index = 0; index < size;) {
        let count = 0
        while (index + count < size && count < most && this.#files.hasPage(object, index + count)) {
          const slot = pages.slotBase[object]! + index + count
          contents.version[slot] = 1
          if (contents.isReal) {
            contents.fill(count, slot)
            buffers[count] = contents.view(count)
          }
          count += 1
        }
        if (count > 0 && contents.isReal) store.writePages(this.#files.storePage(object, index), buffers, count)
        index += Math.max(1, count)
      }
    }
  }

  #wire(count: number): void {
    if (count === 0) return
    const kernelObject = this.pages.createObject(ObjectType.kernel, count)
    for (let i = 0; i < count; i++) {
      const frame = this.pages.allocate(kernelObject, i)
      this.pages.wired[frame] = 1
      this.pages.exclusiveBusy[frame] = 0
    }
  }

  // ---- clock, counters, trace ------------------------------------------------------------------------------

  get now(): number {
    return this.#state[S.now]!
  }
  get virtualNs(): number {
    return this.#state[S.now]!
  }
  get references(): number {
    return this.#state[S.references]!
  }
  get eventCount(): number {
    return this.#state[S.events]!
  }
  /** Events since the last chunk that was taken. Valid until the machine runs on. */
  get openChunk(): EventChunk {
    return this.#log.openChunk
  }
  get status(): MachineStatus {
    return this.#status
  }

  emit(
    kind: number,
    process: number,
    object: number,
    page: number,
    pages: number,
    device: number,
    block: number,
    duration: number,
    detail: number,
  ): void {
    this.#state[S.events]! += 1
    this.#log.emit(this.#state[S.now]!, kind, process, object, page, pages, device, block, duration, detail)
  }

  objectMade(object: number, kind: ObjectOriginKind, process: number, startPage: number, name = ''): void {
    const { objects } = this.#options
    const pages = this.pages.objectSize[object]!
    objects?.({ object, event: this.eventCount, kind, process, startPage, pages, name })
  }

  message(id: string, a: number, b: number, c = 0): void {
    this.emit(EventKind.message, -1, -1, a, b, -1, c, 0, messageIds.indexOf(id))
    this.#options.messages(makeMessage(this.now, id, a, b, c))
  }

  #advanceTo(time: number): void {
    this.#state[S.now] = time
    if (time >= this.#sampler.bucketEnd) this.#sampler.advance(time, this.#counted())
  }

  /** The counters with those that others keep brought in. */
  #counted(): Float64Array {
    const { counters, pager } = this
    counters[Counter.references] = this.#state[S.references]!
    counters[Counter.swapins] = pager.swapins
    counters[Counter.pagesIn] = pager.pagesIn
    counters[Counter.swapouts] = pager.swapouts
    counters[Counter.pagesOut] = pager.pagesOut
    return counters
  }

  /** Counters by Counter of metrics.ts, as of now. */
  totals(): Float64Array {
    return this.#counted()
  }

  #readGauges(gauges: Float64Array, devices: Float64Array): void {
    const { queueLength } = this.pages
    gauges[Gauge.freePages] = queueLength[Queue.free]!
    gauges[Gauge.activePages] = queueLength[Queue.active]!
    gauges[Gauge.inactivePages] = queueLength[Queue.inactive]!
    gauges[Gauge.laundryPages] = queueLength[Queue.laundry]!
    gauges[Gauge.unswappablePages] = queueLength[Queue.unswappable]!
    gauges[Gauge.wiredPages] = this.experiment.machine.wired
    gauges[Gauge.swapUsed] = this.pager.devices.usedPages
    gauges[Gauge.swapTotal] = this.pager.devices.total
    gauges[Gauge.swapReserved] = this.pager.reservation.reserved
    gauges[Gauge.asyncWrites] = Math.max(0, this.pager.asyncMax - this.pager.asyncFree)
    this.devices.forEach((device, number) => {
      const at = number * DEVICE_METRICS
      const slot = this.pager.devices.slotOf(number)
      devices[at] = device.reads
      devices[at + 1] = device.writes
      devices[at + 2] = device.pagesRead
      devices[at + 3] = device.pagesWritten
      devices[at + 4] = device.busyNs(this.now)
      devices[at + 5] = device.latencySumNs
      devices[at + 6] = device.queueDepth
      devices[at + 7] = slot < 0 ? 0 : this.pager.devices.used[slot]!
    })
  }

  // ---- running ---------------------------------------------------------------------------------------------

  /**
   * Makes up to `references` references, fewer while a swapoff works; with `stopAfter` it stops early once a fault was resolved, a device request submitted, or
   * a moment reached. Answers whether there is more to do.
   */
  run(references: number, stopAfter?: 'fault' | 'io' | Moment): MachineStatus {
    if (this.#status !== 'running') return this.#status
    this.#sawFault = false
    this.#requests.wasSubmitted = false
    const moment = typeof stopAfter === 'object' ? stopAfter : null
    this.#beforeNs = moment?.beforeNs ?? Infinity
    this.#log.watch(moment?.kinds ?? 0)
    this.#isAtMoment = false
    try {
      return this.#run(this.references + references, stopAfter)
    } catch (error) {
      if (error instanceof KernelStop) {
        this.#status = error.kind
        this.emit(EventKind.panic, -1, -1, 0, 0, -1, 0, 0, error.kind === 'livelock' ? 1 : 0)
      } else if (error instanceof ContentsError) this.#status = 'failed'
      else throw error
      this.problem = error.message
      return this.#status
    }
  }

  #run(end: number, stopAfter?: 'fault' | 'io' | Moment): MachineStatus {
    const state = this.#state
    const { queue } = this
    const administration = this.#administration
    const { events = Infinity, kinds = 0 } = typeof stopAfter === 'object' ? stopAfter : {}
    // looking round after each fault is only for who wants to stop there
    const isStepping = typeof stopAfter === 'string' || events < Infinity || kinds !== 0
    this.#isBetween = false
    for (;;) {
      if (stopAfter === 'fault' && this.#sawFault) return 'running'
      if (stopAfter === 'io' && this.#requests.wasSubmitted) {
        this.#isBetween = true
        return 'running'
      }
      if (state[S.events]! >= events || state[S.now]! >= this.#beforeNs || this.#log.sawWatched()) return this.#reach()
      if (queue.nextTime <= state[S.now]!) {
        const time = queue.pop()
        this.#dispatch(queue.type, queue.argument, time)
        continue
      }
      if (state[S.watchAt]! <= state[S.now]!) {
        this.#watch()
        continue
      }
      if (administration.isBusy && administration.step()) {
        if (!administration.tookTurn || stopAfter !== undefined) continue
        administration.tookTurn = false
        this.#isBetween = true
        return 'running'
      }
      if (this.files?.step() === true) continue
      if (administration.doDue(state[S.references]!)) continue
      if (state[S.references]! >= end) return 'running'
      const process = this.#pick()
      if (process >= 0) {
        this.#slice(process, end, isStepping)
        continue
      }
      if (this.#processes.allEnded()) {
        if (this.#requests.inFlight === 0 && !administration.isBusy && this.files?.unmounted() !== false) {
          this.#status = 'finished'
          return 'finished'
        }
      } else if (
        queue.length === (this.files?.timers ?? 0) &&
        !administration.isBusy &&
        (this.files?.nextTime ?? Infinity) === Infinity
      ) {
        if (this.#reclaimForFiles()) continue
        this.outOfMemory('nothing-left')
        if (!this.#processes.someReady() && !this.#processes.allEnded())
          throw new KernelStop(
            'livelock',
            'vm_wait',
            'every process waits, and nothing is on its way that could wake one',
          )
        continue
      }
      if (!this.#idle()) return this.#reach()
    }
  }

  #reach(): MachineStatus {
    this.#isBetween = true
    this.#isAtMoment = true
    return 'running'
  }

  /** Whether the last run() ended at the moment it was given. */
  get isAtMoment(): boolean {
    return this.#isAtMoment
  }

  /** Operations on files may hold what another pageout waits for: the next victim is tried. False if there is none. */
  #reclaimForFiles(): boolean {
    if (this.files === null) return false
    const underWay = this.queue.length + this.files.tasks.count
    const hasFreed = this.#daemon.reclaim()
    if (hasFreed) this.#wakeMemory()
    return hasFreed || this.queue.length + this.files.tasks.count > underWay
  }

  /** No process can run: the clock jumps to what happens next. False if that is after the moment where run() is to stop. */
  #idle(): boolean {
    const state = this.#state
    let next = Math.min(this.queue.nextTime, state[S.watchAt]!, this.#administration.resumeAt)
    if (this.files !== null) next = Math.min(next, this.files.nextTime)
    if (next === Infinity && this.#reclaimForFiles()) return true
    if (next === Infinity) throw new KernelStop('livelock', 'sched_idle', 'nothing will ever happen again')
    if (next - state[S.lastProgress]! > STUCK_NS)
      throw new KernelStop('livelock', 'vm_wait', 'no process made a reference for an hour of virtual time')
    if (next >= this.#beforeNs) return false
    this.counters[Counter.idleNs]! += next - state[S.now]!
    this.#advanceTo(next)
    return true
  }

  /** The process whose turn it is, -1 if none can run. */
  #pick(): number {
    const state = this.#state
    const count = this.#processes.count
    let process = state[S.current]!
    if (state[S.quantumLeft]! > 0 && this.#processes.state[process] === ProcessState.ready) return process
    for (let i = 0; i < count; i++) {
      process = process + 1 === count ? 0 : process + 1
      if (this.#processes.state[process] === ProcessState.ready) {
        state[S.current] = process
        state[S.quantumLeft] = this.#quantum
        return process
      }
    }
    return -1
  }

  /** Lets a process run until its turn, the time to the next event, or `end` is up, or it blocks. */
  #slice(process: number, end: number, isStepping: boolean): void {
    const state = this.#state
    const ns = this.#nsPerReference
    const made = this.#ordinal[process]!
    const view = this.#views[process]!
    if ((this.#processes.flags[process]! & ProcessFlag.killed) !== 0) return this.#end(process, ProcessEventKind.killed)
    if (this.#verbs.nextAt[process]! <= made) {
      this.#performVerbs(process, made)
      return
    }
    let offset = made - view.from
    if (offset < 0 || offset >= view.references.length) {
      view.references = this.#readers[process]!.read(made)
      view.from = made
      offset = 0
      if (view.references.length === 0) {
        // verbs that stand beyond the last reference
        if (this.#verbs.nextAt[process]! < Infinity) this.#performVerbs(process, Infinity)
        else this.#end(process, ProcessEventKind.exit)
        return
      }
    }
    const { references } = view
    const base = this.#processes.base[process]!
    // what limits the slice in references does not change within it
    const stop =
      state[S.references]! +
      Math.min(
        state[S.quantumLeft]!,
        end - state[S.references]!,
        this.#administration.nextAt - state[S.references]!,
        this.#verbs.nextAt[process]! - made,
      )
    for (;;) {
      let limit = Math.min(stop - state[S.references]!, references.length - offset)
      const nextTime = Math.min(this.queue.nextTime, state[S.watchAt]!)
      const stopTime = Math.min(nextTime, this.#sampler.bucketEnd, this.#beforeNs)
      if (ns > 0) limit = Math.min(limit, Math.ceil((stopTime - state[S.now]!) / ns))
      if (limit <= 0 || nextTime <= state[S.now]!) return
      const stopped = this.#isLru
        ? this.#makeReferencesInOrder(references, offset, offset + limit, base)
        : this.#makeReferences(references, offset, offset + limit, base)
      const count = stopped - offset
      this.#count(process, count, ns)
      // while somebody steps or swaps off, the machine looks round after each fault
      if (
        count === limit ||
        !this.#faultAt(process, base, references[stopped]!) ||
        isStepping ||
        this.#administration.isBusy ||
        this.files?.isQuiet === false
      )
        return
      offset = stopped + 1
    }
  }

  /** A reference that faults. It is made along with the fault, so that no other can come in between; false if it was not. */
  #faultAt(process: number, base: number, reference: number): boolean {
    const mapping = base + (reference >>> 2)
    const outcome = this.#fault.resolve(process, mapping, reference & 3)
    if (outcome === FaultOutcome.blocked) {
      this.#block(process)
      return false
    }
    this.#sawFault = true
    if (outcome === FaultOutcome.failed) {
      return this.#signal(process)
    }
    if ((reference & 3) === 1) {
      const frame = this.mappings.entry[mapping]! >> 1
      this.pages.hardwareModified[frame] = 1
      this.contents.version[this.pages.slot[frame]!]! += 1
    }
    this.#count(process, 1, this.#nsPerReference)
    return true
  }

  /** A reference cannot be made. The process dies of it, or leaves it out and goes on. Answers whether it was passed over. */
  #signal(process: number): boolean {
    this.message('process-signal', FIRST_PID + process, 0)
    this.emit(EventKind.process, process, -1, 0, 0, -1, 0, 0, ProcessEventKind.signal)
    if (this.experiment.onSignal === 'die') {
      this.#end(process, ProcessEventKind.exit)
      return false
    }
    this.#count(process, 1, this.#nsPerReference)
    return true
  }

  /** Performs the verbs of a process up to a place in its stream, until one blocks. */
  #performVerbs(process: number, place: number): void {
    while (this.#verbs.nextAt[process]! <= place && this.#verbs.nextAt[process]! < Infinity) {
      const outcome = this.#verbs.perform(process)
      if (outcome === VerbOutcome.ended) return
      if (outcome === VerbOutcome.blocked) {
        if (this.#processes.state[process] === ProcessState.ready) this.#block(process)
        return
      }
    }
  }

  #count(process: number, count: number, ns: number): void {
    if (count === 0) return
    const state = this.#state
    this.#ordinal[process]! += count
    state[S.references]! += count
    state[S.quantumLeft]! -= count
    const now = state[S.now]! + count * ns
    state[S.now] = now
    state[S.lastProgress] = now
    if (now >= this.#sampler.bucketEnd) this.#sampler.advance(now, this.#counted())
  }

  /** Makes references[from..to-1] as long as their pages are mapped; answers where it stopped. The innermost loop of all. */
  #makeReferences(references: Uint32Array, from: number, to: number, base: number): number {
    const entries = this.mappings.entry
    const { hardwareReferenced, hardwareModified, slot } = this.pages
    const { version } = this.contents
    let at = from
    for (; at < to; at++) {
      const reference = references[at]!
      const entry = entries[base + (reference >>> 2)]!
      if ((reference & 3) !== 1) {
        if (entry < 0) return at
        hardwareReferenced[entry >> 1] = 1
      } else {
        if (entry < 0 || (entry & 1) === 0) return at
        const frame = entry >> 1
        hardwareReferenced[frame] = 1
        hardwareModified[frame] = 1
        version[slot[frame]!]! += 1
      }
    }
    return at
  }

  /** The same for LRU: each page referenced goes to the tail of its queue. */
  #makeReferencesInOrder(references: Uint32Array, from: number, to: number, base: number): number {
    const entries = this.mappings.entry
    const { hardwareModified, slot, next, previous, queueHead, queueTail } = this.pages
    const { version } = this.contents
    let head = queueHead[Queue.active]!
    let tail = queueTail[Queue.active]!
    let at = from
    for (; at < to; at++) {
      const reference = references[at]!
      const entry = entries[base + (reference >>> 2)]!
      if (entry < 0) break
      const frame = entry >> 1
      if ((reference & 3) === 1) {
        if ((entry & 1) === 0) break
        hardwareModified[frame] = 1
        version[slot[frame]!]! += 1
      }
      if (frame !== tail) {
        const before = previous[frame]!
        const after = next[frame]!
        if (before < 0) head = after
        else next[before] = after
        previous[after] = before
        previous[frame] = tail
        next[frame] = -1
        next[tail] = frame
        tail = frame
      }
    }
    queueHead[Queue.active] = head
    queueTail[Queue.active] = tail
    return at
  }

  #block(process: number): void {
    const state = this.#state
    const now = state[S.now]!
    this.#processes.state[process] = ProcessState.blocked
    this.#processes.waitsSince[process] = now
    this.#processes.waitMessages[process] = 0
    if (now + INDEFINITE_WAIT_NS < state[S.watchAt]!) state[S.watchAt] = now + INDEFINITE_WAIT_NS
  }

  /**
   * Looks after processes that have waited long: a read of swap that does not end is told every 20 s, a fault that gets no memory has somebody
   * killed. FreeBSD's swap_pager_getpages_locked; vm_fault_allocate with vm_pageout_oom(VM_OOM_MEM_PF).
   */
  #watch(): void {
    const state = this.#state
    const now = state[S.now]!
    let next = Infinity
    for (let process = 0; process < this.#processes.count; process++) {
      if (this.#processes.state[process] !== ProcessState.blocked) continue
      const since = this.#processes.waitsSince[process]!
      const what = this.#fault.waitFor[process]
      if (what === WaitFor.page) {
        const due = since + (this.#processes.waitMessages[process]! + 1) * INDEFINITE_WAIT_NS
        if (due <= now) {
          const frame = this.#fault.waitArgument[process]!
          this.#processes.waitMessages[process]! += 1
          this.message('swap-indefinite-wait', this.pages.object[frame]!, this.pages.pageIndex[frame]!)
        }
        next = Math.min(next, since + (this.#processes.waitMessages[process]! + 1) * INDEFINITE_WAIT_NS)
      } else if (what === WaitFor.memory) {
        if (since + STUCK_FAULT_NS > now) next = Math.min(next, since + STUCK_FAULT_NS)
        else if (state[S.lastStuckKill]! + STUCK_KILL_INTERVAL_NS > now)
          next = Math.min(next, state[S.lastStuckKill]! + STUCK_KILL_INTERVAL_NS)
        else {
          state[S.lastStuckKill] = now
          this.outOfMemory('stuck-fault')
          next = Math.min(next, now + STUCK_KILL_INTERVAL_NS)
        }
      }
    }
    state[S.watchAt] = next
  }

  #dispatch(type: number, argument: number, time: number): void {
    switch (type) {
      case QueueEvent.swapRequest: {
        // the buffer may be another's once its request is over
        const isWrite = this.pager.bufferIsWrite[argument] !== 0
        this.#requests.done(argument)
        if (isWrite) this.#daemon.continueLaundry()
        break
      }
      case QueueEvent.fileRequest:
        this.#requests.fileDone()
        this.#files.done(argument)
        break
      case QueueEvent.fileTransfer:
        this.files?.transferDone(argument)
        break
      case QueueEvent.syncer:
        this.files?.syncerRound()
        break
      case QueueEvent.daemon:
      case QueueEvent.laundry:
        this.#daemon.event(type, time)
        break
      case QueueEvent.retry:
        this.#daemon.continueLaundry()
        break
      default:
        throw new Error(`unknown event ${type}`)
    }
  }

  // ---- requests --------------------------------------------------------------------------------------------

  startRequest(buffer: number): void {
    this.#requests.start(buffer)
  }

  submitFileRead(device: Device, page: number, frames: Int32Array, count: number): number {
    return this.#requests.readFile(device, page, frames, count)
  }

  /** A request is over: at its time, or at once on a device that takes none. */
  #endRequest(buffer: number): void {
    const { pager } = this
    const isWrite = pager.bufferIsWrite[buffer] !== 0
    const count = pager.bufferPages[buffer]!
    const object = pager.bufferObject[buffer]!
    this.devices[pager.devices.unit[pager.bufferSlot[buffer]!]!]!.completed(this.#state[S.now]!)
    pager.requestDone(buffer, pager.bufferErrno[buffer]!)
    // pages that came along may have been freed
    if (pager.bufferErrno[buffer] !== 0) this.#wakeMemory()
    if (!isWrite && this.#mayLackReadBuffers) this.#wakeReader()
    if (isWrite) for (let i = 0; i < count; i++) this.#daemon.pageWritten(pager.bufferFrames[buffer * 64 + i]!)
    if ((this.pages.objectFlags[object]! & ObjectFlag.dead) !== 0 && this.pages.pagingInProgress[object] === 0)
      this.#objects.end(object)
  }

  // ---- what the parts ask for ------------------------------------------------------------------------------

  allocatePage(object: number, pageIndex: number): number {
    const { pages, thresholds } = this
    const free = pages.queueLength[Queue.free]!
    let frame = -1
    if (free > thresholds.freeReserved) frame = pages.allocate(object, pageIndex)
    if (free - 1 < thresholds.pageoutWakeup) this.#daemon.needed()
    return frame
  }

  allocateSystemPage(object: number, pageIndex: number): number {
    const free = this.pages.queueLength[Queue.free]!
    if (free - 1 < this.thresholds.pageoutWakeup) this.#daemon.needed()
    return free > Math.min(INTERRUPT_RESERVE, this.thresholds.freeReserved)
      ? this.pages.allocate(object, pageIndex)
      : -1
  }

  memoryWanted(): void {
    this.#daemon.reclaim()
  }

  freePage(frame: number): void {
    this.mappings.removeAll(frame)
    if ((this.pages.flags[frame]! & PageFlag.mayVanish) !== 0) this.#vanish(frame)
    this.pages.free(frame)
    if (this.pages.wanted[frame] !== 0) this.wakeBusy(frame)
    this.#wakeMemory()
  }

  retryAllocations(): void {
    this.#wake(WaitFor.memory, 0)
  }

  /** A page whose contents madvise gave away, and that was not written to since, is gone with its frame. */
  #vanish(frame: number): void {
    const { pages, pager, contents } = this
    const object = pages.object[frame]!
    // a block whose freeing was put off goes with the page
    const isInSwap =
      pages.objectType[object] === ObjectType.swap &&
      (pages.flags[frame]! & PageFlag.swapFree) === 0 &&
      pager.metadata.lookup(object, pages.pageIndex[frame]!) >= 0
    if (pages.dirty[frame] !== 0) return
    if (isInSwap) contents.revertToStored(pages.slot[frame]!)
    else contents.version[pages.slot[frame]!] = 0
  }

  releaseBusy(frame: number): void {
    this.pages.exclusiveBusy[frame] = 0
    if (this.pages.wanted[frame] !== 0) this.wakeBusy(frame)
  }

  setPageDaemon(running: boolean): void {
    this.#pageDaemon = running
  }

  wakeBusy(frame: number): void {
    this.pages.wanted[frame] = 0
    this.#wake(WaitFor.busy, frame)
  }

  wakePage(): void {
    const { waitFor, waitArgument } = this.#fault
    for (let process = 0; process < waitFor.length; process++)
      if (
        waitFor[process] === WaitFor.page &&
        (this.pages.flags[waitArgument[process]!]! & PageFlag.swapInProgress) === 0
      )
        this.#ready(process)
  }

  /** A read came back: of those who wait for a buffer one goes on. */
  #wakeReader(): void {
    const { waitFor } = this.#fault
    const process = waitFor.indexOf(WaitFor.readBuffer)
    if (process >= 0) this.#ready(process)
  }

  wakeAsyncToken(): void {
    this.#administration.retryAsyncMax()
  }

  #wakeMemory(): void {
    const free = this.pages.queueLength[Queue.free]!
    if (free > this.thresholds.freeReserved && free >= this.thresholds.freeMin) this.#wake(WaitFor.memory, 0)
  }

  #wake(what: number, argument: number): void {
    const { waitFor, waitArgument } = this.#fault
    for (let process = 0; process < waitFor.length; process++)
      if (waitFor[process] === what && waitArgument[process] === argument) this.#ready(process)
  }

  #ready(process: number): void {
    this.#fault.waitFor[process] = WaitFor.nothing
    if (this.#processes.state[process] === ProcessState.blocked) this.#processes.state[process] = ProcessState.ready
  }

  /** The vnode pager has answered a fault; a process that was killed meanwhile does not take the page. */
  #faultAnswered(process: number): void {
    if (this.#processes.state[process] !== ProcessState.ended) return this.#ready(process)
    const frame = this.files!.answer(process)
    if (frame >= 0) this.releaseBusy(frame)
  }

  freePages(): number {
    return this.pages.freeCount
  }
  isPageDaemon(): boolean {
    return this.#pageDaemon
  }
  /** The pageout that found the zone empty pauses for 10 ticks and tries again. */
  waitForMetadata(): boolean {
    this.queue.push(this.now + METADATA_PAUSE_NS, QueueEvent.retry, 0)
    return false
  }
  totalSwap(): number {
    return this.pager.devices.total
  }
  nonWiredPages(): number {
    return this.pages.frames - this.thresholds.freeReserved - this.experiment.machine.wired
  }
  swapLimit(): number {
    return this.#processes.swapLimit[this.#state[S.current]!]!
  }
  mayExceedQuota(): boolean {
    return this.#privilege('mayExceedQuota')
  }
  mayExceedLimit(): boolean {
    return this.#privilege('mayExceedLimit')
  }
  currentUser(): number {
    return this.userOf(this.#state[S.current]!)
  }
  userOf(process: number): number {
    return this.#users[process]!
  }
  #privilege(name: 'mayExceedQuota' | 'mayExceedLimit'): boolean {
    return this.experiment.users[this.currentUser()]?.[name] ?? false
  }
  /** Every refusal is an event; the kernel prints one message a second at the most. */
  reservationFailed(user: number, bytes: number): void {
    const state = this.#state
    this.emit(EventKind.reserve, state[S.current]!, -1, 0, bytes / PAGE_SIZE, -1, 0, 0, 0)
    if (this.now - state[S.lastReserveMessage]! < 1e9) return
    state[S.lastReserveMessage] = this.now
    this.message('swap-reserve-failed', user, bytes)
  }
  defect(name: SwapDefect): void {
    this.emit(EventKind.defect, -1, -1, 0, 0, -1, 0, 0, swapDefectNames.indexOf(name))
    if (name !== 'read-error-busy') this.message('defect', swapDefectNames.indexOf(name), 0)
  }
  deviceChanged(unit: number, attached: boolean): void {
    if (attached) {
      const slot = this.pager.devices.slotOf(unit)
      this.message('swap-on', unit, this.pager.devices.blocks[slot]!)
    } else this.message('swap-off', unit, 0)
    this.#daemon.devicesChanged(this.pager.devices.count - (attached ? 0 : 1))
  }

  /** Kills the process that holds most, and tells the ranking. FreeBSD's vm_pageout_oom. */
  outOfMemory(reason: OutOfMemoryReason): void {
    const sizes = this.#processes.ranking(reason)
    const victim = sizes[0]
    if (victim === undefined) return
    for (const { process, size } of sizes.slice(0, OOM_RANKS)) this.message('oom-ranking', FIRST_PID + process, size)
    this.message('process-killed', FIRST_PID + victim.process, victim.size, outOfMemoryReasons.indexOf(reason))
    this.#processes.flags[victim.process]! |= ProcessFlag.killed
    // one that reads a page, or waits for a busy one, dies when it has it
    const what = this.#fault.waitFor[victim.process]
    if (what !== WaitFor.page && what !== WaitFor.busy && what !== WaitFor.file)
      this.#end(victim.process, ProcessEventKind.killed)
  }

  // ---- ends ------------------------------------------------------------------------------------------------

  #end(process: number, how: number): void {
    if (this.#processes.isLast(process)) this.#viewAtExit = kernelView(this)
    this.#processes.end(process)
    this.#fault.abandon(process)
    this.emit(EventKind.process, process, -1, 0, 0, -1, 0, 0, how)
    this.#verbs.unwireAll(process)
    this.#spaces.release(process)
    this.#wake(WaitFor.process, process)
    if (this.#processes.allEnded()) this.#endAll()
  }

  /** No process is left: names of shared memory go, and files of processes that never began. */
  #endAll(): void {
    this.#verbs.end()
    for (let process = 0; process < this.#processes.count; process++)
      if (this.#processes.state[process] === ProcessState.unborn) this.#spaces.discardPrepared(process)
  }

  // ---- what verbs ask for ----------------------------------------------------------------------------------

  fork(parent: number, child: number): boolean {
    return this.#bear(parent, child, ProcessEventKind.fork)
  }

  spawn(parent: number, child: number): boolean {
    return this.#bear(parent, child, ProcessEventKind.spawn)
  }

  #bear(parent: number, child: number, how: number): boolean {
    if (this.#processes.state[child] !== ProcessState.unborn) return false
    const isFork = how === ProcessEventKind.fork
    const isBorn = (!isFork || this.#spaces.fork(parent, child)) && this.#spaces.build(child, !isFork)
    this.#spaces.discardPrepared(child)
    if (!isBorn) {
      this.#spaces.release(child)
      this.#processes.state[child] = ProcessState.ended
      this.#wake(WaitFor.process, child)
      return false
    }
    if (isFork) this.counters[Counter.forks]! += 1
    this.#processes.swapLimit[child] = this.#processes.swapLimit[parent]!
    this.#processes.state[child] = ProcessState.ready
    this.emit(EventKind.process, parent, -1, child, 0, -1, 0, 0, how)
    this.emit(EventKind.process, child, -1, 0, 0, -1, 0, 0, ProcessEventKind.start)
    return true
  }

  exec(process: number): void {
    this.#verbs.unwireAll(process)
    this.#spaces.release(process)
    this.emit(EventKind.process, process, -1, 0, 0, -1, 0, 0, ProcessEventKind.exec)
    if (!this.#spaces.build(process, false)) this.failed(process, 'exec', Errno.ENOMEM)
  }

  exit(process: number): void {
    this.#end(process, ProcessEventKind.exit)
  }

  hasBegun(process: number): boolean {
    return this.#processes.state[process] !== ProcessState.unborn
  }

  hasEnded(process: number): boolean {
    return this.#processes.state[process] === ProcessState.ended
  }

  waitFor(process: number, child: number): void {
    this.#fault.waitFor[process] = WaitFor.process
    this.#fault.waitArgument[process] = child
  }

  waitForPage(process: number, frame: number): void {
    this.#fault.waitFor[process] = WaitFor.busy
    this.#fault.waitArgument[process] = frame
  }

  waitForFile(process: number): void {
    this.#fault.waitFor[process] = WaitFor.file
  }

  protect(process: number): void {
    this.#processes.flags[process]! |= ProcessFlag.protected
  }

  limitSwap(process: number, bytes: number): void {
    this.#processes.swapLimit[process] = bytes
  }

  failed(process: number, verb: VerbAction['verb'], errno: number): void {
    this.message('call-failed', FIRST_PID + process, errno, verbNames.indexOf(verb))
    this.emit(EventKind.process, process, -1, 0, 0, -1, 0, 0, ProcessEventKind.callFailed)
  }

  /** Hands out the rest of the trace and the last sample. */
  finish(): void {
    this.#log.finish()
    this.#sampler.flush(this.#counted(), true)
  }

  /** Hands out the sample rows gathered so far. */
  flushSamples(): void {
    this.#sampler.flush(this.#counted(), false)
  }

  // ---- administration --------------------------------------------------------------------------------------

  /** What was done to the machine so far, each with the reference's number. */
  get interventionsDone(): Intervention[] {
    return this.#administration.done
  }

  /** Does something to the running machine, now. It is kept in `interventionsDone` with the reference's number. */
  intervene(action: Action): void {
    this.#administration.intervene(action, this.references, this.#isBetween)
  }

  /** What the kernel's own tools would show: now, or, where all processes have exited, just before the last did. */
  kernelView(): KernelView {
    return this.#viewAtExit ?? kernelView(this)
  }

  processTable(): KernelProcess[] {
    return this.#processes.rows()
  }

  // ---- looking at it ---------------------------------------------------------------------------------------

  deviceStatus(): { device: number; attached: boolean; closing: boolean; usedPages: number; totalPages: number }[] {
    return this.devices.map((device, number) => {
      const slot = this.pager.devices.slotOf(number)
      return {
        device: number,
        attached: slot >= 0,
        closing: slot >= 0 && this.pager.isClosing(slot),
        usedPages: slot < 0 ? 0 : this.pager.devices.used[slot]!,
        totalPages: device.sizePages,
      }
    })
  }

  /** Every frame: its object and page, state bits (1 valid, 2 dirty, 4 busy, 8 wired, 16 referenced) and queue. */
  frameTable(): { object: Int32Array; page: Float64Array; state: Uint8Array; queue: Uint8Array } {
    const { pages } = this
    const state = new Uint8Array(pages.frames)
    for (let frame = 0; frame < pages.frames; frame++)
      state[frame] =
        (pages.valid[frame] !== 0 ? 1 : 0) |
        (pages.dirty[frame] !== 0 || pages.hardwareModified[frame] !== 0 ? 2 : 0) |
        (pages.isBusy(frame) ? 4 : 0) |
        (pages.wired[frame] !== 0 ? 8 : 0) |
        (pages.hardwareReferenced[frame] !== 0 ? 16 : 0)
    return { object: pages.object.slice(), page: pages.pageIndex.slice(), state, queue: pages.queue.slice() }
  }

  // ---- keyframes -------------------------------------------------------------------------------------------

  get canSave(): boolean {
    // once all have exited there is nothing to come back to, and the kernel's view of them is in no column
    return (
      !this.#administration.isBusy &&
      this.files?.isQuiet !== false &&
      this.#status === 'running' &&
      !this.#processes.allEnded()
    )
  }

  save(): Snapshot {
    if (!this.canSave) throw new Error('a machine cannot be saved while a swapoff is under way, nor at its end')
    return this.columns.save()
  }

  /** Goes back to a saved state. What must be on the swap devices then is written anew. */
  restore(snapshot: Snapshot): void {
    this.columns.restore(snapshot)
    this.#status = 'running'
    this.problem = null
    this.#viewAtExit = null
    this.files?.restored()
    this.#log.forget()
    for (const view of this.#views) view.references = new Uint32Array(0)
    if (this.contents.isReal) this.#requests.rewriteSwap()
  }
}

/** Where a device has its times from; null: from its model. */
function hostTimesOf({ experiment, hostTimes }: MachineOptions, device: number): HostTimes | null {
  if (experiment.swap.devices[device]!.timing.model !== MEASURED) return null
  if (hostTimes !== undefined) return hostTimes
  throw new ExperimentError(
    'measured',
    `swap.devices[${device}].timing.model`,
    'there is no clock to measure with, nor a recorded run to repeat',
  )
}
