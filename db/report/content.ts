/**
 * What a report says, without how it looks: sentences, tables and charts in order. HTML and Markdown are two ways to set
 * it, so they cannot say different things.
 */
import { counterDefinitions, gaugeDefinitions } from '../../engine/sim/metrics.ts'
import { listAt, numberAt, textAt } from '../json.ts'
import type { SampleTable } from '../samples.ts'
import type { RunStatus, TotalNumber } from '../types.ts'
import { citationOf, endOf, figuresOf, figureSvg, greatest } from './figures.ts'
import { bytes, count, grouped, moment, pages, percent, short, si } from './format.ts'
import type { ReportInput, ReportRun } from './input.ts'
import type { EventColour } from './palette.ts'

export interface Cell {
  text: string
  /** Numbers stand right. */
  number?: boolean
  /** Set in the typewriter face: names of kernel counters, digests. */
  code?: boolean
  kind?: EventColour
  /** Shown on hover and, in Markdown, not at all. */
  note?: string
  /** Differs between the runs: what the eye should find. */
  differs?: boolean
}

export interface Table {
  /** Column headings; the first column's may be empty. */
  head: Cell[]
  rows: Cell[][]
}

export type Block =
  | { type: 'paragraph'; text: string }
  | { type: 'list'; items: string[] }
  | { type: 'table'; table: Table; caption: string }
  | { type: 'figure'; svg: string; caption: string }
  | { type: 'code'; text: string; caption: string }

export interface Section {
  title: string
  blocks: Block[]
}

export interface ReportContent {
  title: string
  byline: string
  /** The answer, before everything else. */
  abstract: string[]
  sections: Section[]
}

/** The sections that a report may have, in their order, with their titles. */
export const reportSections = {
  configuration: 'Configuration',
  figures: 'What happened',
  totals: 'Totals',
  devices: 'Devices',
  messages: 'Messages',
  modelled: 'What is modelled and what is not',
  repeat: 'To repeat it',
} as const
export type ReportSection = keyof typeof reportSections
export const reportSectionNames = Object.keys(reportSections) as ReportSection[]

const builders: Record<ReportSection, (runs: readonly ReportRun[], input: ReportInput) => Block[]> = {
  configuration: (runs) => [configuration(runs)],
  figures: whatHappened,
  totals,
  devices,
  messages,
  modelled,
  repeat: (runs, input) => [...repeat(runs), { type: 'code', caption: 'To cite it', text: citationOf(input) }],
}

export function reportContent(input: ReportInput): ReportContent {
  const { runs } = input
  const chosen = reportSectionNames.filter((name) => input.sections?.includes(name) ?? true)
  const sections = chosen.map((name): Section => ({ title: reportSections[name], blocks: builders[name](runs, input) }))
  const names = runs.map((run) => `run ${run.detail.id}`).join(', ')
  const seeds = [...new Set(runs.map((run) => run.detail.seed))].join(', ')
  const versions = [...new Set(runs.map((run) => run.detail.engineVersion))].join(', ')
  const workloads = [...new Set(runs.flatMap((run) => run.detail.workloadNames))].join(', ')
  return {
    title: input.title,
    byline: `Pager Workbench ${versions}; ${names}; seed ${seeds}; workload ${workloads}; made ${moment(input.generatedAt)}`,
    abstract: runs.length === 1 ? abstractOfOne(runs[0]!) : abstractOfSeveral(runs),
    sections: sections.filter((section) => section.blocks.length > 0),
  }
}

const endings: Record<RunStatus, string> = {
  running: 'It is still running; this is what it has done so far.',
  paused: 'It is paused; this is what it has done so far.',
  finished: '',
  stopped: 'It was stopped before its workload ended.',
  failed: 'It failed.',
  'kernel-panic': 'It ended where the kernel would have panicked.',
  livelock: 'It ended where the kernel would never have come out again.',
  interrupted: 'The program that ran it ended before the run did.',
}

