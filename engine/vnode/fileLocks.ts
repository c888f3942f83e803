/** The locks of vnodes, as calls on files take them. Faults, the page daemon and the syncer do not. */
import { until, type Operation } from './operation.ts'

/** With others that do so; alone; alone and past the pages of the file, which is not to be mapped meanwhile. */
export type Hold = 'shared' | 'exclusive' | 'direct'

export class FileLocks {
  /** By object: how many share it, or how one has it alone. */
  readonly #held = new Map<number, number | 'exclusive' | 'direct'>()

  isDirect(object: number): boolean {
    return this.#held.get(object) === 'direct'
  }

  *take(object: number, hold: Hold): Operation<void> {
    yield* until(() => {
      const held = this.#held.get(object) ?? 0
      return hold === 'shared' ? typeof held === 'number' : held === 0
    })
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
  }
}
