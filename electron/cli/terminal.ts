/** Progress on a terminal, and numbers as people read them. */

/** A line on standard error that is written over; says nothing where standard error is no terminal. */
export class ProgressLine {
  readonly #isTerminal = process.stderr.isTTY
  #drawnAt = 0
  #isDrawn = false

  /** `share` is 0..1; undefined where the end is not known. */
  show(text: string, share?: number): void {
    const now = performance.now()
    if (!this.#isTerminal || now - this.#drawnAt < 80) return
    this.#drawnAt = now
    this.#isDrawn = true
    const width = Math.max(20, Math.min(process.stderr.columns, 100))
    process.stderr.write(`\r\x1b[2K${(share === undefined ? text : `${bar(share)} ${text}`).slice(0, width - 1)}`)
  }

  clear(): void {
    if (this.#isDrawn) process.stderr.write('\r\x1b[2K')
    this.#isDrawn = false
  }
}

const BAR_WIDTH = 24

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH)
  return `[${'='.repeat(full)}${' '.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100).toString().padStart(3)} %`
}

export const count = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 0 })

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? 'B'}`
}

export const seconds = (value: number): string => `${value < 10 ? value.toFixed(3) : value.toFixed(1)} s`

/** Rows as aligned columns; numbers (all columns whose name ends in "#") to the right. */
export function table(header: string[], rows: string[][]): string {
  const isNumber = header.map((name) => name.endsWith('#'))
  const names = header.map((name) => name.replace(/#$/, ''))
  const widths = names.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)))
  return [names, ...rows]
    .map((row) =>
      row
        .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
