/** A sweep while it is written: fields with their values as text. Pure. */
import type { SweepFile } from '../../../electron/contract/sweep.ts'

export interface DraftField {
  field: string
  /** Values between commas, as a person types them; or a list as JSON. */
  text: string
}

export interface SweepDraft {
  name: string
  experiment: Record<string, unknown> | null
  fields: DraftField[]
  warmup: number
}

/** Fields that are varied most; any other path of the experiment can be typed. */
export const usualFields: readonly { field: string; label: string; example: string }[] = [
  { field: 'machine.frames', label: 'RAM, frames', example: '1000, 1500, 2000' },
  { field: 'machine.footprintPercent', label: 'RAM, per cent of the footprint', example: '25, 50, 75, 100' },
  { field: 'daemon.policy', label: 'Page daemon', example: 'freebsd, lru, clock' },
  { field: 'daemon.pageoutCluster', label: 'Pages in a pageout cluster', example: '1, 8, 32' },
  { field: 'paging.readCluster', label: 'Pages read around a fault', example: '0, 8, 16' },
  { field: 'swap.deviceCount', label: 'Number of swap devices', example: '1, 2, 4' },
  { field: 'swap.devices[*].timing.model', label: 'Timing of all swap devices', example: 'hdd, ssd, nvme' },
  { field: 'swap.asyncMax', label: 'Asynchronous writes', example: '1, 4, 16' },
  { field: 'files.pager', label: 'Vnode pager', example: 'freebsd, dragonfly, netbsd' },
  { field: 'seed', label: 'Seed', example: '1, 2, 3, 4, 5' },
  { field: 'processes[0].workload.parameters.seed', label: 'Seed of the first workload', example: '1, 2, 3, 4, 5' },
]

/** A field's name for people; a path that is none of the usual ones is its own. */
export const fieldLabel = (field: string): string => usualFields.find((each) => each.field === field)?.label ?? field

/** A field with one of its values: "RAM 400 frames", "Page daemon lru". */
export function settingText(field: string, value: unknown): string {
  const [label = field, unit] = fieldLabel(field).split(', ')
  return `${label} ${valueText(value)}${unit === undefined ? '' : ` ${unit}`}`
}

/** "1000, 2000" -> [1000, 2000]; "lru, clock" -> texts; "[[], [1]]" -> as JSON says. Never throws. */
export function valuesOf(text: string): unknown[] {
  const trimmed = text.trim()
  if (trimmed.startsWith('[')) {
    try {
      const list: unknown = JSON.parse(trimmed)
      if (Array.isArray(list)) return list
    } catch {
      // no JSON yet: whoever checks it says what is wrong with its first value
    }
  }
  return trimmed
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map(valueOf)
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null' || text === 'by formula') return null
  if (text === '""') return ''
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
}

/** The values as they are typed. */
export function textOf(values: readonly unknown[]): string {
  const isPlain = values.every((value) => (typeof value === 'string' && value !== '' && !/[,"[\]]/.test(value)) || typeof value === 'number' || typeof value === 'boolean' || value === null)
  return isPlain ? values.map((value) => String(value)).join(', ') : JSON.stringify(values)
}

export function fileOf({ name, experiment, fields, warmup }: SweepDraft): unknown {
  const named = fields.filter(({ field }) => field.trim() !== '')
  return { name: name.trim(), experiment: experiment ?? {}, vary: Object.fromEntries(named.map(({ field, text }) => [field.trim(), valuesOf(text)])), warmup }
}

export function draftOf({ name, experiment, vary, warmup }: SweepFile): SweepDraft {
  return { name, experiment, fields: Object.entries(vary).map(([field, values]) => ({ field, text: textOf(values) })), warmup }
}

/** A value of a field in a table or a legend. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
  if (value === null) return 'by formula'
  return typeof value === 'string' ? (value === '' ? 'none' : value) : JSON.stringify(value)
}
