/** What is to be seen in a machine, as the contract's answers: of one that runs, and of one that was brought to a recorded moment. */
import { blockMap, fragmentation, objectPages, objectRows } from '../../engine/sim/machineViews.ts'
import type { Machine } from '../../engine/sim/machine.ts'
import { Queue } from '../../engine/vm/pages.ts'
import { ContractError, type Result } from '../contract/contract.ts'
import { DataKind, encodeTable } from '../contract/dataPlane.ts'

/** Objects that a moment tells of: the largest ones. */
const OBJECTS_MAX = 500

export interface MachineViews {
  moment(): Result<'runs.moment'>
  frames(): ArrayBuffer
  blocks(device: number, cells: number): ArrayBuffer
  objectPages(object: number, from: number, count: number): ArrayBuffer
}

export function viewsOf(machine: Machine): MachineViews {
  return {
    moment: () => momentOf(machine),
    frames: () => {
      const { object, page, state, queue } = machine.frameTable()
      const { activity } = machine.pages
      return encodeTable({
        kind: DataKind.frames,
        rows: object.length,
        extra: [0, 0, 0],
        columns: [object, page, state, queue, activity.slice()],
      })
    },
    blocks: (device, cells) => {
      if (device >= machine.devices.length) {
        const has = machine.devices.length === 0 ? 'has none' : `has devices 0 to ${machine.devices.length - 1}`
        throw new ContractError({
          code: 'no-device',
          message: `there is no swap device ${device}; the machine ${has}`,
          field: 'device',
        })
      }
      const { blocksPerCell, blocks, used, object, page } = blockMap(machine, device, cells)
      return encodeTable({
        kind: DataKind.blocks,
        rows: used.length,
        extra: [blocksPerCell, blocks, 0],
        columns: [used, object, page],
      })
    },
    objectPages: (object, from, count) => {
      const states = objectPages(machine, object, from, count)
      return encodeTable({ kind: DataKind.objectPages, rows: states.length, extra: [0, 0, 0], columns: [states] })
    },
  }
}

function momentOf(machine: Machine): Result<'runs.moment'> {
  const { pages, pager } = machine
  const objects = objectRows(machine)
  const largest = objects
    .sort((a, b) => b.resident + b.swapped - a.resident - a.swapped || a.object - b.object)
    .slice(0, OBJECTS_MAX)
  return {
    virtualNs: machine.virtualNs,
    references: machine.references,
    events: machine.eventCount,
    frames: pages.frames,
    freePages: pages.queueLength[Queue.free]!,
    activePages: pages.queueLength[Queue.active]!,
    inactivePages: pages.queueLength[Queue.inactive]!,
    laundryPages: pages.queueLength[Queue.laundry]!,
    unswappablePages: pages.queueLength[Queue.unswappable]!,
    wiredPages: machine.experiment.machine.wired,
    swapUsed: pager.devices.usedPages,
    swapTotal: pager.devices.total,
    swapReserved: pager.reservation.reserved,
    devices: machine.deviceStatus().map((status) => ({ ...status, free: fragmentation(machine, status.device) })),
    objects: largest,
    objectCount: objects.length,
  }
}
