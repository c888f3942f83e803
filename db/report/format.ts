/** Numbers as people read them. Pure text; the same in reports of every format. */

/** 1234567.8 -> "1,234,568" */
export function count(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Three significant digits and no tail of zeros: 0.01234 -> "0.0123", 12.0 -> "12", 1234.5 -> "1,235". */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000 || Number.isInteger(value)) return count(value)
  if (size < 1e-4) return size === 0 ? '0' : value.toExponential(2)
  return String(Number(value.toPrecision(3)))
}

const siPrefixes = [
  { factor: 1e12, prefix: 'T' },
  { factor: 1e9, prefix: 'G' },
  { factor: 1e6, prefix: 'M' },
  { factor: 1e3, prefix: 'k' },
  { factor: 1, prefix: '' },
  { factor: 1e-3, prefix: 'm' },
  { factor: 1e-6, prefix: 'µ' },
  { factor: 1e-9, prefix: 'n' },
]

/** With an SI prefix: 12500 -> "12.5k", 0.002 with unit "s" -> "2 ms". `digits` are significant ones. */
export function si(value: number, unit = '', digits = 3): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const space = unit === '' ? '' : ' '
  if (size === 0) return `0${space}${unit}`
  const { factor, prefix } = siPrefixes.find((candidate) => size >= candidate.factor * 0.9995) ?? {
    factor: 1e-9,
    prefix: 'n',
  }
  return `${Number((value / factor).toPrecision(digits))}${space}${prefix}${unit}`
}

/** "13.8 MiB"; whole below 1 KiB. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let scaled = value
  let unit = 0
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024
    unit++
  }
  return `${unit === 0 ? count(scaled) : Number(scaled.toPrecision(3))} ${units[unit]}`
}

/** Pages of 4096 bytes with what they amount to: "3,530 pages (13.8 MiB)". */
export const pages = (value: number): string => `${count(value)} pages (${bytes(value * 4096)})`

export const percent = (value: number): string => `${Number((value * 100).toPrecision(3))} %`

/** A digest in groups of eight digits, so that the eye can compare it. */
export const grouped = (digest: string): string => digest.replace(/(.{8})(?=.)/g, '$1 ')

/** "2026-11-21T03:20:00.000Z" -> "2026-11-21 03:20 UTC" */
export const moment = (iso: string): string => iso.replace(/^(\S{10})T(\d\d:\d\d).*$/, '$1 $2 UTC')
