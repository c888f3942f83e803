import { expect, test } from 'vitest'
import { DataKind, encodeTable } from '../../electron/contract/dataPlane.ts'
import type { EventRow } from '../views/run/events.ts'
import { decodeEventTiles, decodeTrackTiles, densityAt, densityTracks, deviceTracks, drawnTracks, eventTracks, nearestMark, whoTracks } from './timeline.ts'

const kinds = ['fault', 'swapin', 'swapout', 'filein', 'fileout', 'evict', 'free', 'daemon']
const row = (changes: Partial<EventRow>): EventRow => ({
  number: 0, time: 0, kind: 0, process: -1, object: -1, page: 0, pages: 1, device: -1, block: 0, durationNs: 0, detail: 0, ...changes,
})

test('zoomed out there is a track for each group of kinds that has events', () => {
  const counts = kinds.map((_, kind) => Float64Array.of(kind === 0 ? 5 : 0, kind === 5 || kind === 7 ? 2 : 0))
  const tiles = decodeEventTiles(
    encodeTable({ kind: DataKind.eventTiles, rows: 2, extra: [1, 0, 0], columns: [...counts, new Float64Array(2)] }),
    { from: 0, to: 100 },
  )
  expect([tiles.total, tiles.isSpread]).toEqual([9, true])
  const shown = (wanted: string[]) => densityTracks(tiles, kinds, wanted).map(({ name, density }) => [name, ...(density?.layers[0]?.counts ?? [])])
  expect(shown([])).toEqual([['Faults', 5, 0], ['Page daemon', 0, 4]])
  expect(shown(['evict'])).toEqual([['Page daemon', 0, 2]])
})

test('zoomed in each process, device and the page daemon has a track; requests reach forward, faults back', () => {
  const tracks = eventTracks(
    [
      row({ number: 1, kind: 1, process: 0, device: 1, time: 100, durationNs: 50 }),
      row({ number: 2, kind: 5, time: 120 }),
      row({ number: 3, kind: 0, process: 0, time: 160, durationNs: 65, detail: 2 }),
    ],
    { kindOf: (kind) => kinds[kind] ?? '', processes: (process) => `process ${process}`, devices: (device) => `device ${device}`, objects: String },
  )
  expect(tracks.map(({ name }) => name)).toEqual(['process 0', 'Page daemon', 'device 1'])
  expect(tracks.map(({ marks }) => marks.map(({ from, to, glyph }) => [from, to, glyph]))).toEqual([[[95, 160, 'swapin']], [[120, 120, 'daemon']], [[100, 150, 'swapin']]])
  const [ofProcess] = drawnTracks(tracks, 3, (token) => token)
  expect([[...(ofProcess?.from ?? [])], [...(ofProcess?.at ?? [])], ofProcess?.chosen]).toEqual([[95], [160], 0])
  expect(ofProcess?.colours[ofProcess.colour[0] ?? -1]).toBe('--ev-swapin')
  expect(nearestMark(tracks[2]!, 155, 10)?.event.number).toBe(1)
  expect(nearestMark(tracks[2]!, 175, 10)).toBeNull()
})

test('by objects, those with most events have tracks of their own, and what is of none comes last', () => {
  const names = { kindOf: (kind: number) => kinds[kind] ?? '', processes: String, devices: String, objects: (object: number) => `object ${object}${object === 1 ? ' (heap)' : ''}` }
  const rows = [row({ object: -1 }), ...Array.from({ length: 14 }, (_, object) => [row({ object }), ...(object === 13 ? [] : [row({ object })])]).flat()]
  const tracks = eventTracks(rows, names, 'objects').map(({ name, marks }) => [name, marks.length])
  expect(tracks.slice(0, 2)).toEqual([['Object 0', 2], ['Object 1 (heap)', 2]])
  expect(tracks.slice(-3)).toEqual([['Object 11', 2], ['Other objects', 3], ['No object', 1]])
})

