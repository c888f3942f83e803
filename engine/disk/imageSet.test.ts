import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ImageSet, type StoreRequest } from './imageSet.ts'
import { RawImage, createImage } from './rawImage.ts'
import { diskErrorOf, makeFrames, painted, scratchFolder } from './testing.ts'

/** An MBR with a swap partition at sector 64 and a Linux one behind it, or an image without a table. */
function newImage(folder: string, name: string, hasTable: boolean): string {
  const file = path.join(folder, name)
  createImage(file, 512 * 4096)
  if (!hasTable) return file
  const sector = Buffer.alloc(512)
  sector.writeUInt16LE(0xaa55, 510)
  ;[
    [0x82, 64, 1024],
    [0x83, 1088, 1024],
  ].forEach(([type, start, sectors], i) => {
    sector.writeUInt8(type!, 446 + i * 16 + 4)
    sector.writeUInt32LE(start!, 446 + i * 16 + 8)
    sector.writeUInt32LE(sectors!, 446 + i * 16 + 12)
  })
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, sector, 0, 512, 0)
  fs.closeSync(fd)
  return file
}

function newSet(): ImageSet {
  const set = new ImageSet()
  onTestFinished(() => set.close())
  return set
}

const swap = { mode: 'overlay', isSwap: true, partition: null } as const

test('devices get their overlays, images and digests; closing drops and frees all', () => {
  const folder = scratchFolder(onTestFinished)
  const plain = newImage(folder, 'plain.img', false)
  const parted = newImage(folder, 'parted.img', true)
  const set = newSet()
  const overlayPath = path.join(folder, 'overlay')
  const first = set.open({ ...swap, path: plain, overlayPath, withDigest: true })
  const second = set.open({ path: parted, partition: 0, mode: 'write-through', isSwap: true })
  expect(first.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(first.overlay).toBe(first.store)
  expect(second.digest).toBe(null)
  expect(second.store.sizePages).toBe(128)
  for (const { store } of [first, second]) store.writePages(2, [painted(1)], 1)
  set.close()
  expect(fs.readdirSync(folder).sort()).toEqual(['parted.img', 'plain.img'])
  const image = RawImage.open(plain, 'write')
  expect(image.digest()).toBe(first.digest)
  image.close()
  const written = RawImage.open(parted, 'write')
  expect(Buffer.compare(written.readBytes(64 * 512 + 2 * 4096, 4096), painted(1))).toBe(0)
  written.close()
})

test('two partitions of an image are two devices; two devices on the same bytes are refused by either name', () => {
  const folder = scratchFolder(onTestFinished)
  const parted = newImage(folder, 'parted.img', true)
  const link = path.join(folder, 'link.img')
  fs.symlinkSync(parted, link)
  const set = newSet()
  const writeThrough = { mode: 'write-through', isSwap: true, force: true } as const
  const first = set.open({ ...writeThrough, path: parted, partition: 0 })
  const second = set.open({ ...writeThrough, path: link, partition: 1 })
  expect(second.image).toBe(first.image)
  for (const request of [
    { ...writeThrough, path: link, partition: 0 },
    { ...swap, path: parted, overlayPath: path.join(folder, 'o'), force: true },
  ] satisfies StoreRequest[]) {
    const error = diskErrorOf(() => set.open(request))
    expect(error.code).toBe('image-used-twice')
    expect(error.message).toContain('already in use as partition 0')
  }
  expect(fs.existsSync(path.join(folder, 'o'))).toBe(false)
  const frames = makeFrames(1)
  second.store.readPages(0, frames, 1)
})

test('one image may have a device with an overlay and one that writes through, in any order, if both are foreseen', () => {
  const folder = scratchFolder(onTestFinished)
  const parted = newImage(folder, 'parted.img', true)
  const first: StoreRequest = { ...swap, path: parted, partition: 0, overlayPath: path.join(folder, 'o') }
  const second: StoreRequest = { path: parted, partition: 1, mode: 'write-through', isSwap: false }
  const careless = newSet()
  careless.open(first)
  const error = diskErrorOf(() => careless.open(second))
  expect(error.code).toBe('image-used-twice')
  expect(error.message).toContain('cannot be written through')
  careless.close()
  const set = newSet()
  const foreseeing = new ImageSet([first, second])
  onTestFinished(() => foreseeing.close())
  const overlay = foreseeing.open(first)
  const through = foreseeing.open(second)
  expect(through.image).toBe(overlay.image)
  through.store.writePages(1, [painted(8)], 1)
  overlay.store.writePages(1, [painted(9)], 1)
  // A set that does not write is kept out meanwhile only if it is another thread's.
  expect(set.open({ ...second, mode: 'read' }).store.sizePages).toBe(128)
  expect(Buffer.compare(overlay.image.readBytes(1088 * 512 + 4096, 4096), painted(8))).toBe(0)
  expect(overlay.image.readBytes(64 * 512 + 4096, 4096).every((byte) => byte === 0)).toBe(true)
})

test('what is no swap is not swapped on unless forced, and a partition table is never written over', () => {
  const folder = scratchFolder(onTestFinished)
  const parted = newImage(folder, 'parted.img', true)
  const ufs = newImage(folder, 'ufs.img', false)
  const fd = fs.openSync(ufs, 'r+')
  fs.writeSync(fd, Uint8Array.of(0x19, 0x01, 0x54, 0x19), 0, 4, 65536 + 1372)
  fs.closeSync(fd)
  let overlays = 0
  const codeOf = (request: Omit<StoreRequest, 'isSwap' | 'overlayPath'>): string => {
    const set = new ImageSet()
    try {
      set.open({ ...request, isSwap: true, overlayPath: path.join(folder, `o${overlays++}`) })
      return 'opened'
    } catch {
      return diskErrorOf(() => set.open({ ...request, isSwap: true, overlayPath: path.join(folder, 'o') })).code
    } finally {
      set.close()
    }
  }
  for (const mode of ['overlay', 'write-through'] as const) {
    const forcedTable = mode === 'overlay' ? 'opened' : 'not-swap'
    expect(codeOf({ path: parted, partition: 0, mode })).toBe('opened')
    expect(codeOf({ path: parted, partition: 1, mode })).toBe('not-swap')
    expect(codeOf({ path: parted, partition: 1, mode, force: true })).toBe('opened')
    expect(codeOf({ path: parted, partition: null, mode })).toBe('not-swap')
    expect(codeOf({ path: parted, partition: null, mode, force: true })).toBe(forcedTable)
    expect(codeOf({ path: ufs, partition: null, mode })).toBe('not-swap')
    expect(codeOf({ path: ufs, partition: null, mode, force: true })).toBe('opened')
    expect(codeOf({ path: path.join(folder, 'none.img'), partition: null, mode })).toBe('missing-image')
    expect(codeOf({ path: parted, partition: 7, mode })).toBe('no-such-partition')
  }
  // Read as a file system's disk, none of this matters.
  const set = newSet()
  expect(set.open({ path: ufs, partition: null, mode: 'read', isSwap: false }).store.sizePages).toBe(512)
})
