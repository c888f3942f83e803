import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Columns } from '../sim/columns.ts'
import { type BlockStore, NullStore } from './blockStore.ts'
import { Device } from './device.ts'
import { Errno, FaultInjection } from './faultInjection.ts'
import { RawImage, createImage } from './rawImage.ts'
import { diskErrorOf, makeFrames, paint, painted, scratchFolder } from './testing.ts'
import { createTimingModel } from './timing/index.ts'

function makeDevice(store: BlockStore = new NullStore(1000), model = 'ssd') {
  const columns = new Columns()
  const faults = new FaultInjection(columns)
  const timing = createTimingModel({ model }, columns, 'device0', store.sizePages)
  return { columns, faults, device: new Device({ columns, name: 'device0', number: 0, store, timing, faults }) }
}

test('a write stores what its pages are at submission, a read brings it back', () => {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  createImage(file, 64 * 4096)
  const image = RawImage.open(file, 'write')
  const { device } = makeDevice(image)
  const frames = makeFrames(8)
  frames.forEach((frame, i) => paint(frame, i))
  const written = device.submit(1000, true, 20, frames, 8)
  expect(device.lastErrno).toBe(0)
  expect(written).toBeGreaterThan(1000)
  for (const frame of frames) frame.fill(0xff)
  device.completed(written)
  device.submit(written, false, 22, frames, 3)
  for (let i = 0; i < 3; i++) expect(Buffer.compare(frames[i]!, painted(i + 2))).toBe(0)
  expect(Buffer.compare(frames[3]!, new Uint8Array(4096).fill(0xff))).toBe(0)
  image.close()
})

test('requests, pages, latency, queue and busy time are counted', () => {
  const { device } = makeDevice()
  const first = device.submit(1000, true, 0, [], 8)
  const second = device.submit(2000, false, 500, [], 2)
  expect(device.queueDepth).toBe(2)
  expect(device.busyNs(3000)).toBe(2000)
  const [early, late] = first < second ? [first, second] : [second, first]
  device.completed(early)
  expect(device.queueDepth).toBe(1)
  device.completed(late)
  expect(device.queueDepth).toBe(0)
  expect(device.queueDepthMax).toBe(2)
  expect([device.reads, device.writes, device.pagesRead, device.pagesWritten, device.errors]).toEqual([1, 1, 2, 8, 0])
  expect(device.latencySumNs).toBe(first - 1000 + second - 2000)
  expect(device.latencyMaxNs).toBe(Math.max(first - 1000, second - 2000))
  expect(device.busyNs(late + 5000)).toBe(late - 1000)
  expect(device.utilisation(2 * (late - 1000))).toBe(0.5)
  expect(device.utilisation(0)).toBe(0)
  expect(() => device.completed(late)).toThrow('was not submitted')
})

test('a failing request moves nothing; the medium takes its time, a refusal none', () => {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  createImage(file, 64 * 4096)
  const image = RawImage.open(file, 'write')
  const { device, faults } = makeDevice(image)
  faults.add({ device: 0, direction: 'write', errno: Errno.EIO, fromRequest: 1, count: 1 })
  faults.add({ device: 0, direction: 'write', errno: Errno.ENOMEM, fromRequest: 2, count: 1 })
  const frames = [painted(1)]
  device.completed(device.submit(0, true, 3, frames, 1))
  paint(frames[0]!, 2)
  const now = 1_000_000
  const failed = device.submit(now, true, 3, frames, 1)
  expect(device.lastErrno).toBe(Errno.EIO)
  expect(failed).toBeGreaterThan(now)
  device.completed(failed)
  expect(device.submit(failed, true, 3, frames, 1)).toBe(failed)
  expect(device.lastErrno).toBe(Errno.ENOMEM)
  device.completed(failed)
  device.submit(failed, false, 3, frames, 1)
  expect(device.lastErrno).toBe(0)
  expect(Buffer.compare(frames[0]!, painted(1))).toBe(0)
  expect([device.writes, device.pagesWritten, device.errors]).toEqual([3, 1, 2])
  image.close()
})

test('an orphaned device fails everything with ENXIO, and comes back with an earlier state', () => {
  const { device, columns } = makeDevice()
  const snapshot = columns.save()
  device.orphan()
  expect(device.isGone).toBe(true)
  expect(device.submit(10, false, 0, [], 1)).toBe(10)
  expect(device.lastErrno).toBe(Errno.ENXIO)
  device.completed(10)
  columns.restore(snapshot)
  expect(device.isGone).toBe(false)
  expect(device.reads).toBe(0)
  device.submit(10, false, 0, [], 1)
  expect(device.lastErrno).toBe(0)
})

test('a restored device gives the same answers and counts', () => {
  const { device, columns } = makeDevice(new NullStore(100_000), 'hdd')
  const run = (): number[] => {
    const answers = []
    for (let i = 0; i < 50; i++) {
      const now = i * 3_000_000
      const completion = device.submit(now, i % 3 === 0, (i * 7919) % 90_000, [], 1 + (i % 16))
      answers.push(completion, device.queueDepth)
      device.completed(completion)
    }
    return [...answers, device.latencySumNs, device.latencyMaxNs, device.busyNs(1e9)]
  }
  device.submit(0, false, 40_000, [], 4)
  const snapshot = columns.save()
  const first = run()
  columns.restore(snapshot)
  expect(run()).toEqual(first)
})

test('a request beyond the end is an error of the engine, before anything is counted', () => {
  const { device } = makeDevice()
  expect(diskErrorOf(() => device.submit(0, true, 999, [], 2)).code).toBe('out-of-range')
  expect([device.writes, device.queueDepth]).toEqual([0, 0])
})
