/**
 * A chunk of events in one block of shared memory, so that it crosses between threads by changing hands instead of being copied. It is not transferred: a
 * thread that has ever given memory away has to look at each access to a typed array whether that is still there, and V8 takes received
 * memory for new and collects garbage for it.
 */
import { chunkArrays, type EventChunk } from '../../engine/sim/events.ts'

/** Bytes of an event: four Float64, five Int32, one Uint8. */
const EVENT_BYTES = 4 * 8 + 5 * 4 + 1

export function newEventBuffer(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer(capacity * EVENT_BYTES)
}

/** The columns in a buffer of newEventBuffer. The widest come first, so that each is aligned whatever the capacity. */
export function eventChunkIn(buffer: SharedArrayBuffer, count: number): EventChunk {
  const capacity = buffer.byteLength / EVENT_BYTES
  const float = (column: number) => new Float64Array(buffer, column * 8 * capacity, capacity)
  const int = (column: number) => new Int32Array(buffer, (32 + column * 4) * capacity, capacity)
  return {
    count,
    time: float(0),
    page: float(1),
    block: float(2),
    duration: float(3),
    process: int(0),
    object: int(1),
    pages: int(2),
    device: int(3),
    detail: int(4),
    kind: new Uint8Array(buffer, 52 * capacity, capacity),
  }
}

/** A copy of the first `count` events. */
export function copyOfEvents(chunk: EventChunk, count: number): SharedArrayBuffer {
  const buffer = newEventBuffer(count)
  copyEvents({ ...chunk, count }, eventChunkIn(buffer, count))
  return buffer
}

/** Copies the events of a chunk to the beginning of another one, which has room for them. */
export function copyEvents(from: EventChunk, to: EventChunk): void {
  const columns = chunkArrays(to)
  chunkArrays(from).forEach((column, i) => columns[i]?.set(column.subarray(0, from.count)))
  to.count = from.count
}
