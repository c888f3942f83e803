import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateWorkload } from '../workload/generators/index.ts'
import { importTrace } from '../workload/importers/index.ts'
import { memoryStream } from '../workload/streamFile.ts'
import type { ProcessStream } from '../workload/workload.ts'
import { EventKind } from './events.ts'
import type { Experiment } from './experiment.ts'
import { Counter, SAMPLE_WIDTH } from './metrics.ts'
import { runToEnd, testMachine, type TestMachineOptions } from './testing.ts'

let demo: ProcessStream
beforeAll(async () => {
  demo = (await importTrace(path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst'))).processes[0]!
})

function generated(name: string, parameters: Record<string, number>): ProcessStream {
  return generateWorkload(name, parameters).processes[0]!
}

/** The demo trace under FreeBSD's daemon at a quarter of its footprint, on two devices. */
function demoMachine(change?: (experiment: Experiment) => void, more: Partial<TestMachineOptions> = {}) {
  return testMachine({
    streams: [demo],
    frames: Math.floor(demo.pageCount / 4),
    swapPages: [8192, 8192],
    timing: 'ssd',
    change: (experiment) => {
      experiment.untouched = 'file'
      change?.(experiment)
    },
    ...more,
  })
}

describe("FreeBSD's daemon on the demo trace", () => {
  test('at a quarter of the footprint pages go out to and come in from both devices, and every byte read is checked', () => {
    const under = demoMachine()
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.references]).toBe(demo.referenceCount)
    for (const device of under.machine.devices) {
      expect(device.pagesRead).toBeGreaterThan(100)
      expect(device.pagesWritten).toBeGreaterThan(100)
    }
    expect(totals[Counter.bytesRead]).toBeGreaterThan(1e6)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    // all of it was given back at the end
    expect(under.machine.pager.devices.usedPages).toBe(0)
    expect(under.machine.pager.reservation.reserved).toBe(0)
    expect(under.machine.pager.metadata.nodesInUse).toBe(0)
    expect(under.machine.pages.freeCount).toBe(under.machine.pages.frames)
    under.close()
  })

  test('with RAM for footprint, free target and wired pages nothing is swapped', () => {
    const under = demoMachine((experiment) => {
      experiment.machine.wired = 100
      // the free target grows with the machine: 4 * frames / 200 + reserve
      experiment.daemon.freeTarget = 300
      experiment.daemon.freeMin = 90
      experiment.machine.frames = demo.pageCount + 300 + 100
    }, {})
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.swapouts]).toBe(0)
    expect(totals[Counter.swapins]).toBe(0)
    under.close()
  })

  test('a flipped byte in an image ends the run and says which page', () => {
    const under = demoMachine()
    while (under.machine.totals()[Counter.swapins]! < 200 && under.machine.run(1000) === 'running');
    for (const image of under.imagePaths.filter((file) => file.includes('swap'))) {
      const fd = openSync(image, 'r+')
      const byte = Buffer.alloc(1)
      for (let page = 2; page < 8192; page++) {
        readSync(fd, byte, 0, 1, page * 4096 + 1234)
        byte[0]! ^= 1
        writeSync(fd, byte, 0, 1, page * 4096 + 1234)
      }
      closeSync(fd)
    }
    expect(runToEnd(under.machine)).toBe('failed')
    expect(under.machine.problem).toMatch(
      /^page \d+ of object \d+ came in with other bytes than went out: byte 1234 is \d+, not \d+; read from block \d+ of device [01]/,
    )
    under.close()
  })

  test('a machine too small for its thresholds is refused with the field', () => {
    expect(() => testMachine({ streams: [demo], frames: 40, swapPages: [1000] })).toThrow(/^machine\.frames: 40 frames/)
  })
})

