/**
 * Columns: where all engine state lives.
 *
 * A component asks for its state as named, typed columns and keeps direct references to the arrays. Because every
 * column is registered here under a name, the whole engine can be saved to a keyframe and restored from one, and
 * no state can be forgotten.
 *
 * Life cycle of a column:
 *  1. `define()` registers it once, zero-filled, and hands the array out.
 *  2. The owner reads and writes the array directly; nothing stands between them on the hot path.
 *  3. `resize()` replaces the array by a longer one with the same contents; the owner's `rebind` is called and
 *     fetches the references anew. Compiled code has the place of an array that is never replaced in it: what is known when the machine is made
 *     should be its length from the beginning.
 *  4. `save()` copies every column into a snapshot; `restore()` puts one back and calls every owner's `rebind`.
 *
 * What is small, seldom changes and is better kept otherwise (a map by name) is `kept`: its owner writes it as numbers into a column for each
 * save, and reads it from there after a restore.
 */

export type ColumnKind = 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'f64'

export interface ColumnArrays {
  i8: Int8Array
  u8: Uint8Array
  i16: Int16Array
  u16: Uint16Array
  i32: Int32Array
  u32: Uint32Array
  f64: Float64Array
}

interface ColumnConstructor<Column> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer): Column
}

const constructors: { [K in ColumnKind]: ColumnConstructor<ColumnArrays[K]> } = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f64: Float64Array,
}

/** Zeros. Elements of a short array without a buffer of its own are moved by the garbage collector, so that code cannot have their place in it. */
function newColumn<K extends ColumnKind>(kind: K, length: number): ColumnArrays[K] {
  const { [kind]: constructor } = constructors
  return new constructor(new ArrayBuffer(length * constructor.BYTES_PER_ELEMENT))
}

export type AnyColumn = ColumnArrays[ColumnKind]

/** A saved engine state: column name -> kind and contents. Plain data, may cross threads. */
export type Snapshot = Map<string, { kind: ColumnKind; data: AnyColumn }>

interface Entry {
  kind: ColumnKind
  data: AnyColumn
}

export class Columns {
  #entries = new Map<string, Entry>()
  #owners: (() => void)[] = []
  /** By name of the column: what is kept otherwise. */
  readonly #kept = new Map<string, () => Iterable<number>>()

  /** Registers a column of `length` zeros. A name can be defined once. */
  define<K extends ColumnKind>(name: string, kind: K, length: number): ColumnArrays[K] {
    if (this.#entries.has(name)) throw new Error(`column ${name} is defined twice`)
    const data = newColumn(kind, length)
    this.#entries.set(name, { kind, data })
    return data
  }

  /** The current array of a column; owners call this from their `rebind`. */
  get<K extends ColumnKind>(name: string, kind: K): ColumnArrays[K] {
    const entry = this.#entries.get(name)
    if (entry?.kind !== kind) throw new Error(`no ${kind} column ${name}`)
    return entry.data as ColumnArrays[K]
  }

  /** Called after any of the owner's arrays may have been replaced (by `resize` or `restore`); `forget` ends it. */
  onRebind(rebind: () => void): void {
    this.#owners.push(rebind)
  }

  /** State that is no array: `write` makes numbers of it whenever it is saved, `read` gets them back. */
  keep(name: string, write: () => Iterable<number>, read: (values: readonly number[]) => void): void {
    this.define(name, 'f64', 0)
    this.#kept.set(name, write)
    this.onRebind(() => {
      read([...this.get(name, 'f64')])
    })
  }

  /** The owner has gone: its columns are dropped, by name prefix, and it is not told any more. */
  forget(prefix: string, rebind: () => void): void {
    this.drop(prefix)
    this.#owners = this.#owners.filter((owner) => owner !== rebind)
  }

  /**
   * Replaces a column by one of `length` entries: what fits is kept, what is new is zero. The caller's own references
   * are stale afterwards: it fetches them again with `get`.
   */
  resize<K extends ColumnKind>(name: string, kind: K, length: number): ColumnArrays[K] {
    const old = this.get(name, kind)
    const data = newColumn(kind, length)
    if (length >= old.length) data.set(old)
    else data.set(old.subarray(0, length))
    this.#entries.set(name, { kind, data })
    return data
  }

  /** Forgets the columns of a component that has gone, by name prefix. */
  drop(prefix: string): void {
    for (const name of this.#entries.keys()) if (name.startsWith(prefix)) this.#entries.delete(name)
  }

  names(): string[] {
    return [...this.#entries.keys()]
  }

  /** Bytes held by all columns. */
  byteLength(): number {
    let sum = 0
    for (const entry of this.#entries.values()) sum += entry.data.byteLength
    return sum
  }

  /** A copy of everything. */
  save(): Snapshot {
    for (const [name, write] of this.#kept) this.#entries.set(name, { kind: 'f64', data: Float64Array.from(write()) })
    const snapshot: Snapshot = new Map()
    for (const [name, entry] of this.#entries) snapshot.set(name, { kind: entry.kind, data: entry.data.slice() })
    return snapshot
  }

  /** Puts a saved state back. Columns that the snapshot does not know are dropped, those it adds are created. */
  restore(snapshot: Snapshot): void {
    for (const name of this.#entries.keys()) if (!snapshot.has(name)) this.#entries.delete(name)
    for (const [name, { kind, data }] of snapshot) {
      const entry = this.#entries.get(name)
      if (entry?.kind === kind && entry.data.length === data.length) entry.data.set(data)
      else this.#entries.set(name, { kind, data: data.slice() })
    }
    for (const rebind of this.#owners) rebind()
  }
}

/** Numbers that are kept, in rows of so many. */
export function rowsOf(values: readonly number[], width: number): number[][] {
  const rows: number[][] = []
  for (let at = 0; at < values.length; at += width) rows.push(values.slice(at, at + width))
  return rows
}
