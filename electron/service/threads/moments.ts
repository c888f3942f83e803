/**
 * The moments thread: one recorded run, executed again up to whichever moment somebody wants to see.
 *
 * Life cycle:
 *  1. The first call makes the run's machine from what the store knows: its experiment, everything that was done to it, its workload. What is in
 *     the pages of swap makes no difference to the machine, so it has no contents and needs none of the swap images.
 *  2. A moment is reached from the nearest of: where the machine stands, a state kept on the way here before, a keyframe of the
 *     run. From there it is executed in slices of some milliseconds.
 *  3. Between slices calls are taken: one for another moment makes those before it fail as `superseded`.
 * Images with files are mounted on an overlay that is thrown away. Such a machine is made afresh to go back: what it wrote lies there.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { TraceStore } from '../../../db/traceStore.ts'
import { workspacePaths } from '../../../db/workspace.ts'
import { NullStore } from '../../../engine/disk/blockStore.ts'
import type { Snapshot } from '../../../engine/sim/columns.ts'
import { Machine, type Moment } from '../../../engine/sim/machine.ts'
import { ContractError } from '../../contract/contract.ts'
import { toEngineExperiment } from '../../contract/experiment.ts'
import { hostTimesFor } from '../hostTimes.ts'
import { openDevices, type OpenedDevices } from '../images.ts'
import { viewsOf, type MachineViews } from '../machineViews.ts'
import type { MomentsCalls, MomentsData, MomentsSaid, Recorded } from '../protocol.ts'
import { ownFile } from '../replay.ts'
import { unpackSnapshot } from '../snapshotBytes.ts'
import { say, serveCalls } from '../threadCalls.ts'
import { engineVersion } from '../version.ts'
import { resolveWorkloads } from '../workloads.ts'

const SLICE_MS = 8
/** How often a way that is long is told of. */
const PROGRESS_MS = 250
/** A state is kept when going on from the last one kept has taken this long, */
const KEEP_MS = 150
/** as long as all of them take no more than this; then every other one goes. */
const KEPT_BYTES_MAX = 256 << 20

if (!parentPort) throw new Error('this file is a thread of the workbench')
const service: MessagePort = parentPort
// what the service has passed
const data = workerData as MomentsData
const paths = workspacePaths(data.workspace)
const store = TraceStore.open(paths.database, { readOnly: true })

/** A place in the run. */
interface Place {
  virtualNs: number
  references: number
  events: number
}

interface Kept extends Place {
  snapshot: Snapshot
  bytes: number
}

/** A machine of the run, and how far it may go. */
interface Executed {
  machine: Machine
  views: MachineViews
  /** The run's own references: one that was stopped goes no further. */
  referencesMax: number
  /** Which interventions it knows of, as text. */
  interventions: string
  kept: Kept[]
  devices: OpenedDevices | null
  /** Whether what was executed was compared with what was recorded. */
  isChecked: boolean
}

let executed: Executed | null = null
/** What the last call asked for; another one ends the way there. */
let wanted = ''
/** The way to what is wanted. */
let going: Promise<MachineViews> | null = null

serveCalls<MomentsCalls>(service, {
  moment: async (at, isLive) => (await reach(at, isLive)).moment(),
  frames: async (at, isLive) => (await reach(at, isLive)).frames(),
  blocks: async (at, isLive, device, cells) => (await reach(at, isLive)).blocks(device, cells),
  objectPages: async (at, isLive, object, from, count) => (await reach(at, isLive)).objectPages(object, from, count),
})

/** The machine at a moment. Calls for the same moment share the way to it. */
function reach(at: Recorded, isLive: boolean): Promise<MachineViews> {
  const key = JSON.stringify(at)
  if (key !== wanted || !going) {
    wanted = key
    const before = going
    going = (async () => {
      await before?.catch(() => undefined)
      refuseIfSuperseded(key)
      return goTo(at, isLive, key)
    })()
    // a way that failed is not gone again for the next call
    going.catch(() => {
      if (wanted === key) wanted = ''
    })
  }
  return going
}

function refuseIfSuperseded(key: string): void {
  if (key !== wanted) throw new ContractError({ code: 'superseded', message: 'another moment was asked for' })
}

