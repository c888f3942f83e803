/** The files that a machine has open, those that it had, and what verbs call them: saved with the machine. */
import { rowsOf, type Columns } from '../sim/columns.ts'

interface Known {
  /** Number in the volume. */
  file: number
  isDevice: boolean
}

/** What is kept of a file that has an object. */
export interface OpenFile extends Known {
  /** Slots of the contents ledger: the pages that it may grow to. */
  slots: number
  /** What verbs call it; null: only mappings know it. */
  name: string | null
  /** Open descriptors. */
  descriptors: number
  isUnlinked: boolean
  /** Faults and calls under way on it: who holds the vnode's lock. */
  users: number
  /** Its vnode is being reclaimed. */
  isGoing: boolean
}

/** A file without an object: what it takes to open it again. */
interface ClosedFile extends Known {
  mostBytes: number
  /** What it must hold. Not saved. */
  bytes: Uint8Array
}

export class FileTable {
  /** By object: the files that have one. */
  readonly open = new Map<number, OpenFile>()
  /** By name: the files that had one. */
  readonly closed = new Map<string, ClosedFile>()
  /** By name: objects of the files that verbs know. */
  readonly named = new Map<string, number>()
  isMounted = true
  /** All names that there ever were. */
  readonly #names: string[] = []

  constructor(columns: Columns) {
    columns.keep(
      'file.table',
      () => this.#saved(),
      (values) => {
        this.#read(values)
      },
    )
  }

  add(object: number, file: Omit<OpenFile, 'users' | 'isGoing'>): void {
    this.open.set(object, { ...file, users: 0, isGoing: false })
    const { name } = file
    if (name === null) return
    this.named.set(name, object)
    if (!this.#names.includes(name)) this.#names.push(name)
  }

  /** Whether they are mounted; how many are open, each of them, and those that are closed. Nothing is under way. */
  #saved(): number[] {
    const open = [...this.open].map(([object, { file, isDevice, slots, name, descriptors, isUnlinked }]) => [
      ...[object, file, Number(isDevice), slots],
      ...[name === null ? -1 : this.#names.indexOf(name), descriptors, Number(isUnlinked)],
    ])
    const closed = [...this.closed].map(([name, { file, isDevice, mostBytes }]) => [
      ...[this.#names.indexOf(name), file, Number(isDevice), mostBytes],
    ])
    return [Number(this.isMounted), open.length, ...open.flat(), ...closed.flat()]
  }

  #read([isMounted, openFiles = 0, ...values]: readonly number[]): void {
    this.isMounted = isMounted !== 0
    this.open.clear()
    this.named.clear()
    const end = openFiles * 7
    for (const [object, file, isDevice, slots, number, descriptors, isUnlinked] of rowsOf(values.slice(0, end), 7)) {
      const name = this.#names[number!] ?? null
      this.add(object!, {
        file: file!,
        isDevice: isDevice !== 0,
        slots: slots!,
        name,
        descriptors: descriptors!,
        isUnlinked: isUnlinked !== 0,
      })
      if (name !== null && isUnlinked !== 0) this.named.delete(name)
    }
    const before = new Map(this.closed)
    this.closed.clear()
    for (const [number, file, isDevice, mostBytes] of rowsOf(values.slice(end), 4)) {
      const name = this.#names[number!]!
      const bytes = before.get(name)?.bytes ?? new Uint8Array(0)
      this.closed.set(name, { file: file!, isDevice: isDevice !== 0, mostBytes: mostBytes!, bytes })
    }
  }
}
