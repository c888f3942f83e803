/**
 * Keeps a running machine's virtual time to a speed. Wall time is given by the caller, so that this can be tested
 * without waiting.
 *
 * How many references fit into a stretch of virtual time is learnt from those made last; the caller ends a call at the
 * first device request too, as a single one may last longer than thousands of references.
 */

/** A machine that is further behind than this does not make up for it in a rush later. */
const BEHIND_MS_MAX = 250

export class Pace {
  /** Virtual seconds per second of wall time at the most; 0: as fast as it goes. */
  #speed = 0
  #wallMs = 0
  #virtualNs = 0
  #references = 1

  get isLimited(): boolean {
    return this.#speed > 0
  }

  /** From now on virtual time passes at `speed`. */
  setSpeed(speed: number, virtualNs: number, wallMs: number): void {
    this.#speed = speed
    this.#references = 1
    this.restart(virtualNs, wallMs)
  }

  /** What lies before this moment (a pause, a step) no longer counts. */
  restart(virtualNs: number, wallMs: number): void {
    this.#virtualNs = virtualNs
    this.#wallMs = wallMs
  }

  /** Milliseconds by which virtual time is ahead of the speed; negative: behind. */
  aheadMs(virtualNs: number, wallMs: number): number {
    if (this.#speed === 0) return 0
    const dueMs = (virtualNs - this.#virtualNs) / 1e6 / this.#speed
    const passedMs = wallMs - this.#wallMs
    if (passedMs - dueMs > BEHIND_MS_MAX) this.restart(virtualNs, wallMs)
    return dueMs - passedMs
  }

  /** References that the next call may make. */
  get references(): number {
    return this.isLimited ? this.#references : Infinity
  }

  /** Learns from a call that made `references` in `virtualNs`, where a call is to last `callMs` of wall time at this speed. */
  made(references: number, virtualNs: number, callMs: number): void {
    if (!this.isLimited || references === 0) return
    const fitting = Math.floor((callMs * 1e6 * this.#speed * references) / Math.max(virtualNs, 1))
    this.#references = Math.max(1, Math.min(fitting, this.#references * 2))
  }
}
