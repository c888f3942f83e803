/**
 * Records a program: runs it under valgrind and turns what lackey prints into streams as it comes, one for every process.
 *
 * Life cycle:
 *  1. `start` makes the folder for the logs and starts valgrind, in a session of its own, so that a Ctrl-C in the terminal
 *     reaches the workbench and not the program.
 *  2. `record` reads the logs of all processes round and round, adopts new ones, and looks at the processes' maps now and
 *     then. It returns when all recorded processes have ended, or when a limit is reached or `stop` was called and
 *     the processes have been killed.
 *  3. What was added to the builder is the caller's to keep or drop.
 *
 * What is recorded is what the program does in user mode: the kernel's own references (copies in read and write, page
 * tables) are not seen by valgrind.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WorkloadVerb } from '../../../engine/workload/verbs.ts'
import type { WorkloadBuilder } from '../../../engine/workload/streamBuilder.ts'
import { ContractError } from '../../contract/contract.ts'
import { familyOf } from './family.ts'
import { ProcessLog, type RecordedProcess } from './processLog.ts'
import { findOnPath, findProgram, findValgrind, valgrindArguments } from './valgrind.ts'

/** How a recording came to its end. */
export type RecordingEnd = 'finished' | 'references' | 'seconds' | 'stopped'

export interface RecorderOptions {
  program: string
  arguments: string[]
  /** Working directory of the program. */
  directory: string
  /** In which the folder for the logs is made. */
  scratch: string
  filterSize: number
  /** Stored references of all processes; 0: no limit. */
  referencesMax: number
  /** Of wall time; 0: no limit. */
  secondsMax: number
  followChildren: boolean
  /** Whether the program has the standard streams of this process; else it has no input, and `onOutput` hears it. */
  inheritStreams: boolean
  onOutput?: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void
  /** Called some ten times a second. */
  onProgress?: (progress: RecordingProgress) => void
}

export interface RecordingProgress {
  references: number
  /** Page events before the filter. */
  events: number
  /** Pages of all processes. */
  footprint: number
  processes: number
  seconds: number
}

export interface RecordingResult {
  end: RecordingEnd
  /** Of the program itself; null where a signal ended it, or the recording. */
  exitStatus: number | null
  signal: string | null
  seconds: number
  /** In the order of their streams. */
  processes: RecordedProcess[]
  /** What each process does with others. */
  verbs: WorkloadVerb[][]
  /** What valgrind had to say, and what of the program is missing. */
  notes: string[]
}

/** Processes with a stream; what further ones do is not recorded. */
export const PROCESSES_MAX = 256
const IDLE_MS = 15
const LOOK_MS = 100
/** Pieces read of one log before the others have their turn. */
const PIECES_PER_TURN = 4
const NOTES_MAX = 20
const KILL_WITHIN_MS = 2000

export class Recorder {
  readonly #options: RecorderOptions
  readonly #builder: WorkloadBuilder
  readonly #logs: string
  readonly #child: ChildProcess
  readonly #exit: Promise<void>
  readonly #open: ProcessLog[] = []
  readonly #finished: ProcessLog[] = []
  /** All of them, in the order in which they appeared. */
  readonly #logsSeen: ProcessLog[] = []
  readonly #names = new Set<string>()
  readonly #began = performance.now()
  #left: number
  #end: RecordingEnd = 'finished'
  #mustStop = false
  #hasExited = false
  #failure: Error | null = null
  #unrecorded = 0

  /** Starts the program. Throws ContractError `no-valgrind`, `no-program`. */
  static start(options: RecorderOptions, builder: WorkloadBuilder): Recorder {
    const valgrind = findValgrind()
    const program = findProgram(options.program, options.directory)
    return new Recorder(options, builder, valgrind, program)
  }

