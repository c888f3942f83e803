/**
 * Replacement-only simulation over the cores. The stream is read once; each piece of it goes to every thread through memory that
 * they share, and the next one is read while they work. A policy is the share of one thread; the offline optimum, which
 * costs the most, is split by its sizes.
 */
import { availableParallelism } from 'node:os'
import type { MissCurvePoint } from '../../engine/sim/replacement/missCurve.ts'
import type { SizeResult } from '../../engine/sim/replacement/simulator.ts'
import { encodeReferences, StoredStreamReader } from '../../engine/workload/streamFile.ts'
import type { ReferenceStorage } from '../../engine/workload/streamFile.ts'
import type { ProcessStream, StreamReader, StreamTables } from '../../engine/workload/workload.ts'
import { ContractError } from '../contract/contract.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'

export interface PolicySizes {
  policy: string
  frames: number[]
}

export interface CurveRequest {
  /** Share of the pages that is sampled; 1: the exact curve. */
  rate: number
}

export interface CurveShape {
  footprint: number
  /** Pages that the curve is made of. */
  sampledPages: number
  points: MissCurvePoint[]
}

/** What a simulation thread is started with. */
export interface SimulationData {
  pageCount: number
  policies: PolicySizes[]
  curve: CurveRequest | null
}

export interface SimulationCalls {
  start(data: SimulationData): void
  /** The next `count` references are at the beginning of the buffer, which stays as it is until this is answered. */
  take(buffer: SharedArrayBuffer, count: number): void
  results(): SizeResult[][]
  curve(frames: number[]): CurveShape
}

export interface SimulationOptions {
  /** Threads at most; as many as there are cores where it is left out. */
  threads?: number
  /** Hears of the references that every thread has taken. */
  onProgress?: (references: number) => void
}

export interface PolicyResult extends SizeResult {
  policy: string
}

/** The counts of each policy at each of its sizes, in the order asked for. Throws ContractError. */
export async function simulatePolicies(
  stream: ProcessStream,
  policies: readonly PolicySizes[],
  options: SimulationOptions = {},
): Promise<PolicyResult[]> {
  const shares = split(policies, options.threads ?? availableParallelism())
  const threads = shares.map(startThread)
  try {
    for (const [index, thread] of threads.entries()) {
      const sizes = shares[index]?.map((part) => part.sizes) ?? []
      await thread.call('start', { pageCount: stream.pageCount, policies: sizes, curve: null })
    }
    await feed(stream, threads, options)
    const found = new Map<string, SizeResult>()
    for (const [index, thread] of threads.entries())
      for (const [number, results] of (await thread.call('results')).entries())
        for (const result of results) found.set(`${shares[index]?.[number]?.sizes.policy ?? ''} ${result.frames}`, result)
    return policies.flatMap(({ policy, frames }) =>
      frames.map((size) => {
        const result = found.get(`${policy} ${size}`)
        if (!result) throw new ContractError({ code: 'internal', message: `no thread has counted ${policy} with ${size} frames` })
        return { policy, ...result }
      }),
    )
  } finally {
    await Promise.all(threads.map((thread) => thread.end()))
  }
}

/** LRU's misses at the sizes, exact or sampled. Throws ContractError. */
export async function missCurve(
  stream: ProcessStream,
  request: CurveRequest,
  frames: number[],
  options: SimulationOptions = {},
): Promise<CurveShape> {
  const thread = startThread()
  try {
    await thread.call('start', { pageCount: stream.pageCount, policies: [], curve: request })
    await feed(stream, [thread], options)
    return await thread.call('curve', frames)
  } finally {
    await thread.end()
  }
}

type SimulationThread = ThreadClient<SimulationCalls>

const startThread = (): SimulationThread => new ThreadClient(threadUrls.simulation, 'a simulation thread')

/** References of a piece, and pieces under way at once. */
const PIECE_REFERENCES = 1 << 19
const PIECES = 4

/** Gives all of the stream to every thread. */
async function feed(stream: ProcessStream, threads: SimulationThread[], { onProgress }: SimulationOptions): Promise<void> {
  const reader = stream.open()
  const underWay: { buffer: SharedArrayBuffer; taken: Promise<unknown>; end: number }[] = []
  let ordinal = 0
  while (ordinal < stream.referenceCount) {
    const oldest = underWay.length === PIECES ? underWay.shift() : undefined
    await oldest?.taken
    if (oldest) onProgress?.(oldest.end)
    const buffer = oldest?.buffer ?? new SharedArrayBuffer(PIECE_REFERENCES * Uint32Array.BYTES_PER_ELEMENT)
    const piece = new Uint32Array(buffer)
    let count = 0
    while (count < piece.length && ordinal < stream.referenceCount) {
      const references = reader.read(ordinal).subarray(0, piece.length - count)
      piece.set(references, count)
      count += references.length
      ordinal += references.length
    }
    const taken = Promise.all(threads.map((thread) => thread.call('take', buffer, count)))
    // it is awaited later; a thread that fails meanwhile is heard of then
    taken.catch(() => undefined)
    underWay.push({ buffer, taken, end: ordinal })
  }
  await Promise.all(underWay.map(({ taken }) => taken))
}

interface Share {
  sizes: PolicySizes
  cost: number
}

/** Costs of a reference at a size, and of a pass, relative to each other; only their ratios matter, and only roughly. */
const OPT_COST = 20
const PASS_COST = 3

/** At most `threads` shares of about equal cost. */
function split(policies: readonly PolicySizes[], threads: number): Share[][] {
  const parts = policies.flatMap(({ policy, frames }): Share[] => {
    const different = [...new Set(frames)]
    return policy === 'opt'
      ? different.map((size) => ({ sizes: { policy, frames: [size] }, cost: OPT_COST }))
      : [{ sizes: { policy, frames: different }, cost: PASS_COST + different.length }]
  })
  const shares: Share[][] = Array.from({ length: Math.max(1, Math.min(threads, parts.length)) }, () => [])
  const costs = shares.map(() => 0)
  for (const part of parts.sort((a, b) => b.cost - a.cost)) {
    const least = costs.indexOf(Math.min(...costs))
    shares[least]?.push(part)
    costs[least] = (costs[least] ?? 0) + part.cost
  }
  return shares
}

/** 256 MiB of references. */
const PLAIN_CHUNKS = 1024

/**
 * Keeps an imported stream in memory for a command that needs it once: the first chunks as they are, later ones
 * compressed, so that memory stays small for traces of any length.
 */
export class CompactStorage implements ReferenceStorage {
  readonly #plainChunks: number
  readonly #plain: Uint32Array[] = []
  readonly #encoded = new Map<number, Uint8Array>()

  constructor(plainChunks = PLAIN_CHUNKS) {
    this.#plainChunks = plainChunks
  }

  write(chunk: number, references: Uint32Array): void {
    if (chunk < this.#plainChunks) this.#plain.push(references.slice())
    else this.#encoded.set(chunk, encodeReferences(references, references.length))
  }

  open(tables: StreamTables): StreamReader {
    const plain = this.#plain
    const chunkLength = plain[0]?.length ?? 0
    const plainEnd = plain.reduce((count, chunk) => count + chunk.length, 0)
    const encoded = new StoredStreamReader(tables, (chunk) => this.#encoded.get(chunk) ?? new Uint8Array(0))
    return {
      read: (ordinal) =>
        ordinal < plainEnd
          ? (plain[Math.floor(ordinal / chunkLength)] ?? new Uint32Array(0)).subarray(ordinal % chunkLength)
          : encoded.read(ordinal),
    }
  }
}
