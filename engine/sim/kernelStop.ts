/**
 * A run that the kernel would not have survived: where the C panics, fails an assertion or never ends. The machine catches it,
 * ends the run with this status and keeps the state for inspection.
 */
export class KernelStop extends Error {
  readonly kind: 'kernel-panic' | 'livelock'
  /** The kernel's routine. */
  readonly routine: string
  constructor(kind: 'kernel-panic' | 'livelock', routine: string, message: string) {
    super(`${routine}: ${message}`)
    this.name = 'KernelStop'
    this.kind = kind
    this.routine = routine
  }
}
