import { afterAll, describe, expect, it } from 'vitest'
import { EventEncoder, type EncodedChunk } from '../../db/eventEncoder.ts'
import { someEvents } from '../../db/testing.ts'
import { ChunkQueue, EncoderThread } from './chunkEncoders.ts'
import { copyOfEvents } from './eventBuffer.ts'

const thread = new EncoderThread()
afterAll(() => thread.end())

function queueInto(encoded: EncodedChunk[]) {
  const failures: unknown[] = []
  let buffers = 0
  const queue = new ChunkQueue(thread, true, {
    onEncoded: (chunk) => encoded.push(chunk),
    onBuffer: (buffer) => (buffers += buffer.byteLength > 0 ? 1 : 0),
    onFailed: (error) => failures.push(error),
  })
  const idle = () => new Promise<void>((resolve) => queue.whenIdle(resolve))
  return { queue, failures, idle, buffers: () => buffers }
}

describe('chunks that two threads encode', () => {
  it('come out in order, as one thread would have encoded them, and their buffers come back', async () => {
    const chunks = Array.from({ length: 7 }, (_, i) => someEvents(i === 6 ? 900 : 65536, i + 1, i * 1e9))
    const encoded: EncodedChunk[] = []
    const { queue, failures, idle, buffers } = queueInto(encoded)
    for (const chunk of chunks) queue.add(copyOfEvents(chunk, chunk.count), chunk.count)
    // the thread has some of them
    expect(queue.isIdle).toBe(false)
    await idle()
    const plain = new EventEncoder(true)
    const expected = chunks.map((chunk) => plain.add(chunk))
    const taking = new EventEncoder(true)
    for (const chunk of encoded) taking.accept(chunk)
    expect(encoded.map((chunk) => Buffer.from(chunk.digest).toString('hex'))).toEqual(
      expected.map((chunk) => Buffer.from(chunk.digest).toString('hex')),
    )
    expect(taking.finish()).toBe(plain.finish())
    expect(failures).toEqual([])
    expect(buffers()).toBe(chunks.length)
  })

  it('end where one cannot be encoded, in whichever thread', async () => {
    const encoded: EncodedChunk[] = []
    const { queue, failures, idle } = queueInto(encoded)
    const wrong = someEvents(65536)
    wrong.page[7] = 0.5
    const good = someEvents(65536)
    for (const chunk of [good, good, good, good, wrong, wrong, good])
      queue.add(copyOfEvents(chunk, chunk.count), chunk.count)
    await idle()
    expect(failures).toHaveLength(1)
    expect(encoded.length).toBeLessThan(5)
  })
})