function abstractOfOne({ detail }: ReportRun): string[] {
  const { totals } = detail
  const ram = detail.footprint > 0 ? `, ${percent(detail.frames / detail.footprint)} of what the workload touches` : ''
  const perFault = totals.faults > 0 ? `, one in ${count(totals.references / totals.faults)} references` : ''
  const sentences = [
    `${detail.workloadNames.join(', ')} touches ${pages(detail.footprint)} in ${count(detail.referencesTotal)} references. On a machine with ` +
      `${count(detail.frames)} page frames (${bytes(detail.frames * 4096)}${ram}) ${count(totals.references)} references took ` +
      `${si(totals.virtualSeconds, 's', 4)} of virtual time and ${count(totals.faults)} faults${perFault}.`,
    totals.swapins + totals.swapouts === 0
      ? 'Nothing was swapped.'
      : `${moved(totals.pagesIn, totals.swapins, 'came back from swap', 'reads')}; ` +
        `${moved(totals.pagesOut, totals.swapouts, 'went out to it', 'writes')}.`,
  ]
  if (totals.bytesRead > 0 && totals.bytesVerified === totals.bytesRead)
    sentences.push('Every page that was read was compared whole with what it had to be.')
  const ending = [endings[detail.status], detail.problem ?? ''].filter((text) => text !== '').join(' ')
  if (ending !== '') sentences.push(ending)
  if (detail.replayAgrees !== null)
    sentences.push(
      `It replays run ${detail.replayOf ?? ''}, and its trace is ${detail.replayAgrees ? 'the same, byte for byte' : 'a different one'}.`,
    )
  return [sentences.join(' ')]
}

function moved(pageCount: number, requests: number, what: string, unit: string): string {
  if (requests === 0) return `nothing ${what}`
  return `${pages(pageCount)} ${what} in ${count(requests)} ${unit}, ${short(pageCount / requests)} pages each in the mean`
}

function abstractOfSeveral(runs: readonly ReportRun[]): string[] {
  const first = runs[0]!
  const lines = runs.map(({ letter, detail }) => {
    const { totals } = detail
    const ratio = (value: number, base: number) =>
      base > 0 && detail !== first.detail ? ` (${short(value / base)} times ${first.letter})` : ''
    const base = first.detail.totals
    return (
      `${letter} (${detail.name}, ${count(detail.frames)} frames) took ${si(totals.virtualSeconds, 's', 4)} of virtual time` +
      `${ratio(totals.virtualSeconds, base.virtualSeconds)}, ${count(totals.faults)} faults${ratio(totals.faults, base.faults)} and ` +
      `${count(totals.swapins + totals.swapouts)} swap requests${ratio(totals.swapins + totals.swapouts, base.swapins + base.swapouts)}.`
    )
  })
  return [lines.join(' ')]
}

/** Rows of the configuration table: what it is called, and how a run's detail says it. */
const configurationRows: { label: string; value: (run: ReportRun) => string }[] = [
  { label: 'Workload', value: ({ detail }) => detail.workloadNames.join(', ') },
  { label: 'Workload from', value: ({ workloadSources }) => workloadSources.join('; ') || 'unknown' },
  { label: 'Footprint', value: ({ detail }) => pages(detail.footprint) },
  {
    label: 'Memory',
    value: ({ detail }) =>
      `${count(detail.frames)} frames of 4 KiB (${bytes(detail.frames * 4096)}), ${count(numberAt(detail.file, 'machine.wired') ?? 0)} wired`,
  },
  {
    label: 'Page daemon',
    value: ({ detail }) => {
      const policy = textAt(detail.file, 'daemon.policy', 'freebsd')
      return policy === 'freebsd' ? "FreeBSD's" : policy.toUpperCase()
    },
  },
  {
    label: 'Its thresholds, pages',
    value: ({ detail }) =>
      Object.entries(detail.thresholds)
        .map(([name, value]) => `${name} ${count(value)}`)
        .join(', '),
  },
  {
    label: 'Swap devices, in turn',
    value: ({ detail }) =>
      detail.devices.map((device) => `${device.name} (${bytes(device.pages * 4096)}, ${device.timing})`).join('; ') ||
      'none',
  },
  {
    label: 'Clusters, pages',
    value: ({ detail }) =>
      `page-out ${numberAt(detail.file, 'daemon.pageoutCluster') ?? '–'}, read ${numberAt(detail.file, 'paging.readCluster') ?? '–'}, ` +
      `read-ahead ${numberAt(detail.file, 'paging.readAheadMax') ?? '–'}`,
  },
  {
    label: 'Asynchronous swap writes',
    value: ({ detail }) => `${numberAt(detail.file, 'swap.asyncMax') ?? '–'} at a time at the most`,
  },
  {
    label: 'Pages never written',
    value: ({ detail }) => (textAt(detail.file, 'untouched') === 'zero' ? 'anonymous memory' : 'backed by a file'),
  },
  {
    label: 'Page contents',
    value: ({ detail }) =>
      textAt(detail.file, 'contents') === 'none' ? 'none' : 'real bytes, compared at every page-in',
  },
  { label: 'Time per reference', value: ({ detail }) => `${short(detail.nsPerReference)} ns` },
  {
    label: 'Failures injected',
    value: ({ detail }) => {
      const faults = listAt(detail.file, 'faults')
      return faults.length === 0
        ? 'none'
        : faults
            .map(
              (fault) =>
                `${numberAt(fault, 'count') ?? 1} ${textAt(fault, 'direction')} of device ${numberAt(fault, 'device') ?? 0}, errno ${numberAt(fault, 'errno') ?? 5}`,
            )
            .join('; ')
    },
  },
  {
    label: 'Done to the running machine',
    value: ({ detail }) => {
      const planned = listAt(detail.file, 'interventions').map(
        (each) => `${textAt(each, 'action')} at ${count(numberAt(each, 'at') ?? 0)}`,
      )
      const done = detail.interventions.map((each) => `${each.action} at ${count(each.at)}`)
      return (done.length > 0 ? done : planned).join('; ') || 'nothing'
    },
  },
  {
    label: 'Pager variant',
    value: ({ detail }) =>
      detail.variant ? `${detail.variant.name}: ${detail.variant.description}` : "none: the kernel's own",
  },
  { label: 'Seed', value: ({ detail }) => String(detail.seed) },
  { label: 'Sample bucket', value: ({ detail }) => si(detail.bucketNs / 1e9, 's') },
  { label: 'Engine', value: ({ detail }) => detail.engineVersion },
]

