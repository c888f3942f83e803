import { describe, expect, test } from 'vitest'
import { generateWorkload } from '../workload/generators/index.ts'
import type { ProcessStream } from '../workload/workload.ts'
import { kernelView, valuesUnder, type KernelView } from './kernelNames.ts'
import { formatProcesses, formatSwapinfo, formatValue, formatVmstat } from './kernelNamesText.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine } from './testing.ts'

/** Writes all over `pages` pages, so that they do not fit into a quarter of them. */
function writer(pages: number, references: number): ProcessStream {
  return generateWorkload('uniform', { pages, references, writeFraction: 0.5, seed: pages }).processes[0]!
}

function machineOf(streams: ProcessStream[], timing = 'ssd') {
  const footprint = streams.reduce((sum, stream) => sum + stream.pageCount, 0)
  return testMachine({ streams, frames: Math.floor(footprint / 2), swapPages: [4096, 2048], timing })
}

const number = (view: KernelView, name: string): number => {
  const value = view.values[name]
  if (typeof value !== 'number') throw new Error(`${name} is no number`)
  return value
}

describe("the kernel's view of a run", () => {
  const under = machineOf([writer(2000, 60_000)])
  expect(runToEnd(under.machine)).toBe('finished')
  under.close()
  const view = under.machine.kernelView()
  const totals = under.machine.totals()

  test('is that of the moment before the last process exited, when its memory was still there', () => {
    expect(view.timeNs).toBeGreaterThan(0)
    expect(view.timeNs).toBeLessThanOrEqual(under.machine.virtualNs)
    expect(number(view, 'vm.stats.vm.v_active_count') + number(view, 'vm.stats.vm.v_inactive_count')).toBeGreaterThan(0)
    expect(view.devices.reduce((sum, device) => sum + device.used, 0)).toBeGreaterThan(0)
    // the machine itself has given everything back
    expect(number(kernelView(under.machine), 'vm.stats.vm.v_free_count')).toBe(under.machine.pages.frames)
  })

  test("has the pager's amounts in the kernel's units", () => {
    expect(number(view, 'vm.swap_total')).toBe((4096 + 2048) * 4096)
    // the anonymous memory of the process was reserved to the byte
    expect(number(view, 'vm.swap_reserved')).toBe(2000 * 4096)
    expect(number(view, 'vm.nswapdev')).toBe(2)
    expect(number(view, 'vm.dmmax')).toBe(32)
    expect(number(view, 'vm.swap_maxpages')).toBe(Math.floor(under.machine.pages.frames / 2) * 16)
    expect(number(view, 'vm.swzone')).toBe(Math.floor(under.machine.pages.frames / 2) * 136)
    expect(number(view, 'vm.swap_async_max')).toBe(4)
    expect(number(view, 'nswap_hiwat')).toBe(512)
    const used = view.devices.reduce((sum, device) => sum + device.used, 0)
    expect(number(view, 'swap_pager_avail')).toBe(4096 + 2048 - 2 * 2 - used)
    expect(view.values['vm.swap_info.1']).toEqual({
      xsw_version: 2,
      xsw_dev: 1,
      xsw_flags: 0,
      xsw_nblks: 2048,
      xsw_used: view.devices[1]?.used,
    })
    expect(view.values['vm.swap_info.2']).toBeUndefined()
  })

  test('counts what the run counted', () => {
    expect(number(view, 'vm.stats.vm.v_vm_faults')).toBe(totals[Counter.faults]! + totals[Counter.softFaults]!)
    expect(number(view, 'vm.stats.vm.v_swapin')).toBe(totals[Counter.swapins])
    expect(number(view, 'vm.stats.vm.v_swappgsout')).toBe(totals[Counter.pagesOut])
    expect(number(view, 'vm.stats.vm.v_zfod')).toBe(totals[Counter.zeroFills])
    expect(number(view, 'vm.stats.swap.free_completed')).toBeLessThanOrEqual(
      number(view, 'vm.stats.swap.free_deferred'),
    )
  })

  test('accounts for every frame of a machine whose pages are on queues', () => {
    const counts = ['free', 'active', 'inactive', 'laundry', 'wire'].map((name) =>
      number(view, `vm.stats.vm.v_${name}_count`),
    )
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(under.machine.pages.frames)
  })

  test('reports the fragmentation of each device', () => {
    const text = view.values['vm.swap_fragmentation']
    expect(text).toMatch(/^\nFree space on device swap0:\nnumber of maximal free ranges: \d+\n/)
    expect(text).toContain('\nFree space on device swap1:\n')
  })

  test('is found by names and by nodes, as sysctl finds it', () => {
    expect(valuesUnder(view, 'vm.nswapdev')).toEqual([['vm.nswapdev', 2]])
    expect(valuesUnder(view, 'vm.swap_info').map(([name]) => name)).toEqual(['vm.swap_info.0', 'vm.swap_info.1'])
    expect(valuesUnder(view, 'vm.stats.swap.')).toHaveLength(2)
    expect(valuesUnder(view, 'vm.swap')).toEqual([])
    expect(valuesUnder(view, 'vm.swap_enabled')).toEqual([])
  })
})

