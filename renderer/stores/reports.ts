/** Reports that were made of runs. */
import { defineStore } from 'pinia'
import type { Params, reportSections, ReportInfo, Result } from '../../electron/contract/contract.ts'
import { fileNameOf } from '../format.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export const reportFormats = [
  { name: 'html', label: 'HTML', meaning: 'One self-contained page with charts' },
  { name: 'md', label: 'Markdown', meaning: 'Text and tables' },
  { name: 'csv', label: 'CSV', meaning: 'The samples, a row per bucket' },
  { name: 'json', label: 'JSON', meaning: 'Configuration, totals and samples' },
] as const
/** The sections that a report may have, and what each is called. */
export const sectionNames: { name: (typeof reportSections)[number]; label: string }[] = [
  { name: 'configuration', label: 'Configuration' },
  { name: 'figures', label: 'What happened: the figures' },
  { name: 'totals', label: 'Totals, with their definitions' },
  { name: 'devices', label: 'Devices' },
  { name: 'messages', label: 'Messages of the kernel' },
  { name: 'modelled', label: 'What is modelled and what is not' },
  { name: 'repeat', label: 'To repeat it' },
]
export type ReportFormat = (typeof reportFormats)[number]['name']

export const useReports = defineStore('reports', () => {
  const connection = useConnection()
  const list = loadedList<ReportInfo>('reports', () => connection.request('reports.list', {}))

  async function create(params: Params<'reports.create'>): Promise<ReportInfo> {
    const report = await connection.request('reports.create', params)
    await list.load()
    return report
  }
  const get = (id: number): Promise<Result<'reports.get'>> => connection.request('reports.get', { id })

  /** Hands a report to the user as a file. False if they declined. */
  async function exportReport(id: number): Promise<boolean> {
    const { info, mediaType, content } = await get(id)
    return connection.host().saveFile(`${fileNameOf(info.name)}.${info.format}`, mediaType, content)
  }
  /** The same as PDF, of a report of HTML. */
  async function exportPdf(id: number): Promise<boolean> {
    const { info } = await get(id)
    const pdf = await connection.request('reports.pdf', { id })
    return connection.host().saveFile(`${fileNameOf(info.name)}.pdf`, 'application/pdf', new Uint8Array(pdf))
  }
  async function remove(id: number): Promise<void> {
    await connection.request('reports.remove', { id })
    await list.load()
  }

  return { ...list, create, get, exportReport, exportPdf, remove }
})