describe('determinism', () => {
  function outcome(change?: (experiment: Experiment) => void, stream = demo): string {
    const under = demoMachine(change, { streams: [stream] })
    runToEnd(under.machine)
    const digest = under.digest()
    under.close()
    return digest
  }

  test('the same experiment gives the same events; a changed reference, seed of the workload, or device does not', () => {
    const first = outcome()
    expect(outcome()).toBe(first)
    expect(
      outcome((experiment) => {
        experiment.swap.devices[1]!.timing.model = 'hdd'
      }),
    ).not.toBe(first)
    const references = new Uint32Array(demo.referenceCount)
    const reader = demo.open()
    for (let at = 0; at < references.length;) {
      const view = reader.read(at)
      references.set(view, at)
      at += view.length
    }
    expect(outcome(undefined, memoryStream('same', references, demo.pageNumbers))).toBe(first)
    references[100_000] = (5 << 2) | 1
    expect(outcome(undefined, memoryStream('changed', references, demo.pageNumbers))).not.toBe(first)
  })

  test('how a run is cut into slices does not matter', () => {
    const whole = demoMachine()
    runToEnd(whole.machine)
    const cut = demoMachine()
    let status
    do status = cut.machine.run(777)
    while (status === 'running')
    cut.machine.finish()
    expect(cut.digest()).toBe(whole.digest())
    whole.close()
    cut.close()
  })
})

describe('keyframes', () => {
  for (const policy of ['freebsd', 'lru', 'clock'] as const)
    test(`a machine restored to a saved state goes on as it did (${policy})`, () => {
      const options: TestMachineOptions = {
        streams: [
          generated('zipf', { pages: 1500, references: 150_000, seed: 3 }),
          generated('uniform', { pages: 700, references: 100_000, seed: 4 }),
        ],
        frames: 700,
        policy,
        swapPages: [3000, 3000],
        timing: 'ssd',
      }
      const under = testMachine(options)
      under.machine.run(90_000)
      expect(under.machine.canSave).toBe(true)
      const keyframe = under.machine.save()
      const after = (): string => {
        const before = under.chunks.length
        expect(runToEnd(under.machine)).toBe('finished')
        const totals = under.machine.totals()
        expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
        expect(under.chunks.length).toBeGreaterThan(before)
        return `${[...totals].join(' ')} ${under.machine.virtualNs} ${under.machine.eventCount}`
      }
      const first = after()
      under.machine.restore(keyframe)
      expect(under.machine.references).toBe(90_000)
      expect(after()).toBe(first)
      under.close()
    })
})