function configuration(runs: readonly ReportRun[]): Block {
  const rows = configurationRows.map(({ label, value }) => {
    const texts = runs.map(value)
    const differs = texts.some((text) => text !== texts[0])
    return [{ text: label }, ...texts.map((text) => ({ text, differs }))]
  })
  const caption = runs.length > 1 ? 'What differs between the runs is marked.' : ''
  return { type: 'table', table: { head: [{ text: 'Field' }, ...runHeads(runs, 'Value')], rows }, caption }
}

function whatHappened(runs: readonly ReportRun[]): Block[] {
  return figuresOf(runs).map((figure, i) => ({
    type: 'figure',
    svg: figureSvg(figure),
    caption: `Figure ${i + 1}. ${figure.caption}`,
  }))
}

/** Rows of the table of totals; those with a counter take its definition. */
const totalRows: {
  name: TotalNumber
  label: string
  kind?: EventColour
  show: (value: number) => string
  unit: string
}[] = [
  { name: 'virtualSeconds', label: 'Virtual time', unit: 's', show: (value) => short(Number(value.toPrecision(6))) },
  { name: 'references', label: 'References', unit: 'references', show: count },
  { name: 'faults', label: 'Faults', kind: 'fault', unit: 'faults', show: count },
  { name: 'softFaults', label: 'Soft faults', kind: 'fault', unit: 'faults', show: count },
  { name: 'zeroFills', label: 'Zero fills', kind: 'zero', unit: 'pages', show: count },
  { name: 'copyOnWriteFaults', label: 'Copies on write', kind: 'fault', unit: 'faults', show: count },
  { name: 'swapins', label: 'Swap-ins', kind: 'swapin', unit: 'requests', show: count },
  { name: 'pagesIn', label: 'Pages in from swap', kind: 'swapin', unit: 'pages', show: count },
  { name: 'swapouts', label: 'Swap-outs', kind: 'swapout', unit: 'requests', show: count },
  { name: 'pagesOut', label: 'Pages out to swap', kind: 'swapout', unit: 'pages', show: count },
  { name: 'vnodeins', label: 'File reads', kind: 'filein', unit: 'requests', show: count },
  { name: 'vnodePagesIn', label: 'Pages in from files', kind: 'filein', unit: 'pages', show: count },
  { name: 'vnodeouts', label: 'File writes', kind: 'fileout', unit: 'requests', show: count },
  { name: 'vnodePagesOut', label: 'Pages out to files', kind: 'fileout', unit: 'pages', show: count },
  { name: 'evictions', label: 'Evictions', kind: 'daemon', unit: 'pages', show: count },
  { name: 'deviceReads', label: 'Device reads', unit: 'requests', show: count },
  { name: 'deviceWrites', label: 'Device writes', unit: 'requests', show: count },
  { name: 'bytesRead', label: 'Bytes read', unit: 'bytes', show: count },
  { name: 'bytesWritten', label: 'Bytes written', unit: 'bytes', show: count },
  { name: 'bytesVerified', label: 'Bytes verified', unit: 'bytes', show: count },
  { name: 'events', label: 'Events', unit: 'events', show: count },
  { name: 'seconds', label: 'Wall time', unit: 's', show: short },
]

