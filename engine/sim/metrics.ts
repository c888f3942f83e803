/**
 * What is counted, and how it is sampled.
 *
 * Counters grow over a run and live in one column; gauges are read when a sample is taken. A sample is one row: the
 * growth of each counter over a bucket of virtual time, and the gauges at its end. Names with a kernel counter of the
 * same meaning say so: the window shows it on hover.
 */

export interface MetricDefinition {
  name: string
  unit: string
  /** What it means, in a sentence. */
  meaning: string
  /** The kernel's own name for it, where it has one. */
  kernelName: string
}

export const counterDefinitions = [
  { name: 'references', unit: 'references', meaning: 'Page references made by all processes.', kernelName: '' },
  {
    name: 'faults',
    unit: 'faults',
    meaning: 'Page faults that needed a page: zero fill, swap, file, or a copy.',
    kernelName: 'vm.stats.vm.v_vm_faults without soft faults',
  },
  {
    name: 'softFaults',
    unit: 'faults',
    meaning: 'Faults on a page that was resident: only its mapping was missing or too weak.',
    kernelName: 'part of vm.stats.vm.v_vm_faults',
  },
  {
    name: 'zeroFills',
    unit: 'pages',
    meaning: 'Pages filled with zeros on first touch.',
    kernelName: 'vm.stats.vm.v_zfod',
  },
  {
    name: 'copyOnWriteFaults',
    unit: 'faults',
    meaning: 'Writes to a shared page that made a private copy.',
    kernelName: 'vm.stats.vm.v_cow_faults',
  },
  {
    name: 'copyOnWriteMoves',
    unit: 'faults',
    meaning: 'Writes to a page of a shadowed object that moved it, because nobody else could see it.',
    kernelName: 'vm.stats.vm.v_cow_optim',
  },
  { name: 'forks', unit: 'forks', meaning: 'Processes made by fork.', kernelName: 'vm.stats.vm.v_forks' },
  {
    name: 'collapses',
    unit: 'objects',
    meaning: 'Shadowed objects whose pages and blocks went to the only object before them.',
    kernelName: 'vm.stats.object.collapses',
  },
  {
    name: 'bypasses',
    unit: 'objects',
    meaning: 'Shadowed objects that were gone round because nothing of them could be seen.',
    kernelName: 'vm.stats.object.bypasses',
  },
  { name: 'swapins', unit: 'requests', meaning: 'Reads from swap devices.', kernelName: 'vm.stats.vm.v_swapin' },
  {
    name: 'pagesIn',
    unit: 'pages',
    meaning: 'Pages read from swap devices, read-ahead and read-behind included.',
    kernelName: 'vm.stats.vm.v_swappgsin',
  },
  { name: 'swapouts', unit: 'requests', meaning: 'Writes to swap devices.', kernelName: 'vm.stats.vm.v_swapout' },
  {
    name: 'pagesOut',
    unit: 'pages',
    meaning: 'Pages written to swap devices.',
    kernelName: 'vm.stats.vm.v_swappgsout',
  },
  { name: 'vnodeins', unit: 'requests', meaning: 'Reads of file pages.', kernelName: 'vm.stats.vm.v_vnodein' },
  { name: 'vnodePagesIn', unit: 'pages', meaning: 'File pages read.', kernelName: 'vm.stats.vm.v_vnodepgsin' },
  { name: 'vnodeouts', unit: 'requests', meaning: 'Writes of file pages.', kernelName: 'vm.stats.vm.v_vnodeout' },
  { name: 'vnodePagesOut', unit: 'pages', meaning: 'File pages written.', kernelName: 'vm.stats.vm.v_vnodepgsout' },
  {
    name: 'evictions',
    unit: 'pages',
    meaning: 'Page frames taken from pages by the page daemon.',
    kernelName: 'vm.stats.vm.v_dfree',
  },
  {
    name: 'daemonWakeups',
    unit: 'wakeups',
    meaning: 'Times the page daemon was woken.',
    kernelName: 'vm.stats.vm.v_pdwakeups',
  },
  {
    name: 'daemonScans',
    unit: 'pages',
    meaning: 'Pages the page daemon looked at.',
    kernelName: 'vm.stats.vm.v_pdpages',
  },
  {
    name: 'reactivations',
    unit: 'pages',
    meaning: 'Pages the page daemon found in use again.',
    kernelName: 'vm.stats.vm.v_reactivated',
  },
  {
    name: 'transitWaits',
    unit: 'waits',
    meaning: 'Waits for a page on its way in.',
    kernelName: 'vm.stats.vm.v_intrans',
  },
  { name: 'memoryWaits', unit: 'waits', meaning: 'Waits of a process for a free page.', kernelName: '' },
  {
    name: 'stallNs',
    unit: 'ns',
    meaning: 'Virtual time processes were blocked on faults, summed over processes.',
    kernelName: '',
  },
  { name: 'idleNs', unit: 'ns', meaning: 'Virtual time in which no process could run.', kernelName: '' },
  { name: 'ioErrors', unit: 'requests', meaning: 'Device requests that failed.', kernelName: '' },
  { name: 'deviceReads', unit: 'requests', meaning: 'Read requests to devices of all kinds.', kernelName: '' },
  { name: 'deviceWrites', unit: 'requests', meaning: 'Write requests to devices of all kinds.', kernelName: '' },
  { name: 'bytesRead', unit: 'bytes', meaning: 'Bytes read from images.', kernelName: '' },
  { name: 'bytesWritten', unit: 'bytes', meaning: 'Bytes written to images.', kernelName: '' },
  {
    name: 'bytesVerified',
    unit: 'bytes',
    meaning: 'Bytes paged in and compared with what they must be.',
    kernelName: '',
  },
] as const satisfies readonly MetricDefinition[]

