/**
 * The log of one recorded process on its way from valgrind to a stream.
 *
 * Valgrind writes a process's log to a file named by the process id, and a child that is forked begins one of its own. The file
 * is opened and unlinked as soon as it is seen: when the process executes another program, valgrind makes a new file under
 * the same name, which is another address space and so another stream; and whatever happens to the recorder, no file is
 * left. What has been read is given back to the file system while the program runs (`fallocate --punch-hole`), so that
 * the log of a long recording takes no room either.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import path from 'node:path'
import { LackeyImporter } from '../../../engine/workload/importers/lackey.ts'
import type { StreamBuilder, WorkloadBuilder } from '../../../engine/workload/streamBuilder.ts'
import { PageUse } from '../../../engine/workload/workload.ts'
import type { Beginning, FamilyLog } from './family.ts'
import { GivenUpPages } from './memoryCalls.ts'
import { PageLabels, parseMaps, type LabelledPages, type Mapping } from './maps.ts'
import { SystemCalls } from './systemCalls.ts'

/** Read at a time. */
const PIECE_BYTES = 1 << 20
/** Read bytes are given back in pieces of this. */
const PUNCH_BYTES = 64 << 20

export interface RecordedProcess {
  name: string
  pid: number
  /** As valgrind says it. */
  parentPid: number | null
  /** The program and its arguments as valgrind says them. */
  command: string
  references: number
  footprint: number
  labels: LabelledPages[]
  /** null: it was there from the start. */
  begins: Beginning | null
}

export interface ProcessLogOptions {
  file: string
  pid: number
  /** Makes a name of the stream that no other has, of the program that the process executes. */
  nameFor: (program: string, pid: number) => string
  filterSize: number
  builder: WorkloadBuilder
  /** Whether another reference may be stored. */
  accepts: () => boolean
  /** A page of the parent's stack; -1 where it is not known. */
  stackPage: number
}

export class ProcessLog {
  readonly pid: number
  /** Valgrind's own lines that say no more than who it is are not among them. */
  readonly messages: string[] = []
  readonly #fd: number
  readonly #importer: LackeyImporter
  readonly #calls = new SystemCalls(() => ({ references: this.references, pages: this.footprint }))
  readonly #labels = new PageLabels()
  readonly #buffer = new Uint8Array(PIECE_BYTES)
  #mappings: Mapping[] = []
  #stackPage: number
  #command = ''
  #parentPid: number | null = null
  #offset = 0
  #punched = 0
  #isOpen = true
  #strangeLines = 0

