/**
 * A host for component tests: answers like the service does, from a small made-up workspace. Never part of the window.
 */
import type { HostBridge, Method, Notice, NoticeName, Params, Result, RunDetail, RunInfo, Totals } from '../../electron/contract/contract.ts'
import { ContractError } from '../../electron/contract/contract.ts'
import { DataKind, encodeTable, type DataColumn } from '../../electron/contract/dataPlane.ts'
import { Listeners } from '../host/listeners.ts'
import { parseExperiment, type ExperimentFile } from '../../electron/contract/experiment.ts'

const RUN_NS = 12e9
const BUCKET_NS = 1e6

/** A repeatable sequence of numbers in [0, 1). */
function sequence(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}

export function testExperiment(): ExperimentFile {
  const { file, issues } = parseExperiment({
    name: 'cc1 in a quarter of its memory',
    machine: { footprintPercent: 25, wired: 64 },
    swap: {
      devices: [
        { image: 'swap0.img', create: '32 MiB', timing: { model: 'hdd' } },
        { image: 'swap1.img', create: '16 MiB', timing: { model: 'ssd', parameters: { readLatencyNs: 90000 } } },
      ],
    },
    processes: [{ workload: { name: 'cc1-demo' } }],
  })
  if (!file) throw new Error(issues.map((issue) => issue.field).join())
  return file
}

export function testTotals(values: Partial<Totals> = {}): Totals {
  return {
    run: 1, references: 2_000_000, faults: 37520, softFaults: 8841, zeroFills: 8701, copyOnWriteFaults: 0, swapins: 11556, pagesIn: 49476, swapouts: 3146, pagesOut: 44014,
    vnodeins: 3857, vnodePagesIn: 28541, vnodeouts: 0, vnodePagesOut: 0, evictions: 71200, deviceReads: 15413, deviceWrites: 3146, bytesRead: 319557632, bytesWritten: 180281344,
    bytesVerified: 319557632, virtualSeconds: 12, seconds: 0.84, events: 258402, traceDigest: '3f9a2c7715be04d1a7e6c0b4f2d89e5b60f1c3a2e4d5968778695a4b3c2d1e0f', status: 'finished', ...values,
  }
}

function runInfo(id: number, values: Partial<RunInfo>): RunInfo {
  return {
    id, name: 'cc1 in a quarter of its memory', experimentName: 'cc1 in a quarter of its memory', workloadNames: ['cc1-demo'], startedAt: new Date(2026, 10, 20, 9, id).toISOString(), status: 'finished',
    replayOf: null, replayAgrees: null, problem: null, referencesTotal: 2_000_000, storedBytes: 812_345, note: '', tags: [], totals: testTotals({ run: id }), ...values,
  }
}

type Handlers = { [M in Method]?: (params: Params<M>) => Result<M> | Promise<Result<M>> }

/** What a sample's column holds in the made-up run at a moment, 0 to 1 of its length. */
function sampled(column: string, t: number, noise: number): number {
  const load = t < 0.12 ? t * 3 : 0.35 + 0.45 * Math.abs(Math.sin(t * 9)) + 0.2 * noise
  const swapping = t < 0.12 ? 0 : load
  const values: Record<string, number> = {
    references: 166, faults: 3 * load, softFaults: load * 0.8, zeroFills: t < 0.4 ? 1.2 * (1 - t) : 0.25, swapins: 1.1 * swapping, swapouts: noise > 0.6 ? 0.9 * swapping : 0.05, pagesIn: 4.6 * swapping,
    pagesOut: noise > 0.6 ? 12 * swapping : 0, vnodeins: t < 0.2 ? 1 : 0.2, vnodePagesIn: t < 0.2 ? 7 : 1.4, freePages: t < 0.12 ? 1400 - t * 10000 : 90 + 90 * noise, wiredPages: 64,
    activePages: 700 + 80 * Math.sin(t * 20), inactivePages: 560 - 80 * Math.sin(t * 20), laundryPages: 40 + 60 * noise, unswappablePages: 0, swapUsed: Math.max(0, t - 0.1) * 5000,
    'device0.used': Math.max(0, t - 0.1) * 3100, 'device1.used': Math.max(0, t - 0.1) * 1900, 'device0.busyNs': BUCKET_NS * Math.min(1, swapping * 0.9), 'device1.busyNs': BUCKET_NS * swapping * 0.2,
    'device0.latencyNs': swapping * 9e6, 'device1.latencyNs': swapping * 2e5, 'device0.reads': swapping, 'device1.reads': swapping, 'device0.pagesRead': swapping * 3, 'device1.pagesRead': swapping * 2.5,
    'device0.pagesWritten': swapping * 5, 'device1.pagesWritten': swapping * 4, 'device0.queue': swapping * 2, 'device1.queue': swapping * 0.5,
    ioErrors: t > 0.6 && t < 0.602 ? 1 : 0, bytesRead: 4.6 * swapping * 4096, bytesVerified: 4.6 * swapping * 4096, bytesWritten: 4000 * swapping, deviceReads: swapping * 2, deviceWrites: swapping,
  }
  return values[column] ?? 0
}

