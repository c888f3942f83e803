/**
 * What is done to a machine from outside: interventions at a reference, swapon and swapoff, tunables, faults injected.
 *
 *   foreseen by the experiment, or asked for while it runs -> a list of interventions in the order of their references
 *   their reference comes -> #act(): an `admin` event, and what follows at once
 *   swapoff               -> a task of its own, carried on between references until every page is in
 *
 * The list's place is in a column; the running swapoffs are not, so a machine cannot be saved while one lasts.
 */
import type { Device } from '../disk/device.ts'
import type { FaultInjection } from '../disk/faultInjection.ts'
import { DeviceKind } from '../swap/devices.ts'
import { Errno, type SwapoffWait } from '../swap/pager.ts'
import type { PageDaemon } from '../vm/pageDaemon.ts'
import { PageFlag } from '../vm/pages.ts'
import type { Columns } from './columns.ts'
import { EventKind } from './events.ts'
import { ExperimentError, type Experiment, type InjectedFault, type Intervention } from './experiment.ts'
import type { Kernel } from './kernel.ts'
import { MAX_DEVICES } from './metrics.ts'

/** An intervention without its time. */
export type Action = Intervention extends infer I ? (I extends Intervention ? Omit<I, 'at'> : never) : never

/** Detail of an `admin` event. */
export const AdminKind = { swapon: 0, swapoff: 1, orphan: 2, tunable: 3, inject: 4 } as const
/** Tunables that can be set while the machine runs. */
export const runningTunables = ['vm.swap_async_max', 'vm.overcommit', 'nswap_lowat', 'nswap_hiwat'] as const

/** Pause between two passes of a swapoff: 50 ms. */
const PASS_PAUSE_NS = 50_000_000

/** Rows of the state column. */
const S = {
  /** Interventions done. */
  done: 0,
  /** vm.swap_async_max that waits for tokens, 0: none. */
  asyncMaxWanted: 1,
} as const

interface SwapoffTask {
  unit: number
  run: Generator<SwapoffWait, number, void>
  waits: SwapoffWait | null
  resumeAt: number
  started: number
}

export interface AdministrationParts {
  columns: Columns
  experiment: Experiment
  kernel: Kernel
  devices: readonly Device[]
  faults: FaultInjection
  daemon: PageDaemon
  message: (id: string, a: number, b: number) => void
}

export class Administration {
  readonly #parts: AdministrationParts
  /** What was done to the machine, and then what is still to be done, in order. */
  readonly #interventions: Intervention[]
  #state: Float64Array
  #tasks: SwapoffTask[] = []
  /** Reference before which the next intervention is due, Infinity: none. */
  nextAt = Infinity
  /** A swapoff has done much at one time: whoever runs the machine may want to look round. */
  tookTurn = false

  constructor(parts: AdministrationParts) {
    const { columns, experiment } = parts
    this.#parts = parts
    this.#interventions = [...experiment.interventions]
    this.#state = columns.define('administration', 'f64', 2)
    columns.onRebind(() => {
      this.#state = columns.get('administration', 'f64')
      this.#tasks = []
      this.#findNext()
    })
    for (const fault of experiment.faults) this.#addFault(fault, 'faults')
    this.#findNext()
  }

