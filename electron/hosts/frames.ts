/**
 * The frames between browser host and page. Text: a request {id, method, params}, an answer {id, result} or {id, error},
 * a notice {notice, data}. Binary: an answer whose result is an ArrayBuffer: the request's id as a 64-bit little-endian
 * number, then the bytes.
 */
import { z } from 'zod'

export const BINARY_HEADER_BYTES = 8

export const requestFrameSchema = z.strictObject({
  id: z.int().min(0),
  method: z.string().max(100),
  params: z.unknown(),
})
export type RequestFrame = z.infer<typeof requestFrameSchema>

export function encodeBinaryAnswer(id: number, result: ArrayBuffer): Uint8Array {
  const frame = new Uint8Array(BINARY_HEADER_BYTES + result.byteLength)
  new DataView(frame.buffer).setBigUint64(0, BigInt(id), true)
  frame.set(new Uint8Array(result), BINARY_HEADER_BYTES)
  return frame
}
