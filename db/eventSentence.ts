/** An event as a sentence that stands by itself: who, what, where. docs/trace.md says what the columns of each kind hold. */
import { FaultKind } from '../engine/sim/events.ts'
import type { RunEvent } from './divergence.ts'
import type { ObjectNames } from './objectNames.ts'

const FAULT_WRITE = 16
const FAULT_FETCH = 32

const faultEnds = new Map<number, string>([
  [FaultKind.soft, 'was resident'],
  [FaultKind.zeroFill, 'was filled with zeros'],
  [FaultKind.swapin, 'came from swap'],
  [FaultKind.filein, 'came from its file'],
  [FaultKind.copyOnWrite, 'was copied on write'],
  [FaultKind.failed, 'could not be had'],
])
const adminWords = ['swapon', 'swapoff', 'orphaned', 'a tunable was set', 'faults were injected']
const processWords = [
  'started',
  'exited',
  'was signalled',
  'was killed to free memory',
  'forked',
  'executed a program',
  'had a system call fail',
  'spawned',
]

export function eventSentence(event: Omit<RunEvent, 'text'>, names: ObjectNames): string {
  const { kind, process, object, page, pages, device, block, detail } = event
  const owner = names.text(object, event.number, page)
  const place = `page ${hex(page)} of ${owner}`
  const cluster = pages === 1 ? place : `${pages} pages from ${hex(page)} on of ${owner}`
  const who = process < 0 ? 'a process' : `process ${process}`
  switch (kind) {
    case 'fault': {
      const access = detail & FAULT_WRITE ? 'wrote to' : detail & FAULT_FETCH ? 'fetched from' : 'read'
      const frame = block < 0 ? '' : `, frame ${block}`
      return `${who} ${access} ${place}, which ${faultEnds.get(detail & 15) ?? `was resolved by way ${detail & 15}`} after ${duration(event.durationNs)}${frame}`
    }
    case 'swapin':
      return `${cluster} read from swap block ${block}, device ${device}, in ${duration(event.durationNs)}`
    case 'swapout':
      return `${cluster} written to swap block ${block}, device ${device}, in ${duration(event.durationNs)}${detail === 1 ? ', asynchronously' : ''}`
    case 'filein':
      return `${cluster} read from file page ${hex(block)} in ${duration(event.durationNs)}`
    case 'fileout':
      return `${cluster} written to file page ${hex(block)} in ${duration(event.durationNs)}`
    case 'evict':
      return `${place} was evicted from frame ${block}`
    case 'daemon':
      return `the page daemon freed ${pages} of ${block} pages that it looked at; it was ${detail} short`
    case 'swapoff':
      return `swapoff of device ${device}, ${detail === 0 ? 'ended' : `pass ${detail}`}: ${pages} blocks left`
    case 'io-error':
      return `a request for ${cluster} at swap block ${block}, device ${device}, failed with errno ${detail}`
    case 'admin':
      return `${adminWords[detail] ?? `administration ${detail}`}${device < 0 ? '' : `, device ${device}`}`
    case 'message':
      return `message ${detail}`
    case 'defect':
      return `defect ${detail} took effect`
    case 'process':
      return `${who} ${processWords[detail] ?? `had event ${detail}`}`
    case 'panic':
      return detail === 0 ? 'kernel panic' : 'livelock'
    case 'reserve':
      return `${who}: reservation of ${pages} pages ${['refused', 'granted', 'forced', 'released'][detail] ?? ''}`.trimEnd()
    default:
      return `${kind}, ${cluster}`
  }
}

const hex = (value: number) => `0x${value.toString(16)}`

/** Whole nanoseconds, so that no difference is rounded away. */
const duration = (ns: number) => `${ns.toLocaleString('en-US')} ns`
