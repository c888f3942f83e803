/**
 * What led to an event and what came of it, from the events of its page around it: a fault asks a pager for pages, the pager a device, whose answer
 * wakes the process. Pure.
 */
import { plural } from '../../format.ts'
import type { GlyphKind } from '../../glyphs.ts'
import { glyphOf, type EventRow } from './events.ts'

export interface Step {
  /** Virtual ns. */
  time: number
  title: string
  note: string
  glyph: GlyphKind
  /** Event that records it; null: it follows from one that does. */
  event: EventRow | null
}

const transfers = ['swapin', 'swapout', 'filein', 'fileout']
const isRead = (kind: string) => kind === 'swapin' || kind === 'filein'

/** Span in which the causes and effects of an event lie. */
export function spanOf(row: EventRow): { fromNs: number; toNs: number } {
  return { fromNs: Math.max(0, row.time - row.durationNs - 1), toNs: row.time + row.durationNs * 2 + 1 }
}

/** Whether two events have a page in common. */
export const sharePages = (a: EventRow, b: EventRow): boolean =>
  a.object === b.object && a.page < b.page + Math.max(1, b.pages) && b.page < a.page + Math.max(1, a.pages)

/** The chain of an event; `around` are events that share pages with it in spanOf(row), in order of time. Empty where nothing is known but itself. */
export function causesOf(row: EventRow, around: readonly EventRow[], kindOf: (kind: number) => string): Step[] {
  const kind = kindOf(row.kind)
  const fault = kind === 'fault' ? row : around.find((other) => kindOf(other.kind) === 'fault' && other.time >= row.time && other.time - other.durationNs <= row.time + 1)
  const request = transfers.includes(kind) ? row : fault && around.findLast((other) => isRead(kindOf(other.kind)) && other.time <= fault.time && other.time + other.durationNs >= fault.time - fault.durationNs)
  const steps: Step[] = []
  if (fault) {
    const begun = fault.time - fault.durationNs
    steps.push({ time: begun, title: 'Page fault', note: 'The process touched a page that was not mapped.', glyph: 'fault', event: null })
    if (request && isRead(kindOf(request.kind)))
      steps.push({ time: Math.max(begun, Math.min(request.time, fault.time)), title: 'The pager is asked', note: `getpages finds the page on a device and adds neighbours: ${plural(request.pages, 'page')}.`, glyph: 'other', event: null })
  } else if (request && !isRead(kindOf(request.kind)))
    steps.push({ time: request.time, title: 'Memory is wanted', note: `The page daemon gathers a cluster of ${plural(request.pages, 'dirty page')}.`, glyph: 'daemon', event: null })
  if (request) {
    const glyph = glyphOf(kindOf(request.kind), request.detail)
    steps.push({ time: request.time, title: 'Request submitted', note: `${plural(request.pages, 'page')} ${isRead(kindOf(request.kind)) ? 'from' : 'to'} the device.`, glyph, event: request })
    const failed = around.find((other) => kindOf(other.kind) === 'io-error' && other.time === request.time)
    steps.push({
      time: request.time + request.durationNs,
      title: failed ? 'The device fails' : 'The device answers',
      note: failed ? `errno ${failed.detail}` : isRead(kindOf(request.kind)) ? 'The pages are filled.' : 'The pages are clean; their frames may be taken.',
      glyph: failed ? 'error' : glyph,
      event: failed ?? null,
    })
  }
  if (fault) steps.push({ time: fault.time, title: request ? 'The process wakes' : 'Resolved', note: 'The page is mapped and the reference made.', glyph: glyphOf('fault', fault.detail), event: fault })
  const after = around.find((other) => other.number > row.number && ['evict', 'free'].includes(kindOf(other.kind)))
  if (after) steps.push({ time: after.time, title: kindOf(after.kind) === 'evict' ? 'The frame is taken' : 'The page goes away', note: '', glyph: 'daemon', event: after })
  return steps.length > 1 ? steps.sort((a, b) => a.time - b.time) : []
}
