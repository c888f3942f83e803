/** The encoder thread: encodes chunks of events for the writer, beside it. */
import { parentPort } from 'node:worker_threads'
import { encodeChunk } from '../../../db/eventEncoder.ts'
import { eventChunkIn } from '../eventBuffer.ts'
import type { EncoderCalls } from '../protocol.ts'
import { serveCalls, Transferring } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')

serveCalls<EncoderCalls>(parentPort, {
  encode: (buffer, count, firstEvent, recording) => {
    const encoded = encodeChunk(eventChunkIn(buffer, count), firstEvent, recording)
    const data = encoded.columns.flatMap(({ data: { buffer: memory } }) => (memory instanceof ArrayBuffer ? memory : []))
    return new Transferring(encoded, data)
  },
})
