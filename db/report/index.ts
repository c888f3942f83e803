/** The formats of reports. Adding one is adding a file and a line here. */
import { reportCsv } from './csv.ts'
import { reportHtml } from './html.ts'
import type { ReportInput } from './input.ts'
import { reportJson } from './json.ts'
import { reportMarkdown } from './markdown.ts'

export { reportSectionNames, reportSections } from './content.ts'
export type { ReportSection } from './content.ts'
export { figuresOf, standaloneCsv, standaloneSvg } from './figures.ts'
export type { ReportFigure } from './figures.ts'
export { buildReportInput } from './input.ts'
export type { ReportInput, ReportRun } from './input.ts'

export interface ReportFormat {
  name: 'html' | 'md' | 'csv' | 'json'
  meaning: string
  mediaType: string
  render: (input: ReportInput) => string
}

export const reportFormats: readonly ReportFormat[] = [
  {
    name: 'html',
    meaning: 'One page with charts, that needs nothing else',
    mediaType: 'text/html',
    render: reportHtml,
  },
  { name: 'md', meaning: 'Text and tables', mediaType: 'text/markdown', render: reportMarkdown },
  { name: 'csv', meaning: 'The samples, a row per stretch of time', mediaType: 'text/csv', render: reportCsv },
  { name: 'json', meaning: 'Runs and samples for other programs', mediaType: 'application/json', render: reportJson },
]

export const findReportFormat = (name: string): ReportFormat | undefined =>
  reportFormats.find((format) => format.name === name)
