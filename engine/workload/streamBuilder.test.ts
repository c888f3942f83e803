import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ImportError } from './importError.ts'
import { PageIndexMap } from './pageIndexMap.ts'
import { REFERENCES_PER_CHUNK } from './streamFile.ts'
import { WorkloadBuilder } from './streamBuilder.ts'

describe('the map from keys to dense indices', () => {
  it('behaves like a Map that numbers its keys', () => {
    const key = fc.tuple(
      fc.constantFrom(0, 1, 4294967295),
      fc.oneof(fc.nat(50), fc.integer({ min: 0, max: 4294967295 })),
    )
    fc.assert(
      fc.property(fc.array(key, { maxLength: 300 }), (keys) => {
        const map = new PageIndexMap()
        const model = new Map<string, number>()
        for (const [high, low] of keys) {
          const text = `${high}:${low}`
          expect(map.find(high, low)).toBe(model.get(text) ?? -1)
          if (!model.has(text)) model.set(text, model.size)
          const index = map.indexOf(high, low)
          expect(index).toBe(model.get(text))
          expect([map.high(index), map.low(index)]).toEqual([high, low])
        }
        expect(map.size).toBe(model.size)
      }),
    )
  })

  it('grows to many keys, near and far', () => {
    const map = new PageIndexMap()
    const ordinals = Array.from({ length: 50000 }, (_, i) => i)
    expect(ordinals.map((i) => map.indexOf(i & 1 ? 524287 : 0, i >>> 1))).toEqual(ordinals)
    expect(ordinals.map((i) => map.find(i & 1 ? 524287 : 0, i >>> 1))).toEqual(ordinals)
    expect(map.find(0, 25000)).toBe(-1)
  })
})

describe('a workload builder', () => {
  it('numbers pages in the order of first reference and keeps their use', () => {
    const builder = new WorkloadBuilder({ name: 'w' })
    const stream = builder.process('p')
    stream.add(4503599627370495, 1)
    stream.add(7, 0)
    stream.add(4503599627370495, 2)
    const [process] = builder.finish().processes
    expect(process).toMatchObject({ name: 'p', pageCount: 2, referenceCount: 3 })
    expect([...process!.pageNumbers]).toEqual([4503599627370495, 7])
    expect([...process!.pageUse]).toEqual([6, 1])
    expect([...process!.open().read(0)]).toEqual([1, 4, 2])
  })

  it('hands full chunks to its storage in order, and the rest at the end', () => {
    const written: [number, number][] = []
    const builder = new WorkloadBuilder({
      name: 'w',
      storageFor: () => ({
        write: (chunk, references) => void written.push([chunk, references.length]),
        open: () => ({ read: () => new Uint32Array(0) }),
      }),
    })
    const stream = builder.process('p')
    for (let i = 0; i < REFERENCES_PER_CHUNK * 2 + 5; i++) stream.add(i % 3000, 0)
    expect(builder.referenceCount).toBe(REFERENCES_PER_CHUNK * 2 + 5)
    const workload = builder.finish()
    expect(written).toEqual([
      [0, REFERENCES_PER_CHUNK],
      [1, REFERENCES_PER_CHUNK],
      [2, 5],
    ])
    expect(workload.processes[0]).toMatchObject({ pageCount: 3000, referenceCount: REFERENCES_PER_CHUNK * 2 + 5 })
  })

  it('of exactly a chunk writes no empty one after it', () => {
    const written: number[] = []
    const builder = new WorkloadBuilder({
      name: 'w',
      storageFor: () => ({
        write: (chunk) => void written.push(chunk),
        open: () => ({ read: () => new Uint32Array(0) }),
      }),
    })
    for (let i = 0; i < REFERENCES_PER_CHUNK; i++) builder.process('p').add(1, 0)
    builder.finish()
    expect(written).toEqual([0])
  })

  it('says how many raw events a reference stands for', () => {
    const builder = new WorkloadBuilder({ name: 'w', eventsPerReference: 3 })
    builder.process('p').add(1, 0)
    builder.process('p').add(2, 0)
    expect(builder.finish().eventsPerReference).toBe(3)
    builder.rawEvents = 10
    expect(builder.finish().eventsPerReference).toBe(5)
  })

  it('refuses a workload without references', () => {
    expect(() => new WorkloadBuilder({ name: 'w' }).finish()).toThrow(ImportError)
  })
})