describe('administration of a running machine', () => {
  test('swapoff brings every page in and is refused where memory would not do', () => {
    const under = testMachine({
      streams: [generated('uniform', { pages: 3000, references: 400_000, writeFraction: 0.5, seed: 1 })],
      frames: 2500,
      swapPages: [4000, 4000],
      timing: 'ssd',
    })
    const { machine } = under
    machine.run(100_000)
    expect(machine.deviceStatus()[0]!.usedPages).toBeGreaterThan(100)
    machine.intervene({ action: 'swapoff', device: 0 })
    for (let i = 0; i < 5000 && machine.deviceStatus()[0]!.attached; i++) machine.run(100)
    expect(machine.deviceStatus()[0]!.attached).toBe(false)
    machine.intervene({ action: 'swapoff', device: 1 })
    expect(under.messages.at(-1)?.id).toBe('swap-off-refused')
    machine.intervene({ action: 'swapon', device: 0 })
    expect(machine.deviceStatus()[0]!.attached).toBe(true)
    expect(runToEnd(machine)).toBe('finished')
    const totals = machine.totals()
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    expect(machine.interventionsDone.map((done) => `${done.action} ${done.at >= 100_000}`)).toEqual([
      'swapoff true',
      'swapoff true',
      'swapon true',
    ])
    under.close()
  })

  test('interventions of an experiment happen at their reference, and give the same events as when they were made', () => {
    const options: TestMachineOptions = {
      streams: [generated('uniform', { pages: 3000, references: 300_000, writeFraction: 0.5, seed: 1 })],
      frames: 2500,
      swapPages: [4000, 4000],
      timing: 'ssd',
    }
    const live = testMachine(options)
    live.machine.run(100_000)
    live.machine.intervene({ action: 'swapoff', device: 0 })
    live.machine.run(50_000)
    live.machine.intervene({ action: 'tunable', name: 'vm.swap_async_max', value: 1 })
    expect(runToEnd(live.machine)).toBe('finished')
    const replayed = testMachine({
      ...options,
      change: (experiment) => (experiment.interventions = live.machine.interventionsDone),
    })
    expect(runToEnd(replayed.machine)).toBe('finished')
    expect(replayed.digest()).toBe(live.digest())
    live.close()
    replayed.close()
  })

  test('a swapoff that need not wait hands control back now and then; what is done meanwhile happens at the next reference', () => {
    const options: TestMachineOptions = {
      streams: [generated('uniform', { pages: 6000, references: 60_000, writeFraction: 1, seed: 1 })],
      frames: 1000,
      policy: 'fifo',
      swapPages: [8000, 8000],
      isPlain: true,
      contents: 'none',
    }
    const live = testMachine(options)
    live.machine.run(30_000)
    live.machine.intervene({ action: 'swapoff', device: 0 })
    const left: number[] = []
    while (live.machine.deviceStatus()[0]!.attached) {
      live.machine.run(1_000)
      left.push(live.machine.deviceStatus()[0]!.usedPages)
      if (left.length === 2) live.machine.intervene({ action: 'tunable', name: 'vm.swap_async_max', value: 1 })
    }
    expect(left.length).toBeGreaterThan(3)
    expect(runToEnd(live.machine)).toBe('finished')
    const interventions = live.machine.interventionsDone
    expect(interventions).toHaveLength(2)
    const replayed = testMachine({ ...options, change: (experiment) => (experiment.interventions = interventions) })
    expect(runToEnd(replayed.machine)).toBe('finished')
    expect(replayed.digest()).toBe(live.digest())
    live.close()
    replayed.close()
  })

  test('an unreadable page ends its process with a signal, the others go on', () => {
    const under = testMachine({
      streams: [
        generated('uniform', { pages: 1500, references: 100_000, writeFraction: 1, seed: 1 }),
        generated('loop', { pages: 50, references: 100_000, seed: 2 }),
      ],
      frames: 900,
      swapPages: [4000],
      timing: 'ssd',
      change: (experiment) =>
        (experiment.faults = [{ device: 0, direction: 'read', errno: 5, fromRequest: 10, count: 1 }]),
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.filter((message) => message.id === 'process-signal')).toHaveLength(1)
    expect(under.machine.references).toBeGreaterThan(100_000)
    expect(under.machine.references).toBeLessThan(200_000)
    under.close()
  })

  test('without swap a machine that is too small kills, and does not hang', () => {
    const under = testMachine({
      streams: [generated('sequential', { pages: 3000, referencesPerPage: 10, writeFraction: 1, seed: 1 })],
      frames: 900,
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.map((message) => message.id)).toContain('process-killed')
    under.close()
  })
})

describe('samples', () => {
  test('growth of the counters adds up to the totals, buckets ascend', () => {
    const under = demoMachine()
    runToEnd(under.machine)
    const sums = new Float64Array(SAMPLE_WIDTH)
    let bucket = -1
    for (const rows of under.samples)
      for (let at = 0; at < rows.length; at += SAMPLE_WIDTH) {
        expect(rows[at]!).toBeGreaterThan(bucket)
        bucket = rows[at]!
        for (let i = 0; i < SAMPLE_WIDTH; i++) sums[i]! += rows[at + i]!
      }
    const totals = under.machine.totals()
    for (const counter of [
      Counter.references,
      Counter.faults,
      Counter.pagesIn,
      Counter.pagesOut,
      Counter.evictions,
      Counter.stallNs,
    ])
      expect(sums[1 + counter]).toBe(totals[counter])
    under.close()
  })

  test('events are in order of time and their counts agree with the counters', () => {
    const under = demoMachine()
    runToEnd(under.machine)
    const counts = new Array<number>(16).fill(0)
    let time = 0
    let pagesIn = 0
    for (const chunk of under.chunks)
      for (let row = 0; row < chunk.count; row++) {
        expect(chunk.time[row]!).toBeGreaterThanOrEqual(time)
        time = chunk.time[row]!
        counts[chunk.kind[row]!]! += 1
        if (chunk.kind[row] === EventKind.swapin) pagesIn += chunk.pages[row]!
      }
    const totals = under.machine.totals()
    expect(counts[EventKind.fault]).toBe(totals[Counter.faults]! + totals[Counter.softFaults]!)
    expect(counts[EventKind.swapin]).toBe(totals[Counter.swapins])
    expect(pagesIn).toBe(totals[Counter.pagesIn])
    expect(counts[EventKind.swapout]).toBe(totals[Counter.swapouts])
    expect(counts[EventKind.evict]).toBe(totals[Counter.evictions])
    under.close()
  })
})