const definitions = new Map<string, { meaning: string; kernelName: string }>(
  [...counterDefinitions, ...gaugeDefinitions].map((definition) => [definition.name, definition]),
)

function totals(runs: readonly ReportRun[]): Block[] {
  const ratio = runs.length === 2
  const rows = totalRows.map(({ name, label, kind, show, unit }) => {
    const values = runs.map((run) => run.detail.totals[name])
    const definition = definitions.get(name)
    const [first = 0, second = 0] = values
    return [
      { text: label, note: definition?.meaning ?? '', ...(kind ? { kind } : {}) },
      ...values.map((value) => ({ text: show(value), number: true })),
      ...(ratio ? [{ text: first > 0 ? (second / first).toFixed(2) : '–', number: true }] : []),
      { text: unit },
      {
        text:
          definition?.meaning ??
          (name === 'virtualSeconds'
            ? 'Time on the machine.'
            : name === 'seconds'
              ? 'Time it took here.'
              : 'Events in the trace.'),
      },
      kernelCounter(definition?.kernelName ?? ''),
    ]
  })
  const head = [
    { text: '' },
    ...runHeads(runs, 'Total').map((cell) => ({ ...cell, number: true })),
    ...(ratio ? [{ text: 'B\u00a0/\u00a0A', number: true }] : []),
    { text: 'Unit' },
    { text: 'Definition' },
    { text: "Kernel's counter" },
  ]
  return [{ type: 'table', table: { head, rows }, caption: '' }]
}

/** The name without the prefix that nearly all have; the whole one on hover. */
const kernelCounter = (name: string): Cell => ({ text: name.replaceAll('vm.stats.vm.', ''), code: true, note: name })

function devices(runs: readonly ReportRun[]): Block[] {
  const several = runs.length > 1
  const rows = runs.flatMap(({ letter, detail, samples }) =>
    detail.devices.map((device, i) => {
      const total = (metric: string) => sumOf(samples, `device${i}.${metric}`)
      const requests = total('reads') + total('writes')
      const duration = endOf(samples) - (samples.begin[0] ?? 0) / 1e9
      return [
        ...(several ? [{ text: letter }] : []),
        { text: device.name },
        { text: device.timing },
        { text: bytes(device.pages * 4096), number: true },
        { text: count(total('reads')), number: true, kind: 'swapin' as const },
        { text: count(total('writes')), number: true, kind: 'swapout' as const },
        { text: count(total('pagesRead')), number: true },
        { text: count(total('pagesWritten')), number: true },
        { text: duration > 0 ? percent(total('busyNs') / 1e9 / duration) : '–', number: true },
        { text: requests > 0 ? si(total('latencyNs') / 1e9 / requests, 's') : '–', number: true },
        { text: count(maxOf(samples, `device${i}.queue`)), number: true },
        { text: count(maxOf(samples, `device${i}.used`)), number: true },
      ]
    }),
  )
  if (rows.length === 0) return []
  const head = [
    ...(several ? [{ text: 'Run' }] : []),
    { text: 'Device' },
    { text: 'Timing' },
    ...['Size', 'Reads', 'Writes', 'Pages in', 'Pages out', 'Busy', 'Mean latency', 'Queue, most', 'Used, most'].map(
      (text) => ({ text, number: true }),
    ),
  ]
  const caption =
    'Reads and writes are requests; sizes in use are pages of 4 KiB. Busy is the share of virtual time in which the device had a request; latency is from submission to completion.'
  return [{ type: 'table', table: { head, rows }, caption }]
}

const MESSAGES_MAX = 60

function messages(runs: readonly ReportRun[]): Block[] {
  const several = runs.length > 1
  const all = runs.flatMap(({ letter, detail }) => detail.messages.map((message) => ({ letter, message })))
  if (all.length === 0) return [{ type: 'paragraph', text: 'The kernel said nothing.' }]
  const rows = all
    .slice(0, MESSAGES_MAX)
    .map(({ letter, message }) => [
      ...(several ? [{ text: letter }] : []),
      { text: si(message.time / 1e9, 's', 6), number: true },
      { text: message.level, ...(message.level === 'error' ? { kind: 'error' as const } : {}) },
      { text: message.routine, code: true },
      { text: message.text },
    ])
  const head = [
    ...(several ? [{ text: 'Run' }] : []),
    { text: 'Virtual time', number: true },
    { text: 'Level' },
    { text: 'Routine' },
    { text: 'Message' },
  ]
  const caption = all.length > MESSAGES_MAX ? `The first ${MESSAGES_MAX} of ${count(all.length)} messages.` : ''
  return [{ type: 'table', table: { head, rows }, caption }]
}