export const gaugeDefinitions = [
  { name: 'freePages', unit: 'pages', meaning: 'Free page frames.', kernelName: 'vm.stats.vm.v_free_count' },
  {
    name: 'activePages',
    unit: 'pages',
    meaning: 'Pages on the active queue.',
    kernelName: 'vm.stats.vm.v_active_count',
  },
  {
    name: 'inactivePages',
    unit: 'pages',
    meaning: 'Pages on the inactive queue.',
    kernelName: 'vm.stats.vm.v_inactive_count',
  },
  {
    name: 'laundryPages',
    unit: 'pages',
    meaning: 'Dirty pages waiting to be written.',
    kernelName: 'vm.stats.vm.v_laundry_count',
  },
  {
    name: 'unswappablePages',
    unit: 'pages',
    meaning: 'Dirty pages for which there was no swap space.',
    kernelName: '',
  },
  {
    name: 'wiredPages',
    unit: 'pages',
    meaning: 'Pages that are never paged out.',
    kernelName: 'vm.stats.vm.v_wire_count',
  },
  { name: 'swapUsed', unit: 'pages', meaning: 'Swap blocks in use.', kernelName: 'vm.swap_info, xsw_used' },
  { name: 'swapTotal', unit: 'pages', meaning: 'Swap blocks of all devices.', kernelName: 'vm.swap_total' },
  {
    name: 'swapReserved',
    unit: 'pages',
    meaning: 'Swap promised to anonymous memory.',
    kernelName: 'vm.swap_reserved',
  },
  { name: 'asyncWrites', unit: 'requests', meaning: 'Asynchronous swap writes on their way.', kernelName: '' },
] as const satisfies readonly MetricDefinition[]

export type CounterName = (typeof counterDefinitions)[number]['name']
export type GaugeName = (typeof gaugeDefinitions)[number]['name']

/** Counter name -> its index in the counter column. */
export const Counter = Object.fromEntries(counterDefinitions.map((c, i) => [c.name, i])) as Record<CounterName, number>
/** Gauge name -> its index among the gauges. */
export const Gauge = Object.fromEntries(gaugeDefinitions.map((g, i) => [g.name, i])) as Record<GaugeName, number>

export const COUNTERS = counterDefinitions.length
export const GAUGES = gaugeDefinitions.length

/** Per device and bucket; `busyNs` and the rest are growth over the bucket, `queue` is the depth at its end. */
export const deviceMetricNames = [
  'reads',
  'writes',
  'pagesRead',
  'pagesWritten',
  'busyNs',
  'latencyNs',
  'queue',
  'used',
] as const
export const DEVICE_METRICS = deviceMetricNames.length
/** Devices that can be attached at once, and so have columns in a sample. */
export const MAX_DEVICES = 6

/** Numbers in a sample row: bucket number, counters, gauges, then DEVICE_METRICS for each of MAX_DEVICES devices. */
export const SAMPLE_WIDTH = 1 + COUNTERS + GAUGES + DEVICE_METRICS * MAX_DEVICES

/** Names of a sample row's columns, in order. */
export function sampleColumnNames(): string[] {
  const names: string[] = ['bucket', ...counterDefinitions.map((c) => c.name), ...gaugeDefinitions.map((g) => g.name)]
  for (let device = 0; device < MAX_DEVICES; device++)
    for (const metric of deviceMetricNames) names.push(`device${device}.${metric}`)
  return names
}