async function goTo(at: Recorded, isLive: boolean, key: string): Promise<MachineViews> {
  let run = await machineOfRun()
  if (!canGoBack(run) && !isBefore(placeOf(run.machine), at)) {
    drop()
    run = await machineOfRun()
  }
  refuseIfSuperseded(key)
  const { machine, kept } = goBackOrStay(run, at)
  const start = placeOf(machine)
  let keepAt = performance.now() + KEEP_MS
  let tellAt = performance.now() + PROGRESS_MS
  let references = 1024
  for (;;) {
    refuseIfSuperseded(key)
    const begun = performance.now()
    let isThere: boolean
    do {
      const called = performance.now()
      isThere = execute(run, at, references)
      if (performance.now() - called < SLICE_MS / 4) references = Math.min(references * 2, 1 << 22)
    } while (!isThere && performance.now() - begun < SLICE_MS)
    if (isThere) break
    if (performance.now() - begun > SLICE_MS * 2) references = Math.max(64, references >> 1)
    if (performance.now() >= keepAt && machine.canSave && canGoBack(run)) {
      kept.push(stateToKeep(machine))
      thinOut(kept)
      keepAt = performance.now() + KEEP_MS
    }
    if (performance.now() >= tellAt) {
      const said: MomentsSaid = { run: data.run, done: shareOfWay(start, placeOf(machine), at) }
      say(service, said)
      tellAt = performance.now() + PROGRESS_MS
    }
    await nextTurn()
  }
  if (!isLive) check(run)
  return run.views
}

/** A machine that writes to an image does not go back: what lies there is in no column. */
function canGoBack({ devices }: Executed): boolean {
  return devices === null
}

/** Goes on by so many references at the most; true at the moment, or at the run's end. */
function execute({ machine, referencesMax }: Executed, at: Recorded, references: number): boolean {
  const left = ('reference' in at ? Math.min(referencesMax, at.reference) : referencesMax) - machine.references
  if (left <= 0) return true
  return machine.run(Math.min(left, references), stopOf(at)) !== 'running' || machine.isAtMoment
}

/** Virtual times are told apart to less than this. */
const AFTER_NS = 0.01

function stopOf(at: Recorded): Moment | undefined {
  if ('ns' in at) return { beforeNs: at.ns + AFTER_NS }
  return 'event' in at ? { events: at.event + 1 } : undefined
}

function isBefore(place: Place, at: Recorded): boolean {
  if ('ns' in at) return place.virtualNs <= at.ns
  return 'event' in at ? place.events <= at.event : place.references < at.reference
}

/** How much of the way from `start` to a moment lies behind `here`, 0 to 1. */
function shareOfWay(start: Place, here: Place, at: Recorded): number {
  const measure = (place: Place) => ('ns' in at ? place.virtualNs : 'event' in at ? place.events : place.references)
  const end = 'ns' in at ? at.ns : 'event' in at ? at.event : at.reference
  return Math.min(1, Math.max(0, (measure(here) - measure(start)) / Math.max(1, end - measure(start))))
}

/** Puts the machine at the last place before the moment that it can be put at. */
function goBackOrStay(run: Executed, at: Recorded): Executed {
  const { machine, kept } = run
  const here = placeOf(machine)
  const isAhead = isBefore(here, at)
  const nearest = kept
    .filter((place) => isBefore(place, at))
    .reduce((best: Kept | null, each) => (best && best.events >= each.events ? best : each), null)
  const stored = canGoBack(run) ? storedBefore(at) : null
  const best = Math.max(isAhead ? here.references : -1, nearest?.references ?? -1)
  // a keyframe of the store must be unpacked: it is worth that only when it is much nearer
  if (stored && stored.reference > best + 100_000) {
    machine.restore(unpackSnapshot(stored.data))
    if (isBefore(placeOf(machine), at)) return run
  } else if (isAhead && here.events >= (nearest?.events ?? -1)) return run
  if (nearest) machine.restore(nearest.snapshot)
  return run
}

function storedBefore(at: Recorded) {
  if ('reference' in at) return store.keyframes.atReference(data.run, at.reference)
  const ns = 'ns' in at ? at.ns : timeOfEvent(at.event)
  return ns === null ? null : store.keyframes.atTime(data.run, ns)
}

