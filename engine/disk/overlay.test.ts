import fc from 'fast-check'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Overlay } from './overlay.ts'
import { Partition } from './partition.ts'
import { RawImage, createImage } from './rawImage.ts'
import { diskErrorOf, makeFrames, paint, painted, scratchFolder, transferArguments } from './testing.ts'

const PAGES = 100

/** An image whose page n is painted with n, open to read. */
function paintedImage(folder: string, name = 'disk.img'): RawImage {
  const file = path.join(folder, name)
  createImage(file, PAGES * 4096)
  const image = RawImage.open(file, 'write')
  for (let page = 0; page < PAGES; page++) image.writePages(page, [painted(page)], 1)
  image.close()
  return RawImage.open(file)
}

test('reads and writes through an overlay are those of a plain disk, and the base stays as it was', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const before = base.digest()
  const operation = fc.record({
    isWrite: fc.boolean(),
    page: fc.integer({ min: 0, max: PAGES - 1 }),
    count: fc.integer({ min: 0, max: 32 }),
    seed: fc.integer({ min: 1000, max: 100_000 }),
    memory: fc.constantFrom('neighbours', 'scattered', 'row'),
  })
  let runs = 0
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 25 }), fc.boolean(), (operations, isPartition) => {
      const store = isPartition ? new Partition(base, 3 * 512, (PAGES - 10) * 4096) : base
      const overlay = Overlay.create(path.join(folder, `overlay${runs++}`), store)
      const model = new Uint8Array(base.readBytes(isPartition ? 3 * 512 : 0, overlay.sizePages * 4096))
      for (const { isWrite, page, count: wanted, seed, memory } of operations) {
        if (page >= overlay.sizePages) continue
        const count = Math.min(wanted, overlay.sizePages - page)
        const frames = makeFrames(33)
        if (memory === 'scattered') frames.reverse()
        const views = memory === 'row' && count > 1 ? [new Uint8Array(frames[0]!.buffer, 0, count * 4096)] : frames
        if (isWrite) {
          for (let i = 0; i < count; i++) model.set(paint(frames[i]!, seed + i), (page + i) * 4096)
          overlay.writePages(page, views, count)
        } else {
          overlay.readPages(page, views, count)
          for (let i = 0; i < count; i++) {
            const expected = model.subarray((page + i) * 4096, (page + i + 1) * 4096)
            expect(Buffer.compare(frames[i]!, expected)).toBe(0)
          }
        }
      }
      overlay.close()
    }),
    { numRuns: 40 },
  )
  expect(base.digest()).toBe(before)
  expect(fs.readdirSync(folder)).toEqual(['disk.img'])
  base.close()
})

test('a fresh overlay takes no room and is gone after close unless kept', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const file = path.join(folder, 'run.overlay')
  const overlay = Overlay.create(file, base)
  expect(fs.statSync(file).blocks).toBe(0)
  expect(diskErrorOf(() => Overlay.create(file, base)).code).toBe('exists')
  overlay.writePages(7, [painted(700)], 1)
  expect(overlay.hasPage(7)).toBe(true)
  expect(overlay.hasPage(8)).toBe(false)
  expect(overlay.pagesStored).toBe(1)
  overlay.reset()
  expect(overlay.pagesStored).toBe(0)
  const frames = makeFrames(1)
  overlay.readPages(7, frames, 1)
  expect(Buffer.compare(frames[0]!, painted(7))).toBe(0)
  overlay.close()
  overlay.close()
  expect(fs.existsSync(file)).toBe(false)
  base.close()
})

test('a kept overlay is taken up again with all its pages', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const file = path.join(folder, 'run.overlay')
  const overlay = Overlay.create(file, base, { keep: true, baseDigest: base.digest() })
  for (const page of [0, 31, 32, 63, 99]) overlay.writePages(page, [painted(page + 500)], 1)
  overlay.close()
  const description = Overlay.describe(file)
  expect(description.pagesStored).toBe(5)
  expect(description.base.path).toBe(base.path)
  expect(description.base.digest).toBe(base.digest())
  const again = Overlay.open(file, base)
  expect(diskErrorOf(() => Overlay.open(file, base)).code).toBe('image-in-use')
  const frames = makeFrames(PAGES)
  again.readPages(0, frames, PAGES)
  for (let page = 0; page < PAGES; page++) {
    const seed = [0, 31, 32, 63, 99].includes(page) ? page + 500 : page
    expect(Buffer.compare(frames[page]!, painted(seed))).toBe(0)
  }
  again.keep = false
  again.close()
  expect(fs.readdirSync(folder)).toEqual(['disk.img'])
  base.close()
})

test('an overlay does not go with a base that was changed, has another size or place', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const file = path.join(folder, 'run.overlay')
  const overlay = Overlay.create(file, base, { keep: true })
  expect(overlay.isBaseChanged).toBe(false)
  overlay.close()
  expect(diskErrorOf(() => Overlay.open(file, new Partition(base, 4096, 50 * 4096))).code).toBe('base-changed')
  const small = path.join(folder, 'small.img')
  createImage(small, 8192)
  const smallImage = RawImage.open(small)
  expect(diskErrorOf(() => Overlay.open(file, smallImage)).code).toBe('base-changed')
  smallImage.close()
  const still = Overlay.open(file, base)
  const writer = RawImage.open(base.path, 'write')
  writer.writePages(3, [painted(999)], 1)
  fs.utimesSync(base.path, 1, 1)
  writer.close()
  expect(still.isBaseChanged).toBe(true)
  still.close()
  const error = diskErrorOf(() => Overlay.open(file, base))
  expect(error.code).toBe('base-changed')
  expect(error.path).toBe(base.path)
  base.close()
})

