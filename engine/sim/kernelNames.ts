/**
 * A machine under the kernel's names: what sysctl would answer on it, and the tables that swapinfo and ps would be made from.
 *
 * `kernelView` reads a machine and changes nothing. The machine takes one view just before its last process exits, because what exits
 * gives everything back: a view taken later shows an empty machine.
 *
 * Values have the units of the kernel: amounts of swap in bytes where sysctl shows bytes (swap_total, swap_reserved), else pages.
 * Names that have no sysctl (nswbuf, nswap_lowat, ...) are the kernel's variables. Source: FreeBSD swap_pager.c, vm_meter.c.
 */
import { DeviceKind } from '../swap/devices.ts'
import { formatFragmentation } from '../swap/blockList.ts'
import { META_PAGES, NODE_BYTES } from '../swap/metadata.ts'
import { PAGE_SIZE, Queue } from '../vm/pages.ts'
import type { Machine } from './machine.ts'
import { Counter, type CounterName } from './metrics.ts'

/** A number, a text of several lines, or a structure by the names of its members. */
export type KernelValue = number | string | Readonly<Record<string, number>>

export interface KernelView {
  /** Virtual time at which it was read. */
  timeNs: number
  /** By kernel name, in the order in which they are shown. */
  values: Readonly<Record<string, KernelValue>>
  /** Attached swap devices in the order of the kernel's list. */
  devices: readonly KernelDevice[]
  processes: readonly KernelProcess[]
}

export interface KernelDevice {
  /** The image, with the partition's number where it is one. */
  name: string
  /** Blocks of the device, its label included, and those in use, in pages. */
  blocks: number
  used: number
}

/** A process; of one that has exited, as it was just before. */
export interface KernelProcess {
  pid: number
  name: string
  hasExited: boolean
  /** Pages mapped in it. */
  residentPages: number
  /** Swap blocks of its map entries by the kernel's own count, which misses those of shadowed objects. */
  swapBlocks: number
}

/** XSWDEV_VERSION */
const SWAP_INFO_VERSION = 2
/** NODEV: what the kernel shows of a device that is a file. */
const NO_DEVICE = -1

/** Counters that mean what the kernel's of that name means. v_vm_faults is the sum of two, and stands beside. */
const kernelCounters: readonly (readonly [string, CounterName])[] = [
  ['v_zfod', 'zeroFills'],
  ['v_cow_faults', 'copyOnWriteFaults'],
  ['v_cow_optim', 'copyOnWriteMoves'],
  ['v_forks', 'forks'],
  ['v_intrans', 'transitWaits'],
  ['v_swapin', 'swapins'],
  ['v_swappgsin', 'pagesIn'],
  ['v_swapout', 'swapouts'],
  ['v_swappgsout', 'pagesOut'],
  ['v_vnodein', 'vnodeins'],
  ['v_vnodepgsin', 'vnodePagesIn'],
  ['v_vnodeout', 'vnodeouts'],
  ['v_vnodepgsout', 'vnodePagesOut'],
  ['v_pdwakeups', 'daemonWakeups'],
  ['v_pdpages', 'daemonScans'],
  ['v_reactivated', 'reactivations'],
  ['v_dfree', 'evictions'],
]

/** What the kernel would show of a machine now. */
export function kernelView(machine: Machine): KernelView {
  return {
    timeNs: machine.virtualNs,
    // a vnode pager's own counters, under its kernel's names, go before the device's of the same name
    values: { ...swapValues(machine), ...memoryValues(machine), ...machine.files?.pager.ownCounters() },
    devices: deviceTable(machine),
    processes: machine.processTable(),
  }
}

