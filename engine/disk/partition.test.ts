import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Partition, extentOf, extentsOverlap } from './partition.ts'
import { RawImage, createImage } from './rawImage.ts'
import { diskErrorOf, makeFrames, paint, painted, scratchFolder } from './testing.ts'

function openImage(sizeBytes: number): RawImage {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  createImage(file, sizeBytes)
  return RawImage.open(file, 'write')
}

test('a partition that begins within a page writes at its own place only', () => {
  const image = openImage(64 * 4096)
  const partition = new Partition(image, 63 * 512, 10 * 4096 + 512)
  expect(partition.sizePages).toBe(10)
  const frames = makeFrames(10)
  frames.forEach((frame, i) => paint(frame, i))
  partition.writePages(0, frames, 10)
  const back = makeFrames(10)
  partition.readPages(0, back, 10)
  for (let i = 0; i < 10; i++) expect(Buffer.compare(back[i]!, painted(i))).toBe(0)
  const bytes = image.readBytes(0, image.sizeBytes)
  expect(Buffer.compare(bytes.subarray(63 * 512, 63 * 512 + 4096), painted(0))).toBe(0)
  expect(bytes.subarray(0, 63 * 512).every((byte) => byte === 0)).toBe(true)
  expect(bytes.subarray(63 * 512 + 10 * 4096).every((byte) => byte === 0)).toBe(true)
  expect(diskErrorOf(() => partition.readPages(10, frames, 1)).code).toBe('out-of-range')
  partition.close()
  expect(image.isOpen).toBe(true)
  image.close()
})

test('a partition that does not fit its image, or is not made of sectors, is refused', () => {
  const image = openImage(64 * 4096)
  expect(diskErrorOf(() => new Partition(image, 100, 8192)).code).toBe('not-sector-multiple')
  expect(diskErrorOf(() => new Partition(image, 512, 64 * 4096)).code).toBe('out-of-range')
  expect(diskErrorOf(() => new Partition(image, 512, 512)).code).toBe('image-too-small')
  image.close()
})

test('devices that share bytes of an image are found out', () => {
  const image = openImage(64 * 4096)
  const other = openImage(64 * 4096)
  const first = extentOf(new Partition(image, 0, 8 * 4096))
  const second = extentOf(new Partition(image, 8 * 4096, 8 * 4096))
  const across = extentOf(new Partition(image, 15 * 4096, 8 * 4096))
  expect(extentsOverlap(first, second)).toBe(false)
  expect(extentsOverlap(second, across)).toBe(true)
  expect(extentsOverlap(first, extentOf(image))).toBe(true)
  expect(extentsOverlap(first, extentOf(other))).toBe(false)
  image.close()
  other.close()
})
