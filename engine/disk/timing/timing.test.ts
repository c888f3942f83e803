import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Columns } from '../../sim/columns.ts'
import { DiskError } from '../diskError.ts'
import { diskErrorOf } from '../testing.ts'
import { type TimingModel, createTimingModel, timingModelNamed, timingModels, timingParameters } from './index.ts'

/** 1 GiB. */
const SIZE_PAGES = 262_144

function makeModel(model: string, parameters: Record<string, number> = {}, sizePages = SIZE_PAGES) {
  const columns = new Columns()
  return { columns, model: createTimingModel({ model, parameters }, columns, 'device0', sizePages) }
}

/** A plain generator of numbers in [0, 1), the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4_294_967_296
  }
}

/** What every request took on the host, for the model that takes that. */
const HOST_NS = 5000

/** Mean latency in ns of `count` requests, each submitted when the one before is complete. */
function meanNs(
  model: TimingModel,
  count: number,
  isWrite: boolean,
  pages: number,
  pageOf: (i: number) => number,
): number {
  let now = 0
  for (let i = 0; i < count; i++) now = model.submit(now, isWrite, pageOf(i), pages)
  return now / count
}

const requests = fc.array(
  fc.record({
    gapNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000_000 })),
    isWrite: fc.boolean(),
    page: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: SIZE_PAGES - 32 })),
    pages: fc.integer({ min: 1, max: 32 }),
  }),
  { minLength: 2, maxLength: 60 },
)

/** Submits the requests and answers their completions; a page of -1 goes on where the last request ended. */
function replay(
  model: TimingModel,
  list: { gapNs: number; isWrite: boolean; page: number; pages: number }[],
  now = 0,
  end = 0,
) {
  const completions = list.map(({ gapNs, isWrite, page, pages }) => {
    now += gapNs
    const at = page >= 0 ? page : Math.min(end, SIZE_PAGES - 32)
    end = at + pages
    return model.submit(now, isWrite, at, pages, HOST_NS)
  })
  return { completions, now, end }
}

describe.each(timingModels.map((definition) => definition.name))('%s', (name) => {
  test('a request completes at a whole nanosecond, never before it was submitted', () => {
    fc.assert(
      fc.property(requests, (list) => {
        const { model } = makeModel(name)
        let now = 0
        replay(model, list).completions.forEach((completion, i) => {
          now += list[i]!.gapNs
          expect(Number.isSafeInteger(completion)).toBe(true)
          expect(completion).toBeGreaterThanOrEqual(now)
          if (name !== 'instant') expect(completion).toBeGreaterThan(now)
        })
      }),
    )
  })

  test('the same requests take the same time, also when the state was saved and restored in between', () => {
    fc.assert(
      fc.property(requests, fc.nat({ max: 59 }), (list, cut) => {
        const straight = replay(makeModel(name).model, list).completions
        const { columns, model } = makeModel(name)
        const head = replay(model, list.slice(0, cut))
        const snapshot = columns.save()
        const first = replay(model, list.slice(cut), head.now, head.end).completions
        columns.restore(snapshot)
        const second = replay(model, list.slice(cut), head.now, head.end).completions
        const fresh = makeModel(name)
        fresh.columns.restore(snapshot)
        const elsewhere = replay(fresh.model, list.slice(cut), head.now, head.end).completions
        expect([...head.completions, ...first]).toEqual(straight)
        expect(second).toEqual(first)
        expect(elsewhere).toEqual(first)
      }),
    )
  })

  test('what comes later is not complete earlier', () => {
    fc.assert(
      fc.property(requests, fc.integer({ min: 0, max: 20_000_000 }), (list, delay) => {
        const last = list.length - 1
        const delayed = list.map((request, i) => (i === last ? { ...request, gapNs: request.gapNs + delay } : request))
        const completion = replay(makeModel(name).model, list).completions[last]!
        expect(replay(makeModel(name).model, delayed).completions[last]!).toBeGreaterThanOrEqual(completion)
      }),
    )
  })

  test('more pages do not take less time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SIZE_PAGES - 64 }), fc.boolean(), (page, isWrite) => {
        let before = 0
        for (let pages = 1; pages <= 64; pages++) {
          const completion = makeModel(name).model.submit(1000, isWrite, page, pages)
          expect(completion).toBeGreaterThanOrEqual(before)
          before = completion
        }
      }),
    )
  })

  test('every parameter has a default within its bounds, a unit and a sentence, and its bounds can be used', () => {
    const definition = timingModelNamed(name)
    expect(definition.description).toMatch(/\.$/)
    for (const parameter of definition.parameters) {
      expect(parameter.default).toBeGreaterThanOrEqual(parameter.min)
      expect(parameter.default).toBeLessThanOrEqual(parameter.max)
      expect(parameter.unit).not.toBe('')
      expect(parameter.description).toMatch(/\.$/)
      for (const value of [parameter.min, parameter.max]) {
        const { model } = makeModel(name, { [parameter.name]: value })
        const completion = model.submit(0, false, 12_345, 32)
        expect(Number.isSafeInteger(model.submit(completion, true, 777, 32))).toBe(true)
      }
    }
  })
})

