/** Who wants to hear which notice. */
import type { Notice, NoticeName } from '../../electron/contract/contract.ts'
import { isNotice, isNoticeName } from './checks.ts'

export class Listeners {
  readonly #byName = new Map<NoticeName, Set<(data: unknown) => void>>()

  /** Answers a function that ends the subscription. */
  add<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void {
    const set = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, set)
    const heard = (data: unknown) => {
      if (isNotice(name, data)) listener(data)
    }
    set.add(heard)
    return () => void set.delete(heard)
  }

  /** Tells a notice as it came from the host; one that is not of the contract is told to nobody. */
  tell(name: unknown, data: unknown): void {
    if (!isNoticeName(name)) return
    for (const listener of [...(this.#byName.get(name) ?? [])]) listener(data)
  }
}
