import { describe, expect, it } from 'vitest'
import { SAMPLE_WIDTH } from '../../engine/sim/metrics.ts'
import { EventEncoder } from '../eventEncoder.ts'
import { batchOf } from '../sampleBatch.ts'
import { sampleRows, someEnd, someEvents, someRun, withStore } from '../testing.ts'
import type { TraceStore } from '../traceStore.ts'
import type { NewRun } from '../types.ts'
import { samplesAsCsv } from './csv.ts'
import { buildReportInput, findReportFormat, reportFormats } from './index.ts'
import type { ReportInput } from './index.ts'

const HOSTILE = '</script><img src=x onerror=alert(1)> | `x` *y*'

function recorded(store: TraceStore, changes: Partial<NewRun> = {}): number {
  const id = store.createRun(someRun(changes))
  const buckets = Array.from({ length: 2000 }, (_, i) => i)
  store.appendSamples(id, batchOf(sampleRows(buckets), buckets.length))
  store.appendEvents(id, new EventEncoder(true).add(someEvents(3000)))
  store.appendMessages(id, [{ time: 1000, level: 'error', routine: 'swap_pager_getpages', text: HOSTILE }])
  const end = someEnd()
  store.finishRun(id, {
    ...end,
    totals: { ...end.totals, swapins: 12, pagesIn: 60, bytesRead: 4096, bytesVerified: 4096, virtualSeconds: 0.002 },
  })
  return id
}

const render = (format: string, input: ReportInput) => findReportFormat(format)?.render(input) ?? ''

/** A slip of a template: the value that should not have become text. */
const slip = (text: string) => /undefined|NaN|\[object/.exec(text)?.[0]

describe('a report', () => {
  it('as HTML needs nothing from elsewhere and says how to repeat the run', () => {
    withStore((store) => {
      const html = render('html', buildReportInput(store, [recorded(store, { name: HOSTILE })]))
      expect(html).toMatch(/^<!doctype html>/)
      const foreign = /<(link|img|iframe)|<[^>]*\ssrc=|url\(|@import|<script(?! type="application\/json")/.exec(html)
      expect(foreign?.[0]).toBeUndefined()
      expect(html).toContain("default-src 'none'")
      expect(html).toContain('To cite it')
      expect(html.match(/<svg[^>]*class="chart"/g)?.length).toBeGreaterThanOrEqual(5)
      for (const text of [
        'cdcdcdcd cdcdcdcd',
        'abababab',
        '1.2.3, seed 7',
        'npx pager replay',
        '&quot;frames&quot;: 1000',
        '@media print',
      ])
        expect(html.includes(text), text).toBe(true)
      expect(html.includes('title="vm.stats.vm.v_swapin"><code>v_<wbr>swapin</code>')).toBe(true)
      expect(slip(html)).toBeUndefined()
      const data = /<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(html)?.[1]
      expect(JSON.parse(data ?? '')).toMatchObject({ runs: [{ name: HOSTILE, seed: 7 }] })
    })
  })

  it('of two runs sets them side by side, marks what differs and gives the ratio', () => {
    withStore((store) => {
      const runs = [recorded(store), recorded(store, { name: 'with less memory', frames: 500 })]
      const html = render('html', buildReportInput(store, runs, { title: 'More against less' }))
      expect(html).toContain('<h1>More against less</h1>')
      expect(html).toContain('B\u00a0/\u00a0A')
      expect(html.match(/class="differs"/g)?.length).toBe(2)
      expect(html).toContain('Figure 1. Faults per second')
      expect(slip(html)).toBeUndefined()
    })
  })

  it('of a run that recorded nothing is still a report', () => {
    withStore((store) => {
      const id = store.createRun(someRun({ devices: [], workloads: [], file: null, thresholds: {}, footprint: 0 }))
      for (const format of reportFormats)
        expect(slip(format.render(buildReportInput(store, [id]))), format.name).toBeUndefined()
      expect(render('html', buildReportInput(store, [id]))).toContain('still running')
    })
  })

  it('as Markdown has tables that hold, whatever the names', () => {
    withStore((store) => {
      const markdown = render('md', buildReportInput(store, [recorded(store, { name: HOSTILE })]))
      expect(markdown).toMatch(/^# \\</)
      const lines = markdown.split('\n')
      const cells = (line: string) => line.replaceAll('\\|', '').split('|').length
      lines.forEach((line, i) => {
        if (!/^\|( -{3}:? \|| ---: \|)+$/.test(line)) return
        for (let row = i - 1; lines[row]?.startsWith('|'); row = row < i ? i + 1 : row + 1)
          expect(cells(lines[row]!), lines[row]).toBe(cells(line))
      })
      expect(lines.filter((line) => line.startsWith('## ')).length).toBe(7)
    })
  })

  it('as CSV and JSON has the samples, and their sums are the totals of the samples', () => {
    withStore((store) => {
      const id = recorded(store)
      const rows = sampleRows(Array.from({ length: 2000 }, (_, i) => i))
      const faults = Array.from({ length: 2000 }, (_, i) => rows[i * SAMPLE_WIDTH + 2]!).reduce((a, b) => a + b, 0)
      const input = buildReportInput(store, [id], { dataRows: 500 })
      const [head = '', ...lines] = render('csv', input).trimEnd().split('\n')
      const names = head.split(',')
      expect(names.slice(0, 3)).toEqual(['begin_ns', 'length_ns', 'references'])
      expect(lines.length).toBe(500)
      const at = names.indexOf('faults')
      expect(lines.reduce((sum, line) => sum + Number(line.split(',')[at]), 0)).toBe(faults)
      const json = JSON.parse(render('json', input)) as {
        runs: { samples: { columns: Record<string, { sum: number[] }> } }[]
      }
      expect(json.runs[0]!.samples.columns.faults!.sum.reduce((a, b) => a + b, 0)).toBe(faults)
    })
  })

  it('of all samples gives every recorded row', () => {
    withStore((store) => {
      const id = recorded(store)
      const lines = [...samplesAsCsv(store.samples.rows(id))].join('').trimEnd().split('\n')
      expect(lines.length).toBe(2001)
      expect(lines[7]!.split(',').map(Number)).toEqual([
        ...sampleRows(Array.from({ length: 2000 }, (_, i) => i)).subarray(6 * SAMPLE_WIDTH, 7 * SAMPLE_WIDTH),
      ])
    })
  })
})
