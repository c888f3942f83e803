/** The rows of a kernel's table of vnodes: one for each, taken and given back; twice as many when there is none left. */
import type { ColumnKind, Columns } from '../sim/columns.ts'

export class VnodeRows {
  readonly #columns: Columns
  readonly #prefix: string
  readonly #kinds: readonly (readonly [name: string, kind: ColumnKind])[]
  readonly #rebind: () => void
  /** By free row: the next one. */
  #next!: Int32Array
  /** [0] first free row, -1: none */
  #state: Int32Array

  /** Defines the columns, by their names behind `prefix.`; `rebind` fetches them, now and whenever they are others. */
  constructor(
    columns: Columns,
    prefix: string,
    kinds: readonly (readonly [name: string, kind: ColumnKind])[],
    rows: number,
    rebind: () => void,
  ) {
    this.#columns = columns
    this.#prefix = prefix
    this.#kinds = [...kinds, ['next', 'i32']]
    for (const [name, kind] of this.#kinds) columns.define(`${prefix}.${name}`, kind, rows)
    this.#state = columns.define(`${prefix}.state`, 'i32', 1)
    this.#state[0] = -1
    this.#rebind = () => {
      this.#next = columns.get(`${prefix}.next`, 'i32')
      this.#state = columns.get(`${prefix}.state`, 'i32')
      rebind()
    }
    columns.onRebind(this.#rebind)
    this.#rebind()
    this.#chain(0)
  }

  /** A row, with whatever was in it. */
  take(): number {
    if (this.#state[0]! < 0) {
      const rows = this.#next.length
      for (const [name, kind] of this.#kinds) this.#columns.resize(`${this.#prefix}.${name}`, kind, rows * 2)
      this.#rebind()
      this.#chain(rows)
    }
    const row = this.#state[0]!
    this.#state[0] = this.#next[row]!
    return row
  }

  /** It is taken again before any other. */
  give(row: number): void {
    this.#next[row] = this.#state[0]!
    this.#state[0] = row
  }

  #chain(from: number): void {
    for (let row = this.#next.length - 1; row >= from; row--) this.give(row)
  }
}