export class TestBridge implements HostBridge {
  readonly host = 'browser'
  readonly asked: { method: Method; params: unknown }[] = []
  /** Replaces the answer to a request. */
  readonly handlers: Handlers
  readonly saved: { name: string; content: string }[] = []
  runs: RunInfo[] = [
    runInfo(1, {}),
    runInfo(2, { name: 'Half of its memory', totals: testTotals({ run: 2, faults: 12840, swapins: 2110, swapouts: 980, pagesIn: 9100, pagesOut: 14210, virtualSeconds: 6.2, traceDigest: '88aa01c2d3e4f5968778695a4b3c2d1e0f3f9a2c7715be04d1a7e6c0b4f2d89e' }) }),
    runInfo(3, { name: 'Replay of run 1', replayOf: 1, replayAgrees: true }),
    runInfo(4, { name: 'A dying disk', status: 'failed', problem: 'Page 0x1a2 of object 12 read from swap0.img block 5,121 differs from what was written there.' }),
  ]
  experiments = [{ id: 1, name: 'cc1 in a quarter of its memory', updatedAt: new Date(2026, 10, 20, 8, 0).toISOString(), file: testExperiment() }]
  private readonly listeners = new Listeners()

  constructor(handlers: Handlers = {}) {
    this.handlers = { ...this.standard(), ...handlers }
  }

