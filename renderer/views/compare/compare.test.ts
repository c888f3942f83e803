import { describe, expect, it } from 'vitest'
import type { Totals } from '../../../electron/contract/contract.ts'
import { amountText, answerOf, counted, differenceText, fieldText, ratioText, unitText } from './compare.ts'

const totals = (values: Partial<Totals>): Totals => ({
  run: null, references: 0, faults: 0, softFaults: 0, zeroFills: 0, copyOnWriteFaults: 0, swapins: 0, pagesIn: 0, swapouts: 0, pagesOut: 0, vnodeins: 0, vnodePagesIn: 0, vnodeouts: 0,
  vnodePagesOut: 0, evictions: 0, deviceReads: 0, deviceWrites: 0, bytesRead: 0, bytesWritten: 0, bytesVerified: 0, virtualSeconds: 0, seconds: 0, events: 0, traceDigest: '', status: 'finished', ...values,
})
const run = (id: number, values: Partial<Totals>) => ({ id, name: `run ${id}`, totals: totals(values) })

describe('a comparison', () => {
  it('writes values of fields as people read them', () => {
    expect([fieldText(1024, false), fieldText(null, false), fieldText(null, true), fieldText('', false), fieldText(true, false)]).toEqual(['1,024', 'by formula', '–', 'empty', 'true'])
  })
  it('answers in a sentence which run is faster', () => {
    expect(answerOf([run(1, { virtualSeconds: 10, faults: 100 }), run(2, { virtualSeconds: 15, faults: 90 })])).toBe('Run 2 takes 50 % more virtual time than run 1, with 10 fewer faults.')
    expect(answerOf([run(1, { virtualSeconds: 2 }), run(2, { virtualSeconds: 38.86 })])).toBe('Run 2 takes 19.4 times the virtual time of run 1, with as many faults.')
  })
  it('says when the traces are the same', () => {
    expect(answerOf([run(1, { traceDigest: 'ab' }), run(2, { traceDigest: 'ab' })])).toBe('Both runs made the same trace, event by event.')
  })
  it('gives ratios only where there is something to divide by', () => {
    expect([ratioText(1.5), ratioText(null), ratioText(1)]).toEqual(['1.50×', '–', 'same'])
  })
  it('writes amounts, and differences with their sign, in their units', () => {
    expect([amountText(86.3272, 's'), amountText(1234, 'pages'), amountText(4.1634, 'pages'), amountText(94.5e9, 'ns')]).toEqual(['86.327', '1,234', '4.16', '94.5 s'])
    expect([differenceText(-81.9554, 's'), differenceText(0, 's'), differenceText(2e6, 'ns'), differenceText(-7, 'pages')]).toEqual(['−81.955', '0', '+2 ms', '−7'])
    expect([unitText('faults', 'faults'), unitText('pagesIn', 'pages'), unitText('swapins', 'requests'), unitText('stallNs', 'ns')]).toEqual(['', '', ', requests', ''])
  })
  it('leaves out what none has counted, and begins with virtual time', () => {
    const row = (name: string, values: number[]) => ({ name, unit: '', meaning: '', values, differences: values, ratios: values })
    expect(counted([row('faults', [1, 0]), row('events', [3, 3]), row('pagesIn', [0, 0]), row('virtualSeconds', [2, 1])]).map(({ name }) => name)).toEqual(['virtualSeconds', 'faults', 'events'])
  })
})
