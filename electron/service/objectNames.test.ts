import { expect, it } from 'vitest'
import type { ObjectOrigin } from '../../engine/sim/objectOrigin.ts'
import { memoryStream } from '../../engine/workload/streamFile.ts'
import { ReferenceKind } from '../../engine/workload/workload.ts'
import { ObjectNamer } from './objectNames.ts'

const { read, write } = ReferenceKind
/** Pages 100 to 109, the even ones written. */
const stream = memoryStream(
  'sh',
  Uint32Array.from({ length: 10 }, (_, page) => (page << 2) | (page % 2 === 0 ? write : read)),
  Float64Array.from({ length: 10 }, (_, page) => 100 + page),
)
const labels = [
  { startPage: 100, pageCount: 5, label: '/usr/lib/libc.so.6' },
  { startPage: 105, pageCount: 5, label: 'heap' },
]
const process = { pid: 1, parentPid: null, command: 'sh', references: 10, footprint: 10, begins: null }
const recording = {
  ...{ command: ['sh'], directory: '/', startedAt: '', seconds: 1, end: 'finished', exitStatus: 0, signal: null, filterSize: 1, events: 10, notes: [] },
  processes: [
    { ...process, name: 'sh', labels },
    { ...process, name: 'ls', labels },
  ],
}
const origin = (of: Partial<ObjectOrigin>): ObjectOrigin => ({
  ...{ object: 3, event: 7, kind: 'anonymous', process: 0, startPage: 100, pages: 10, name: '' },
  ...of,
})

function named(processes: number, id: number | null, ...origins: Partial<ObjectOrigin>[]) {
  const numbers = Array.from({ length: processes }, (_, number) => number)
  const namer = new ObjectNamer(
    {
      processes: numbers.map((number) => ({ name: number === 0 ? 'sh' : 'ls', stream, verbs: [], user: 0 })),
      workloads: numbers.map((number) => ({ id, name: 'w', process: number })),
    },
    { workloads: { recording: () => recording } },
  )
  for (const each of origins) namer.take(origin(each))
  const made = namer.drain()
  expect(namer.drain()).toEqual([])
  return made
}

it('an object is called by its own pages: a file by those that are never written, what lies before it by the others', () => {
  const pages = [
    { page: 0, pages: 5, label: '/usr/lib/libc.so.6' },
    { page: 5, pages: 5, label: 'heap' },
  ]
  expect(named(1, 1, { kind: 'file' }, {}, { kind: 'copy', startPage: 106, pages: 4 })).toEqual([
    { object: 3, firstEvent: 7, kind: 'file', process: 0, startPage: 100, pages: 10, name: 'heap and libc.so.6', labels: pages },
    { object: 3, firstEvent: 7, kind: 'anonymous', process: 0, startPage: 100, pages: 10, name: 'libc.so.6 and heap', labels: pages },
    { object: 3, firstEvent: 7, kind: 'copy', process: 0, startPage: 106, pages: 4, name: 'copy of heap', labels: [] },
  ])
})

it('of several processes the name says whose, and what has a name has that', () => {
  const names = named(2, 1, { process: 1, startPage: 108, pages: 2 }, { kind: 'shared-memory', process: -1, name: 'pool' }, { kind: 'file', process: -1, name: 'log' })
  expect(names.map(({ name }) => name)).toEqual(['heap of ls', 'shared memory pool', 'file log'])
})

it('pages that nothing is known of have no name', () => {
  expect(named(1, null, {}, { startPage: 500 }).map(({ name }) => name)).toEqual(['', ''])
  expect(named(1, 1, { startPage: 500 }).map(({ name }) => name)).toEqual([''])
})
