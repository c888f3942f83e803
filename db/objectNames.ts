/**
 * What the VM objects of a run are called. The one place that decides it: the window's maps, tracks and tables, the command line, exports and
 * SQL all say what is said here.
 *
 * An object's number is used again when the object is gone, so a name holds from one event of the run on, until the number
 * has another one.
 */

/** Pages of an object that were one thing in the recorded program: a file's, heap, stack, anonymous. */
export interface ObjectLabel {
  /** Index in the object of the first page. */
  page: number
  pages: number
  label: string
}

export interface NamedObject {
  object: number
  /** Number in the run of the first event that may be about it. */
  firstEvent: number
  /** A file's pages, private memory, a private copy of another object's pages, memory with a name. */
  kind: string
  /** The process that had it mapped first, and the virtual page number of its page 0 there; -1: none, it has a name. */
  process: number
  startPage: number
  pages: number
  /** Empty: nothing is known but its number. */
  name: string
  /** Ascending; empty where all pages are what the name says, or the workload was not recorded of a program. */
  labels: ObjectLabel[]
}

/** Names of labels that a name consists of; further ones are counted. */
const LABELS_SHOWN = 2

/** What an object with pages of these labels is called: those with most pages. `weights` are pages by label. */
export function nameOfLabels(weights: ReadonlyMap<string, number>): string {
  const short = new Map<string, number>()
  for (const [label, pages] of weights) short.set(shortLabel(label), (short.get(shortLabel(label)) ?? 0) + pages)
  const names = [...short].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([label]) => label)
  const shown = names.slice(0, LABELS_SHOWN)
  const more = names.length - shown.length
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(' and ')
}

/** "/usr/lib/libc.so.6 (zero-filled data)" -> "libc.so.6". */
const shortLabel = (label: string): string =>
  label.startsWith('/') ? label.replace(/ \(zero-filled data\)$/, '').replace(/^.*\//, '') : label

/** The names of one run's objects. */
export class ObjectNames {
  /** By object, ascending by first event. */
  readonly #rows = new Map<number, NamedObject[]>()

  constructor(rows: readonly NamedObject[]) {
    for (const row of [...rows].sort((a, b) => a.firstEvent - b.firstEvent)) {
      const known = this.#rows.get(row.object)
      if (known) known.push(row)
      else this.#rows.set(row.object, [row])
    }
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0
  }

  /** What an object was at an event. */
  at(object: number, event: number): NamedObject | undefined {
    return this.#rows.get(object)?.findLast(({ firstEvent }) => firstEvent <= event)
  }

  /** An object's name at an event, or the label of one of its pages; empty where nothing is known. */
  name(object: number, event: number, page?: number): string {
    const row = this.at(object, event)
    if (row === undefined) return ''
    if (page !== undefined) {
      const found = row.labels.findLast((label) => label.page <= page)
      if (found !== undefined && page < found.page + found.pages) return shortLabel(found.label)
    }
    return row.name
  }

  /** As `text`, for what shows the whole of a run: what else the number was used for is not named. */
  throughout(object: number): string {
    const names = new Set(this.#rows.get(object)?.map(({ name }) => name))
    const [first = ''] = names
    if (first === '') return `object ${object}`
    return `object ${object} (${first}${names.size > 1 ? ', later others' : ''})`
  }

  /** "object 3 (libc.so.6)": as it stands in a sentence. */
  text(object: number, event: number, page?: number): string {
    const name = this.name(object, event, page)
    return name === '' ? `object ${object}` : `object ${object} (${name})`
  }
}

/** Of a run whose objects have no names. */
export const noNames = new ObjectNames([])
