/**
 * What a process's log says of its system calls (valgrind's --trace-syscalls): where it forked, which processes it waited for,
 * and whether the log begins in the midst of a fork, as that of a forked process does.
 *
 * A call is a line, or two where it may block: the second one has its outcome. The outcome of a wait that a signal comes to (that the
 * child has ended, mostly) is not told.
 */

/** A call between processes; `at`: references of the process that are stored before it. */
export type FamilyCall =
  | { call: 'fork'; pid: number; at: number }
  /** For any child, or one whose number was not told, where `pid` is null. */
  | { call: 'wait'; pid: number | null; at: number }

/** WNOHANG */
const NO_HANG = 1
/** P_PID of waitid */
const BY_PID = 1

interface PendingWait {
  /** What the call asks for; 0: any child. */
  asked: number
  /** Whether the answer is the child's number. */
  answersPid: boolean
  isHanging: boolean
  at: number
}

export class SystemCalls {
  readonly family: FamilyCall[] = []
  /** The process began by fork, and goes on as its parent's copy. */
  isForked = false
  /** It has called exit. */
  hasExited = false
  readonly #at: () => number
  #heard = false
  /** A call's text has no end yet: file names may have line ends in them. */
  #isOpen = false
  /** By thread: the wait that it is in. */
  readonly #waits = new Map<string, PendingWait>()

  /** `at` tells how many references of the process have been stored. */
  constructor(at: () => number) {
    this.#at = at
  }

  /** Takes a line that is no reference. False if it is not of a system call. */
  take(line: string): boolean {
    const isFirst = !this.#heard && this.#at() === 0
    this.#heard = true
    const begins = line.startsWith('SYSCALL[')
    const isRest = line.startsWith(' --> [')
    if (!begins && !isRest && !this.#isOpen) return false
    if (isRest && isFirst) this.isForked = true
    this.#isOpen = !line.includes(' --> ')
    const child = /\bcreated child (\d+)/.exec(line)?.[1]
    if (child !== undefined) this.family.push({ call: 'fork', pid: Number(child), at: this.#at() })
    if (begins) this.#takeCall(line)
    return true
  }

  /** What was still on its way when the log ended. */
  finish(): void {
    for (const thread of [...this.#waits.keys()]) this.#interrupt(thread)
  }

  #takeCall(line: string): void {
    const [, thread = '', rest = ''] = /^SYSCALL\[\d+,(\d+)\]\(\d+\) (.*)$/s.exec(line) ?? []
    if (rest.startsWith('exit_group')) this.hasExited = true
    const pending = this.#waits.get(thread)
    if (rest.startsWith('... ')) {
      if (pending !== undefined) this.#answer(thread, pending, rest)
      return
    }
    if (pending !== undefined) this.#interrupt(thread)
    const wait = waitOf(rest, this.#at())
    if (wait === null) return
    if (rest.includes('[async]')) this.#waits.set(thread, wait)
    else this.#answer(thread, wait, rest)
  }

  /** A wait has come back. */
  #answer(thread: string, { asked, answersPid, isHanging, at }: PendingWait, text: string): void {
    this.#waits.delete(thread)
    const value = /Success\(0x([0-9a-f]+)\)/.exec(text)?.[1]
    if (value === undefined) return
    const answer = Number.parseInt(value, 16)
    if (answersPid && answer === 0) return
    if (answersPid) this.family.push({ call: 'wait', pid: answer, at })
    else if (isHanging) this.family.push({ call: 'wait', pid: asked === 0 ? null : asked, at })
  }

  /** A wait whose outcome is not told. One that would not have waited says nothing. */
  #interrupt(thread: string): void {
    const wait = this.#waits.get(thread)
    this.#waits.delete(thread)
    if (wait?.isHanging === true)
      this.family.push({ call: 'wait', pid: wait.asked === 0 ? null : wait.asked, at: wait.at })
  }
}

/** Numbers are printed as unsigned: those below zero, any child of a group, are beyond all process numbers. */
const PID_MAX = 0x7fffffff

function waitOf(call: string, at: number): PendingWait | null {
  const [, name, list = ''] = /^sys_(wait4|waitid|waitpid) *\(([^)]*)\)/.exec(call) ?? []
  if (name === undefined) return null
  const numbers = list.split(',').map(Number)
  const [first = 0, second = 0, third = 0, fourth = 0] = numbers
  const options = name === 'waitid' ? fourth : third
  const asked = name === 'waitid' ? (first === BY_PID ? second : 0) : first
  return {
    asked: asked > 0 && asked <= PID_MAX ? asked : 0,
    answersPid: name !== 'waitid',
    isHanging: (options & NO_HANG) === 0,
    at,
  }
}
