/** What the hosts of the three pagers do alike: pages, zeros, messages, the clock, and which file a vnode stands for. */
import { isWriteMapped, PAGEOUT_FREE_MIN, zeroBytes, type FileContext } from './context.ts'
import type { FilePagerName } from './filePager.ts'
import type { Operation } from './operation.ts'

export class HostBase {
  /** By vnode: the file of the volume. */
  readonly files: number[] = []
  protected readonly context: FileContext
  /** Whose pager it is: what its messages' ids begin with. */
  readonly #kernelName: FilePagerName

  /** [0] virtual time until which the file system is suspended */
  #suspended: Float64Array

  constructor(context: FileContext, kernelName: FilePagerName) {
    this.context = context
    this.#suspended = context.columns.define('file.suspended', 'f64', 1)
    context.columns.onRebind(() => {
      this.#suspended = context.columns.get('file.suspended', 'f64')
    })
    context.columns.keep(
      'file.ofVnode',
      () => this.files,
      (values) => {
        this.files.splice(0, Infinity, ...values)
      },
    )
    this.#kernelName = kernelName
  }

  /** From now on nothing of the file system changes for some virtual time. */
  suspend(durationNs: number): void {
    this.#suspended[0] = Math.max(this.#suspended[0]!, this.context.kernel.now + durationNs)
  }
  get isSuspended(): boolean {
    return this.context.kernel.now < this.#suspended[0]!
  }
  *waitForResume(): Operation<void> {
    while (this.isSuspended) yield { on: 'pause', durationNs: this.#suspended[0]! - this.context.kernel.now }
  }

  /** Nobody sleeps on pages: who waits for one looks at it again. */
  wakePage(frame: number): void {
    this.context.kernel.wakeBusy(frame)
  }
  freePage(frame: number): void {
    this.context.kernel.freePage(frame)
  }
  releaseBusy(frame: number): void {
    this.context.kernel.releaseBusy(frame)
  }
  zero(frame: number, offset: number, lengthBytes: number): void {
    zeroBytes(this.context, frame, offset, lengthBytes)
  }
  isWriteMapped(frame: number): boolean {
    return isWriteMapped(this.context, frame)
  }
  isMemoryLow(): boolean {
    return this.context.kernel.pages.freeCount < PAGEOUT_FREE_MIN
  }
  message(id: string, a: number, b: number, c = 0): void {
    this.context.kernel.message(`${this.#kernelName}-${id}`, a, b, c)
  }
  nowNs(): number {
    return this.context.kernel.now
  }
}