test('a base that was only touched or copied is known by its digest', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const file = path.join(folder, 'run.overlay')
  Overlay.create(file, base, { keep: true, baseDigest: base.digest() }).close()
  const copy = path.join(folder, 'copy.img')
  fs.copyFileSync(base.path, copy)
  fs.utimesSync(copy, 1, 1)
  const copied = RawImage.open(copy)
  Overlay.open(file, copied).close()
  copied.close()
  base.close()
})

test('a damaged map is refused, wherever the damage is', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const file = path.join(folder, 'run.overlay')
  const overlay = Overlay.create(file, base, { keep: true })
  overlay.writePages(3, [painted(1)], 1)
  overlay.close()
  const map = fs.readFileSync(`${file}.map`)
  fc.assert(
    fc.property(fc.nat({ max: map.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(map)
      damaged[at]! ^= flip
      fs.writeFileSync(`${file}.map`, damaged)
      expect(diskErrorOf(() => Overlay.describe(file)).code).toBe('bad-overlay')
    }),
  )
  for (const length of [0, 5, 12, map.length - 1]) {
    fs.writeFileSync(`${file}.map`, map.subarray(0, length))
    expect(diskErrorOf(() => Overlay.describe(file)).code).toBe('bad-overlay')
  }
  fs.writeFileSync(`${file}.map`, map)
  fs.truncateSync(file, 4096)
  expect(diskErrorOf(() => Overlay.open(file, base)).code).toBe('bad-overlay')
  fs.rmSync(`${file}.map`)
  expect(diskErrorOf(() => Overlay.open(file, base)).code).toBe('missing-image')
  base.close()
})

test('applying puts the pages into the base, once', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const partition = new Partition(base, 5 * 512, 90 * 4096)
  const file = path.join(folder, 'run.overlay')
  const overlay = Overlay.create(file, partition, { keep: true })
  for (const page of [0, 1, 2, 64, 89]) overlay.writePages(page, [painted(page + 500)], 1)
  expect(diskErrorOf(() => overlay.applyTo(base)).code).toBe('read-only')
  const writer = RawImage.open(base.path, 'write')
  const progress: number[] = []
  expect(overlay.applyTo(writer, (pages) => progress.push(pages))).toBe(5)
  expect(progress).toEqual([3, 4, 5])
  overlay.close()
  writer.close()
  const frames = makeFrames(1)
  for (const page of [0, 1, 2, 64, 89]) {
    partition.readPages(page, frames, 1)
    expect(Buffer.compare(frames[0]!, painted(page + 500))).toBe(0)
  }
  const bytes = base.readBytes(3 * 4096 + 5 * 512, 4096)
  expect(Buffer.compare(bytes.subarray(0, 3 * 512), painted(3).subarray(5 * 512))).toBe(0)
  expect(diskErrorOf(() => Overlay.open(file, partition)).message).toContain('applied')
  base.close()
})

test('an application that fails in the middle is completed by doing it again', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const file = path.join(folder, 'run.overlay')
  const overlay = Overlay.create(file, base, { keep: true })
  for (const page of [4, 40, 80]) overlay.writePages(page, [painted(page + 500)], 1)
  const writer = RawImage.open(base.path, 'write')
  const write = fs.writeSync.bind(fs)
  const spy = vi.spyOn(fs, 'writeSync').mockImplementation((...parameters: unknown[]) => {
    const { fd, view, offset, length, position } = transferArguments(parameters)
    if (fd === writer.file.fd && position === 40 * 4096) {
      throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    }
    return write(fd, view, offset, length, position)
  })
  expect(diskErrorOf(() => overlay.applyTo(writer)).code).toBe('disk-full')
  spy.mockRestore()
  overlay.close()
  expect(Overlay.describe(file).state).toBe('applying')
  const again = Overlay.open(file, base)
  expect(again.applyTo(writer)).toBe(3)
  again.close()
  writer.close()
  const frames = makeFrames(PAGES)
  base.readPages(0, frames, PAGES)
  for (let page = 0; page < PAGES; page++) {
    expect(Buffer.compare(frames[page]!, painted([4, 40, 80].includes(page) ? page + 500 : page))).toBe(0)
  }
  base.close()
})

test('after a failed write the base’s page is still what is read', () => {
  const folder = scratchFolder(onTestFinished)
  const base = paintedImage(folder)
  const overlay = Overlay.create(path.join(folder, 'run.overlay'), base)
  const spy = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
  })
  expect(diskErrorOf(() => overlay.writePages(9, [painted(900)], 1)).code).toBe('disk-full')
  spy.mockRestore()
  const frames = makeFrames(1)
  overlay.readPages(9, frames, 1)
  expect(Buffer.compare(frames[0]!, painted(9))).toBe(0)
  overlay.close()
  base.close()
})