test('instant takes no time', () => {
  expect(makeModel('instant').model.submit(12_345, true, 7, 32)).toBe(12_345)
})

describe('hdd', () => {
  test('random reads of one page take seek plus half a revolution on average', () => {
    const random = numbers(1)
    const { model } = makeModel('hdd')
    const mean = meanNs(model, 4000, false, 1, () => Math.floor(random() * SIZE_PAGES))
    // 8.5 ms of seek, 4.17 of rotation, 0.05 of command, and the page itself.
    expect(mean / 1e6).toBeGreaterThan(12.2)
    expect(mean / 1e6).toBeLessThan(13)
  })

  test('a short part of a large disk has short seeks', () => {
    const random = numbers(1)
    const { model } = makeModel('hdd', { capacityMiB: 1_000_000 })
    const mean = meanNs(model, 4000, false, 1, () => Math.floor(random() * SIZE_PAGES))
    expect(mean / 1e6).toBeGreaterThan(5)
    expect(mean / 1e6).toBeLessThan(7)
  })

  test('sequential reads come near the rate of their zone, whether they are waited for or queued', () => {
    for (const [from, rate] of [
      [0, 180],
      [SIZE_PAGES - 20_000, 90],
    ] as const) {
      const waited = meanNs(makeModel('hdd').model, 600, false, 32, (i) => from + i * 32)
      const queued = makeModel('hdd').model
      let end = 0
      for (let i = 0; i < 600; i++) end = queued.submit(0, false, from + i * 32, 32)
      for (const ns of [waited, end / 600]) {
        const megabytesPerSecond = (32 * 4096 * 1000) / ns
        expect(megabytesPerSecond).toBeGreaterThan(rate * 0.88)
        expect(megabytesPerSecond).toBeLessThan(rate)
      }
    }
  })

  test('queued sequential writes keep up with the platter; a write that comes late waits a revolution', () => {
    const queued = makeModel('hdd').model
    let end = 0
    for (let i = 0; i < 600; i++) end = queued.submit(0, true, i * 32, 32)
    expect((600 * 32 * 4096 * 1000) / end).toBeGreaterThan(158)
    const waited = meanNs(makeModel('hdd').model, 100, true, 1, (i) => i)
    expect(waited / 1e6).toBeGreaterThan(8.3)
    expect(waited / 1e6).toBeLessThan(8.5)
  })

  test('where the platter is depends on the time alone', () => {
    const rotationNs = 8_333_333
    const first = makeModel('hdd').model
    first.submit(0, false, 40, 1)
    const second = makeModel('hdd').model
    second.submit(0, false, 40, 1)
    // The same request exactly three revolutions later takes exactly as long.
    const at = 50_000_000
    expect(second.submit(at + 3 * rotationNs, false, 10, 1)).toBe(first.submit(at, false, 10, 1) + 3 * rotationNs)
  })

  test('a longer way takes longer to seek', () => {
    let before = 0
    for (const share of [0.01, 0.1, 0.3, 0.6, 0.99]) {
      const random = numbers(5)
      let sum = 0
      for (let i = 0; i < 400; i++) {
        const { model } = makeModel('hdd')
        const start = Math.floor(random() * 1e8)
        sum += model.submit(start, false, Math.floor(share * SIZE_PAGES) + (i % 300), 1) - start
      }
      expect(sum).toBeGreaterThan(before)
      before = sum
    }
  })

  test('a slower spindle costs latency', () => {
    const random = numbers(3)
    const slow = meanNs(makeModel('hdd', { rpm: 5400 }).model, 2000, false, 1, () => Math.floor(random() * SIZE_PAGES))
    expect(slow / 1e6).toBeGreaterThan(13.5)
    expect(slow / 1e6).toBeLessThan(14.8)
  })
})

