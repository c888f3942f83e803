import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { filePagerNames, type FilePagerName } from '../vnode/filePager.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import { importTrace } from '../workload/importers/index.ts'
import type { ProcessStream } from '../workload/workload.ts'
import type { Experiment, FilesExperiment } from './experiment.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine, type TestMachineOptions } from './testing.ts'

let demo: ProcessStream
beforeAll(async () => {
  demo = (await importTrace(path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst'))).processes[0]!
})

function withFiles(pager: FilePagerName, change: Partial<FilesExperiment> = {}) {
  return (experiment: Experiment) => {
    experiment.untouched = 'file'
    experiment.files = {
      pager,
      image: null,
      mapping: 'private',
      blockSize: 16384,
      syncerSeconds: 30,
      nbuf: 0,
      hirunningspace: 1048576,
      maxphys: 131072,
      ...change,
    }
  }
}

function generated(name: string, parameters: Record<string, number>): ProcessStream {
  return generateWorkload(name, parameters).processes[0]!
}

function onFiles(pager: FilePagerName, more: Partial<TestMachineOptions> & { files?: Partial<FilesExperiment> }) {
  return testMachine({
    streams: [demo],
    frames: Math.floor(demo.pageCount / 4),
    swapPages: [8192],
    timing: 'ssd',
    change: withFiles(pager, more.files),
    ...more,
  })
}

describe.each(filePagerNames)("%s's vnode pager under a machine", (pager) => {
  test('reads the pages that the demo trace never writes, and each byte is what the file has', () => {
    const under = onFiles(pager, {})
    expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
    const totals = under.machine.totals()
    expect(totals[Counter.references]).toBe(demo.referenceCount)
    expect(totals[Counter.vnodeins]).toBeGreaterThan(100)
    expect(totals[Counter.vnodePagesIn]).toBeGreaterThanOrEqual(totals[Counter.vnodeins]!)
    expect(totals[Counter.vnodeouts]).toBe(0)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    under.close()
  })

  test.each(['freebsd', 'lru', 'clock'] as const)(
    'writes what stores through a shared mapping have dirtied, under the daemon %s, and reads it again as it was',
    (policy) => {
      const under = onFiles(pager, {
        streams: [generated('zipf', { pages: 600, references: 60000, writeFraction: 0.3 })],
        frames: 300,
        swapPages: [],
        policy,
        files: { mapping: 'shared', syncerSeconds: 0.001 },
      })
      expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
      const totals = under.machine.totals()
      expect(totals[Counter.vnodeouts]).toBeGreaterThan(10)
      expect(totals[Counter.bytesRead]).toBeGreaterThan(600 * 4096)
      expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
      expect(totals[Counter.swapouts]).toBe(0)
      under.close()
    },
  )
})
