import { describe, expect, test } from 'vitest'
import { parseExperiment } from './experiment.ts'

const whole = { processes: [{ workload: { generator: 'loop' } }] }
const issuesOf = (input: unknown) => parseExperiment(input).issues.map(({ field, message }) => `${field} ${message}`)

describe('what is wrong with an experiment is said in words, at its field', () => {
  test.each([
    [{ daemon: { pageoutCluster: 33 } }, 'daemon.pageoutCluster must be 32 at the most'],
    [{ daemon: { pageoutCluster: 0 } }, 'daemon.pageoutCluster must be at least 1'],
    [{ daemon: { pageoutCluster: 1.5 } }, 'daemon.pageoutCluster must be a whole number'],
    [{ daemon: { pageoutCluster: 'many' } }, 'daemon.pageoutCluster must be a number'],
    [{ seed: 2 ** 40 }, 'seed must be 4,294,967,295 at the most'],
    [{ daemon: { policy: 'mru' } }, 'daemon.policy must be "freebsd", "lru", "fifo" or "clock"'],
    [{ daemon: null }, 'daemon must be an object'],
    [{ machine: { footprintPercent: 0 } }, 'machine.footprintPercent must be more than 0'],
    [{ processes: [] }, 'processes must have at least one entry'],
    [{ processes: undefined }, 'processes is missing'],
    [{ processes: [{ workload: {} }] }, 'processes[0].workload must have one of name, file, generator'],
    [
      { processes: [{ workload: { generator: 'loop', parameters: { pages: 'x' } } }] },
      'processes[0].workload.parameters.pages must be a number',
    ],
    [{ swap: { devices: [{}] } }, 'swap.devices[0].image is missing'],
    [{ swap: { devices: [{ image: '' }] } }, 'swap.devices[0].image must not be empty'],
    [{ swap: { devices: Array(7).fill({ image: 'a' }) } }, 'swap.devices must have 6 entries at the most'],
    [
      { swap: { devices: [{ image: 'a', create: 'big' }] } },
      'swap.devices[0].create is no size; write for example "64 MiB"',
    ],
    [{ swap: { devices: [{ image: 'a', swapon: 1 }] } }, 'swap.devices[0].swapon must be true or false'],
    [
      { interventions: [{ at: 1, action: 'reboot' }] },
      'interventions[0].action must be "swapon", "swapoff", "orphan", "tunable" or "inject"',
    ],
    [{ interventions: [{ at: 1, action: 'swapon' }] }, 'interventions[0].device is missing'],
    [{ machines: {} }, 'machines is not a field of an experiment'],
  ])('%j', (part, expected) => {
    expect(issuesOf({ ...whole, ...part })).toEqual([expected])
  })

  test('a file that is no object at all', () => {
    expect(issuesOf([])).toEqual(['(whole file) must be an object'])
  })
})
