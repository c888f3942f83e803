/**
 * The engine's saved state as bytes, as keyframes are stored: a 32-bit little-endian length, as many bytes of JSON (an array of
 * {name, kind, length}), then the columns' bytes one after the other, each begun at a multiple of 8.
 */
import type { AnyColumn, ColumnKind, Snapshot } from '../../engine/sim/columns.ts'

const makers: Record<ColumnKind, (buffer: ArrayBuffer, offset: number, length: number) => AnyColumn> = {
  i8: (buffer, offset, length) => new Int8Array(buffer, offset, length),
  u8: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
  i16: (buffer, offset, length) => new Int16Array(buffer, offset, length),
  u16: (buffer, offset, length) => new Uint16Array(buffer, offset, length),
  i32: (buffer, offset, length) => new Int32Array(buffer, offset, length),
  u32: (buffer, offset, length) => new Uint32Array(buffer, offset, length),
  f64: (buffer, offset, length) => new Float64Array(buffer, offset, length),
}
const bytesOf: Record<ColumnKind, number> = { i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, f64: 8 }

const padded = (bytes: number) => Math.ceil(bytes / 8) * 8

export function packSnapshot(snapshot: Snapshot): Uint8Array {
  const columns = [...snapshot].map(([name, { kind, data }]) => ({ name, kind, length: data.length }))
  const head = new TextEncoder().encode(JSON.stringify(columns))
  let size = padded(4 + head.length)
  for (const { data } of snapshot.values()) size += padded(data.byteLength)
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, head.length, true)
  bytes.set(head, 4)
  let offset = padded(4 + head.length)
  for (const { data } of snapshot.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    offset += padded(data.byteLength)
  }
  return bytes
}

/** The state that packSnapshot packed. Throws a RangeError for bytes that it did not make. */
export function unpackSnapshot(packed: Uint8Array): Snapshot {
  const bytes = packed.slice()
  const headBytes = bytes.length < 4 ? Infinity : new DataView(bytes.buffer).getUint32(0, true)
  if (4 + headBytes > bytes.length) throw new RangeError('a keyframe is cut off')
  const head: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headBytes)))
  const snapshot: Snapshot = new Map()
  let offset = padded(4 + headBytes)
  for (const column of Array.isArray(head) ? head : []) {
    if (!isColumn(column)) throw new RangeError('a keyframe names a column that it cannot hold')
    const { name, kind, length } = column
    if (offset + length * bytesOf[kind] > bytes.length) throw new RangeError(`a keyframe is cut off in ${name}`)
    snapshot.set(name, { kind, data: makers[kind](bytes.buffer, offset, length) })
    offset += padded(length * bytesOf[kind])
  }
  return snapshot
}

function isColumn(value: unknown): value is { name: string; kind: ColumnKind; length: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'kind' in value &&
    typeof value.kind === 'string' &&
    Object.hasOwn(makers, value.kind) &&
    'length' in value &&
    Number.isSafeInteger(value.length)
  )
}