  constructor({ file, pid, nameFor, filterSize, builder, accepts, stackPage }: ProcessLogOptions) {
    this.pid = pid
    this.#stackPage = stackPage
    this.#fd = openSync(file, 'r+')
    rmSync(file, { force: true })
    this.#importer = new LackeyImporter(builder, {
      processName: () => nameFor(path.basename(firstWord(this.#command)), pid),
      filterSize,
      accepts,
      onMessage: (text) => this.#hear(text),
      onOther: (text) => {
        if (!this.#calls.take(text)) this.#strange(text)
        return true
      },
    })
  }

  get events(): number {
    return this.#importer.pageEvents
  }

  get references(): number {
    return this.#importer.stream?.referenceCount ?? 0
  }

  get footprint(): number {
    return this.#importer.stream?.pageCount ?? 0
  }

  get stackPage(): number {
    return this.#stackPage
  }

  /** Reads a piece of what valgrind has written. Answers the number of bytes; 0: there is no more for now. */
  read(): number {
    const count = readSync(this.#fd, this.#buffer, 0, PIECE_BYTES, this.#offset)
    if (count === 0) return 0
    this.#offset += count
    this.#importer.push(this.#buffer.subarray(0, count))
    if (this.#offset - this.#punched >= PUNCH_BYTES) this.#punch()
    return count
  }

  /** Looks at the process's map for pages that have no label yet. */
  look(): void {
    const { stream } = this.#importer
    if (stream === undefined) return
    try {
      const mappings = parseMaps(readFileSync(`/proc/${this.pid}/maps`, 'utf8'))
      if (mappings.length > 0) this.#mappings = mappings
    } catch {
      // it has ended: the last map that was seen is the best there is
    }
    if (this.#stackPage < 0) this.#stackPage = firstWritten(stream)
    this.#labels.look(this.#mappings, stream.pageCount, (page) => stream.pageNumber(page), this.#stackPage)
  }

  /** A forked process has what its parent had mapped: its pages that no look found are looked for there. */
  inheritLabels(parent: ProcessLog): void {
    const { stream } = this.#importer
    if (stream === undefined || !this.#calls.isForked) return
    this.#labels.look(parent.#mappings, stream.pageCount, (page) => stream.pageNumber(page), parent.#stackPage)
    // for its own children
    if (this.#mappings.length === 0) this.#mappings = parent.#mappings
    if (this.#stackPage < 0) this.#stackPage = parent.#stackPage
  }

  get parentPid(): number | null {
    return this.#parentPid
  }

  /** The process has ended. What it wrote last may be a piece of a line, if a signal ended it. */
  finish(): void {
    this.look()
    this.endHere()
  }

  /** The log ends here, wherever that is. */
  endHere(): void {
    this.#importer.finishCut()
    this.#calls.finish()
    this.close()
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#fd)
    this.#isOpen = false
  }

  /** What tells where the process begins, and which ones it begins. `streamOf` answers a stream's number by its name. */
  family(streamOf: (name: string) => number): FamilyLog {
    const { calls, isForked, hasExited } = this.#calls
    const { stream } = this.#importer
    const known = stream && {
      count: stream.pageCount,
      number: (page: number) => stream.pageNumber(page),
      isWritten: (page: number) => (stream.use(page) & PageUse.write) !== 0,
    }
    const pages = known && new GivenUpPages(known)
    return {
      pid: this.pid,
      parentPid: this.#parentPid,
      isForked,
      hasExited,
      calls,
      givenUp: (range, seen) => pages?.runs(range, seen) ?? [],
      stream: stream === undefined ? -1 : streamOf(stream.name),
      references: this.references,
    }
  }

  /** What is known of the process; null if it made no reference. */
  describe(): Omit<RecordedProcess, 'begins'> | null {
    const { stream } = this.#importer
    if (stream === undefined) return null
    const pageNumbers = Float64Array.from({ length: stream.pageCount }, (_, page) => stream.pageNumber(page))
    return {
      name: stream.name,
      pid: this.pid,
      parentPid: this.#parentPid,
      command: this.#command,
      references: stream.referenceCount,
      footprint: stream.pageCount,
      labels: this.#labels.labelled(pageNumbers),
    }
  }

  /** A line that says nothing of references or calls that is known: it is told, and the recording goes on. */
  #strange(text: string): void {
    if (this.#strangeLines++ === 0)
      this.messages.push(`a line of the log of process ${this.pid} says nothing that is known: ${text.slice(0, 100)}`)
  }

  #hear(text: string): void {
    const [, word = '', rest = ''] = /^(Command|Parent PID): (.*)$/.exec(text) ?? []
    if (word === 'Command') this.#command = rest
    else if (word === 'Parent PID') this.#parentPid = Number(rest)
    else if (text.trim() !== '' && !/^(Lackey, an example|Copyright|Using Valgrind)/.test(text))
      this.messages.push(text)
  }

  /** Where the file system or the tool cannot do it, the room comes back when the process has ended. */
  #punch(): void {
    const length = this.#offset - this.#punched
    const range = ['--offset', String(this.#punched), '--length', String(length)]
    this.#punched = this.#offset
    spawn('fallocate', ['--punch-hole', ...range, '/proc/self/fd/3'], {
      stdio: ['ignore', 'ignore', 'ignore', this.#fd],
    }).on('error', () => undefined)
  }
}

/**
 * The first page that a program writes is one of its stack: its very first instructions call a function. -1 where it has
 * not written any.
 */
function firstWritten(stream: StreamBuilder): number {
  for (let page = 0; page < stream.pageCount; page++)
    if ((stream.use(page) & PageUse.write) !== 0) return stream.pageNumber(page)
  return -1
}

/** Valgrind puts a backslash before what a shell would take for something else. */
const firstWord = (command: string): string => (/^(?:[^\\ ]|\\.)*/.exec(command)?.[0] ?? '').replaceAll('\\', '')
