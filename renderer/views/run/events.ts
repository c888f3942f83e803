/** Events as the service sends them: decoding, glyphs and words for each row. Pure. */
import { DataKind, DataPlaneError, decodeTable } from '../../../electron/contract/dataPlane.ts'
import { formatCount, formatHex, plural } from '../../format.ts'
import type { GlyphKind } from '../../glyphs.ts'

export interface EventRow {
  number: number
  /** Virtual ns. */
  time: number
  /** Index into the service's list of kinds. */
  kind: number
  process: number
  object: number
  page: number
  pages: number
  device: number
  block: number
  /** Virtual ns. */
  durationNs: number
  detail: number
}

export interface EventWindow {
  rows: EventRow[]
  /** More rows of the filtered range follow. */
  more: boolean
}

/** Decodes the answer to runs.events. Throws DataPlaneError. */
export function decodeEvents(buffer: ArrayBuffer): EventWindow {
  const table = decodeTable(buffer)
  if (table.kind !== DataKind.events || table.columns.length < 11) throw new DataPlaneError('an answer about events lacks its columns')
  const at = (column: number, row: number): number => table.columns[column]?.[row] ?? 0
  const rows: EventRow[] = []
  for (let row = 0; row < table.rows; row++)
    rows.push({
      time: at(0, row),
      kind: at(1, row),
      process: at(2, row),
      object: at(3, row),
      page: at(4, row),
      pages: at(5, row),
      device: at(6, row),
      block: at(7, row),
      durationNs: at(8, row),
      detail: at(9, row),
      number: at(10, row),
    })
  return { rows, more: table.extra[0] === 1 }
}

const kindLabels: Record<string, string> = {
  fault: 'fault',
  swapin: 'swap in',
  swapout: 'swap out',
  filein: 'file in',
  fileout: 'file out',
  evict: 'evicted',
  free: 'freed',
  daemon: 'page daemon',
  swapoff: 'swapoff pass',
  'io-error': 'I/O error',
  admin: 'administration',
  message: 'message',
  defect: 'defect',
  process: 'process',
  panic: 'panic',
  reserve: 'reservation',
}
export const kindLabel = (kind: string): string => kindLabels[kind] ?? kind

const FAULT_WRITE = 16
const FAULT_FETCH = 32
const faultKinds = ['resident', 'zero fill', 'swapped in', 'read from file', 'copied on write', 'failed'] as const
const faultGlyphs: readonly GlyphKind[] = ['fault', 'zero', 'swapin', 'filein', 'cow', 'error']

/** The glyph of an event; a fault has that of what answered it. */
export function glyphOf(kind: string, detail = 0): GlyphKind {
  if (kind === 'fault') return faultGlyphs[detail & 15] ?? 'fault'
  if (kind === 'swapin' || kind === 'swapout' || kind === 'filein' || kind === 'fileout') return kind
  if (kind === 'io-error' || kind === 'panic' || kind === 'defect') return 'error'
  return kind === 'daemon' || kind === 'evict' ? 'daemon' : 'other'
}

/** What happened, in words, from the columns of a row. */
export function describeEvent(kind: string, row: EventRow): string {
  switch (kind) {
    case 'fault': {
      const access = row.detail & FAULT_WRITE ? 'write' : row.detail & FAULT_FETCH ? 'fetch' : 'read'
      return `${access}, ${faultKinds[row.detail & 15] ?? 'other'}`
    }
    case 'swapin':
    case 'swapout':
      return `${plural(row.pages, 'page')}, ${row.pages > 1 ? `blocks ${formatCount(row.block)} – ${formatCount(row.block + row.pages - 1)}` : `block ${formatCount(row.block)}`}`
    case 'filein':
    case 'fileout':
      return `${plural(row.pages, 'page')} of a file from page ${formatHex(row.block)}`
    case 'daemon':
      return `${plural(row.pages, 'page')} freed, ${formatCount(row.detail)} laundered`
    case 'swapoff':
      return `pass ${formatCount(row.detail)}, ${plural(row.pages, 'block')} left`
    case 'io-error':
      return `errno ${row.detail}, ${plural(row.pages, 'page')} at block ${formatCount(row.block)}`
    case 'evict':
      return row.pages > 1 ? plural(row.pages, 'page') : 'frame taken'
    case 'free':
      return row.pages > 1 ? plural(row.pages, 'page') : ''
    case 'admin':
      return ['swapon', 'swapoff', 'orphaned', 'tunable changed', 'fault injected'][row.detail] ?? ''
    case 'process':
      return ['starts', 'exits', 'signalled', 'killed'][row.detail] ?? ''
    case 'reserve':
      return `${plural(Math.abs(row.pages), 'page')} ${['refused', 'granted', 'forced', 'released'][row.detail] ?? ''}`.trim()
    default:
      return row.detail === 0 ? '' : `number ${row.detail}`
  }
}
