/**
 * From the logs of recorded processes to the processes of one workload: which one begins which, and where in its stream.
 *
 *   fork    a process that goes on as its parent's copy: `fork` where the parent's log says so
 *   exec    a process that executes another program is another stream: `spawn` at the end of the one before
 *   both    a child of which nothing was recorded before it executed a program: `spawn` where its parent forked
 *   wait    a process that waited for a child waits for it, and for what the child went on as
 *
 * Memory that a process gave up is mapped anew there: what was in it is gone, and the next reference finds zeros.
 */
import type { WorkloadVerb } from '../../../engine/workload/verbs.ts'
import type { PageRange } from './memoryCalls.ts'
import type { RecordedCall } from './systemCalls.ts'

/** What is known of a log when it is complete. */
export interface FamilyLog {
  pid: number
  /** As valgrind says it. */
  parentPid: number | null
  isForked: boolean
  hasExited: boolean
  /** In the order of the process's stream. */
  calls: readonly RecordedCall[]
  /** Pages whose contents mattered, in a range that was given up. */
  givenUp: (range: PageRange, seen: number) => readonly PageRange[]
  /** The number of its stream; -1: it has none. */
  stream: number
  /** References of its stream. */
  references: number
}

/** Where a process of the workload begins. */
export interface Beginning {
  /** As a copy of another one, as the same with another program, or with a program of its own. */
  how: 'fork' | 'exec' | 'spawn'
  /** The process of the workload that begins it, before its reference number `at`. */
  process: number
  at: number
  /** False: the recording ended before the parent's log came to the fork, so that `at` is the end of what is stored of the parent. */
  isExact: boolean
}

export interface FamilyMember {
  /** null: it is there from the start. */
  begins: Beginning | null
  verbs: WorkloadVerb[]
}

/** A process as the system counts them: its logs, each of another program than the one before. */
interface SystemProcess {
  pid: number
  logs: FamilyLog[]
}

/** Where a log comes from: a call of another one; null: the other one's end. */
interface Origin {
  log: FamilyLog
  call: RecordedCall | null
  how: Beginning['how']
  isExact: boolean
}

type Begun = Beginning & { call: RecordedCall | null }

/** A member for each stream, in their order. `logs` are in the order in which they appeared. */
export function familyOf(logs: readonly FamilyLog[]): FamilyMember[] {
  const { processOf, childOf, originOf } = relate(logs)
  const withStream = logs.filter(({ stream }) => stream >= 0).sort((a, b) => a.stream - b.stream)
  const beginnings = new Map(withStream.map((log) => [log, beginningOf(log, originOf, logs.length)]))
  const waits = new Map(
    [...new Set(processOf.values())].flatMap(({ logs: own }) => [...answers(own.flatMap(({ calls }) => calls))]),
  )

  const begin = (source: FamilyLog, call: RecordedCall | null, at: number): WorkloadVerb[] =>
    withStream.flatMap((child) => {
      const begins = beginnings.get(child)
      if (begins?.process !== source.stream || begins.call !== call) return []
      return [{ at, verb: begins.how === 'fork' ? 'fork' : 'spawn', child: child.stream }]
    })
  const wait = (call: RecordedCall): WorkloadVerb[] => {
    const fork = waits.get(call)
    const child = fork && childOf.get(fork)
    const begun = child?.logs.filter((log) => log.stream >= 0 && beginnings.get(log)?.isExact === true) ?? []
    return begun.map(({ stream }) => ({ at: call.at, verb: 'wait', child: stream }))
  }
  return withStream.map((log) => {
    const begins = beginnings.get(log) ?? null
    const verbs = log.calls.flatMap((call): WorkloadVerb[] => {
      if (call.call === 'fork') return begin(log, call, call.at)
      if (call.call === 'wait') return wait(call)
      const ranges = log.givenUp(call.range, call.seen)
      return ranges.map(({ page, pages }) => ({ at: call.at, verb: 'map', page, pages, object: '', offset: 0 }))
    })
    verbs.push(...begin(log, null, log.references))
    return {
      begins: begins && { how: begins.how, process: begins.process, at: begins.at, isExact: begins.isExact },
      verbs: verbs.sort((a, b) => a.at - b.at),
    }
  })
}

/** Which logs are one process's, and which fork began which process. */
function relate(logs: readonly FamilyLog[]) {
  const processes: SystemProcess[] = []
  const processOf = new Map<FamilyLog, SystemProcess>()
  for (const log of logs) {
    let process = processes.findLast(({ pid }) => pid === log.pid)
    // the system gives a number again when its process is gone
    if (process === undefined || log.isForked || process.logs.at(-1)?.hasExited === true) {
      process = { pid: log.pid, logs: [] }
      processes.push(process)
    }
    process.logs.push(log)
    processOf.set(log, process)
  }
  const childOf = new Map<RecordedCall, SystemProcess>()
  const forkOf = new Map<SystemProcess, { log: FamilyLog; call: RecordedCall }>()
  for (const log of logs)
    for (const call of log.calls) {
      if (call.call !== 'fork') continue
      const child = processes.find((each) => each.pid === call.pid && !forkOf.has(each) && each !== processOf.get(log))
      if (!child) continue
      childOf.set(call, child)
      forkOf.set(child, { log, call })
    }

  const originOf = (log: FamilyLog): Origin | null => {
    const process = processOf.get(log)
    if (!process) return null
    const before = process.logs[process.logs.indexOf(log) - 1]
    if (before) return { log: before, call: null, how: 'exec', isExact: true }
    const how = log.isForked ? 'fork' : 'spawn'
    const fork = forkOf.get(process)
    if (fork) return { ...fork, how, isExact: true }
    const parent = processes.findLast((each) => each.pid === log.parentPid && each !== process)?.logs.at(-1)
    return parent ? { log: parent, call: null, how, isExact: false } : null
  }
  return { processOf, childOf, originOf }
}

/** Goes up to the nearest log with a stream; `most` logs at the most. */
function beginningOf(log: FamilyLog, originOf: (log: FamilyLog) => Origin | null, most: number): Begun | null {
  let origin = originOf(log)
  let isCopy = origin?.how === 'fork'
  let isExact = origin?.isExact === true
  for (let steps = 0; origin !== null && origin.log.stream < 0; steps++) {
    origin = steps < most ? originOf(origin.log) : null
    isCopy &&= origin?.how === 'fork'
    isExact &&= origin?.isExact === true
  }
  if (origin === null) return null
  const how = isCopy ? 'fork' : origin.how === 'exec' ? 'exec' : 'spawn'
  return { how, process: origin.log.stream, at: origin.call?.at ?? origin.log.references, isExact, call: origin.call }
}

/**
 * The fork that each wait of a process is answered by. A wait whose answer is not told has the oldest child that no other call
 * answers for.
 */
function answers(calls: readonly RecordedCall[]): Map<RecordedCall, RecordedCall> {
  const answered = new Map<RecordedCall, RecordedCall>()
  const taken = new Set<RecordedCall>()
  for (const isTold of [true, false])
    calls.forEach((wait, place) => {
      if (wait.call !== 'wait' || (wait.pid !== null) !== isTold) return
      const fork = calls
        .slice(0, place)
        .find((each) => each.call === 'fork' && !taken.has(each) && (!isTold || each.pid === wait.pid))
      if (fork === undefined) return
      taken.add(fork)
      answered.set(wait, fork)
    })
  return answered
}
