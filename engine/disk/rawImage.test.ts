import fs from 'node:fs'
import path from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { NullStore, VectoredFile } from './blockStore.ts'
import { RawImage, createImage } from './rawImage.ts'
import { diskErrorOf, makeFrames, paint, painted, scratchFolder, transferArguments } from './testing.ts'
import { PAGE_BYTES } from './units.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function imageIn(folder: string, pages: number): string {
  const file = path.join(folder, 'disk.img')
  createImage(file, pages * PAGE_BYTES)
  return file
}

test('a new sparse image reads as zeros and takes no room', () => {
  const file = imageIn(scratchFolder(onTestFinished), 1024)
  expect(fs.statSync(file).size).toBe(1024 * PAGE_BYTES)
  expect(fs.statSync(file).blocks).toBe(0)
  const image = RawImage.open(file)
  const frames = [painted(1)]
  image.readPages(1023, frames, 1)
  expect(frames[0]!.every((byte) => byte === 0)).toBe(true)
  image.close()
})

test('a preallocated image has its room', () => {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  createImage(file, 3 * 1024 * 1024 + 512, { preallocate: true })
  expect(fs.statSync(file).size).toBe(3 * 1024 * 1024 + 512)
  expect(fs.statSync(file).blocks * 512).toBeGreaterThanOrEqual(3 * 1024 * 1024)
})

test('an existing file is never overwritten', () => {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  fs.writeFileSync(file, 'precious')
  expect(diskErrorOf(() => createImage(file, 8192)).code).toBe('exists')
  expect(fs.readFileSync(file, 'utf8')).toBe('precious')
})

test('an image that would not fit is refused and leaves nothing behind', () => {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  expect(diskErrorOf(() => createImage(file, 2 ** 50, { preallocate: true })).code).toBe('disk-full')
  expect(fs.existsSync(file)).toBe(false)
})

test('a missing image, a directory, a size that is no multiple of a sector, one too small: one clear error each', () => {
  const folder = scratchFolder(onTestFinished)
  const odd = path.join(folder, 'odd.img')
  fs.writeFileSync(odd, new Uint8Array(4096 + 100))
  const small = path.join(folder, 'small.img')
  fs.writeFileSync(small, new Uint8Array(512))
  expect(diskErrorOf(() => RawImage.open(path.join(folder, 'none.img'))).code).toBe('missing-image')
  expect(diskErrorOf(() => RawImage.open(folder)).code).toBe('not-an-image')
  const error = diskErrorOf(() => RawImage.open(odd))
  expect(error.code).toBe('not-sector-multiple')
  expect(error.path).toBe(odd)
  expect(error.message).toContain('4196 bytes')
  expect(diskErrorOf(() => RawImage.open(small)).code).toBe('image-too-small')
  expect(diskErrorOf(() => RawImage.open(odd, 'write')).code).toBe('not-sector-multiple')
  expect(fs.existsSync(`${odd}.lock`)).toBe(false)
})

test.each([
  ['neighbours', (frames: Uint8Array[]) => frames],
  ['backwards', (frames: Uint8Array[]) => [...frames].reverse()],
  ['every other', (frames: Uint8Array[]) => frames.filter((_, i) => i % 2 === 0)],
  ['of different buffers', (frames: Uint8Array[]) => frames.map((frame) => frame.slice())],
])('pages come back as they were written: frames %s', (_, arrange) => {
  const image = RawImage.open(imageIn(scratchFolder(onTestFinished), 64), 'write')
  const out = arrange(makeFrames(32))
  out.forEach((frame, i) => paint(frame, i))
  const count = out.length - 1
  image.writePages(17, out, count)
  const back = arrange(makeFrames(32))
  image.readPages(17, back, count)
  for (let i = 0; i < count; i++) expect(Buffer.compare(back[i]!, painted(i))).toBe(0)
  // What lies before and behind is untouched, as is the frame that was not part of the transfer.
  image.readPages(16, back, 1)
  expect(back[0]!.every((byte) => byte === 0)).toBe(true)
  image.readPages(17 + count, back, 1)
  expect(back[0]!.every((byte) => byte === 0)).toBe(true)
  expect(back[count]!.every((byte) => byte === 0)).toBe(true)
  image.close()
})

test('transfers beyond the end and writes to an image open to read are refused', () => {
  const file = imageIn(scratchFolder(onTestFinished), 4)
  const image = RawImage.open(file)
  const frames = makeFrames(2)
  expect(diskErrorOf(() => image.readPages(3, frames, 2)).code).toBe('out-of-range')
  expect(diskErrorOf(() => image.readPages(-1, frames, 1)).code).toBe('out-of-range')
  expect(diskErrorOf(() => image.readPages(NaN, frames, 1)).code).toBe('out-of-range')
  expect(diskErrorOf(() => image.writePages(0, frames, 1)).code).toBe('read-only')
  expect(diskErrorOf(() => image.readBytes(4 * PAGE_BYTES - 1, 2)).code).toBe('out-of-range')
  image.close()
})

