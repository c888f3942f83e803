import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { chunkArrays, eventColumns, eventKinds, newEventChunk } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { canonicalBytes, encodeChunk, EventEncoder } from './eventEncoder.ts'
import { eventRows } from './events.ts'
import { eventsAsCsv, eventsAsJsonLines } from './eventText.ts'
import { formatOneChunk, sequenceOf, someEnd, someEvents, someRun, withStore } from './testing.ts'
import type { TraceStore } from './traceStore.ts'

/** Three chunks, the last one short, stored as a run; and the events as one row each. */
function record(store: TraceStore) {
  const id = store.createRun(someRun())
  const encoder = new EventEncoder(true)
  const rows: number[][] = []
  let time = 0
  for (const [seed, count] of [
    [1, 65536],
    [2, 65536],
    [3, 5000],
  ] as const) {
    const chunk = someEvents(count, seed, time)
    time = chunk.time[count - 1]!
    store.appendEvents(id, encoder.add(chunk))
    const arrays = chunkArrays(chunk)
    for (let row = 0; row < count; row++) rows.push([...arrays.map((column) => column[row]!), rows.length])
  }
  return { id, rows, endNs: time, digest: encoder.finish() }
}

function changed(chunk: EventChunk, row: number): EventChunk {
  const copy = newEventChunk(chunk.count)
  copy.count = chunk.count
  chunkArrays(chunk).forEach((column, i) => chunkArrays(copy)[i]!.set(column.subarray(0, chunk.count)))
  copy.detail[row]! += 1
  return copy
}

describe('the trace digest', () => {
  it("is SHA-256 over the chunks' digests, each of which is one over count, lengths and canonical bytes, in order", () => {
    const chunks = [someEvents(65536, 1), someEvents(1000, 2, 1e9)]
    const u32 = (value: number) => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(value)
      return bytes
    }
    const whole = createHash('sha256')
    for (const chunk of chunks) {
      const hash = createHash('sha256').update(u32(chunk.count))
      for (const bytes of canonicalBytes(chunk)) hash.update(u32(bytes.length)).update(bytes)
      whole.update(hash.digest())
    }
    const encoder = new EventEncoder(true)
    for (const chunk of chunks) encoder.add(chunk)
    expect(encoder.finish()).toBe(whole.digest('hex'))
  })

  it('does not depend on who encodes a chunk, but on the order in which they are taken', () => {
    const chunks = [someEvents(65536, 1), someEvents(65536, 2, 1e9)]
    const plain = new EventEncoder(true)
    for (const chunk of chunks) plain.add(chunk)
    const [first, second] = [encodeChunk(chunks[0]!, 0, true), encodeChunk(chunks[1]!, 65536, true)]
    const taking = new EventEncoder(true)
    expect(() => taking.accept(second)).toThrow('event 65536 came where 0 was due')
    taking.accept(first)
    taking.accept(second)
    expect(taking.finish()).toBe(plain.finish())
  })

  it('is the same with recording off and with glances at the open end, and another for one changed event', () => {
    const chunks = [someEvents(65536, 1), someEvents(300, 2, 1e9)]
    const digest = (recording: boolean, given: EventChunk[], glance = false) => {
      const encoder = new EventEncoder(recording)
      for (const chunk of given) {
        if (glance) encoder.peek(someEvents(10))
        encoder.add(chunk)
      }
      return encoder.finish()
    }
    const plain = digest(true, chunks)
    expect(digest(false, chunks)).toBe(plain)
    expect(digest(true, chunks, true)).toBe(plain)
    expect(digest(true, [chunks[0]!, changed(chunks[1]!, 299)])).not.toBe(plain)
    expect(digest(true, [chunks[0]!])).not.toBe(plain)
  })

  it('takes no chunk after a short one', () => {
    const encoder = new EventEncoder(true)
    encoder.add(someEvents(10))
    expect(() => encoder.add(someEvents(10))).toThrow('after the last')
  })
})

