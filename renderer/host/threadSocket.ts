/**
 * A WebSocket in a thread of its own. Chromium hands a large message to the thread that has the socket in pieces of about a kilobyte, each a task
 * of some 50 µs; the page gets every message in one.
 */

/** What the bridge needs of a socket. */
export interface Socket {
  readonly isOpen: boolean
  onopen: (() => void) | null
  onmessage: ((frame: unknown) => void) | null
  onclose: (() => void) | null
  send(frame: string): void
}

/** A frame to send, or an address to connect to. */
export type ToSocketThread = string | { address: string }
export type FromSocketThread = 'open' | 'closed' | { frame: string | ArrayBuffer }

/** One for all connections of the page: while the host is away, its script could not be had. */
let thread: Worker | null = null

export class ThreadSocket implements Socket {
  isOpen = false
  onopen: (() => void) | null = null
  onmessage: ((frame: unknown) => void) | null = null
  onclose: (() => void) | null = null

  constructor(address: string) {
    thread ??= new Worker(new URL('./socketThread.ts', import.meta.url), { type: 'module' })
    thread.onmessage = ({ data }: MessageEvent<FromSocketThread>) => {
      if (data === 'open') {
        this.isOpen = true
        this.onopen?.()
      } else if (data === 'closed') this.#close()
      else this.onmessage?.(data.frame)
    }
    thread.onerror = () => {
      thread?.terminate()
      thread = null
      this.#close()
    }
    this.#say({ address })
  }

  send(frame: string): void {
    this.#say(frame)
  }

  #say(message: ToSocketThread): void {
    thread?.postMessage(message)
  }

  #close(): void {
    this.isOpen = false
    this.onclose?.()
  }
}