describe('ssd and nvme', () => {
  test('a random read of a page takes about 80 us on an ssd, less on nvme', () => {
    const random = numbers(1)
    const pageOf = (): number => Math.floor(random() * SIZE_PAGES)
    const ssd = meanNs(makeModel('ssd').model, 1000, false, 1, pageOf) / 1000
    const nvme = meanNs(makeModel('nvme').model, 1000, false, 1, pageOf) / 1000
    expect(ssd).toBeGreaterThan(75)
    expect(ssd).toBeLessThan(85)
    expect(nvme).toBeGreaterThan(60)
    expect(nvme).toBeLessThan(ssd)
  })

  test('deep queues fill the channels, up to the link', () => {
    for (const [name, link, random4k] of [
      ['ssd', 550, 90_000],
      ['nvme', 3500, 400_000],
    ] as const) {
      const random = numbers(2)
      const deep = makeModel(name).model
      let end = 0
      for (let i = 0; i < 10_000; i++) end = Math.max(end, deep.submit(0, false, Math.floor(random() * SIZE_PAGES), 1))
      expect(10_000 / (end / 1e9)).toBeGreaterThan(random4k)
      const sequential = makeModel(name).model
      for (let i = 0; i < 2000; i++) end = Math.max(0, sequential.submit(0, false, i * 32, 32))
      const megabytesPerSecond = (2000 * 32 * 4096 * 1000) / end
      expect(megabytesPerSecond).toBeGreaterThan(link * 0.9)
      expect(megabytesPerSecond).toBeLessThan(link)
    }
  })

  test('requests on different channels overlap, those on one wait for each other', () => {
    const { model } = makeModel('ssd')
    const first = model.submit(0, false, 0, 1)
    expect(model.submit(0, false, 4, 1)).toBeLessThan(first * 1.2)
    expect(model.submit(0, false, 8 * 4, 1)).toBeGreaterThan(first * 1.7)
  })
})

describe('nfs', () => {
  test('a read costs the round trip, the server’s disk and the wire', () => {
    const { model } = makeModel('nfs', { roundTripUs: 300, serverRandomUs: 5000, rate: 100 })
    expect(model.submit(0, false, 1000, 1)).toBe(300_000 + 5_000_000 + 40_960)
    // It goes on where the last one ended.
    const now = 10_000_000
    expect(model.submit(now, false, 1001, 1) - now).toBe(300_000 + 100_000 + 40_960)
  })

  test('with one call at a time every call pays the whole round trip', () => {
    const run = (slots: number): number => {
      const { model } = makeModel('nfs', { slots, roundTripUs: 10_000, serverRandomUs: 10, serverSequentialUs: 10 })
      let end = 0
      for (let i = 0; i < 16; i++) end = model.submit(0, false, i * 100, 1)
      return end
    }
    expect(run(1)).toBeGreaterThan(160_000_000)
    expect(run(16)).toBeLessThan(12_000_000)
  })

  test('a large transfer is cut into calls', () => {
    const { model } = makeModel('nfs', {
      slots: 1,
      transferKiB: 16,
      roundTripUs: 1000,
      serverRandomUs: 0,
      serverSequentialUs: 0,
    })
    expect(model.submit(0, true, 0, 32)).toBeGreaterThan(8_000_000)
  })
})

test('a model, a parameter or a value that does not exist is refused by name', () => {
  expect(diskErrorOf(() => timingModelNamed('tape')).code).toBe('no-such-timing-model')
  const hdd = timingModelNamed('hdd')
  const unknown = diskErrorOf(() => timingParameters(hdd, { rmp: 7200 }))
  expect(unknown.code).toBe('bad-parameter')
  expect(unknown.field).toBe('rmp')
  expect(unknown.message).toContain('rpm')
  expect(diskErrorOf(() => timingParameters(hdd, { rpm: 0 })).field).toBe('rpm')
  expect(diskErrorOf(() => timingParameters(hdd, { rpm: NaN })).field).toBe('rpm')
  expect(diskErrorOf(() => timingParameters(timingModelNamed('ssd'), { channels: 2.5 })).field).toBe('channels')
  expect(timingParameters(hdd, { rpm: 5400 })).toMatchObject({ rpm: 5400, averageSeekMs: 8.5 })
  expect(new DiskError('io', 'x').field).toBe(null)
})
