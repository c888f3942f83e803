/**
 * Chunks of events on their way through two threads: in a run that is not short, they go to a thread of its own, and as long as
 * that has enough others are encoded by the caller itself. Chunks of a run come out in the order in which they went in.
 */
import { EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import { encodeChunk, type EncodedChunk } from '../../db/eventEncoder.ts'
import { eventChunkIn } from './eventBuffer.ts'
import type { EncoderCalls } from './protocol.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'

/** A run of fewer events does not make the thread. */
const ALONE_EVENTS = 3 * EVENTS_PER_CHUNK
/** Chunks that the thread has at once: one more than it works on, because its caller cannot give it another while it encodes itself. */
const CHUNKS_AHEAD = 2
const LIMITS = { maxOldGenerationSizeMb: 256 }

/** The thread that encodes beside its caller; made when it is needed. */
export class EncoderThread {
  #thread: ThreadClient<EncoderCalls> | null = null
  #chunks = 0

  /** Takes a chunk; null, and the buffer stays with the caller, while it has enough or a run is not worth a thread yet. */
  encode(buffer: SharedArrayBuffer, count: number, firstEvent: number, recording: boolean): Promise<EncodedChunk> | null {
    if (this.#chunks === CHUNKS_AHEAD || (!this.#thread && firstEvent < ALONE_EVENTS)) return null
    this.#chunks++
    this.#thread ??= new ThreadClient<EncoderCalls>(threadUrls.encoder, 'the thread that encodes events', {
      limits: LIMITS,
      onFailed: () => {
        this.#thread = null
      },
    })
    return this.#thread.call('encode', buffer, count, firstEvent, recording).finally(() => {
      this.#chunks--
    })
  }

  async end(): Promise<void> {
    await this.#thread?.end()
  }
}

export interface ChunkListener {
  /** A chunk of the run, in order. */
  onEncoded(chunk: EncodedChunk): void
  /** The buffer of a chunk can be used again. */
  onBuffer(buffer: SharedArrayBuffer): void
  /** A chunk could not be encoded; none comes after it. */
  onFailed(error: unknown): void
}

/** The chunks of one run. */
export class ChunkQueue {
  readonly #thread: EncoderThread
  readonly #recording: boolean
  readonly #listener: ChunkListener
  #eventsIn = 0
  #eventsOut = 0
  readonly #early = new Map<number, EncodedChunk>()
  #hasFailed = false
  #onIdle: (() => void)[] = []

  constructor(thread: EncoderThread, recording: boolean, listener: ChunkListener) {
    this.#thread = thread
    this.#recording = recording
    this.#listener = listener
  }

  /** Whether all chunks that went in have come out. */
  get isIdle(): boolean {
    return this.#hasFailed || this.#eventsIn === this.#eventsOut
  }

  add(buffer: SharedArrayBuffer, count: number): void {
    const firstEvent = this.#eventsIn
    this.#eventsIn += count
    const elsewhere = this.#thread.encode(buffer, count, firstEvent, this.#recording)
    if (elsewhere) {
      elsewhere.then(
        (encoded) => {
          this.#listener.onBuffer(buffer)
          this.#take(encoded)
        },
        (error: unknown) => this.#fail(error),
      )
      return
    }
    try {
      const encoded = encodeChunk(eventChunkIn(buffer, count), firstEvent, this.#recording)
      this.#listener.onBuffer(buffer)
      this.#take(encoded)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Calls `then` when the queue is idle: at once if it is. */
  whenIdle(then: () => void): void {
    if (this.isIdle) then()
    else this.#onIdle.push(then)
  }

  #take(encoded: EncodedChunk): void {
    this.#early.set(encoded.firstEvent, encoded)
    for (
      let next = this.#early.get(this.#eventsOut);
      next && !this.#hasFailed;
      next = this.#early.get(this.#eventsOut)
    ) {
      this.#early.delete(next.firstEvent)
      this.#eventsOut += next.count
      this.#listener.onEncoded(next)
    }
    this.#tellIdle()
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#listener.onFailed(error)
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.isIdle) for (const then of this.#onIdle.splice(0)) then()
  }
}