function swapValues({ experiment, pager }: Machine): Record<string, KernelValue> {
  const { devices, reservation } = pager
  const values: Record<string, KernelValue> = {
    'vm.swap_total': devices.total * PAGE_SIZE,
    'vm.swap_reserved': reservation.reserved * PAGE_SIZE,
    'vm.overcommit': reservation.overcommit,
    'vm.swap_async_max': pager.asyncMax,
    'vm.swzone': (devices.maximumPages / META_PAGES) * NODE_BYTES,
    'vm.swap_maxpages': devices.maximumPages,
    'vm.dmmax': pager.clusterMax,
    'vm.nswapdev': devices.count,
  }
  let place = 0
  let fragmentation = ''
  for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!) {
    const isDisk = devices.kind[slot] === DeviceKind.disk
    values[`vm.swap_info.${place++}`] = {
      xsw_version: SWAP_INFO_VERSION,
      xsw_dev: isDisk ? devices.unit[slot]! : NO_DEVICE,
      xsw_flags: devices.flags[slot]!,
      xsw_nblks: devices.blocks[slot]!,
      xsw_used: devices.used[slot]!,
    }
    const name = isDisk ? deviceName(experiment, devices.unit[slot]!) : '[file]'
    fragmentation += `\nFree space on device ${name}:\n${formatFragmentation(devices.lists[slot]!.statistics())}`
  }
  return {
    ...values,
    'vm.swap_fragmentation': fragmentation,
    'vm.stats.swap.free_deferred': pager.freeDeferred,
    'vm.stats.swap.free_completed': pager.freeCompleted,
    'kern.maxswzone': experiment.swap.maxZoneBytes,
    nswbuf: experiment.swap.bufferCount,
    nswap_lowat: devices.lowWater,
    nswap_hiwat: devices.highWater,
    swap_pager_avail: devices.available,
    swap_pager_full: devices.full,
    swap_pager_almost_full: devices.almostFull,
  }
}

function memoryValues(machine: Machine): Record<string, number> {
  const { experiment, pages, thresholds } = machine
  const totals = machine.totals()
  const counted = (name: CounterName) => totals[Counter[name]]!
  const inVm: Record<string, number> = { v_vm_faults: counted('faults') + counted('softFaults') }
  for (const [name, counter] of kernelCounters) inVm[name] = counted(counter)
  Object.assign(inVm, {
    v_page_size: PAGE_SIZE,
    v_page_count: pages.frames,
    v_free_reserved: thresholds.freeReserved,
    v_free_severe: thresholds.freeSevere,
    v_free_min: thresholds.freeMin,
    v_free_target: thresholds.freeTarget,
    v_inactive_target: thresholds.inactiveTarget,
    v_free_count: pages.freeCount,
    v_active_count: pages.queueLength[Queue.active]!,
    v_inactive_count: pages.queueLength[Queue.inactive]!,
    v_laundry_count: pages.queueLength[Queue.laundry]!,
    v_wire_count: experiment.machine.wired,
  })
  return {
    ...Object.fromEntries(Object.entries(inVm).map(([name, value]) => [`vm.stats.vm.${name}`, value])),
    'vm.stats.object.collapses': counted('collapses'),
    'vm.stats.object.bypasses': counted('bypasses'),
  }
}

function deviceTable({ experiment, pager: { devices } }: Machine): KernelDevice[] {
  const table: KernelDevice[] = []
  for (let slot = devices.firstSlot; slot >= 0; slot = devices.next[slot]!)
    table.push({
      name: deviceName(experiment, devices.unit[slot]!),
      blocks: devices.blocks[slot]!,
      used: devices.used[slot]!,
    })
  return table
}

function deviceName(experiment: Machine['experiment'], unit: number): string {
  const { image, partition } = experiment.swap.devices[unit]!
  return partition === null ? image : `${image}p${partition}`
}

/**
 * The values under a name: that of one value, or of a node with values below it, as sysctl takes both. Empty for a name that
 * there is not.
 */
export function valuesUnder(view: KernelView, name: string): [string, KernelValue][] {
  const below = `${name.replace(/\.$/, '')}.`
  return Object.entries(view.values).filter(([each]) => each === name || each.startsWith(below))
}
