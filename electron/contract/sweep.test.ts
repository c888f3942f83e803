import { describe, expect, it } from 'vitest'
import { withField } from './fieldPath.ts'
import { expandSweep, withDeviceCount } from './sweep.ts'

const experiment = {
  machine: { frames: 100 },
  swap: { devices: [{ image: 'a.img', create: '1 MiB' }] },
  processes: [{ workload: { generator: 'loop' } }],
}
const issuesOf = (changes: object) => expandSweep({ name: 's', experiment, ...changes }).issues
const filesOf = (vary: object) => {
  const { cells, issues } = expandSweep({ name: 's', experiment, vary })
  expect(issues).toEqual([])
  return cells ?? []
}

describe('the grid of a sweep', () => {
  it('has every combination, the last field varying fastest', () => {
    const cells = filesOf({ 'machine.frames': [64, 128], 'daemon.policy': ['lru', 'fifo'], seed: [1, 2] })
    expect(cells.map(({ index, point }) => [index, ...point])).toEqual([
      [0, 64, 'lru', 1],
      [1, 64, 'lru', 2],
      [2, 64, 'fifo', 1],
      [3, 64, 'fifo', 2],
      [4, 128, 'lru', 1],
      [5, 128, 'lru', 2],
      [6, 128, 'fifo', 1],
      [7, 128, 'fifo', 2],
    ])
    expect(cells.map(({ file }) => [file.machine.frames, file.daemon.policy, file.seed])).toEqual(
      cells.map(({ point }) => point),
    )
  })

  it('of no fields is the experiment alone', () => {
    expect(filesOf({}).map(({ file }) => file.machine.frames)).toEqual([100])
  })

  it('takes objects and lists as values, every device at once, and fields within what is missing', () => {
    const devices = [[], [{ image: 'b.img', create: '2 MiB' }]]
    expect(filesOf({ 'swap.devices': devices }).map(({ file }) => file.swap.devices.length)).toEqual([0, 1])
    const [, two] = filesOf({ 'swap.deviceCount': [1, 2], 'swap.devices[*].timing.model': ['hdd'] })
    expect(two?.file.swap.devices.map(({ image, timing }) => [image, timing.model])).toEqual([
      ['a.img', 'hdd'],
      ['a-1.img', 'hdd'],
    ])
    expect(filesOf({ 'files.pager': ['freebsd', 'netbsd'] }).map(({ file }) => file.files?.pager)).toEqual([
      'freebsd',
      'netbsd',
    ])
  })

  it('makes devices before it sets their fields, in whatever order they are named', () => {
    const [cell] = filesOf({ 'swap.devices[1].create': ['8 MiB'], 'swap.deviceCount': [2] })
    expect(cell?.file.swap.devices.map(({ create }) => create)).toEqual(['1 MiB', '8 MiB'])
  })

  it.each<[string, object, string, RegExp]>([
    [
      'a value that the field cannot have',
      { vary: { 'machine.frames': [64, 'many'] } },
      'vary.machine.frames[1]',
      /^must be a number/,
    ],
    [
      'a value that is wrong within',
      { vary: { 'swap.devices': [[{ image: '' }]] } },
      'vary.swap.devices[0]',
      /^swap\.devices\[0\]\.image must not be empty/,
    ],
    ['a field that there is not', { vary: { 'machine.ram': [1] } }, 'vary.machine.ram[0]', /not a field/],
    ['what is no path', { vary: { 'machine frames': [1] } }, 'vary.machine frames[0]', /no path/],
    [
      'a device that there is not',
      { vary: { 'swap.devices[3].create': ['1 MiB'] } },
      'vary.swap.devices[3].create[0]',
      /no entry 3; there are 1/,
    ],
    ['no values', { vary: { seed: [] } }, 'vary.seed', /at least one/],
    ['no fields', {}, 'vary', /missing/],
    ['a field of its own', { vary: {}, runs: 3 }, 'runs', /not a field of a sweep/],
    ['an experiment that is none', { vary: {}, experiment: { seed: -1 } }, 'experiment.seed', /at least 0/],
    [
      'too many runs',
      {
        vary: {
          seed: Array.from({ length: 100 }, (_, i) => i),
          'machine.frames': Array.from({ length: 100 }, (_, i) => i + 1),
        },
      },
      'vary',
      /10,000 runs/,
    ],
    [
      'one image of two sizes',
      { vary: { 'swap.devices[0].create': ['1 MiB', '2 MiB'] } },
      'vary.swap.devices[0].create',
      /a\.img would have to be made/,
    ],
    ['writing through', { vary: { 'swap.devices[0].mode': ['write-through'] } }, 'experiment', /writes through/],
    [
      'a number of devices that is none',
      { vary: { 'swap.deviceCount': [1.5] } },
      'vary.swap.deviceCount[0]',
      /whole number/,
    ],
  ])('refuses %s', (_, changes, field, message) => {
    const issues = issuesOf(changes)
    expect(issues[0]).toMatchObject({ field, message: expect.stringMatching(message) })
  })

  it('names the run of each cell after its values', () => {
    expect(filesOf({ 'daemon.policy': ['lru'], seed: [3] })[0]?.file.name).toBe('s: daemon.policy "lru", seed 3')
  })
})

it('a field is set without changing what was there', () => {
  const input = { a: [{ b: 1 }, { b: 2 }], c: null }
  expect(withField(input, 'a[*].b', 7)).toEqual({ a: [{ b: 7 }, { b: 7 }], c: null })
  expect(withField(input, 'c.d', 1)).toEqual({ a: [{ b: 1 }, { b: 2 }], c: { d: 1 } })
  expect(input).toEqual({ a: [{ b: 1 }, { b: 2 }], c: null })
})

it('fewer devices are the first ones, more are copies of the last on images of their own', () => {
  const swap = (images: string[]) => ({ swap: { devices: images.map((image) => ({ image, create: '1 MiB' })) } })
  expect(withDeviceCount(swap(['a.img', 'b.img']), 1)).toEqual(swap(['a.img']))
  expect(withDeviceCount(swap(['a.img', './b']), 4)).toEqual(swap(['a.img', './b', './b-2', './b-3']))
  expect(() => withDeviceCount({ swap: { devices: [{ image: 'a.img' }] } }, 2)).toThrow('no size')
  expect(() => withDeviceCount({}, 1)).toThrow('no swap device')
})
