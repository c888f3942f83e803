/**
 * Numbers, times, sizes and names as people read them. Pure functions; every one says its unit.
 * Grouping is always English (1,234,567) so that a figure reads the same in the window, a report and a mail.
 */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 84868721 -> "84,868,721". */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? grouped.format(value) : '–'
}

const fixed = new Map<number, Intl.NumberFormat>()

/** With so many decimals: (1234.5, 2) -> "1,234.50". */
export function formatFixed(value: number, decimals: number): string {
  let format = fixed.get(decimals)
  // to make one takes longer than to use it a hundred times
  if (!format) fixed.set(decimals, (format = new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })))
  return format.format(value)
}

/** Three significant digits without an exponent and without a trailing ".0". */
function threeDigits(value: number): string {
  const size = Math.abs(value)
  if (size >= 100 || Number.isInteger(value)) return grouped.format(value)
  return String(Number(value.toPrecision(3)))
}

const siSteps: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e4, 'k'],
]

/** 41234567 -> "41.2 M". Below ten thousand the number is written out. */
export function formatSi(value: number): string {
  if (!Number.isFinite(value)) return '–'
  for (const [step, prefix] of siSteps)
    if (Math.abs(value) >= step * 0.99995) {
      const scale = prefix === 'k' ? 1e3 : step
      return `${threeDigits(value / scale)} ${prefix}`
    }
  return threeDigits(value)
}

/** How the numbers of a chart are written, by name: what is drawn crosses to another thread. */
export const numberFormats = { count: formatCount, si: formatSi } as const
export type NumberFormat = keyof typeof numberFormats

/** Bytes in binary units: 500170752 -> "477 MiB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–'
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let step = 0
  while (Math.abs(value) >= 1024 && step < names.length - 1) {
    value /= 1024
    step++
  }
  return `${threeDigits(value)} ${names[step] ?? ''}`
}

/** A size exactly, as an experiment writes it: 67108864 -> "64 MiB", 5000 -> "5000 B". */
export function exactSize(bytes: number): string {
  for (const [name, step] of [['GiB', 1073741824], ['MiB', 1048576], ['KiB', 1024]] as const) if (bytes > 0 && bytes % step === 0) return `${bytes / step} ${name}`
  return `${bytes} B`
}

export const PAGE_BYTES = 4096

/** Pages of 4096 bytes as a size: 8192 -> "32 MiB". */
export function formatPages(pages: number): string {
  return formatBytes(pages * PAGE_BYTES)
}

/** A length of time in ns: "812 ns", "4.12 µs", "8.31 ms", "148 s", "12 min 4 s". */
export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns)) return '–'
  const size = Math.abs(ns)
  if (size < 1e3) return `${threeDigits(ns)} ns`
  if (size < 999_500) return `${threeDigits(ns / 1e3)} µs`
  if (size < 999_500_000) return `${threeDigits(ns / 1e6)} ms`
  if (size < 600e9) return `${threeDigits(ns / 1e9)} s`
  const seconds = Math.round(ns / 1e9)
  if (size < 36_000e9) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(ns / 60e9)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** A moment of virtual time, to the millisecond: "148.312 s". */
export function formatMoment(ns: number): string {
  return Number.isFinite(ns) ? `${formatFixed(ns / 1e9, 3)} s` : '–'
}

/** A moment to the nanosecond in groups of three, in seconds without the unit: "91.193 132 004". */
export function formatMomentExact(ns: number): string {
  if (!Number.isFinite(ns)) return '–'
  const whole = Math.floor(ns / 1e9)
  const rest = String(Math.round(ns - whole * 1e9)).padStart(9, '0')
  return `${grouped.format(whole)}.${rest.slice(0, 3)} ${rest.slice(3, 6)} ${rest.slice(6)}`
}

/** How a time axis over a span is labelled: the unit, ns in one of it, and decimals for a tick step given in ns. */
export interface TimeUnit {
  name: 's' | 'ms' | 'µs'
  ns: number
}

export function timeUnitOf(spanNs: number): TimeUnit {
  if (spanNs >= 1e9) return { name: 's', ns: 1e9 }
  return spanNs >= 1e6 ? { name: 'ms', ns: 1e6 } : { name: 'µs', ns: 1e3 }
}

/** Decimals that tell two neighbouring ticks apart. */
export function decimalsOf(step: number): number {
  if (!(step > 0)) return 0
  return Math.min(9, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))
}

/** The beginning, end and length of a range of virtual time, in the unit that fits its length. */
export function formatRange(fromNs: number, toNs: number): string {
  const unit = timeUnitOf(toNs - fromNs)
  const decimals = decimalsOf((toNs - fromNs) / unit.ns / 100)
  const at = (ns: number) => formatFixed(ns / unit.ns, decimals)
  return `${at(fromNs)} – ${at(toNs)} ${unit.name} (${formatDuration(toNs - fromNs)})`
}

/** A share of 1 as a percentage: 0.232 -> "23.2 %". */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  const percent = share * 100
  return `${Math.abs(percent) >= 100 || Number.isInteger(percent) ? grouped.format(percent) : percent.toFixed(1)} %`
}

/** A ratio: 1.553 -> "1.55×". */
export function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio >= 100 ? grouped.format(ratio) : ratio.toFixed(2)}×` : '–'
}

/** A signed difference of counts: "+1,204", "−38", "0". */
export function formatDifference(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${threeOrCount(Math.abs(value))}`
}

function threeOrCount(value: number): string {
  return Number.isInteger(value) ? grouped.format(value) : threeDigits(value)
}

/** The first twelve digits of a digest; "–" where there is none yet. */
export function shortDigest(digest: string): string {
  return digest === '' ? '–' : digest.slice(0, 12)
}

/** A page index in hexadecimal, as the kernel's own messages write it. */
export function formatHex(value: number): string {
  return Number.isFinite(value) && value >= 0 ? `0x${value.toString(16)}` : '–'
}

/** "1 run", "3 runs". */
export function plural(count: number, singular: string, many = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : many}`
}

/** A moment of the wall clock: the time of day if it is of today, with the date otherwise. `iso` is ISO 8601. */
export function formatWhen(iso: string, now: Date = new Date()): string {
  const when = new Date(iso)
  if (Number.isNaN(when.getTime())) return '–'
  const time = when.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  if (when.toDateString() === now.toDateString()) return `today ${time}`
  const year = when.getFullYear() === now.getFullYear() ? undefined : 'numeric'
  return `${when.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year })}, ${time}`
}

/** What a person types as a whole or decimal number: "8,192" or " 8192 " -> 8192; NaN if it is none. */
export function parseNumber(text: string): number {
  const plain = text.trim().replace(/[\s,_]/g, '')
  return /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(plain) ? Number(plain) : NaN
}

/** "swap 0.img" -> "swap-0.img": what may stand in a file name on every system. */
export function fileNameOf(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
  return plain === '' ? 'untitled' : plain.slice(0, 80)
}
