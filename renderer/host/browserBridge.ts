/**
 * The browser host's other end: the contract over one WebSocket. Life of a connection:
 *   1. connect; requests made before it is open wait for it.
 *   2. Text frames are answers and notices, binary frames are binary answers (8 bytes of id first).
 *   3. When it breaks, what was under way is rejected (`disconnected`: whether it was done is not known), listeners of
 *      the connection are told, and it is tried again with growing pauses. Subscriptions outlive it.
 *   4. A host that was started anew does not know this page's cookie: then trying stops, and the reason is `signed-out`.
 */
import {
  ContractError,
  contractErrorSchema,
  type HostBridge,
  type Method,
  type Params,
  type Result,
} from '../../electron/contract/contract.ts'
import { checkedResult } from './checks.ts'
import { Listeners } from './listeners.ts'
import { ThreadSocket, type Socket } from './threadSocket.ts'

/** Half of what the host takes from one page at a time; the rest wait here in their order. */
const underWayMax = 32
const pausesMs = [100, 250, 500, 1000, 2000, 5000]
const binaryHeaderBytes = 8

interface Pending {
  frame: string
  resolve(result: unknown): void
  reject(error: Error): void
}

export interface BrowserBridgeOptions {
  /** Opens the socket; a test puts its own in. */
  openSocket?: () => Socket
  /** Whether the host still knows this page: true, false, or null if it cannot be asked. */
  hasSession?: () => Promise<boolean | null>
  pausesMs?: readonly number[]
}

/** Connects to the host that served this page. Rejects with a ContractError (`signed-out`) if it does not let it in. */
export async function connectBrowserHost(options: BrowserBridgeOptions = {}): Promise<HostBridge> {
  const connection = new Connection(options)
  await connection.first
  return {
    host: 'browser',
    request: (method, params) => connection.request(method, params),
    on: (name, listener) => connection.listeners.add(name, listener),
    pathOfFile: (file) => connection.upload(file),
    saveFile: (name, mediaType, content) => {
      download(name, mediaType, content)
      return Promise.resolve(true)
    },
    onConnection: (listener) => connection.onConnection(listener),
  }
}

class Connection {
  readonly listeners = new Listeners()
  /** Settles when the first attempt has succeeded, or was refused for good. */
  readonly first: Promise<void>
  readonly #options: Required<BrowserBridgeOptions>
  readonly #underWay = new Map<number, Pending>()
  readonly #waiting: [number, Pending][] = []
  readonly #connectionListeners = new Set<(connected: boolean) => void>()
  readonly #uploads = new WeakMap<File, Promise<string>>()
  readonly #settleFirst: { resolve(): void; reject(error: Error): void }
  #socket: Socket | null = null
  #signedOut = false
  #failures = 0
  #nextId = 1

  constructor(options: BrowserBridgeOptions) {
    this.#options = { openSocket, hasSession, pausesMs, ...options }
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.first = promise
    this.#settleFirst = { resolve: () => resolve(undefined), reject }
    this.#connect()
  }

  async request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.#signedOut) throw signedOut()
    const id = this.#nextId++
    const frame = JSON.stringify({ id, method, params })
    const result = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.push([id, { frame, resolve, reject }])
      this.#send()
    })
    return checkedResult(method, result)
  }

  /** Hands a file's bytes to the host, once for each file object. */
  upload(file: File): Promise<string> {
    const before = this.#uploads.get(file)
    if (before) return before
    const path = sendFile(file)
    this.#uploads.set(file, path)
    path.catch(() => this.#uploads.delete(file))
    return path
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.#connectionListeners.add(listener)
    listener(this.#socket?.isOpen === true)
    return () => void this.#connectionListeners.delete(listener)
  }

  #connect(): void {
    const socket = this.#options.openSocket()
    this.#socket = socket
    socket.onopen = () => {
      this.#failures = 0
      this.#settleFirst.resolve()
      this.#tell(true)
      this.#send()
    }
    socket.onmessage = (frame) => this.#receive(frame)
    socket.onclose = () => void this.#closed()
  }

  async #closed(): Promise<void> {
    this.#socket = null
    this.#tell(false)
    const lost = new ContractError({
      code: 'disconnected',
      message: 'the connection to the workbench broke; it is being tried again',
    })
    this.#rejectAll(this.#underWay.values(), lost)
    this.#underWay.clear()
    if ((await this.#options.hasSession()) === false) {
      this.#signedOut = true
      this.#rejectAll(
        this.#waiting.splice(0).map(([, pending]) => pending),
        signedOut(),
      )
      this.#settleFirst.reject(signedOut())
      return
    }
    const pauses = this.#options.pausesMs
    setTimeout(() => this.#connect(), pauses[Math.min(this.#failures++, pauses.length - 1)])
  }

  #rejectAll(pending: Iterable<Pending>, error: Error): void {
    for (const each of pending) each.reject(error)
  }

  #send(): void {
    while (this.#socket?.isOpen === true && this.#underWay.size < underWayMax) {
      const next = this.#waiting.shift()
      if (!next) return
      this.#underWay.set(...next)
      this.#socket.send(next[1].frame)
    }
  }

  #receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const id = Number(new DataView(data).getBigUint64(0, true))
      this.#take(id)?.resolve(data.slice(binaryHeaderBytes))
      return
    }
    const frame: unknown = typeof data === 'string' ? JSON.parse(data) : null
    if (typeof frame !== 'object' || frame === null) return
    if ('notice' in frame) {
      this.listeners.tell(frame.notice, 'data' in frame ? frame.data : undefined)
      return
    }
    if (!('id' in frame) || typeof frame.id !== 'number') return
    const pending = this.#take(frame.id)
    if ('error' in frame) pending?.reject(new ContractError(contractErrorSchema.parse(frame.error)))
    else pending?.resolve('result' in frame ? frame.result : undefined)
  }

  #take(id: number): Pending | undefined {
    const pending = this.#underWay.get(id)
    this.#underWay.delete(id)
    this.#send()
    return pending
  }

  #tell(connected: boolean): void {
    for (const listener of [...this.#connectionListeners]) listener(connected)
  }
}

const signedOut = () =>
  new ContractError({
    code: 'signed-out',
    message: 'the workbench was started anew: open the address that its terminal shows',
  })

function openSocket(): Socket {
  return new ThreadSocket(`ws://${location.host}/socket`)
}

async function hasSession(): Promise<boolean | null> {
  try {
    return (await fetch('/session', { cache: 'no-store' })).status !== 401
  } catch {
    return null
  }
}

async function sendFile(file: File): Promise<string> {
  const response = await fetch(`/upload?name=${encodeURIComponent(file.name)}`, { method: 'POST', body: file })
  const answer: unknown = response.headers.get('content-type')?.startsWith('application/json')
    ? await response.json()
    : null
  if (typeof answer === 'object' && answer !== null) {
    if ('path' in answer && typeof answer.path === 'string') return answer.path
    if ('error' in answer) throw new ContractError(contractErrorSchema.parse(answer.error))
  }
  throw new ContractError({
    code: 'upload-failed',
    message: `${file.name} could not be handed over (HTTP status ${response.status})`,
  })
}

/** A click on a link that is never shown. The address is given back when the browser has surely begun. */
function download(name: string, mediaType: string, content: string | Uint8Array<ArrayBuffer>): void {
  const address = URL.createObjectURL(new Blob([content], { type: mediaType }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
