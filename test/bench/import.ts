/**
 * How fast traces come in: processor time from a file's compressed bytes to chunks in a storage that drops them, so that
 * neither the disk nor SQLite is measured.
 *
 *   lackey    MB of text per second; baseline: counting the lines of the same text, decompressed as it comes
 *   pgtrace   references per second; baseline: decompressing the same file
 *   record    page events per second of a program under valgrind, with all that records it; baseline: the same program under valgrind
 *             alone, its text left in a file; wall time, where there is valgrind
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, zstdCompressSync } from 'node:zlib'
import { findOnPath } from '../../electron/service/recording/valgrind.ts'
import { Recorder } from '../../electron/service/recording/recorder.ts'
import { decompressedChunks } from '../../engine/workload/decompress.ts'
import { importTrace } from '../../engine/workload/importers/index.ts'
import { WorkloadBuilder } from '../../engine/workload/streamBuilder.ts'
import type { ReferenceStorage } from '../../engine/workload/streamFile.ts'
import { traceFile } from './longRun.ts'
import type { BenchResult } from './result.ts'

const lackeyText = fileURLToPath(new URL('../../examples/traces/python3-startup.lackey.txt.gz', import.meta.url))
/** Times that the excerpt of 2.6 MB is repeated. */
const REPEATS = 20
const ROUNDS = 3

/** Takes chunks and keeps none. */
const dropped: ReferenceStorage = { write: () => undefined, open: () => ({ read: () => new Uint32Array(0) }) }

export async function bench(): Promise<BenchResult[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pager-bench-'))
  try {
    return [...(await lackey(folder)), ...(await pgtrace()), ...(await recording(folder))]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function lackey(folder: string): Promise<BenchResult[]> {
  const excerpt = gunzipSync(readFileSync(lackeyText))
  const file = path.join(folder, 'long.lackey.zst')
  writeFileSync(file, zstdCompressSync(Buffer.concat(Array.from({ length: REPEATS }, () => excerpt))))
  const bytes = excerpt.length * REPEATS
  const seconds = await median(() => importTrace(file, { storageFor: () => dropped }))
  let lines = 0
  const counting = await median(async () => {
    for await (const piece of decompressedChunks(file))
      for (let i = 0; i < piece.length; i++) if (piece[i] === 10) lines++
  })
  if (lines === 0) throw new Error('the text has no lines')
  return [{ name: 'lackey', value: bytes / 1e6 / seconds, unit: 'MB/s', baseline: bytes / 1e6 / counting, ratio: counting / seconds }]
}

async function pgtrace(): Promise<BenchResult[]> {
  const file = traceFile()
  let references = 0
  const seconds = await median(async () => {
    references = (await importTrace(file, { storageFor: () => dropped })).processes.reduce((sum, { referenceCount }) => sum + referenceCount, 0)
  })
  const decompressing = await median(async () => {
    for await (const piece of decompressedChunks(file)) if (piece.length === 0) throw new Error('an empty piece')
  })
  return [{ name: 'pgtrace', value: references / seconds, unit: 'references/s', baseline: references / decompressing, ratio: decompressing / seconds }]
}

/** A counting loop of the shell. */
const PROGRAM = { program: 'sh', arguments: ['-c', 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); done'] }

async function recording(folder: string): Promise<BenchResult[]> {
  const valgrind = findOnPath('valgrind')
  if (valgrind === undefined) return []
  const builder = new WorkloadBuilder({ name: 'sh', storageFor: () => dropped })
  const limits = { filterSize: 16, referencesMax: 0, secondsMax: 0, followChildren: true, inheritStreams: false }
  const { seconds } = await Recorder.start({ ...PROGRAM, ...limits, directory: folder, scratch: folder }, builder).record()
  const began = performance.now()
  const alone = ['--tool=lackey', '--trace-mem=yes', '--basic-counts=no', `--log-file=${path.join(folder, 'log')}`]
  spawnSync(valgrind, [...alone, PROGRAM.program, ...PROGRAM.arguments], { cwd: folder })
  const aloneSeconds = (performance.now() - began) / 1000
  const events = builder.rawEvents
  return [{ name: 'record', value: events / seconds, unit: 'events/s', baseline: events / aloneSeconds, ratio: aloneSeconds / seconds }]
}

/** Median of the processor's seconds, after one round that does not count. */
async function median(body: () => Promise<unknown>): Promise<number> {
  await body()
  const seconds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    await body()
    const { user, system } = process.cpuUsage(before)
    seconds.push((user + system) / 1e6)
  }
  return seconds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
}
