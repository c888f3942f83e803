/**
 * The event queue: what will happen at which virtual time. A binary heap over columns; events at the same time come out
 * in the order in which they were put in.
 */
import type { Columns } from './columns.ts'

export class EventQueue {
  #time: Float64Array
  #sequence: Float64Array
  #type: Int32Array
  #argument: Int32Array
  /** [0] events, [1] next sequence number. */
  #state: Float64Array
  readonly #columns: Columns
  /** What the last pop() gave. */
  type = 0
  argument = 0

  constructor(columns: Columns) {
    this.#columns = columns
    this.#time = columns.define('queue.time', 'f64', 64)
    this.#sequence = columns.define('queue.sequence', 'f64', 64)
    this.#type = columns.define('queue.type', 'i32', 64)
    this.#argument = columns.define('queue.argument', 'i32', 64)
    this.#state = columns.define('queue.state', 'f64', 2)
    columns.onRebind(() => {
      this.#time = columns.get('queue.time', 'f64')
      this.#sequence = columns.get('queue.sequence', 'f64')
      this.#type = columns.get('queue.type', 'i32')
      this.#argument = columns.get('queue.argument', 'i32')
      this.#state = columns.get('queue.state', 'f64')
    })
  }

  get length(): number {
    return this.#state[0]!
  }

  /** When the next event is due, Infinity if there is none. */
  get nextTime(): number {
    return this.#state[0] === 0 ? Infinity : this.#time[0]!
  }

  push(time: number, type: number, argument: number): void {
    const count = this.#state[0]!
    if (count === this.#time.length) this.#grow()
    const sequence = this.#state[1]!
    this.#state[0] = count + 1
    this.#state[1] = sequence + 1
    let at = count
    while (at > 0) {
      const parent = (at - 1) >> 1
      // the new event has the highest sequence number: it stays behind its equals
      if (this.#time[parent]! <= time) break
      this.#move(parent, at)
      at = parent
    }
    this.#time[at] = time
    this.#sequence[at] = sequence
    this.#type[at] = type
    this.#argument[at] = argument
  }

  /** Takes the next event out: its time; `type` and `argument` say the rest. The queue must not be empty. */
  pop(): number {
    const result = this.#time[0]!
    this.type = this.#type[0]!
    this.argument = this.#argument[0]!
    const last = this.#state[0]! - 1
    this.#state[0] = last
    if (last > 0) {
      const time = this.#time[last]!
      const sequence = this.#sequence[last]!
      let at = 0
      for (;;) {
        let child = 2 * at + 1
        if (child >= last) break
        if (child + 1 < last && this.#before(child + 1, child)) child += 1
        if (time < this.#time[child]! || (time === this.#time[child]! && sequence < this.#sequence[child]!)) break
        this.#move(child, at)
        at = child
      }
      this.#move(last, at)
    }
    return result
  }

  #before(a: number, b: number): boolean {
    return (
      this.#time[a]! < this.#time[b]! || (this.#time[a]! === this.#time[b]! && this.#sequence[a]! < this.#sequence[b]!)
    )
  }

  #move(from: number, to: number): void {
    this.#time[to] = this.#time[from]!
    this.#sequence[to] = this.#sequence[from]!
    this.#type[to] = this.#type[from]!
    this.#argument[to] = this.#argument[from]!
  }

  #grow(): void {
    const capacity = this.#time.length * 2
    this.#time = this.#columns.resize('queue.time', 'f64', capacity)
    this.#sequence = this.#columns.resize('queue.sequence', 'f64', capacity)
    this.#type = this.#columns.resize('queue.type', 'i32', capacity)
    this.#argument = this.#columns.resize('queue.argument', 'i32', capacity)
  }
}
