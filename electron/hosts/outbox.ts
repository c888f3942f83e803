/**
 * What a host sends to one window, with bounds: while the window reads slowly, notices that a later one makes worthless
 * (progress, a changed list) are merged into the later one, and messages are kept up to a number. Ends of runs and jobs
 * are never lost. Answers go out at once: how many are under way is bounded where requests are taken in.
 */
import type { Notice, NoticeName } from '../contract/contract.ts'

export interface Wire {
  /** Bytes handed over and not yet read by the other side. */
  waitingBytes(): number
  send(frame: string | Uint8Array): void
}

export interface OutboxLimits {
  /** Above this many waiting bytes, notices are held back. */
  heldAboveBytes: number
  /** Run messages held back at the most; the oldest are dropped. */
  messagesMax: number
}

const defaults: OutboxLimits = { heldAboveBytes: 1 << 20, messagesMax: 1000 }

export class Outbox {
  readonly #wire: Wire
  readonly #limits: OutboxLimits
  /** Held notices by what they would replace, oldest first. */
  readonly #held = new Map<string, string>()
  #messages = 0
  #sequence = 0
  /** Messages dropped since the window last kept up. */
  dropped = 0

  constructor(wire: Wire, limits: Partial<OutboxLimits> = {}) {
    this.#wire = wire
    this.#limits = { ...defaults, ...limits }
  }

  get heldCount(): number {
    return this.#held.size
  }

  /** Sends a notice, or holds it back while the window is behind. */
  notice<N extends NoticeName>(name: N, data: Notice<N>): void {
    const frame = JSON.stringify({ notice: name, data })
    this.flush()
    if (this.#held.size === 0 && this.#wire.waitingBytes() <= this.#limits.heldAboveBytes) {
      this.#wire.send(frame)
      return
    }
    const key = this.#keyOf(name, data)
    // deleted first: it takes its place at the end, so that order among notices stays that of the latest of each
    this.#held.delete(key)
    this.#held.set(key, frame)
    if (name === 'run.message' && ++this.#messages > this.#limits.messagesMax) this.#dropOldestMessage()
  }

  /** Sends what was held back, as far as the window keeps up. */
  flush(): void {
    for (const [key, frame] of this.#held) {
      if (this.#wire.waitingBytes() > this.#limits.heldAboveBytes) return
      this.#held.delete(key)
      if (key.startsWith(messageKey)) this.#messages--
      this.#wire.send(frame)
    }
    this.dropped = 0
  }

  #keyOf(name: NoticeName, data: object): string {
    if (name === 'run.message') return `${messageKey}${++this.#sequence}`
    const subject = ['run', 'job', 'what']
      .map((field) => (field in data ? String(Reflect.get(data, field)) : ''))
      .join('/')
    return `${name}/${subject}`
  }

  #dropOldestMessage(): void {
    for (const key of this.#held.keys()) {
      if (!key.startsWith(messageKey)) continue
      this.#held.delete(key)
      this.#messages--
      this.dropped++
      return
    }
  }
}

const messageKey = 'run.message#'
