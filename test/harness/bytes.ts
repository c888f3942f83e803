/** Playwright's own serializer loses an ArrayBuffer: on the way to a page it goes as text, and is unpacked there. */
export interface PackedBytes {
  harnessBytes: string
}

/** The value with every ArrayBuffer in it as a PackedBytes. */
export function packBytes(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return { harnessBytes: Buffer.from(value).toString('base64') } satisfies PackedBytes
  if (Array.isArray(value)) return value.map(packBytes)
  if (value === null || typeof value !== 'object') return value
  if (ArrayBuffer.isView(value)) throw new Error('harness: views of buffers are not modelled; send the ArrayBuffer')
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, packBytes(each)]))
}