function modelled(runs: readonly ReportRun[]): Block[] {
  const any = (test: (file: unknown) => boolean) => runs.some((run) => test(run.detail.file))
  const verified = runs.every(({ detail }) => detail.totals.bytesVerified === detail.totals.bytesRead)
  const items = [
    'The pager is run, not a replacement policy: clusters, allocation of swap blocks, several devices, read-ahead and read-behind, on raw images.',
    'Time is virtual: a fixed time per reference, and a timing model for each device. It says nothing about the time the workbench itself took.',
    any((file) => textAt(file, 'contents') === 'none')
      ? 'Page contents were switched off in at least one run: there, no bytes were moved or compared.'
      : verified
        ? 'Pages have real bytes; every byte read was compared with what it had to be, and all agreed.'
        : 'Pages have real bytes; bytes read are compared with what they have to be.',
    any((file) => textAt(file, 'untouched') === 'zero')
      ? 'Pages that the workload never writes are anonymous memory too: in a real program many of them would come from files.'
      : 'Pages that the workload never writes come from a file; all others are anonymous memory.',
    'A recorded workload holds the references of the user program: none of the kernel, and, where the recording was filtered, only the first of each group.',
    'Not modelled: locking between processors (there is one), superpages, NUMA, swapping of kernel stacks and of whole processes, MAC, racct, and, of DragonFly, the swap cache and NEED_COMMIT beyond its flag.',
    'The run depends on nothing but experiment, seed and workload; its digest says whether a repetition did the same.',
  ]
  return [{ type: 'list', items }]
}

function repeat(runs: readonly ReportRun[]): Block[] {
  const lines = runs.flatMap(({ letter, detail }) => [
    `${runs.length > 1 ? `run ${letter}` : 'run'}       ${detail.id}, ${detail.name}, started ${moment(detail.startedAt)}, ${detail.status}`,
    `again     npx pager replay ${detail.id}${detail.variant ? ` --variant ${detail.variant.file}` : ''}`,
    `anew      npx pager run ${fileNameOf(detail.name)}${detail.variant ? ` --variant ${detail.variant.file}` : ''}`,
    `engine    ${detail.engineVersion}, seed ${detail.seed}`,
    `trace     ${detail.totals.traceDigest === '' ? 'no digest: the run has not ended' : grouped(detail.totals.traceDigest)}`,
    ...detail.devices.map((device) => `image     ${device.name} (${device.image}) ${device.baseDigest}`),
    ...(detail.fileImage ? [`files     ${detail.fileImage.image} ${detail.fileImage.baseDigest}`] : []),
    ...(detail.variant ? [`variant   ${detail.variant.name} ${detail.variant.digest}`] : []),
    '',
  ])
  return [
    {
      type: 'paragraph',
      text: 'Replay in the same workspace, or save the experiment below and run it with the same workload and images. The same trace digest means the same events, byte for byte.',
    },
    { type: 'code', text: lines.join('\n').trimEnd(), caption: '' },
    ...runs.map(({ letter, detail }): Block => ({
      type: 'code',
      text: JSON.stringify(detail.file, null, 2),
      caption: `${fileNameOf(detail.name)}${runs.length > 1 ? `, run ${letter}` : ''}`,
    })),
  ]
}

/** A name that a command line takes without quotes. */
export const fileNameOf = (name: string, extension = 'json'): string =>
  `${
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'experiment'
  }.${extension}`

const runHeads = (runs: readonly ReportRun[], single: string): Cell[] =>
  runs.length === 1 ? [{ text: single }] : runs.map(({ letter, detail }) => ({ text: `${letter}, run ${detail.id}` }))

const columnOf = (table: SampleTable, name: string) => table.columns.find((column) => column.name === name)

const sumOf = (table: SampleTable, name: string): number =>
  columnOf(table, name)?.sum.reduce((sum, value) => sum + value, 0) ?? 0

const maxOf = (table: SampleTable, name: string): number => greatest(columnOf(table, name)?.max ?? [])