describe('events', () => {
  it('are found by time, kind, offset and limit as a look at every event finds them', () => {
    withStore((store) => {
      const { id, rows, endNs } = record(store)
      const next = sequenceOf(23)
      for (let i = 0; i < 60; i++) {
        const fromNs = i % 5 === 0 ? 0 : next(endNs)
        const toNs = i % 5 === 0 ? endNs : fromNs + next(i % 2 ? endNs : 100_000)
        const kinds = [[], ['swapin'], ['swapin', 'swapout', 'evict'], ['panic']][i % 4]!
        const offset = i % 3 === 0 ? 0 : next(90_000)
        const limit = [1, 100, 10_000][i % 3]!
        const matching = rows.filter(
          ([time = 0, kind = 0]) =>
            time >= fromNs && time <= toNs && (kinds.length === 0 || kinds.includes(eventKinds[kind]!)),
        )
        const window = store.events.query(id, { fromNs, toNs, kinds, offset, limit })
        const expected = matching.slice(offset, offset + limit)
        expect(window.count).toBe(expected.length)
        expect(window.more).toBe(matching.length > offset + limit)
        const columns = eventRows(window).columns
        expect(columns.map((column) => [...column])).toEqual(columns.map((_, c) => expected.map((row) => row[c])))
        expect(store.events.count(id, { fromNs, toNs, kinds })).toBe(matching.length)
      }
    })
  })

  it('of an object, of a page and of a device are found as a look at every event finds them', () => {
    withStore((store) => {
      const { id, rows, endNs } = record(store)
      const next = sequenceOf(41)
      for (let i = 0; i < 60; i++) {
        const some = rows[next(rows.length)]!
        const object = some[3]!
        const page = [undefined, some[4]!, some[4]! + next(8), 1e9 + i][i % 4]
        const device = i % 5 === 0 ? some[6]! : undefined
        const fromEvent = i % 3 === 0 ? next(rows.length) : 0
        const matching = rows.filter(
          (row) =>
            row[3] === object &&
            (page === undefined || (row[4]! <= page && page < row[4]! + Math.max(1, row[5]!))) &&
            (device === undefined || row[6] === device) &&
            row[10]! >= fromEvent,
        )
        const filter = { fromNs: 0, toNs: endNs, kinds: [], object, page, device, fromEvent }
        const offset = i % 2 === 0 ? 0 : next(200)
        const expected = matching.slice(offset, offset + 500)
        const window = store.events.query(id, { ...filter, offset, limit: 500 })
        expect([...window.number]).toEqual(expected.map((row) => row[10]))
        expect(window.more).toBe(matching.length > offset + 500)
        expect(store.events.count(id, filter)).toBe(matching.length)
      }
    })
  })

  it('of a run of trace format 1 are read as they were, and its digest is compared with none of today', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      const chunk = someEvents(3000)
      store.appendEvents(id, formatOneChunk(chunk).encoded)
      store.finishRun(id, someEnd())
      const replay = store.createRun(someRun({ replayOf: id, sameConfiguration: true }))
      store.finishRun(replay, someEnd())
      expect(store.runs.get(replay).replayAgrees).toBe(true)
      store.transaction(() => store.runs.setTraceFormat(id, 1))
      expect(store.runs.get(replay).replayAgrees).toBeNull()
      const all = { fromNs: 0, toNs: Infinity, kinds: [], offset: 0, limit: 10_000 }
      const columnsRead = eventRows(store.events.query(id, all)).columns
      expect(columnsRead.slice(0, 10)).toEqual(chunkArrays(chunk).map((column) => column.subarray(0, chunk.count)))
      expect(store.events.count(id, { ...all, object: 1, page: 5 })).toBe(
        [...chunk.object.keys()].filter(
          (row) => chunk.object[row] === 1 && chunk.page[row]! <= 5 && 5 < chunk.page[row]! + chunk.pages[row]!,
        ).length,
      )
    })
  })

  it('are exported as CSV and as JSON lines', () => {
    withStore((store) => {
      const { id, rows, endNs } = record(store)
      const filter = { fromNs: endNs - 200_000, toNs: endNs, kinds: ['fault'] }
      const matching = rows.filter(([time = 0, kind]) => time >= filter.fromNs && kind === 0)
      store.objects.append(id, [
        {
          object: matching[0]![3]!,
          firstEvent: 0,
          kind: 'anonymous',
          process: 0,
          startPage: 0,
          pages: 9,
          name: 'heap, stack',
          labels: [],
        },
      ])
      const csv = [...eventsAsCsv(store.events.eventsInRange(id, filter), store.objects.names(id))]
        .join('')
        .trimEnd()
        .split('\n')
      expect(csv[0]).toBe('event,time_ns,kind,process,object,page,pages,device,block,duration_ns,detail,object_name')
      expect(csv.length).toBe(matching.length + 1)
      expect(csv[1]).toBe(
        [matching[0]![10], matching[0]![0], 'fault', ...matching[0]!.slice(2, 10), '"heap, stack"'].join(','),
      )
      const lines = [...eventsAsJsonLines(store.events.eventsInRange(id, filter))].join('').trimEnd().split('\n')
      expect(lines.length).toBe(matching.length)
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({
        event: matching.at(-1)![10],
        kind: 'fault',
        time: matching.at(-1)![0],
      })
      const all = [...store.events.eventsInRange(id, { fromNs: 0, toNs: endNs, kinds: [] })]
      expect(all.reduce((sum, window) => sum + window.count, 0)).toBe(rows.length)
    })
  })

  it('of the open end are seen, grow, and give way to their chunk', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      const encoder = new EventEncoder(true)
      const all = { fromNs: 0, toNs: Infinity, kinds: [], offset: 0, limit: 10_000 }
      store.events.replaceTail(id, encoder.peek(someEvents(10)))
      expect(store.events.query(id, all).count).toBe(10)
      store.events.replaceTail(id, encoder.peek(someEvents(700)))
      expect(store.events.query(id, all).count).toBe(700)
      const whole = encoder.add(someEvents(65536))
      store.appendEvents(id, whole)
      expect(store.events.count(id, all)).toBe(65536)
      expect(() => store.appendEvents(id, whole)).toThrow('already')
      store.finishRun(id, someEnd())
      const { pages, objects } = whole.index!
      const columns = whole.columns.reduce((sum, column) => sum + column.data.length, 0)
      const stored = columns + 32 + pages.length + objects.length
      expect(store.runs.get(id).storedBytes).toBe(stored)
    })
  })

  it('of a run that is not recorded are counted and not kept', () => {
    withStore((store) => {
      const id = store.createRun(someRun({ recorded: false }))
      const chunk = new EventEncoder(false).add(someEvents(500))
      expect(chunk.kindCounts.reduce((a, b) => a + b, 0)).toBe(500)
      store.appendEvents(id, chunk)
      expect(store.runs.eventCounts(id)).toEqual({})
    })
  })

  it('of unknown kinds are an error that names the kind', () => {
    withStore((store) => {
      const { id } = record(store)
      expect(() => store.events.query(id, { fromNs: 0, toNs: 1, kinds: ['swap'], offset: 0, limit: 1 })).toThrow(
        'no kind of event "swap"',
      )
    })
  })

  it('have stored columns named as the engine names them', () => {
    withStore((store) => {
      const names = store.query("SELECT name FROM pragma_table_info('trace_chunks')").rows.flat()
      expect(names).toEqual(expect.arrayContaining(eventColumns.flatMap(({ name }) => [name, `${name}_bytes`])))
    })
  })
})
