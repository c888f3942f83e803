import { describe, expect, test } from 'vitest'
import { EventKind } from '../sim/events.ts'
import { Counter } from '../sim/metrics.ts'
import { testMachine } from '../sim/testing.ts'
import { memoryStream } from '../workload/streamFile.ts'

describe('swapoff of a large device', () => {
  test('100,000 pages in use are all brought in and verified, and its progress can be watched', () => {
    const pages = 106_000
    const references = new Uint32Array(pages + 1_000_000)
    // every page is written once, then the last one is read as long as the swapoff takes
    for (let i = 0; i < references.length; i++) references[i] = i < pages ? (i << 2) | 1 : (pages - 1) << 2
    const stream = memoryStream('writer', references)
    const under = testMachine({
      streams: [stream],
      frames: 5000,
      swapPages: [106_000, 110_000],
      change: (experiment) => {
        experiment.swap.devices[1]!.swapon = false
        experiment.machine.nsPerReference = 1_000_000
        experiment.swap.maxZoneBytes = 136 * 20_000
      },
    })
    const { machine } = under
    machine.run(pages)
    const started = machine.deviceStatus()[0]!.usedPages
    expect(started).toBeGreaterThanOrEqual(100_000)
    const readBefore = machine.devices[0]!.pagesRead
    machine.intervene({ action: 'swapon', device: 1 })
    machine.intervene({ action: 'swapoff', device: 0 })
    const seen: number[] = []
    while (machine.deviceStatus()[0]!.attached && machine.run(10) === 'running') {
      const { usedPages, attached, closing } = machine.deviceStatus()[0]!
      if (attached) expect(closing).toBe(true)
      seen.push(usedPages)
    }
    expect(machine.problem).toBeNull()
    expect(machine.deviceStatus()[0]!.attached).toBe(false)
    expect(machine.devices[0]!.pagesRead - readBefore).toBeGreaterThanOrEqual(started)
    const totals = machine.totals()
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    // it went down bit by bit, and never up
    for (let i = 1; i < seen.length; i++) expect(seen[i]! <= seen[i - 1]!).toBe(true)
    expect(new Set(seen).size).toBeGreaterThan(1000)
    // what was on the device is on the other now, or in memory
    const { devices, metadata } = machine.pager
    expect(devices.count).toBe(1)
    expect(devices.used[devices.firstSlot]!).toBeGreaterThan(started - machine.pages.frames)
    expect(metadata.nodesInUse).toBeGreaterThan(0)
    machine.finish()
    const ends = under.chunks.flatMap((chunk) =>
      [...chunk.kind].flatMap((kind, row) =>
        kind === EventKind.swapoff && chunk.detail[row] === 0 ? [[chunk.device[row], chunk.pages[row]]] : [],
      ),
    )
    expect(ends).toEqual([[0, 0]])
    under.close()
  }, 60_000)
})
