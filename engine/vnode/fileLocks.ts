/**
 * The locks of vnodes, as calls on files take them.
 *
 * In the kernels faults, the page daemon and the syncer take them too. Here they do not: who waits for memory with a lock would keep away
 * whoever makes memory. What must not come together does not all the same: the daemon and the syncer, where their kernel has them
 * take the lock, keep away from a file that is being cut, and who cuts it waits for what they have begun.
 */
import { until, type Operation } from './operation.ts'

/** With others that do so; alone; alone and past the pages of the file, which is not to be mapped meanwhile; alone, to cut the file. */
export type Hold = 'shared' | 'exclusive' | 'direct' | 'cut'

export class FileLocks {
  /** By object: how many share it, or how one has it alone. */
  readonly #held = new Map<number, number | Exclude<Hold, 'shared'>>()
  /** By object: how many write its pages without the lock, and how many wait to cut it. */
  readonly #writers = new Map<number, number>()
  readonly #cutters = new Map<number, number>()

  isDirect(object: number): boolean {
    return this.#held.get(object) === 'direct'
  }

  /** The file is being cut, or will be as soon as nobody writes its pages without the lock. */
  isCut(object: number): boolean {
    const held = this.#held.get(object)
    return held === 'cut' || (held === undefined && this.#cutters.has(object))
  }

  /** Writes pages of a file that is not being cut, without its lock. */
  *writing(object: number, run: Operation<unknown>): Operation<void> {
    count(this.#writers, object, 1)
    yield* run
    count(this.#writers, object, -1)
  }

  *take(object: number, hold: Hold): Operation<void> {
    const isCut = hold === 'cut'
    if (isCut) count(this.#cutters, object, 1)
    yield* until(() => {
      const held = this.#held.get(object) ?? 0
      if (hold === 'shared') return typeof held === 'number'
      return held === 0 && !(isCut && this.#writers.has(object))
    })
    if (isCut) count(this.#cutters, object, -1)
    const held = this.#held.get(object)
    this.#held.set(object, hold === 'shared' ? (typeof held === 'number' ? held : 0) + 1 : hold)
  }

  leave(object: number): void {
    const held = this.#held.get(object)
    if (typeof held === 'number' && held > 1) this.#held.set(object, held - 1)
    else this.#held.delete(object)
  }

  /** Nobody has any. */
  clear(): void {
    this.#held.clear()
    this.#writers.clear()
    this.#cutters.clear()
  }
}

/** One more or less of an object; none is not kept. */
function count(counts: Map<number, number>, object: number, change: 1 | -1): void {
  const now = (counts.get(object) ?? 0) + change
  if (now === 0) counts.delete(object)
  else counts.set(object, now)
}
