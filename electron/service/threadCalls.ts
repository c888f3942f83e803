/**
 * Calls between the service and its threads: named functions with their parameters and results, answered in any order.
 * `C` is an interface of functions; both sides are written against the same one, so a call that does not fit does not
 * compile. Beside calls a thread may say something unasked.
 *
 * A thread that fails rejects the calls it owes and is not used again.
 */
import { Worker, type MessagePort, type ResourceLimits, type Transferable } from 'node:worker_threads'
import { ContractError, type ContractErrorShape } from '../contract/contract.ts'
import { errorShape } from '../hosts/dispatch.ts'

interface Call {
  call: number
  name: string
  parameters: unknown[]
}
type Reply<N> = { reply: number; result: unknown } | { reply: number; error: ContractErrorShape } | { said: N }

/** A result with what in it is transferred. */
export class Transferring<R> {
  readonly result: R
  readonly transfer: Transferable[]

  constructor(result: R, transfer: Transferable[]) {
    this.result = result
    this.transfer = transfer
  }
}

/** The functions of a thread. A result that is an ArrayBuffer is transferred. */
export type Handlers<C> = {
  [K in keyof C]: C[K] extends (...parameters: infer P) => infer R
    ? (...parameters: P) => R | Promise<R> | Transferring<R>
    : never
}
type ParametersOf<F> = F extends (...parameters: infer P) => unknown ? P : never
type ResultOf<F> = F extends (...parameters: never) => infer R ? R : never

interface Waiting {
  /** A method, so that a promise of any result fits: what comes back is of the type that the call promised. */
  resolve(result: unknown): void
  reject(error: Error): void
}

export interface ThreadOptions<N> {
  data?: unknown
  limits?: ResourceLimits
  transfer?: Transferable[]
  /** What the thread says unasked. */
  onSaid?: (said: N) => void
  /** The thread ended although nobody closed it. */
  onFailed?: (error: ContractError) => void
}

export class ThreadClient<C, N = never> {
  readonly #worker: Worker
  readonly #title: string
  readonly #threadNumber: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #calls = 0
  #isClosing = false
  #failure: ContractError | null = null

  /** `title` names the thread in messages for people: "the trace store's thread". */
  constructor(url: URL, title: string, options: ThreadOptions<N> = {}) {
    this.#title = title
    this.#worker = new Worker(url, {
      workerData: options.data,
      name: title,
      ...(options.limits ? { resourceLimits: options.limits } : {}),
      ...(options.transfer ? { transferList: options.transfer } : {}),
    })
    this.#threadNumber = this.#worker.threadId
    this.#worker.on('message', (message: Reply<N>) => this.#take(message, options.onSaid))
    this.#worker.on('error', (error: unknown) =>
      this.#fail(error instanceof Error ? error : new Error(String(error)), options.onFailed),
    )
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        if (!this.#isClosing && !this.#failure) this.#fail(new Error('it ended'), options.onFailed)
        resolve()
      })
    })
  }

  /** Node's number of the thread; what it leaves behind when it fails carries this. */
  get threadNumber(): number {
    return this.#threadNumber
  }

  call<K extends keyof C & string>(name: K, ...parameters: ParametersOf<C[K]>): Promise<ResultOf<C[K]>> {
    return this.callTransferring(name, [], ...parameters)
  }

  callTransferring<K extends keyof C & string>(
    name: K,
    transfer: Transferable[],
    ...parameters: ParametersOf<C[K]>
  ): Promise<ResultOf<C[K]>> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (this.#isClosing)
      return Promise.reject(new ContractError({ code: 'closed', message: 'the workbench is being closed' }))
    return new Promise((resolve, reject: (error: Error) => void) => {
      const call: Call = { call: ++this.#calls, name, parameters }
      this.#waiting.set(call.call, { resolve, reject })
      this.#worker.postMessage(call, transfer)
    })
  }

  /** Ends the thread now; calls under way are rejected. */
  async end(): Promise<void> {
    this.#isClosing = true
    await this.#worker.terminate()
    await this.#ended
    this.#rejectAll(new ContractError({ code: 'closed', message: `${this.#title} was ended` }))
  }

  #take(message: Reply<N>, onSaid: ((said: N) => void) | undefined): void {
    if ('said' in message) {
      onSaid?.(message.said)
      return
    }
    const waiting = this.#waiting.get(message.reply)
    this.#waiting.delete(message.reply)
    if (!waiting) return
    if ('error' in message) waiting.reject(new ContractError(message.error))
    else waiting.resolve(message.result)
  }

  #fail(cause: Error, onFailed: ((error: ContractError) => void) | undefined): void {
    if (this.#failure || this.#isClosing) return
    const isMemory = 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
    const why = isMemory ? 'it needed more memory than a thread may have' : cause.message
    this.#failure = new ContractError({ code: 'thread-failed', message: `${this.#title} failed: ${why}` })
    this.#rejectAll(this.#failure)
    onFailed?.(this.#failure)
  }

  #rejectAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}

/** Answers calls in a thread. */
export function serveCalls<C>(port: MessagePort, handlers: Handlers<C>): void {
  const byName = new Map<string, unknown>(Object.entries(handlers))
  port.on('message', (message: Call) => void answer(port, byName, message))
}

async function answer(port: MessagePort, handlers: Map<string, unknown>, { call, name, parameters }: Call): Promise<void> {
  let reply: Reply<never>
  try {
    const handler = handlers.get(name)
    if (typeof handler !== 'function') throw new Error(`the thread has no function ${name}`)
    const answered: unknown = await Promise.resolve(Reflect.apply(handler, undefined, parameters))
    const isTransferring = answered instanceof Transferring
    const result: unknown = isTransferring ? answered.result : answered
    reply = { reply: call, result }
    port.postMessage(reply, isTransferring ? answered.transfer : answered instanceof ArrayBuffer ? [answered] : [])
    return
  } catch (error) {
    reply = { reply: call, error: errorShape(error) }
  }
  port.postMessage(reply)
}

/** Says something to the service unasked. Each thread wraps it in a function of the type that the service listens for. */
export function say(port: MessagePort, said: unknown): void {
  port.postMessage({ said })
}