  private constructor(options: RecorderOptions, builder: WorkloadBuilder, valgrind: string, program: string) {
    this.#options = options
    this.#builder = builder
    this.#left = options.referencesMax === 0 ? Infinity : options.referencesMax
    this.#logs = mkdtempSync(path.join(options.scratch, 'recording-'))
    const { followChildren } = options
    const command = [
      valgrind,
      ...valgrindArguments({ logs: this.#logs, followChildren, program, programArguments: options.arguments }),
    ]
    // a recorder that is killed takes the program with it
    const setpriv = findOnPath('setpriv')
    if (setpriv !== undefined) command.unshift(setpriv, '--pdeathsig', 'KILL')
    const [file = '', ...rest] = command
    this.#child = spawn(file, rest, {
      cwd: options.directory,
      detached: true,
      stdio: options.inheritStreams ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (bytes: Buffer) => options.onOutput?.('stdout', bytes))
    this.#child.stderr?.on('data', (bytes: Buffer) => options.onOutput?.('stderr', bytes))
    this.#exit = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#failure = error
        this.#hasExited = true
        resolve()
      })
      // `close` comes after the last of its output
      this.#child.on('exit', () => (this.#hasExited = true))
      this.#child.on('close', () => resolve())
    })
  }

  /** Ends the recording: the processes are killed, what has come is read. */
  stop(): void {
    if (!this.#mustStop) this.#end = 'stopped'
    this.#mustStop = true
  }

  /** Records to the end. Throws ContractError where the program could not be started or made no reference. */
  async record(): Promise<RecordingResult> {
    try {
      await this.#follow()
      return this.#result()
    } finally {
      this.#kill()
      for (const log of this.#open) log.close()
      rmSync(this.#logs, { recursive: true, force: true })
    }
  }

  async #follow(): Promise<void> {
    const { secondsMax } = this.#options
    let lookAt = 0
    for (;;) {
      // asked before the logs are read, so that an ended process has written all when its log is read
      const ended = new Set(this.#open.filter((log) => !isRunning(log.pid)))
      const hasExited = this.#hasExited
      this.#adopt()
      const newest = new Map(this.#open.map((log) => [log.pid, log]))
      let bytes = 0
      for (const log of [...this.#open]) {
        let count = 1
        for (let piece = 0; piece < PIECES_PER_TURN && count > 0; piece++) {
          count = log.read()
          bytes += count
        }
        // a process that executes another program goes on in another log
        if (count === 0 && (ended.has(log) || newest.get(log.pid) !== log)) this.#finish(log)
      }
      const now = performance.now()
      if (now >= lookAt) {
        for (const log of this.#open) log.look()
        this.#options.onProgress?.(this.#progress())
        lookAt = performance.now() + LOOK_MS
      }
      if (this.#left <= 0) this.#reach('references')
      if (secondsMax > 0 && now - this.#began >= secondsMax * 1000) this.#reach('seconds')
      if (this.#mustStop) {
        await this.#drain()
        return
      }
      if (hasExited && this.#open.length === 0 && bytes === 0) break
      await sleep(bytes === 0 ? IDLE_MS : 0)
    }
    await this.#exit
    this.#options.onProgress?.(this.#progress())
  }

  #reach(end: RecordingEnd): void {
    if (!this.#mustStop) this.#end = end
    this.#mustStop = true
  }

  /** Kills the processes; what they have written until now counts, as far as the limit lets it. */
  async #drain(): Promise<void> {
    for (const log of this.#open) log.look()
    this.#kill()
    await Promise.race([this.#exit, sleep(KILL_WITHIN_MS)])
    for (const log of [...this.#open]) {
      // the last line may have been cut by the kill, so no more than what has been read is taken
      log.endHere()
      this.#finished.push(log)
    }
    this.#open.length = 0
    this.#options.onProgress?.(this.#progress())
  }

  #adopt(): void {
    for (const name of readdirSync(this.#logs)) {
      if (!/^\d+$/.test(name)) continue
      const file = path.join(this.#logs, name)
      const pid = Number(name)
      const isRecorded = this.#open.length + this.#finished.length < PROCESSES_MAX
      if (!isRecorded) this.#unrecorded++
      const log = new ProcessLog({
        file,
        pid,
        nameFor: (program) => this.#nameFor(program, pid),
        filterSize: this.#options.filterSize,
        builder: this.#builder,
        accepts: isRecorded ? () => this.#left > 0 && this.#left-- > 0 : () => false,
        stackPage: this.#open.find((each) => each.stackPage >= 0)?.stackPage ?? -1,
      })
      this.#open.push(log)
      this.#logsSeen.push(log)
    }
  }

  /** The program's name for the first process; for the others that of what they execute, with the process id. */
  #nameFor(program: string, pid: number): string {
    const base = this.#names.size === 0 ? path.basename(this.#options.program) : `${program} ${pid}`
    let name = base
    for (let number = 2; this.#names.has(name); number++) name = `${base} (${number})`
    this.#names.add(name)
    return name
  }

  #finish(log: ProcessLog): void {
    log.finish()
    this.#open.splice(this.#open.indexOf(log), 1)
    this.#finished.push(log)
  }

  #kill(): void {
    const pids = [...this.#open.map((log) => log.pid), ...(this.#hasExited ? [] : [this.#child.pid ?? 0])]
    for (const pid of pids) if (pid > 0 && isRunning(pid)) kill(pid)
    // those of its session that have not written yet
    if (this.#child.pid !== undefined && !this.#hasExited) kill(-this.#child.pid)
  }

  #progress(): RecordingProgress {
    const all = [...this.#finished, ...this.#open]
    const sum = (value: (log: ProcessLog) => number) => all.reduce((total, log) => total + value(log), 0)
    return {
      references: sum((log) => log.references),
      events: sum((log) => log.events),
      footprint: sum((log) => log.footprint),
      processes: all.length,
      seconds: (performance.now() - this.#began) / 1000,
    }
  }

  #result(): RecordingResult {
    if (this.#failure)
      throw new ContractError({
        code: 'recording-failed',
        message: `valgrind could not be started: ${this.#failure.message}`,
      })
    const messages = this.#finished.flatMap((log) => log.messages)
    for (const [place, log] of this.#logsSeen.entries()) {
      const parent = this.#logsSeen.slice(0, place).findLast(({ pid }) => pid === log.parentPid)
      if (parent) log.inheritLabels(parent)
    }
    // in the order of their streams, which is that of their first references
    const order = [...this.#names]
    const family = familyOf(this.#logsSeen.map((log) => log.family((name) => order.indexOf(name))))
    const processes = this.#finished
      .flatMap((log) => log.describe() ?? [])
      .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
      .map((process, stream) => ({ ...process, begins: family[stream]?.begins ?? null }))
    const { exitCode, signalCode } = this.#child
    if (processes.length === 0) {
      if (this.#end !== 'finished')
        throw new ContractError({
          code: 'recording-failed',
          message: `${this.#options.program} was ended before its first reference`,
        })
      const why =
        messages.length > 0 ? messages.slice(0, 3).join('; ') : `exit status ${exitCode ?? signalCode ?? 'unknown'}`
      throw new ContractError({
        code: 'recording-failed',
        message: `valgrind recorded nothing of ${this.#options.program}: ${why}`,
      })
    }
    const late = processes.filter(({ begins }) => begins?.isExact === false).map(({ name }) => name)
    const notes = [
      ...(this.#unrecorded > 0
        ? [`${this.#unrecorded} processes beyond the first ${PROCESSES_MAX} are not recorded`]
        : []),
      ...(late.length > 0
        ? [
            `the recording ended before the place was known at which ${late.join(', ')} began: it is the end of what is stored of the parent`,
          ]
        : []),
    ]
    return {
      end: this.#end,
      // the signal of one that was cut off is ours
      exitStatus: this.#end === 'finished' ? exitCode : null,
      signal: this.#end === 'finished' ? signalCode : null,
      seconds: (performance.now() - this.#began) / 1000,
      processes,
      verbs: family.map(({ verbs }) => verbs),
      notes: [...notes, ...new Set(messages)].slice(0, NOTES_MAX),
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it ended in between
  }
}

/** A process that has ended stays as a zombie until its parent asks for its status. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const state = stat.charAt(stat.lastIndexOf(')') + 2)
    return state !== 'Z' && state !== 'X'
  } catch {
    return false
  }
}
