/**
 * What a process's log says of its system calls (valgrind's --trace-syscalls): where it forked, which processes it waited for, what memory
 * it gave back, and whether the log begins in the midst of a fork, as that of a forked process does.
 *
 * A call is a line, or two where it may block or where valgrind has something to say of it: the second one has its outcome. The outcome of a
 * wait that a signal comes to (that the child has ended, mostly) is not told.
 */
import { memoryGivenUp, type PageRange } from './memoryCalls.ts'

/** A call that matters to the workload; `at`: references of the process that are stored before it. */
export type RecordedCall =
  | { call: 'fork'; pid: number; at: number }
  /** For any child, or one whose number was not told, where `pid` is null. */
  | { call: 'wait'; pid: number | null; at: number }
  /** What is in these pages is gone. `seen`: pages that the process had referenced by then. */
  | { call: 'giveUp'; range: PageRange; seen: number; at: number }

/** WNOHANG */
const NO_HANG = 1
/** P_PID of waitid */
const BY_PID = 1

interface Call {
  text: string
  at: number
  seen: number
}

export class SystemCalls {
  readonly calls: RecordedCall[] = []
  /** The process began by fork, and goes on as its parent's copy. */
  isForked = false
  /** It has called exit. */
  hasExited = false
  readonly #now: () => { references: number; pages: number }
  #heard = false
  /** The call whose text has no outcome yet, in this line: file names may have line ends in them. */
  #open: Call | null = null
  /** By thread: the call that it is in. */
  readonly #pending = new Map<string, Call>()
  /** End of the heap, as far as it is known. */
  #break = -1

  /** `now` tells how many references of the process have been stored, and to how many pages. */
  constructor(now: () => { references: number; pages: number }) {
    this.#now = now
  }

  /** Takes a line that is no reference. False if it is not of a system call. */
  take(line: string): boolean {
    const { references: at, pages: seen } = this.#now()
    const isFirst = !this.#heard && at === 0
    this.#heard = true
    const [, thread = '', text = ''] = /^SYSCALL\[\d+,(\d+)\]\(\d+\) (.*)$/s.exec(line) ?? []
    const isRest = line.startsWith(' --> [')
    const open = this.#open
    if (text === '' && !isRest && open === null) return false
    if (isRest && isFirst) this.isForked = true
    const child = /\bcreated child (\d+)/.exec(line)?.[1]
    if (child !== undefined) this.calls.push({ call: 'fork', pid: Number(child), at })
    if (text !== '') this.#takeCall(thread, { text, at, seen })
    else if (open !== null && line.includes(' --> ')) {
      this.#open = null
      this.#settle(open, line)
    }
    return true
  }

  /** What was still on its way when the log ended. */
  finish(): void {
    for (const thread of [...this.#pending.keys()]) this.#interrupt(thread)
  }

  #takeCall(thread: string, call: Call): void {
    const { text } = call
    if (text.startsWith('exit_group')) this.hasExited = true
    this.#open = text.includes(' --> ') ? null : call
    const pending = this.#pending.get(thread)
    if (text.startsWith('... ')) {
      this.#pending.delete(thread)
      if (pending !== undefined) this.#settle(pending, text)
      return
    }
    this.#interrupt(thread)
    if (text.includes('[async]')) this.#pending.set(thread, call)
    else if (this.#open === null) this.#settle(call, text)
  }

  /** A call has come back. */
  #settle({ text, at, seen }: Call, outcome: string): void {
    const value = /Success\(0x([0-9a-f]+)\)/.exec(outcome)?.[1]
    if (value === undefined) return
    const answer = Number.parseInt(value, 16)
    const wait = waitOf(text)
    if (wait?.answersPid === true) {
      if (answer !== 0) this.calls.push({ call: 'wait', pid: answer, at })
    } else if (wait !== null) this.#waited(wait, at)
    else {
      const { ranges, breakAt } = memoryGivenUp(text, answer, this.#break)
      this.#break = breakAt
      for (const range of ranges) this.calls.push({ call: 'giveUp', range, seen, at })
    }
  }

  /** A call of which nothing more is told. */
  #interrupt(thread: string): void {
    const call = this.#pending.get(thread)
    this.#pending.delete(thread)
    const wait = call === undefined ? null : waitOf(call.text)
    if (call !== undefined && wait !== null) this.#waited(wait, call.at)
  }

  /** A wait that would not have waited says nothing. */
  #waited({ asked, isHanging }: Wait, at: number): void {
    if (isHanging) this.calls.push({ call: 'wait', pid: asked === 0 ? null : asked, at })
  }
}

interface Wait {
  /** What the call asks for; 0: any child. */
  asked: number
  /** Whether the answer is the child's number. */
  answersPid: boolean
  isHanging: boolean
}

/** Numbers are printed as unsigned: those below zero, any child of a group, are beyond all process numbers. */
const PID_MAX = 0x7fffffff

function waitOf(call: string): Wait | null {
  const [, name, list = ''] = /^sys_(wait4|waitid|waitpid) *\(([^)]*)\)/.exec(call) ?? []
  if (name === undefined) return null
  const [first = 0, second = 0, third = 0, fourth = 0] = list.split(',').map(Number)
  const options = name === 'waitid' ? fourth : third
  const asked = name === 'waitid' ? (first === BY_PID ? second : 0) : first
  return {
    asked: asked > 0 && asked <= PID_MAX ? asked : 0,
    answersPid: name !== 'waitid',
    isHanging: (options & NO_HANG) === 0,
  }
}