test('by devices, zoomed out there is a track for the reads and the writes of each that has some, zoomed in one for each device', () => {
  const sums = { 'device0.reads': [3, 0], 'device0.writes': [0, 0], 'device1.reads': [0, 0], 'device1.writes': [1, 2] }
  const metrics = new Map(Object.entries(sums).map(([name, values]) => [name, { sum: Float64Array.from(values) }]))
  const tiles = { rows: 2, begin: Float64Array.of(10, 20), length: Float64Array.of(10, 4), bucketNs: 1, metrics }
  const shown = deviceTracks(tiles, ['fast', 'slow']).map(({ name, density }) => [name, density?.span.to, ...(density?.layers[0]?.counts ?? [])])
  expect(shown).toEqual([['fast in', 30, 3, 0], ['slow out', 30, 1, 2]])
  const names = { kindOf: (kind: number) => kinds[kind] ?? '', processes: String, devices: (device: number) => `device ${device}`, objects: String }
  const single = eventTracks([row({ process: 0 }), row({ kind: 1, process: 0, device: 1 })], names, 'devices')
  expect(single.map(({ name, marks }) => [name, marks.length])).toEqual([['device 1', 1]])
})

/** Two tracks of two buckets: of process 1, which has resident faults, zero fills and requests from swap, and of none, which has evictions. */
function answerOfTracks(): ArrayBuffer {
  const zeroFill = kinds.length
  const swappedIn = kinds.length + 1
  const columns = [[1, 1, -1, -1], [4, 0, 0, 0], [0, 2, 0, 0], [0, 0, 5, 6], [1, 0, 0, 0], [0, 3, 0, 0]]
  const mask = (1 << 0) | (1 << 1) | (1 << 5) | (1 << zeroFill) | (1 << swappedIn)
  const [who, ...counts] = columns
  return encodeTable({ kind: DataKind.trackTiles, rows: 4, extra: [2, mask, 2], columns: [Int32Array.from(who!), ...counts.map((column) => Float64Array.from(column))] })
}

test('by processes, zoomed out the events of each lie in layers by what they were, and what is about a moment is told', () => {
  const tiles = decodeTrackTiles(answerOfTracks(), { from: 0, to: 200 }, kinds)
  expect(tiles.isEstimated).toBe(true)
  const tracks = whoTracks(tiles, 'processes', { processes: (process) => `process ${process}`, objects: String })
  expect(tracks.map(({ name, density }) => [name, density?.greatest, ...(density?.layers.map(({ glyph, counts }) => [glyph, ...counts]) ?? [])])).toEqual([
    // faults that were read from swap and what was read are one layer
    ['process 1', 5, ['fault', 4, 0], ['zero', 1, 0], ['swapin', 0, 5]],
    ['No process', 6, ['daemon', 5, 6]],
  ])
  expect(densityAt(tracks[0]!, 50)).toEqual({ lengthNs: 100, sorts: [{ glyph: 'fault', count: 4 }, { glyph: 'zero', count: 1 }] })
  expect(densityAt(tracks[0]!, 250)).toBeNull()
  expect(whoTracks(tiles, 'objects', { processes: String, objects: (object) => `object ${object}` }).map(({ name }) => name)).toEqual(['Object 1', 'No object'])
})

test('by processes, zoomed in each has a track, and what is of none comes last', () => {
  const names = { kindOf: (kind: number) => kinds[kind] ?? '', processes: (process: number) => `process ${process}`, devices: String, objects: String }
  const tracks = eventTracks([row({ kind: 5 }), row({ process: 3 }), row({ process: 0, device: 1 })], names, 'processes')
  expect(tracks.map(({ name, marks }) => [name, marks.length])).toEqual([['process 0', 1], ['process 3', 1], ['No process', 1]])
})

test('tracks of the same name are told apart by number, zoomed in and out', () => {
  const names = { kindOf: (kind: number) => kinds[kind] ?? '', processes: (process: number) => (process === 3 ? 'make' : 'cc1'), devices: String, objects: () => 'heap' }
  const rows = [row({ process: 0 }), row({ process: 1, object: 7 }), row({ process: 3, object: 8 })]
  expect(eventTracks(rows, names, 'processes').map(({ name }) => name)).toEqual(['0 cc1', '1 cc1', 'make'])
  expect(eventTracks(rows, names).map(({ name, marks }) => [name, marks.length])).toEqual([['0 cc1', 1], ['1 cc1', 1], ['make', 1]])
  const layers = [{ glyph: 'fault' as const, counts: Float64Array.of(1) }]
  const tiles = { span: { from: 0, to: 1 }, isEstimated: false, tracks: [{ who: 7, layers }, { who: 8, layers }, { who: -1, layers }] }
  expect(whoTracks(tiles, 'objects', names).map(({ name }) => name)).toEqual(['7 Heap', '8 Heap', 'No object'])
})
