import { describe, expect, it } from 'vitest'
import type { Totals } from '../../electron/contract/contract.ts'
import { answerOf, differingFields, ratioText } from './compare.ts'

const totals = (values: Partial<Totals>): Totals => ({
  run: null, references: 0, faults: 0, softFaults: 0, zeroFills: 0, copyOnWriteFaults: 0, swapins: 0, pagesIn: 0, swapouts: 0, pagesOut: 0, vnodeins: 0, vnodePagesIn: 0, vnodeouts: 0,
  vnodePagesOut: 0, evictions: 0, deviceReads: 0, deviceWrites: 0, bytesRead: 0, bytesWritten: 0, bytesVerified: 0, virtualSeconds: 0, seconds: 0, events: 0, traceDigest: '', status: 'finished', ...values,
})
const run = (id: number, values: Partial<Totals>) => ({ id, name: `run ${id}`, totals: totals(values) })

describe('a comparison', () => {
  it('lists the fields that differ, by path', () => {
    const file = (frames: number | null, image: string[]) => ({ name: String(frames), machine: { frames, wired: 0 }, swap: { devices: image.map((name) => ({ image: name })) } })
    expect(differingFields([file(1024, ['a']), file(null, ['a', 'b'])])).toEqual([
      { field: 'machine.frames', values: ['1,024', 'by formula'] },
      { field: 'swap.devices[1].image', values: ['–', 'b'] },
    ])
  })
  it('answers in a sentence which run is faster', () => {
    expect(answerOf([run(1, { virtualSeconds: 10, faults: 100 }), run(2, { virtualSeconds: 15, faults: 90 })])).toBe('Run 2 takes 50 % more virtual time than run 1, with 10 fewer faults.')
  })
  it('says when the traces are the same', () => {
    expect(answerOf([run(1, { traceDigest: 'ab' }), run(2, { traceDigest: 'ab' })])).toBe('Both runs made the same trace, event by event.')
  })
  it('gives ratios only where there is something to divide by', () => {
    expect([ratioText(4, 6), ratioText(0, 5), ratioText(3, 3)]).toEqual(['1.50×', '–', 'same'])
  })
})
