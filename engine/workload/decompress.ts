/**
 * A file or bytes, plain or compressed, as a sequence of decompressed pieces. What it is compressed with is seen from its
 * first bytes, not from its name. Memory stays at a few pieces: a piece is read when the one before has been used.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import type { Duplex, Readable } from 'node:stream'
import { createGunzip, createZstdDecompress, constants } from 'node:zlib'
import { ImportError } from './importError.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2'

/** What data that begin so are compressed with. */
export function compressionOf(beginning: Uint8Array): Compression {
  const startsWith = (...magic: number[]) => magic.every((byte, index) => beginning[index] === byte)
  if (startsWith(0x1f, 0x8b)) return 'gzip'
  if (startsWith(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd'
  if (startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz'
  if (startsWith(0x42, 0x5a, 0x68) && (beginning[3] ?? 0) >= 0x31 && (beginning[3] ?? 0) <= 0x39) return 'bzip2'
  return 'none'
}

export interface DecompressOptions {
  /** Called with the number of compressed bytes read so far: progress. */
  onRead?: (bytes: number) => void
  /** Ends the reading; the iteration then throws the signal's reason. */
  signal?: AbortSignal
  /** Decompresses xz and bzip2, which nothing here can; they are refused where it is left out. */
  decompressedBy?: (tool: 'xz' | 'bzip2', pieces: AsyncGenerator<Uint8Array>) => AsyncIterable<Uint8Array>
}

/**
 * The decompressed pieces of a file (by its path) or of bytes. A piece is valid until the next is asked for. Throws
 * ImportError: `unreadable` for a file that cannot be read, `truncated` or `damaged` for compressed data that are,
 * `unsupported` for compressions that are not read (xz and bzip2, unless `decompressedBy` is given).
 */
export async function* decompressedChunks(
  source: string | Uint8Array,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const raw = rawChunks(source, options)
  const first = await raw.next()
  if (first.done === true) return
  const beginning = first.value
  const compression = compressionOf(beginning)
  if (compression === 'xz' || compression === 'bzip2') {
    if (options.decompressedBy !== undefined) {
      yield* options.decompressedBy(compression, prepend(beginning, raw))
      return
    }
    await raw.return(undefined)
    throw new ImportError(
      'unsupported',
      undefined,
      `${compression} compression is not read; recompress the file with: ${compression} -dc FILE | zstd -o FILE.zst`,
    )
  }
  const all = prepend(beginning, raw)
  if (compression === 'none') {
    yield* all
    return
  }
  try {
    yield* compression === 'gzip' ? gunzipped(all) : zstdDecompressed(all)
  } catch (error) {
    throw readable(error, compression)
  }
}

const PIECE_BYTES = 262144
/** 128 MiB, what the zstd command itself accepts. */
const ZSTD_WINDOW_LOG_MAX = 27

async function* rawChunks(
  source: string | Uint8Array,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0
  if (typeof source !== 'string') {
    for (; bytes < source.length;) {
      options.signal?.throwIfAborted()
      const piece = source.subarray(bytes, bytes + PIECE_BYTES)
      bytes += piece.length
      options.onRead?.(bytes)
      yield piece
    }
    return
  }
  const file = createReadStream(source, { highWaterMark: PIECE_BYTES })
  try {
    for await (const piece of file) {
      options.signal?.throwIfAborted()
      if (!(piece instanceof Uint8Array)) continue
      bytes += piece.length
      options.onRead?.(bytes)
      yield piece
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    throw new ImportError('unreadable', undefined, `cannot read ${source}: ${messageOf(error)}`)
  }
}

async function* prepend(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first
  yield* rest
}

async function* gunzipped(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: unknown
  const output: Readable = pipeline(pieces, createGunzip({ chunkSize: PIECE_BYTES }), (error) => {
    failure = error
  })
  try {
    for await (const piece of output) if (piece instanceof Uint8Array) yield piece
  } catch (error) {
    throw failure ?? error
  } finally {
    output.destroy()
  }
}

/**
 * A zstd file may be several frames one after another, but Node's decompressor ends after the first that is followed by more in
 * the same piece, without a word. So pieces are written one at a time, and what was left of one goes to a new decompressor.
 */
async function* zstdDecompressed(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX }
  // The listener is there for errors between two operations; those of an operation come back from it.
  const open = () => createZstdDecompress({ chunkSize: PIECE_BYTES, params }).on('error', () => undefined)
  let zstd = open()
  try {
    for await (const piece of pieces) {
      for (let rest = piece; rest.length > 0;) {
        const before = zstd.bytesWritten
        yield* outputOf(zstd, (done) => zstd.write(rest, done))
        const taken = zstd.bytesWritten - before
        if (taken < rest.length) {
          zstd.destroy()
          zstd = open()
        }
        rest = rest.subarray(taken)
      }
    }
    // `end` takes its callback before the decompressor finds out that its data were cut; the event comes after.
    yield* outputOf(zstd, (done) => zstd.once('end', done).end())
  } finally {
    zstd.destroy()
  }
}

interface Operation {
  isDone: boolean
  failure: Error | undefined
  wake: () => void
}

/** What `stream` gives out until the operation that `start` begins is done. Reads no further than it is asked. */
async function* outputOf(
  stream: Duplex,
  start: (done: (error?: Error | null) => void) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const operation: Operation = { isDone: false, failure: undefined, wake: () => undefined }
  const onReadable = (): void => operation.wake()
  const onDone = (error?: Error | null): void => {
    operation.isDone = true
    operation.failure = error ?? undefined
    operation.wake()
  }
  stream.on('readable', onReadable).on('error', onDone)
  try {
    start(onDone)
    for (;;) {
      const woken = new Promise<void>((resolve) => (operation.wake = resolve))
      for (;;) {
        const piece: unknown = stream.read()
        if (!(piece instanceof Uint8Array)) break
        yield piece
      }
      if (operation.failure !== undefined) throw operation.failure
      if (operation.isDone) return
      await woken
    }
  } finally {
    stream.off('readable', onReadable).off('error', onDone)
  }
}

/** Turns an error of zlib into ours; ours and aborts pass. */
function readable(error: unknown, compression: Compression): unknown {
  if (error instanceof ImportError || !(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'Z_BUF_ERROR' || /unexpected end/i.test(error.message))
    return new ImportError('truncated', undefined, `the ${compression} data end too early: the file has been cut`)
  if (code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_ZLIB'))
    return new ImportError('damaged', undefined, `the ${compression} data are damaged: ${error.message}`)
  return error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