  /** Swaps on the devices that are to be on when the machine starts. */
  start(): void {
    this.#parts.experiment.swap.devices.forEach((device, number) => {
      if (device.swapon) this.#swapon(number)
    })
  }

  // ---- interventions ---------------------------------------------------------------------------------------

  #findNext(): void {
    this.nextAt = this.#interventions[this.#state[S.done]!]?.at ?? Infinity
  }

  /** Does the next intervention if it is due before reference number `reference`; false if none is. */
  doDue(reference: number): boolean {
    if (this.nextAt > reference) return false
    const intervention = this.#interventions[this.#state[S.done]!]!
    this.#state[S.done]! += 1
    this.#findNext()
    this.#act(intervention, reference)
    return true
  }

  /** What was done to the machine so far, each with the reference's number. */
  get done(): Intervention[] {
    return this.#interventions.slice(0, this.#state[S.done])
  }

  /** Does something before reference number `reference`, now; or, between two references, puts it off until the next one. */
  intervene(action: Action, reference: number, isBetween: boolean): void {
    const place = this.#state[S.done]!
    if (isBetween) {
      const at = reference + 1
      const before = this.#interventions.slice(place).filter((other) => other.at <= at).length
      this.#interventions.splice(place + before, 0, { ...action, at })
      this.#findNext()
      return
    }
    const intervention = { ...action, at: reference }
    this.#interventions.splice(place, 0, intervention)
    this.#state[S.done]! += 1
    this.#act(intervention, reference)
  }

  #act(intervention: Intervention, reference: number): void {
    const { devices, kernel } = this.#parts
    this.#interventions[this.#state[S.done]! - 1] = { ...intervention, at: reference }
    if ('device' in intervention && intervention.device >= devices.length)
      throw new ExperimentError('no-device', 'device', `there is no swap device ${intervention.device}`)
    switch (intervention.action) {
      case 'swapon':
        this.#record(AdminKind.swapon, intervention.device)
        this.#swapon(intervention.device)
        break
      case 'swapoff':
        this.#record(AdminKind.swapoff, intervention.device)
        this.#swapoff(intervention.device)
        break
      case 'orphan': {
        this.#record(AdminKind.orphan, intervention.device)
        devices[intervention.device]!.orphan()
        const { pager } = kernel
        const slot = pager.devices.slotOf(intervention.device)
        if (slot >= 0 && !pager.isClosing(slot)) pager.devices.orphan(slot)
        break
      }
      case 'tunable':
        this.#record(AdminKind.tunable, -1, 0, intervention.value)
        this.#setTunable(intervention.name, intervention.value)
        break
      case 'inject': {
        const { fault } = intervention
        this.#record(AdminKind.inject, fault.device === 'files' ? -1 : fault.device, fault.count, fault.fromRequest)
        this.#addFault(fault, 'interventions')
        break
      }
    }
  }

  #record(kind: number, device: number, pages = 0, block = 0): void {
    this.#parts.kernel.emit(EventKind.admin, -1, -1, 0, pages, device, block, 0, kind)
  }

  #addFault(fault: InjectedFault, field: string): void {
    const { experiment, faults } = this.#parts
    const { files, swap } = experiment
    const device = fault.device === 'files' ? MAX_DEVICES : fault.device
    if (fault.device === 'files' ? files === null : device >= swap.devices.length)
      throw new ExperimentError('no-device', field, `there is no device ${fault.device}`)
    faults.add({ ...fault, device })
  }

  // ---- tunables --------------------------------------------------------------------------------------------

  #setTunable(name: string, value: number): void {
    const { experiment, kernel } = this.#parts
    const { pager } = kernel
    switch (name) {
      case 'vm.swap_async_max':
        this.#state[S.asyncMaxWanted] = pager.setAsyncMax(value) === -1 ? value : 0
        break
      case 'vm.overcommit':
        pager.reservation.overcommit = value
        break
      case 'nswap_lowat':
        pager.devices.setWaterMarks(value, experiment.swap.highWater)
        break
      case 'nswap_hiwat':
        pager.devices.setWaterMarks(pager.devices.lowWater, value)
        break
      default:
        throw new ExperimentError(
          'no-tunable',
          'name',
          `${name} cannot be set while the machine runs; ${runningTunables.join(', ')} can`,
        )
    }
  }

  /** A token came back: a shrinking of vm.swap_async_max that had to wait for some goes on. */
  retryAsyncMax(): void {
    const wanted = this.#state[S.asyncMaxWanted]!
    if (wanted === 0) return
    this.#state[S.asyncMaxWanted] = 0
    if (this.#parts.kernel.pager.setAsyncMax(wanted) === -1) this.#state[S.asyncMaxWanted] = wanted
  }

  // ---- swapon, swapoff -------------------------------------------------------------------------------------

  #swapon(number: number): void {
    const { devices, experiment, kernel, message } = this.#parts
    const kind = experiment.swap.devices[number]!.kind === 'nfs' ? DeviceKind.networkFile : DeviceKind.disk
    const errno = kernel.pager.swapon(number, kind, devices[number]!.sizePages * 8)
    if (errno !== 0) message('swap-on-failed', number, errno)
  }

  #swapoff(unit: number): void {
    const { kernel, message } = this.#parts
    const { pager } = kernel
    const slot = pager.devices.slotOf(unit)
    if (slot < 0 || this.#tasks.some((task) => task.unit === unit)) message('swap-on-failed', unit, Errno.EINVAL)
    else if (pager.canSwapoff(slot) !== 0) message('swap-off-refused', unit, 0)
    else this.#tasks.push({ unit, run: pager.swapoff(slot), waits: null, resumeAt: 0, started: kernel.now })
  }

  /** Whether a swapoff is under way. */
  get isBusy(): boolean {
    return this.#tasks.length > 0
  }

  /** When the first swapoff that pauses goes on, ns; Infinity: none does by itself. */
  get resumeAt(): number {
    let first = Infinity
    for (const task of this.#tasks) first = Math.min(first, task.resumeAt)
    return first
  }

  /** Carries on the swapoffs that need not wait any longer; false if all must. */
  step(): boolean {
    const { daemon, kernel, message } = this.#parts
    let stepped = false
    for (const task of [...this.#tasks]) {
      if (!this.#isOver(task)) continue
      stepped = true
      const { done, value } = task.run.next()
      const blocksLeft = done !== true && value.on === 'pause' ? value.blocksLeft : 0
      const pass = done !== true && value.on === 'pause' ? value.pass : 0
      if (done === true || value.on === 'pause')
        kernel.emit(EventKind.swapoff, -1, -1, 0, blocksLeft, task.unit, 0, kernel.now - task.started, pass)
      if (done === true) {
        this.#tasks.splice(this.#tasks.indexOf(task), 1)
        if (value !== 0) message('swap-off-refused', task.unit, 0)
        continue
      }
      task.waits = value
      task.resumeAt = value.on === 'pause' ? kernel.now + PASS_PAUSE_NS : Infinity
      if (value.on === 'memory') daemon.reclaim()
      if (value.on === 'turn') this.tookTurn = true
    }
    return stepped
  }

  #isOver(task: SwapoffTask): boolean {
    const { kernel } = this.#parts
    const { pages } = kernel
    const { waits } = task
    if (waits === null) return true
    switch (waits.on) {
      case 'pause':
        return kernel.now >= task.resumeAt
      case 'page':
      case 'read':
        return (pages.flags[waits.frame]! & PageFlag.swapInProgress) === 0
      case 'busy':
        return !pages.isBusy(waits.frame)
      case 'memory':
        return pages.freeCount > kernel.thresholds.freeReserved
      case 'paging':
        return pages.pagingInProgress[waits.object] === 0
      case 'turn':
        return true
    }
  }
}
