import { describe, expect, it } from 'vitest'
import { alignedBuffer } from './alignedBuffer.ts'

describe('memory that begins at a page', () => {
  it('has at least the bytes asked for, all zero', () => {
    for (const length of [1, 65536, 65537]) {
      const bytes = new Uint8Array(alignedBuffer(length))
      expect(bytes.length).toBeGreaterThanOrEqual(length)
      expect(bytes.every((byte) => byte === 0)).toBe(true)
    }
  })

  it('is had again and again, though each takes a lot of addresses', () => {
    let sum = 0
    for (let i = 0; i < 300; i++) {
      const words = new Int32Array(alignedBuffer(65536))
      words[words.length - 1] = 1
      sum += words[words.length - 1]!
    }
    expect(sum).toBe(300)
  })
})