test('short reads and writes are finished', () => {
  const image = RawImage.open(imageIn(scratchFolder(onTestFinished), 16), 'write')
  const frames = makeFrames(4)
  frames.forEach((frame, i) => paint(frame, i))
  const write = fs.writeSync.bind(fs)
  const read = fs.readSync.bind(fs)
  vi.spyOn(fs, 'writeSync').mockImplementation((...parameters: unknown[]) => {
    const { fd, view, offset, length, position } = transferArguments(parameters)
    return write(fd, view, offset, Math.min(length, 3000), position)
  })
  vi.spyOn(fs, 'readSync').mockImplementation((...parameters: unknown[]) => {
    const { fd, view, offset, length, position } = transferArguments(parameters)
    return read(fd, view, offset, Math.min(length, 1001), position)
  })
  image.writePages(5, frames, 4)
  const back = makeFrames(4)
  image.readPages(5, back, 4)
  for (let i = 0; i < 4; i++) expect(Buffer.compare(back[i]!, painted(i))).toBe(0)
  const row = new Uint8Array(4 * PAGE_BYTES)
  image.readPages(5, [row], 4)
  image.writePages(9, [row], 4)
  image.readPages(9, back, 4)
  for (let i = 0; i < 4; i++) expect(Buffer.compare(back[i]!, painted(i))).toBe(0)
  image.close()
})

test('an image that becomes shorter while it is open is an error, not an endless loop', () => {
  const file = imageIn(scratchFolder(onTestFinished), 8)
  const image = RawImage.open(file)
  fs.truncateSync(file, 6 * PAGE_BYTES + 10)
  const error = diskErrorOf(() => image.readPages(4, makeFrames(4), 4))
  expect(error.code).toBe('io')
  expect(error.offset).toBe(6 * PAGE_BYTES + 10)
  expect(diskErrorOf(() => image.digest()).code).toBe('io')
  image.close()
})

test.runIf(fs.existsSync('/dev/full'))('a full file system is disk-full, whichever way the pages go', () => {
  const fd = fs.openSync('/dev/full', 'r+')
  const file = new VectoredFile(fd, '/dev/full')
  const frames = makeFrames(3)
  expect(diskErrorOf(() => file.write(0, frames, 0, 1)).code).toBe('disk-full')
  expect(diskErrorOf(() => file.write(0, frames, 0, 3)).code).toBe('disk-full')
  const error = diskErrorOf(() => file.write(8192, [frames[2]!, frames[0]!], 0, 2))
  expect(error.code).toBe('disk-full')
  expect(error.offset).toBe(8192)
  fs.closeSync(fd)
})

test('two paths to one image have one identity', () => {
  const folder = scratchFolder(onTestFinished)
  const file = imageIn(folder, 4)
  const link = path.join(folder, 'other.img')
  fs.linkSync(file, link)
  fs.symlinkSync(file, path.join(folder, 'third.img'))
  const copy = path.join(folder, 'copy.img')
  fs.copyFileSync(file, copy)
  const images = [file, link, path.join(folder, 'third.img'), copy].map((name) => RawImage.open(name))
  expect(images[1]!.identity).toBe(images[0]!.identity)
  expect(images[2]!.identity).toBe(images[0]!.identity)
  expect(images[3]!.identity).not.toBe(images[0]!.identity)
  for (const image of images) image.close()
})

test('the digest depends on size and contents, not on holes', () => {
  const folder = scratchFolder(onTestFinished)
  const sizeBytes = 3 * 1024 * 1024 + 4096
  const [sparse, full] = ['sparse.img', 'full.img'].map((name) => path.join(folder, name))
  createImage(sparse!, sizeBytes)
  createImage(full!, sizeBytes, { preallocate: true })
  const digestOf = (file: string): string => {
    const image = RawImage.open(file)
    const digest = image.digest()
    image.close()
    return digest
  }
  const empty = digestOf(sparse!)
  expect(empty).toMatch(/^[0-9a-f]{64}$/)
  expect(digestOf(full!)).toBe(empty)
  for (const at of [0, 1024 * 1024 - 1, 2 * 1024 * 1024, sizeBytes - 1]) {
    const fd = fs.openSync(sparse!, 'r+')
    fs.writeSync(fd, Uint8Array.of(1), 0, 1, at)
    const changed = digestOf(sparse!)
    expect(changed).not.toBe(empty)
    fs.writeSync(fd, Uint8Array.of(0), 0, 1, at)
    fs.closeSync(fd)
    expect(digestOf(sparse!)).toBe(empty)
  }
  const longer = path.join(folder, 'longer.img')
  createImage(longer, sizeBytes + 4096)
  expect(digestOf(longer)).not.toBe(empty)
})

test('a store without contents moves nothing and still checks ranges', () => {
  const store = new NullStore(8)
  const frames = [painted(3)]
  store.readPages(7, frames, 1)
  store.writePages(7, frames, 1)
  expect(Buffer.compare(frames[0]!, painted(3))).toBe(0)
  expect(diskErrorOf(() => store.readPages(8, frames, 1)).code).toBe('out-of-range')
  store.sync()
  store.close()
})