/** Null for one that there is not: it is then looked for at the end. */
function timeOfEvent(event: number): number | null {
  const { time } = store.events.query(data.run, {
    fromNs: 0,
    toNs: Infinity,
    kinds: [],
    fromEvent: event,
    offset: 0,
    limit: 1,
  })
  return time[0] ?? null
}

const placeOf = ({ virtualNs, references, eventCount }: Machine): Place => ({
  virtualNs,
  references,
  events: eventCount,
})

function stateToKeep(machine: Machine): Kept {
  const snapshot = machine.save()
  let bytes = 0
  for (const column of snapshot.values()) bytes += column.data.byteLength
  return { ...placeOf(machine), snapshot, bytes }
}

/** The first state, that of the beginning, stays. */
function thinOut(kept: Kept[]): void {
  kept.sort((a, b) => a.events - b.events || a.references - b.references)
  while (kept.length > 2 && kept.reduce((sum, { bytes }) => sum + bytes, 0) > KEPT_BYTES_MAX) {
    const thinner = kept.filter((_, i) => i % 2 === 0)
    kept.splice(0, kept.length, ...thinner)
  }
}

/** What was executed must be what was recorded; a run of an older engine may have gone another way. */
function check(run: Executed): void {
  if (run.isChecked) return
  const { virtualNs, eventCount } = run.machine
  const recorded = store.events.count(data.run, { fromNs: 0, toNs: virtualNs, kinds: [] })
  const earlier = store.events.count(data.run, { fromNs: 0, toNs: virtualNs - AFTER_NS, kinds: [] })
  if (eventCount < earlier || eventCount > recorded) {
    const { engineVersion: recordedBy } = store.runs.detail(data.run)
    throw new ContractError({
      code: 'differs',
      message: `run ${data.run} cannot be gone through again: at ${virtualNs} ns there are ${eventCount} events, but ${recorded} were recorded (by engine ${recordedBy}; this is ${engineVersion}). Replay it to have a run that can.`,
    })
  }
  run.isChecked = true
}

/** The run's machine as the store now knows the run. */
async function machineOfRun(): Promise<Executed> {
  const run = store.runs.get(data.run)
  const interventions = JSON.stringify(store.runs.interventions(data.run))
  const isWhole = run.status === 'finished' || run.status === 'kernel-panic' || run.status === 'livelock'
  const referencesMax = isWhole ? Infinity : run.totals.references
  if (executed?.interventions === interventions) {
    executed.referencesMax = referencesMax
    return executed
  }
  drop()
  executed = { ...(await makeMachine()), referencesMax, interventions }
  return executed
}

function drop(): void {
  executed?.devices?.close()
  executed = null
}

async function makeMachine(): Promise<Omit<Executed, 'referencesMax' | 'interventions'>> {
  const detail = store.runs.detail(data.run)
  if (!detail.recorded)
    throw new ContractError({
      code: 'not-recorded',
      message: `run ${data.run} was not recorded, so its moments are gone`,
    })
  if (detail.variant)
    throw new ContractError({
      code: 'variant-wanted',
      message: `run ${data.run} ran with the pager variant ${detail.variant.name}, a file that is not executed again without being asked for`,
    })
  const file = ownFile(detail)
  const resolved = await resolveWorkloads(file, store, data.workspace)
  const experiment = {
    ...toEngineExperiment(file, resolved.footprint, resolved.eventsPerReference),
    contents: 'none' as const,
  }
  const { files } = experiment
  const devices = files?.image
    ? openDevices(
        {
          ...experiment,
          files: { ...files, image: { ...files.image, mode: 'overlay' } },
          swap: { ...experiment.swap, devices: [] },
        },
        {
          workspace: data.workspace,
          added: store.images.list(),
          overlayPrefix: `${paths.overlays}/${data.transientPrefix}`,
        },
      )
    : null
  const machine = new Machine({
    experiment,
    processes: resolved.processes,
    stores: detail.devices.map(({ pages }) => new NullStore(pages)),
    makeFileStore: (pages) => new NullStore(pages),
    fileSource: devices?.fileSource,
    trace: { take: (chunk) => chunk },
    samples: { take: () => undefined },
    messages: () => undefined,
    hostTimes: hostTimesFor(experiment, store, data.run),
  })
  const kept = devices ? [] : [stateToKeep(machine)]
  return { machine, views: viewsOf(machine), kept, devices, isChecked: false }
}
