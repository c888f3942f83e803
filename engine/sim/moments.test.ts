import { describe, expect, test } from 'vitest'
import { generateWorkload } from '../workload/generators/index.ts'
import { EventKind } from './events.ts'
import { blockMap, fragmentation, objectPages, objectRows, PageState } from './machineViews.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine, type TestMachineOptions } from './testing.ts'

const generated = (name: string, parameters: Record<string, number>) => generateWorkload(name, parameters).processes[0]!

/** Two processes that page on two devices. */
const options: TestMachineOptions = {
  streams: [
    generated('zipf', { pages: 1500, references: 60_000, seed: 3, writeFraction: 0.5 }),
    generated('uniform', { pages: 700, references: 40_000, seed: 4, writeFraction: 0.5 }),
  ],
  frames: 700,
  swapPages: [3000, 3000],
  timing: 'ssd',
}

/** Counters of bytes that machines without contents do not have. */
const ofBytes: number[] = [Counter.bytesRead, Counter.bytesWritten, Counter.bytesVerified]

function stateOf(machine: ReturnType<typeof testMachine>['machine']) {
  const saved = machine.save()
  for (const column of ['counters', 'sample.before'])
    for (const counter of ofBytes) saved.get(column)!.data[counter] = 0
  return saved
}

describe('a moment', () => {
  test('everything before a time is done and nothing after it, however the way there is cut', () => {
    const whole = testMachine({ ...options, contents: 'none' })
    runToEnd(whole.machine)
    const times = whole.chunks.flatMap((chunk) => [...chunk.time])
    for (const share of [0.1, 0.37, 0.8]) {
      const moment = times[Math.floor(times.length * share)]!
      const cut = testMachine({ ...options, contents: 'none' })
      cut.machine.run(5_000)
      cut.machine.run(Infinity, { beforeNs: moment })
      expect(cut.machine.eventCount).toBe(times.filter((time) => time < moment).length)
      runToEnd(cut.machine)
      expect(cut.digest()).toBe(whole.digest())
      cut.close()
    }
    whole.close()
  })

  test('it is found by the number of events and by their kind', () => {
    const under = testMachine({ ...options, contents: 'none' })
    const { machine } = under
    machine.run(Infinity, { events: 5_000 })
    expect(machine.eventCount).toBeGreaterThanOrEqual(5_000)
    expect(machine.eventCount).toBeLessThan(5_040)
    const evictions = machine.totals()[Counter.evictions]!
    machine.run(Infinity, { kinds: 1 << EventKind.evict })
    expect(machine.totals()[Counter.evictions]).toBeGreaterThan(evictions)
    const { openChunk } = machine
    expect(openChunk.kind.slice(0, openChunk.count)).toContain(EventKind.evict)
    under.close()
  })

  test('it is the same in another machine, without contents, that goes on from a keyframe with what was done meanwhile', () => {
    const live = testMachine(options)
    live.machine.run(30_000)
    live.machine.intervene({ action: 'tunable', name: 'vm.swap_async_max', value: 2 })
    live.machine.run(3_000)
    const keyframe = live.machine.save()
    live.machine.run(7_000)
    live.machine.intervene({ action: 'swapoff', device: 0 })
    while (live.machine.deviceStatus()[0]!.attached) live.machine.run(100)
    live.machine.run(5_000)
    const moment = live.machine.virtualNs
    live.machine.run(Infinity, { beforeNs: moment + 1_000_000 })
    const saved = stateOf(live.machine)

    const again = testMachine({
      ...options,
      contents: 'none',
      change: (experiment) => (experiment.interventions = live.machine.interventionsDone),
    })
    again.machine.restore(keyframe)
    again.machine.run(Infinity, { beforeNs: moment + 1_000_000 })
    expect(stateOf(again.machine)).toEqual(saved)
    expect(again.machine.deviceStatus()).toEqual(live.machine.deviceStatus())
    live.close()
    again.close()
  })
})

describe('what is to be seen in a machine', () => {
  test('blocks of the devices, free space and pages of objects agree with one another', () => {
    const under = testMachine({ ...options, contents: 'none' })
    const { machine } = under
    machine.run(50_000)
    const rows = objectRows(machine)
    const swapped = rows.reduce((sum, row) => sum + row.swapped, 0)
    expect(swapped).toBeGreaterThan(100)
    const maps = [0, 1].map((device) => blockMap(machine, device, 3000))
    const cells = maps.flatMap(({ used }) => [...used])
    expect(cells.reduce((sum, used) => sum + used, 0)).toBe(swapped)
    expect(Math.max(...cells)).toBe(1)
    for (const { object, page } of maps)
      object.forEach((owner, block) => {
        if (owner >= 0) expect(objectPages(machine, owner, page[block]!, 1)[0]! & PageState.swapped).not.toBe(0)
      })
    for (const row of rows) {
      const states = objectPages(machine, row.object, 0, Infinity)
      expect(states).toHaveLength(row.size)
      const own = states.filter((state) => (state & PageState.shadowed) === 0)
      expect(own.filter((state) => (state & PageState.resident) !== 0)).toHaveLength(row.resident)
      expect(own.filter((state) => (state & PageState.swapped) !== 0)).toHaveLength(row.swapped)
    }
    expect(fragmentation(machine, 0)!.largest).toBeGreaterThan(0)
    under.close()
  })

  test('a map of few cells sums up blocks', () => {
    const under = testMachine({ ...options, contents: 'none' })
    const { machine } = under
    machine.run(50_000)
    const fine = blockMap(machine, 0, 4096)
    const coarse = blockMap(machine, 0, 100)
    expect(coarse.blocksPerCell).toBe(32)
    expect(coarse.used).toHaveLength(Math.ceil(fine.blocks / 32))
    coarse.used.forEach((used, cell) => {
      expect(used).toBe(fine.used.slice(cell * 32, cell * 32 + 32).reduce((sum, each) => sum + each, 0))
    })
    under.close()
  })
})
