/**
 * Operations on files that are under way, resumed by what they wait for.
 *
 * An operation runs until it waits. step() carries on those whose waits are over; the machine calls it between two events, never
 * from within one, so an operation is not entered while it runs. A task has no columns: while there are any, a machine cannot be saved.
 */
import type { Kernel } from '../sim/kernel.ts'
import { ObjectFlag, ObjectType } from '../vm/pages.ts'
import type { Operation, VnodeWait } from './operation.ts'

/** Answers to what only a kernel's adapter can see. */
export interface WaitJudge {
  /** A request of the file device is over. */
  isRequestOver(request: number): boolean
  /** NetBSD: a buffer's I/O is over. */
  isBufferDone(buffer: number): boolean
  /** A number that changes when a wait of this kind may be over: writes of a vnode on their way, the holders of a lock. */
  witness(wait: VnodeWait): number
}

interface Task {
  /** Goes on to the next wait; null: the operation is over, and who began it has its result. */
  resume: () => VnodeWait | null
  wait: VnodeWait
  /** What the wait looked at when it began. */
  witness: number
  /** Virtual time at which a pause is over. */
  until: number
}

export class FileTasks {
  readonly #kernel: Kernel
  readonly #judge: WaitJudge
  readonly #tasks: Task[] = []

  constructor(kernel: Kernel, judge: WaitJudge) {
    this.#kernel = kernel
    this.#judge = judge
  }

  get count(): number {
    return this.#tasks.length
  }

  /** When the next pause is over; Infinity if none of the tasks pauses. */
  get nextTime(): number {
    let next = Infinity
    for (const task of this.#tasks) next = Math.min(next, task.until)
    return next
  }

  /** Begins an operation. `finished` gets its result, before this returns if it never waits. Answers whether it is over. */
  start<Result>(run: Operation<Result>, finished: (result: Result) => void): boolean {
    const resume = (): VnodeWait | null => {
      const step = run.next()
      if (step.done !== true) return step.value
      finished(step.value)
      return null
    }
    const wait = resume()
    if (wait === null) return true
    const task: Task = { resume, wait, witness: 0, until: Infinity }
    this.#begin(task, wait)
    this.#tasks.push(task)
    return false
  }

  /** Carries on the tasks whose waits are over; false if all must wait. */
  step(): boolean {
    let stepped = false
    for (let i = 0; i < this.#tasks.length;) {
      const task = this.#tasks[i]!
      if (!this.#isOver(task)) {
        i += 1
        continue
      }
      stepped = true
      const wait = task.resume()
      if (wait === null) this.#tasks.splice(this.#tasks.indexOf(task), 1)
      else {
        this.#begin(task, wait)
        i += 1
      }
    }
    return stepped
  }

  /** Forgets all of them: the machine has gone back to a state that had none. */
  clear(): void {
    this.#tasks.length = 0
  }

  #begin(task: Task, wait: VnodeWait): void {
    task.wait = wait
    task.witness = this.#witness(wait)
    if (wait.on === 'memory') this.#kernel.memoryWanted()
    task.until = wait.on === 'pause' ? this.#kernel.now + wait.durationNs : Infinity
  }

  #witness(wait: VnodeWait): number {
    const { pages } = this.#kernel
    // a page that is let go of and busied again at once still counts as changed: the waiter was passed over, and looks again
    if (wait.on === 'page') return pages.exclusiveBusy[wait.frame]! * 65536 + pages.sharedBusy[wait.frame]!
    return this.#judge.witness(wait)
  }

  #isOver(task: Task): boolean {
    const { pages, thresholds, now } = this.#kernel
    const { wait } = task
    switch (wait.on) {
      case 'host':
        return this.#judge.isRequestOver(wait.request)
      case 'buffer':
        return this.#judge.isBufferDone(wait.buffer)
      case 'page':
        return this.#witness(wait) !== task.witness
      case 'paging':
        return pages.pagingInProgress[wait.object] === 0
      case 'dead-object':
        return (
          (pages.objectFlags[wait.object]! & ObjectFlag.dead) === 0 || pages.objectType[wait.object] === ObjectType.dead
        )
      case 'memory':
        return pages.freeCount > thresholds.freeReserved && pages.freeCount >= thresholds.freeMin
      case 'pause':
        return now >= task.until
      case 'call':
        return wait.isOver()
      case 'processor':
        return true
      case 'vnode':
      case 'output':
      case 'node-lock':
        return this.#judge.witness(wait) !== task.witness
    }
  }
}
