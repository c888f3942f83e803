/**
 * The kernel's view of a machine as text: name and value as sysctl prints them, and tables in the columns of swapinfo, `vmstat -s`
 * and a process list. The words are ours, the columns the tools'.
 */
import { PAGE_SIZE } from '../vm/pages.ts'
import type { KernelValue, KernelView } from './kernelNames.ts'

const KIB_PER_PAGE = PAGE_SIZE / 1024

/** "name: value", a structure as { member = value, ... }; a text of several lines begins on the next. */
export function formatValue(name: string, value: KernelValue): string {
  if (typeof value !== 'object') return `${name}: ${value}`.trimEnd()
  const members = Object.entries(value).map(([member, each]) => `${member} = ${each}`)
  return `${name}: { ${members.join(', ')} }`
}

/** Attached devices in KiB, and their sum where there are several. */
export function formatSwapinfo({ devices }: KernelView): string {
  const sum = { name: 'Total', blocks: 0, used: 0 }
  for (const { blocks, used } of devices) {
    sum.blocks += blocks
    sum.used += used
  }
  const rows = devices.length > 1 ? [...devices, sum] : devices
  const lines = rows.map(({ name, blocks, used }) => {
    const share = blocks === 0 ? 0 : Math.round((used * 100) / blocks)
    return swapinfoLine(
      name,
      ...[blocks, used, blocks - used].map((pages) => String(pages * KIB_PER_PAGE)),
      `${share}%`,
    )
  })
  return [swapinfoLine('Device', '1K-blocks', 'Used', 'Avail', 'Capacity'), ...lines].join('\n')
}

function swapinfoLine(name: string, ...[total = '', used = '', available = '', share = '']: string[]): string {
  return `${name.padEnd(15)} ${total.padStart(10)} ${used.padStart(8)} ${available.padStart(8)} ${share.padStart(8)}`
}

/** The lines of the table: the value's name under vm.stats.vm, and what it counts. */
const vmstatLines: readonly (readonly [string, string])[] = [
  ['v_swapin', 'reads by the swap pager'],
  ['v_swappgsin', 'pages the swap pager read'],
  ['v_swapout', 'writes by the swap pager'],
  ['v_swappgsout', 'pages the swap pager wrote'],
  ['v_vnodein', 'reads by the vnode pager'],
  ['v_vnodepgsin', 'pages the vnode pager read'],
  ['v_vnodeout', 'writes by the vnode pager'],
  ['v_vnodepgsout', 'pages the vnode pager wrote'],
  ['v_pdwakeups', 'times the page daemon woke'],
  ['v_pdpages', 'pages the page daemon looked at'],
  ['v_reactivated', 'pages the page daemon found in use'],
  ['v_cow_faults', 'faults that copied a page on write'],
  ['v_cow_optim', 'faults that moved a page instead of copying it'],
  ['v_forks', 'forks'],
  ['v_zfod', 'pages filled with zeros'],
  ['v_intrans', 'faults that waited for a page in transit'],
  ['v_vm_faults', 'faults in all'],
  ['v_dfree', 'pages the page daemon freed'],
  ['v_active_count', 'active pages'],
  ['v_inactive_count', 'inactive pages'],
  ['v_laundry_count', 'pages in the laundry'],
  ['v_wire_count', 'wired pages'],
  ['v_free_count', 'free pages'],
  ['v_page_size', 'bytes in a page'],
]

export function formatVmstat({ values }: KernelView): string {
  return vmstatLines
    .map(([name, words]) => `${numberOf(values[`vm.stats.vm.${name}`]).padStart(9)} ${words}`)
    .join('\n')
}

/** Processes with what they have in memory and in swap, in KiB as ps and top show it, and in pages. */
export function formatProcesses({ processes }: KernelView): string {
  const rows = processes.map(({ pid, name, hasExited, residentPages, swapBlocks }) =>
    processLine(
      String(pid),
      hasExited ? 'exited' : 'alive',
      `${residentPages * KIB_PER_PAGE}`,
      `${swapBlocks * KIB_PER_PAGE}`,
      `${residentPages}`,
      `${swapBlocks}`,
      name,
    ),
  )
  return [processLine('PID', 'STATE', 'RES', 'SWAP', 'PAGES', 'BLOCKS', 'COMMAND'), ...rows].join('\n')
}

const processWidths = [5, 6, 10, 10, 8, 8]

function processLine(...cells: string[]): string {
  return cells
    .map((cell, i) => (i === 1 ? cell.padEnd(processWidths[i] ?? 0) : cell.padStart(processWidths[i] ?? 0)))
    .join(' ')
}

const numberOf = (value: KernelValue | undefined) => (typeof value === 'number' ? String(value) : '-')