  async request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    this.asked.push({ method, params })
    const handler: Handlers[M] = this.handlers[method]
    await Promise.resolve()
    if (!handler) throw new ContractError({ code: 'not-here', message: `${method} is not answered in this test` })
    return handler(params)
  }

  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void {
    return this.listeners.add(name, listener)
  }
  /** Sends a notice to whoever listens. */
  tell<N extends NoticeName>(name: N, notice: Notice<N>): void {
    this.listeners.tell(name, notice)
  }
  pathOfFile(file: File): Promise<string> {
    return Promise.resolve(`/incoming/${file.name}`)
  }
  saveFile(name: string, _mediaType: string, content: string | Uint8Array): Promise<boolean> {
    this.saved.push({ name, content: typeof content === 'string' ? content : `${content.byteLength} bytes` })
    return Promise.resolve(true)
  }
  onConnection(): () => void {
    return () => undefined
  }

  private run(id: number): RunDetail {
    const info = this.runs.find((run) => run.id === id)
    if (!info) throw new ContractError({ code: 'not-found', message: `there is no run ${id}` })
    return {
      ...info,
      file: testExperiment(),
      engineVersion: '0.1.0',
      frames: 1557,
      nsPerReference: 31,
      thresholds: { freeReserved: 76, freeSevere: 96, freeMin: 116, freeTarget: 236, inactiveTarget: 354 },
      footprint: 5971,
      bucketNs: BUCKET_NS,
      endTimeNs: info.totals.virtualSeconds * 1e9,
      devices: [
        { name: 'swap0.img', image: '/home/ada/PagerWorkbench/images/swap0.img', pages: 8192, timing: 'hdd', baseDigest: 'de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31' },
        { name: 'swap1.img', image: '/home/ada/PagerWorkbench/images/swap1.img', pages: 4096, timing: 'ssd', baseDigest: '2c7ab85a893283e98c931e9511add182ecea1ee23d0e4b6f2a4a4a1a1c1d2e3f' },
      ],
      interventions: [],
      eventCounts: { fault: 46361, swapin: 11556, swapout: 3146, filein: 3857, evict: 71200, daemon: 840, 'io-error': 2, message: 3 },
      messages: [],
    }
  }

  private standard(): Handlers {
    const parameter = (name: string, value: number, unit: string, meaning: string) => ({ name, default: value, unit, meaning })
    return {
      'sweeps.list': () => [],
      'sweeps.progress': () => [],
      'workbench.info': () => ({
        contractVersion: 1,
        engineVersion: '0.1.0',
        host: 'browser',
        workspace: '/home/ada/PagerWorkbench',
        workspaceBytes: 48_123_904,
        generators: [
          { name: 'zipf', meaning: 'Pages drawn with Zipf-distributed popularity', parameters: [parameter('pages', 4096, 'pages', 'Distinct pages'), parameter('references', 1000000, 'references', 'References made'), parameter('exponent', 0.9, '', 'Steepness'), parameter('writeFraction', 0.3, '', 'Share of writes'), parameter('seed', 1, '', 'Seed')] },
          { name: 'loop', meaning: 'The same pages in order, again and again', parameters: [parameter('pages', 4096, 'pages', 'Distinct pages'), parameter('passes', 10, 'passes', 'Passes')] },
        ],
        timingModels: [
          { name: 'instant', meaning: 'Takes no time', parameters: [] },
          { name: 'hdd', meaning: 'A disk with seek and rotation', parameters: [parameter('rpm', 7200, 'rpm', 'Revolutions a minute'), parameter('seekNs', 8500000, 'ns', 'Mean seek'), parameter('bytesPerSecond', 160000000, 'bytes/s', 'Transfer rate')] },
          { name: 'ssd', meaning: 'Flash with a few channels', parameters: [parameter('readLatencyNs', 80000, 'ns', 'Latency of a read'), parameter('writeLatencyNs', 60000, 'ns', 'Latency of a write'), parameter('channels', 4, 'channels', 'Requests at a time')] },
        ],
        importFormats: [{ name: 'lackey', meaning: 'Text of valgrind --tool=lackey --trace-mem=yes', extensions: ['txt'] }],
        daemons: [
          { name: 'freebsd', meaning: "FreeBSD's page daemon with its queues" },
          { name: 'lru', meaning: 'Least recently used' },
        ],
        defects: [{ name: 'allocator-livelock', routine: 'swp_pager_getswapspace', faithful: 'A search goes round for ever.', repaired: 'It comes round and asks for half.' }],
        counters: [
          { name: 'faults', unit: 'faults', meaning: 'Page faults that needed a page.', kernelName: 'vm.stats.vm.v_vm_faults' },
          { name: 'swapins', unit: 'requests', meaning: 'Reads from swap devices.', kernelName: 'vm.stats.vm.v_swapin' },
        ],
        gauges: [{ name: 'freePages', unit: 'pages', meaning: 'Free page frames.', kernelName: 'vm.stats.vm.v_free_count' }],
        sampleColumns: [],
        eventKinds: ['fault', 'swapin', 'swapout', 'filein', 'fileout', 'evict', 'free', 'daemon', 'swapoff', 'io-error', 'admin', 'message', 'defect', 'process', 'panic', 'reserve'],
        electron: null,
      }),
      'images.list': () => [
        { name: 'swap0.img', path: '/home/ada/PagerWorkbench/images/swap0.img', sizeBytes: 33554432, allocatedBytes: 0, inUse: false, partitions: [], content: { kind: 'unknown', label: '', dataBytes: null, freeBytes: null, problem: null }, problem: null },
        { name: 'swap1.img', path: '/home/ada/PagerWorkbench/images/swap1.img', sizeBytes: 16777216, allocatedBytes: 4096, inUse: false, partitions: [{ index: 2, name: 'swap', typeName: 'freebsd-swap', offsetBytes: 1048576, lengthBytes: 8388608, scheme: 'GPT', content: { kind: 'swap', label: '', dataBytes: null, freeBytes: null, problem: null } }], content: null, problem: null },
        { name: 'disk.img', path: '/mnt/disk.img', sizeBytes: 33554432, allocatedBytes: 8388608, inUse: false, partitions: [{ index: 0, name: 'root', typeName: 'freebsd-ufs', offsetBytes: 1048576, lengthBytes: 12582912, scheme: 'GPT', content: { kind: 'ufs2', label: '', dataBytes: 12000000, freeBytes: 7000000, problem: null } }], content: null, problem: null },
        { name: 'old.img', path: '/mnt/old.img', sizeBytes: 67108864, allocatedBytes: 67108864, inUse: false, partitions: [], content: { kind: 'unknown', label: '', dataBytes: null, freeBytes: null, problem: null }, problem: 'The file is gone' },
      ],
      'images.create': ({ name, sizeBytes }) => ({ name, path: `/home/ada/PagerWorkbench/images/${name}`, sizeBytes, allocatedBytes: 0, inUse: false, partitions: [], content: { kind: 'unknown', label: '', dataBytes: null, freeBytes: null, problem: null }, problem: null }),
      'images.directory': ({ path }) =>
        path === '/'
          ? [
              { name: 'etc', inode: 3, mode: 'drwxr-xr-x', links: 2, uid: 0, gid: 0, sizeBytes: 512, allocatedBytes: 1024, modified: '2026-11-20T00:00:00Z', target: null },
              { name: 'data', inode: 4, mode: '-rw-r--r--', links: 1, uid: 0, gid: 0, sizeBytes: 4194304, allocatedBytes: 4210688, modified: '2026-11-20T00:00:00Z', target: null },
            ]
          : [{ name: 'fstab', inode: 5, mode: '-rw-r--r--', links: 1, uid: 0, gid: 0, sizeBytes: 96, allocatedBytes: 1024, modified: '2026-11-20T00:00:00Z', target: null }],
      'images.check': () => ({ problems: [], more: 0, files: 2, directories: 2, usedFragments: 10, freeFragments: 100 }),
      'workloads.list': () => [
        { id: 1, name: 'cc1-demo', source: 'pgtrace, cc1-demo.pgt.zst, the first 2,000,000 references', createdAt: new Date(2026, 10, 19).toISOString(), processes: 1, references: 2000000, footprint: 5971, pagesWritten: 3811, reads: 1204113, writes: 395200, fetches: 400687, eventsPerReference: 30.9, storedBytes: 402133, note: '', tags: [] },
        { id: 2, name: 'zipf', source: 'generator zipf: pages 4,096, references 1,000,000', createdAt: new Date(2026, 10, 20).toISOString(), processes: 1, references: 1000000, footprint: 4096, pagesWritten: 3900, reads: 700000, writes: 300000, fetches: 0, eventsPerReference: 1, storedBytes: 1402133, note: '', tags: [] },
      ],
      'experiments.list': () => this.experiments,
      'experiments.save': ({ id, file }) => {
        const parsed = parseExperiment(file)
        if (!parsed.file) throw new ContractError({ code: 'bad-experiment', message: 'not an experiment' })
        const saved = { id: id ?? this.experiments.length + 1, name: parsed.file.name, updatedAt: new Date(2026, 10, 21).toISOString(), file: parsed.file }
        this.experiments = [...this.experiments.filter((item) => item.id !== saved.id), saved]
        return saved
      },
      'experiments.check': ({ file }) => {
        const parsed = parseExperiment(file)
        const issues = parsed.issues.length > 0 ? [...parsed.issues] : (parsed.file?.swap.devices ?? []).flatMap((device, i) => (/^swap\d/.test(device.image) ? [] : [{ field: `swap.devices[${i}].image`, message: `${device.image} is not there: it was moved or deleted` }]))
        const fine = issues.length === 0
        return {
          issues,
          summary: fine ? 'One program touches 23.3 MiB and gets 6.1 MiB of memory, so it will page. Written pages go in turn to two devices of 32 and 16 MiB, up to 32 pages at a time; never-written pages are read from a file.' : null,
          frames: fine ? (parsed.file?.machine.frames ?? 1557) : null,
          footprint: fine ? 5971 : null,
          references: fine ? 2000000 : null,
          nsPerReference: fine ? 31 : null,
          thresholds: fine ? { freeReserved: 76, freeSevere: 96, freeMin: 116, freeTarget: 236, inactiveTarget: 354 } : null,
        }
      },
      'runs.list': () => this.runs,
      'runs.get': ({ id }) => this.run(id),
      'runs.objects': () => [],
      'runs.messages': () => [
        { time: 1.9e9, level: 'info', routine: 'swp_pager_meta_build', text: 'swap zone uses 212 nodes' },
        { time: 7.2e9, level: 'error', routine: 'swp_pager_async_iodone', text: 'I/O error - pageout failed; blkno 5121, size 65536, error 5' },
        { time: 11.4e9, level: 'warning', routine: 'swp_sizecheck', text: 'swap space is almost full' },
      ],
      'runs.start': () => ({ id: 1 }),
      'runs.replay': () => ({ id: 3 }),
      'runs.control': () => ({}),
      'runs.speed': () => ({}),
      'runs.intervene': () => ({ at: 1234567 }),
      'runs.samples': ({ fromNs, toNs, buckets, columns, extremes = columns }) => {
        const rows = Math.min(buckets, 400)
        const length = (toNs - fromNs) / rows
        const random = sequence(7)
        const begin = Float64Array.from({ length: rows }, (_, i) => fromNs + i * length)
        const lengths = new Float64Array(rows).fill(length)
        const noise = Float64Array.from({ length: rows }, () => random())
        const perRow = Math.max(1, length / BUCKET_NS)
        const data: DataColumn[] = [begin, lengths]
        for (const column of columns) {
          const base = Float64Array.from({ length: rows }, (_, i) => sampled(column, (begin[i] ?? 0) / RUN_NS, noise[i] ?? 0))
          data.push(base.map((value) => value * perRow))
          if (extremes.includes(column)) data.push(base.map((value) => value * 0.6), base.map((value) => value * 1.4))
        }
        return encodeTable({ kind: DataKind.samples, rows, extra: [1, 0, 0], columns: data })
      },
      'runs.events': ({ fromNs, toNs, kinds, limit, offset }) => {
        const rows = Math.min(limit, 3000)
        const random = sequence(3 + offset)
        const all = [0, 0, 0, 1, 0, 2, 0, 3, 5, 7]
        const names = ['fault', 'swapin', 'swapout', 'filein', 'fileout', 'evict', 'free', 'daemon']
        const allowed = kinds.length === 0 ? all : all.filter((kind) => kinds.includes(names[kind] ?? ''))
        const f64 = (make: (i: number) => number) => Float64Array.from({ length: rows }, (_, i) => make(i))
        const i32 = (make: (i: number) => number) => Int32Array.from({ length: rows }, (_, i) => make(i))
        const kind = Uint8Array.from({ length: rows }, () => allowed[Math.floor(random() * allowed.length)] ?? 0)
        const isIo = (i: number) => [1, 2, 3].includes(kind[i] ?? 0)
        return encodeTable({
          kind: DataKind.events,
          rows,
          extra: [1, 0, 0],
          columns: [
            f64((i) => Math.floor(fromNs + ((toNs - fromNs) * i) / rows)), kind, i32(() => 0), i32(() => Math.floor(random() * 14)), f64(() => Math.floor(random() * 1300)), i32((i) => (isIo(i) ? 1 + Math.floor(random() * 16) : 1)),
            i32((i) => (isIo(i) ? Math.floor(random() * 2) : -1)), f64(() => Math.floor(random() * 8000)), f64((i) => (isIo(i) || kind[i] === 0 ? Math.floor(random() * 9e6) : 0)), i32((i) => (kind[i] === 0 ? Math.floor(random() * 4) + (random() > 0.5 ? 16 : 0) : 4)), f64((i) => offset + i),
          ],
        })
      },
      'runs.frames': () => {
        const rows = 1557
        const random = sequence(11)
        return encodeTable({
          kind: DataKind.frames,
          rows,
          extra: [0, 0, 0],
          columns: [
            Int32Array.from({ length: rows }, (_, i) => (i < 64 ? -1 : Math.floor(i / 150))), Float64Array.from({ length: rows }, (_, i) => i * 3), Uint8Array.from({ length: rows }, (_, i) => (i < 64 ? 9 : 1 | (random() > 0.6 ? 2 : 0) | (random() > 0.5 ? 16 : 0))),
            Uint8Array.from({ length: rows }, (_, i) => (i < 64 ? 0 : random() < 0.07 ? 1 : random() < 0.5 ? 2 : random() < 0.8 ? 3 : 4)), Uint8Array.from({ length: rows }, () => Math.floor(random() * 40)),
          ],
        })
      },
      'reports.list': () => [{ id: 1, name: 'cc1 in a quarter of its memory', createdAt: new Date(2026, 10, 20, 10, 0).toISOString(), format: 'html', runs: [1], sizeBytes: 48211 }],
      'reports.create': ({ runs, format, name }) => ({ id: 2, name, createdAt: new Date(2026, 10, 21).toISOString(), format, runs, sizeBytes: 48211 }),
      'reports.get': ({ id }) => ({
        info: { id, name: 'cc1 in a quarter of its memory', createdAt: new Date(2026, 10, 20, 10, 0).toISOString(), format: 'html', runs: [1], sizeBytes: 48211 },
        mediaType: 'text/html',
        content: '<!doctype html><title>Report</title><style>body{font:16px serif;max-width:640px;margin:40px auto}</style><h1>cc1 in a quarter of its memory</h1><p>Run 1.</p>',
      }),
    }
  }
}
