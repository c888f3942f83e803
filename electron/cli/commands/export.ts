/** pager export: what a run recorded, or a workload, as a file for other programs. */
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { eventsAsCsv, eventsAsJsonLines } from '../../../db/eventText.ts'
import { writeOracle } from '../../../db/oracleFile.ts'
import { samplesAsCsv } from '../../../db/report/csv.ts'
import type { TraceStore } from '../../../db/traceStore.ts'
import { openWorkspace, type Workspace } from '../../../db/workspace.ts'
import { sampleColumnNames, SAMPLE_WIDTH } from '../../../engine/sim/metrics.ts'
import type { ProcessStream } from '../../../engine/workload/workload.ts'
import { parseExperiment } from '../../contract/experiment.ts'
import { resolveWorkloads } from '../../service/workloads.ts'
import { runNumber } from '../client.ts'
import {
  commonHelp,
  onlyArgument,
  parse,
  print,
  printJson,
  UsageError,
  wholeNumber,
  workspaceOf,
  type Command,
} from '../command.ts'
import { writeOutput } from '../output.ts'
import { bytes, count, ProgressLine } from '../terminal.ts'

const formats = ['csv', 'jsonl', 'oracle'] as const
type Format = (typeof formats)[number]

export const exportRun: Command = {
  help: `
pager export RUN [options]
pager export WORKLOAD --format oracle -o FILE [options]

Writes the events of a run (docs/trace.md says what they mean) or its samples as text, or a workload's references as libCacheSim's
oracleGeneral. Where the first argument is a run's number and the format is oracle, it is what that run read.

  --format FORMAT   csv, jsonl (a JSON object a line) or oracle; csv where it is left out
  --samples         samples instead of events
  --kind KINDS      events of these kinds only: swapin,swapout
  --process N       for oracle: which process of a workload or run of several, from 1 on
  -o, --out FILE    the file to make; standard output where it is left out (not for oracle). There must be none of that name
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, {
      format: { type: 'string', default: 'csv' },
      samples: { type: 'boolean', default: false },
      kind: { type: 'string', default: '' },
      process: { type: 'string', default: '1' },
      out: { type: 'string', short: 'o' },
    })
    const subject = onlyArgument(positionals, 'run')
    const format = formats.find((name) => name === values.format)
    if (!format)
      throw new UsageError(`--format: there is no format "${values.format}"; there are ${formats.join(', ')}`)
    if (values.samples && values.kind !== '') throw new UsageError('samples have no kind')
    const { out } = values
    if (out === undefined && (format === 'oracle' || values.json))
      throw new UsageError(
        format === 'oracle'
          ? 'oracleGeneral is binary; -o FILE says where to'
          : '--json tells of a file; -o FILE says which',
      )
    const kinds = values.kind === '' ? [] : values.kind.split(',').map((kind) => kind.trim())
    const workspace = openWorkspace(workspaceOf(values.workspace), { readOnly: true })
    try {
      if (format === 'oracle')
        await exportStream(await streamOf(workspace, subject, wholeNumber(values.process, '--process', 1)), out ?? '')
      else await writeText(textOf(workspace.store, runNumber(subject), format, values.samples, kinds), out)
    } finally {
      workspace.close()
    }
    if (out !== undefined) {
      const size = statSync(out).size
      if (values.json) printJson({ file: out, format, bytes: size })
      else print(`${out}: ${bytes(size)}`)
    }
    return 0
  },
}

function textOf(
  store: TraceStore,
  run: number,
  format: Exclude<Format, 'oracle'>,
  samples: boolean,
  kinds: string[],
): Iterable<string> {
  store.runs.get(run)
  if (samples)
    return format === 'csv' ? samplesAsCsv(store.samples.rows(run)) : samplesAsJsonLines(store.samples.rows(run))
  const filter = { fromNs: 0, toNs: Infinity, kinds }
  // what is wrong with the filter is said before a file is made
  store.events.count(run, filter)
  const windows = store.events.eventsInRange(run, filter)
  const names = store.objects.names(run)
  return format === 'csv' ? eventsAsCsv(windows, names) : eventsAsJsonLines(windows, names)
}

function* samplesAsJsonLines(pieces: Iterable<{ rows: Float64Array; count: number }>): Generator<string> {
  const names = sampleColumnNames()
  for (const { rows, count: have } of pieces)
    for (let row = 0; row < have; row++)
      yield `${JSON.stringify(Object.fromEntries(names.map((name, i) => [name, rows[row * SAMPLE_WIDTH + i]])))}\n`
}

async function writeText(pieces: Iterable<string>, out: string | undefined): Promise<void> {
  const fd = out === undefined ? 1 : await writeOutput(out, () => openSync(out, 'wx'))
  const line = new ProgressLine()
  let written = 0
  try {
    for (const piece of pieces) {
      writeAll(fd, Buffer.from(piece))
      written += piece.length
      if (out !== undefined) line.show(bytes(written))
    }
  } catch (error) {
    // nobody reads on: as any program of a pipeline
    if (fd === 1 && error instanceof Error && 'code' in error && error.code === 'EPIPE') return
    if (out !== undefined) rmSync(out, { force: true })
    throw error
  } finally {
    line.clear()
    if (fd !== 1) closeSync(fd)
  }
}

function writeAll(fd: number, text: Buffer): void {
  for (let at = 0; at < text.length;) {
    try {
      at += writeSync(fd, text, at)
    } catch (error) {
      // a pipe that is full
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/** What process `process` (from 1 on) of a workload or of a run refers to. */
async function streamOf({ store, directory }: Workspace, subject: string, process: number): Promise<ProcessStream> {
  const streams: ProcessStream[] = []
  if (/^[1-9]\d*$/.test(subject)) {
    const { file } = parseExperiment(store.runs.detail(Number(subject)).file)
    if (!file) throw new UsageError(`the configuration of run ${subject} cannot be read by this version`)
    // as the run had them: stored, from a file, or generated
    const { processes } = await resolveWorkloads(file, store, directory)
    streams.push(...processes.map(({ stream }) => stream))
  } else {
    const id = store.workloads.find(subject)?.id
    if (id === undefined)
      throw new UsageError(`"${subject}" is no workload of the workspace, and no run; "pager workloads" lists them`)
    streams.push(...store.workloads.open(id).processes)
  }
  const stream = streams[process - 1]
  if (!stream) throw new UsageError(`--process: there are ${streams.length} processes`)
  return stream
}

async function exportStream(stream: ProcessStream, out: string): Promise<void> {
  const fd = await writeOutput(out, () => openSync(out, 'wx'))
  const line = new ProgressLine()
  try {
    writeOracle(stream, fd, (references) =>
      line.show(`${count(references)} references`, references / stream.referenceCount),
    )
  } catch (error) {
    rmSync(out, { force: true })
    throw error
  } finally {
    line.clear()
    closeSync(fd)
  }
}
