/** Who listens to the service, by name of notice. */
import type { Notice, NoticeName } from '../contract/contract.ts'

type Listeners = { [N in NoticeName]: Set<(notice: Notice<N>) => void> }

export class Notices {
  readonly #listeners: Listeners = {
    'run.progress': new Set(),
    'run.ended': new Set(),
    'run.message': new Set(),
    'recording.progress': new Set(),
    'recording.output': new Set(),
    'sweep.progress': new Set(),
    'need.progress': new Set(),
    'tally.progress': new Set(),
    'moment.progress': new Set(),
    job: new Set(),
    changed: new Set(),
  }

  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void {
    const listeners: Set<(notice: Notice<N>) => void> = this.#listeners[name]
    // an object of its own, so that one function can be subscribed twice and each subscription ended by itself
    const own = (notice: Notice<N>) => listener(notice)
    listeners.add(own)
    return () => listeners.delete(own)
  }

  send<N extends NoticeName>(name: N, notice: Notice<N>): void {
    const listeners: Set<(notice: Notice<N>) => void> = this.#listeners[name]
    for (const listener of listeners) {
      try {
        listener(notice)
      } catch (error) {
        // a listener that fails must not keep the others, or the service, from going on
        console.error(error)
      }
    }
  }
}
