/** What the tests of this folder share: images made by makefs, memory as a store. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { BlockStore } from '../disk/blockStore.ts'
import { PAGE_BYTES } from '../disk/units.ts'
import { UfsFileSystem } from './fileSystem.ts'
import { UfsError } from './ufsError.ts'

const environment = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }

export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { env: environment }).status === 0
}

export function run(program: string, args: string[]): Buffer {
  return execFileSync(program, args, { env: environment, stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 })
}

export interface Shape {
  version: 1 | 2
  order: 'le' | 'be'
  blockSize: number
  fragmentSize: number
}

export const shapes: Shape[] = [
  { version: 1, order: 'le', blockSize: 8192, fragmentSize: 1024 },
  { version: 1, order: 'be', blockSize: 4096, fragmentSize: 512 },
  { version: 2, order: 'le', blockSize: 4096, fragmentSize: 512 },
  { version: 2, order: 'be', blockSize: 16384, fragmentSize: 2048 },
  { version: 2, order: 'le', blockSize: 32768, fragmentSize: 4096 },
  { version: 1, order: 'le', blockSize: 65536, fragmentSize: 8192 },
  { version: 2, order: 'le', blockSize: 16384, fragmentSize: 16384 },
]

export const nameOf = ({ version, order, blockSize, fragmentSize }: Shape): string =>
  `UFS${version} ${order} ${blockSize}/${fragmentSize}`

/** Files that every image has: sizes around blocks, fragments and levels of indirect blocks, a hole, links, a long directory. */
export function makeTree(shape: Shape): Map<string, Buffer> {
  const { blockSize, fragmentSize } = shape
  const pointers = blockSize / (shape.version === 1 ? 4 : 8)
  const files = new Map<string, Buffer>([
    ['empty', Buffer.alloc(0)],
    ['one', noise(1, 1)],
    ['fragment', noise(fragmentSize, 2)],
    ['tail', noise(blockSize * 2 + fragmentSize + 5, 3)],
    ['direct', noise(blockSize * 12, 4)],
    ['indirect', noise(blockSize * 15 + 100, 5)],
    ['sub/deep/file', noise(3 * fragmentSize, 6)],
  ])
  if (blockSize <= 4096) files.set('double', noise(blockSize * (12 + pointers + 3) + 7, 7))
  for (let i = 0; i < 120; i++) files.set(`many/a file with a long name, number ${i}`, noise(10, i))
  return files
}

/** Bytes that `seed` determines. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = (seed + 1) * 2654435761
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

const made = new Map<string, Buffer>()

/** A fresh copy of the image of a shape; made once. */
export function makeImage(shape: Shape, sizeBytes = 12 << 20): Buffer {
  const name = `${nameOf(shape)} ${sizeBytes}`
  const known = made.get(name)
  if (known !== undefined) return Buffer.from(known)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pager-ufs-'))
  try {
    const tree = path.join(folder, 'tree')
    for (const [file, bytes] of makeTree(shape)) {
      fs.mkdirSync(path.dirname(path.join(tree, file)), { recursive: true })
      fs.writeFileSync(path.join(tree, file), bytes)
    }
    fs.symlinkSync('sub/deep/file', path.join(tree, 'link'))
    fs.symlinkSync('../../one', path.join(tree, 'sub/deep/up'))
    fs.symlinkSync(`./${'./'.repeat(100)}one`, path.join(tree, 'long link'))
    fs.symlinkSync('circle', path.join(tree, 'circle'))
    fs.linkSync(path.join(tree, 'sub/deep/file'), path.join(tree, 'second name'))
    const image = path.join(folder, 'image')
    const { version, order, blockSize, fragmentSize } = shape
    const options = `version=${version},bsize=${blockSize},fsize=${fragmentSize},density=${Math.max(4096, blockSize)}`
    run('makefs', ['-t', 'ffs', '-B', order, '-s', String(sizeBytes), '-o', options, image, tree])
    made.set(name, fs.readFileSync(image))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  return makeImage(shape, sizeBytes)
}

/** Memory as a block store. */
export class MemoryStore implements BlockStore {
  readonly bytes: Uint8Array
  readonly sizePages: number
  writes = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.sizePages = Math.floor(bytes.length / PAGE_BYTES)
  }

  readPages(page: number, buffers: Uint8Array[], count: number): void {
    const bytes = this.bytes.subarray(page * PAGE_BYTES, (page + count) * PAGE_BYTES)
    if (buffers[0]!.length > PAGE_BYTES) buffers[0]!.set(bytes)
    else for (let i = 0; i < count; i++) buffers[i]!.set(bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES))
  }

  writePages(page: number, buffers: Uint8Array[], count: number): void {
    this.writes += count
    if (buffers[0]!.length > PAGE_BYTES) this.bytes.set(buffers[0]!, page * PAGE_BYTES)
    else for (let i = 0; i < count; i++) this.bytes.set(buffers[i]!, (page + i) * PAGE_BYTES)
  }

  sync(): void {
    // memory is its own medium
  }

  close(): void {
    // nothing is open
  }
}

export function openImage(bytes: Uint8Array): UfsFileSystem {
  return UfsFileSystem.open(new MemoryStore(bytes))
}

/** The UfsError that `action` throws. */
export function ufsErrorOf(action: () => unknown): UfsError {
  try {
    action()
  } catch (error) {
    if (error instanceof UfsError) return error
    throw error
  }
  throw new Error('expected a UfsError, nothing was thrown')
}
