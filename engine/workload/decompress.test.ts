import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compressionOf, decompressedChunks } from './decompress.ts'
import type { DecompressOptions } from './decompress.ts'
import { ImportError } from './importError.ts'

const data = Buffer.from(Array.from({ length: 300000 }, (_, i) => `${i * 7919}\n`).join(''))
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'decompress-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

async function collect(source: string | Uint8Array, options?: DecompressOptions): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of decompressedChunks(source, options)) pieces.push(piece.slice())
  return Buffer.concat(pieces)
}

async function failure(source: string | Uint8Array, options?: DecompressOptions): Promise<unknown> {
  return collect(source, options).then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('decompression', () => {
  const forms: [string, Uint8Array][] = [
    ['none', data],
    ['gzip', gzipSync(data)],
    ['zstd', zstdCompressSync(data)],
  ]
  it.each(forms)('gives back data compressed with %s, from bytes and from a file of any name', async (name, bytes) => {
    expect(compressionOf(bytes)).toBe(name)
    expect((await collect(bytes)).equals(data)).toBe(true)
    const file = path.join(folder, `${name}.bin`)
    writeFileSync(file, bytes)
    let read = 0
    expect((await collect(file, { onRead: (count) => (read = count) })).equals(data)).toBe(true)
    expect(read).toBe(bytes.length)
  })

  it('goes through all members of a file that was put together from several', async () => {
    const part = data.subarray(0, 100000)
    for (const compress of [gzipSync, zstdCompressSync]) {
      const bytes = Buffer.concat(Array.from({ length: 40 }, () => compress(part)))
      expect(bytes.length).toBeGreaterThan(2 * 262144)
      expect((await collect(bytes)).equals(Buffer.concat(new Array<Buffer>(40).fill(part)))).toBe(true)
    }
  })

  it('refuses what follows the compressed data and is not compressed', async () => {
    const error = await failure(Buffer.concat([zstdCompressSync(data), Buffer.from('and so on')]))
    expect(error).toMatchObject({ name: 'ImportError' })
  })

  it('of nothing is nothing', async () => {
    expect(await collect(new Uint8Array(0))).toHaveLength(0)
  })

  it('says that cut data are cut', async () => {
    for (const bytes of [gzipSync(data), zstdCompressSync(data)]) {
      const error = await failure(bytes.subarray(0, bytes.length >> 1))
      expect(error).toBeInstanceOf(ImportError)
      expect(error).toMatchObject({ code: 'truncated' })
    }
  })

  it('says that damaged data are damaged', async () => {
    for (const bytes of [gzipSync(data), zstdCompressSync(data, { params: { 201: 1 } })]) {
      const damaged = Buffer.from(bytes)
      damaged.fill(0xa5, 2000, 2100)
      expect(await failure(damaged)).toMatchObject({ name: 'ImportError', code: 'damaged' })
    }
  })

  it('says how to recompress what it does not read', async () => {
    const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0)
    expect(await failure(xz)).toMatchObject({ code: 'unsupported' })
    await expect(collect(xz)).rejects.toThrow('xz -dc FILE | zstd -o FILE.zst')
    expect(await failure(Buffer.from('BZh91AY'))).toMatchObject({ code: 'unsupported' })
  })

  it('names a file that cannot be read', async () => {
    const error = await failure(path.join(folder, 'absent'))
    expect(error).toMatchObject({ name: 'ImportError', code: 'unreadable' })
  })

  it('stops when it is told to', async () => {
    for (const [, bytes] of forms) {
      const stop = new AbortController()
      stop.abort(new Error('enough'))
      const error = await failure(bytes, { signal: stop.signal })
      expect(error).toMatchObject({ message: 'enough' })
    }
  })
})