test("processes are listed with what they had just before they exited, by the kernel's count of blocks", () => {
  const under = machineOf([writer(900, 3000), writer(1500, 60_000)])
  const { machine } = under
  const alive = () => machine.processTable().filter(({ hasExited }) => !hasExited).length
  while (alive() === 2) machine.run(100)
  const between = machine.processTable()
  expect(between[0]).toMatchObject({ pid: 1000, name: 'uniform', hasExited: true })
  expect(between[0]!.residentPages + between[0]!.swapBlocks).toBeGreaterThan(0)
  runToEnd(machine)
  under.close()
  const { processes, devices } = machine.kernelView()
  expect(processes[0]).toEqual(between[0])
  // the last one had all the swap that was in use then
  expect(processes[1]?.hasExited).toBe(false)
  expect(processes[1]?.swapBlocks).toBe(devices.reduce((sum, device) => sum + device.used, 0))
  expect(machine.processTable()[1]).toEqual({ ...processes[1], hasExited: true })
})

test('a machine that was restored ends with the same view', () => {
  const under = machineOf([writer(700, 4000), writer(1200, 30_000)])
  const { machine } = under
  while (machine.references < 20_000 || !machine.canSave) machine.run(500)
  const saved = machine.save()
  runToEnd(machine)
  const view = machine.kernelView()
  expect(machine.canSave).toBe(false)
  machine.restore(saved)
  expect(machine.kernelView()).not.toEqual(view)
  runToEnd(machine)
  expect(machine.kernelView()).toEqual(view)
  under.close()
})

test('a device that was swapped off is not in the list', () => {
  const under = machineOf([writer(500, 20_000)], 'instant')
  under.machine.run(10_000)
  under.machine.intervene({ action: 'swapoff', device: 0 })
  while (under.machine.deviceStatus()[0]!.attached) under.machine.run(100)
  const view = under.machine.kernelView()
  expect(view.devices.map(({ name }) => name)).toEqual(['swap1'])
  expect(view.values['vm.swap_info.0']).toMatchObject({ xsw_dev: 1, xsw_nblks: 2048 })
  under.close()
})

describe("the tools' layouts", () => {
  const view: KernelView = {
    timeNs: 5,
    values: { 'vm.stats.vm.v_swapin': 12, 'vm.stats.vm.v_page_size': 4096 },
    devices: [
      { name: 'swap0.img', blocks: 16384, used: 4096 },
      { name: 'swap1.img', blocks: 16384, used: 0 },
    ],
    processes: [{ pid: 1000, name: 'cc1', hasExited: false, residentPages: 250, swapBlocks: 1000 }],
  }

  test('sysctl: numbers, structures and texts', () => {
    expect(formatValue('vm.nswapdev', 2)).toBe('vm.nswapdev: 2')
    expect(formatValue('vm.swap_info.0', { xsw_version: 2, xsw_dev: 0 })).toBe(
      'vm.swap_info.0: { xsw_version = 2, xsw_dev = 0 }',
    )
    expect(formatValue('vm.swap_fragmentation', '\nFree space\n')).toBe('vm.swap_fragmentation: \nFree space')
  })

  test('swapinfo: KiB, and a sum where there are several devices', () => {
    expect(formatSwapinfo(view).split('\n')).toEqual([
      'Device           1K-blocks     Used    Avail Capacity',
      'swap0.img            65536    16384    49152      25%',
      'swap1.img            65536        0    65536       0%',
      'Total               131072    16384   114688      13%',
    ])
    expect(formatSwapinfo({ ...view, devices: view.devices.slice(0, 1) }).split('\n')).toHaveLength(2)
    expect(formatSwapinfo({ ...view, devices: [] }).split('\n')).toHaveLength(1)
  })

  test('vmstat: numbers to the right, words behind', () => {
    const lines = formatVmstat(view).split('\n')
    expect(lines[0]).toBe('       12 reads by the swap pager')
    expect(lines.at(-1)).toBe('     4096 bytes in a page')
    expect(new Set(lines.map((line) => /^ {0,8}\S+ /.exec(line)?.[0].length))).toEqual(new Set([10]))
  })

  test('processes: what is in memory and what in swap', () => {
    expect(formatProcesses(view).split('\n')).toEqual([
      '  PID STATE         RES       SWAP    PAGES   BLOCKS COMMAND',
      ' 1000 alive        1000       4000      250     1000 cc1',
    ])
  })
})
