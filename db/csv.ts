/** One line of CSV (RFC 4180, lines end in \n): what has a comma, a quote or an end of line in it is quoted. */
export function csvLine(values: readonly (string | number | null)[]): string {
  return values
    .map((value) => {
      const text = value === null ? '' : String(value)
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    })
    .join(',')
}
