import { describe, expect, it } from 'vitest'
import { EventEncoder } from '../eventEncoder.ts'
import { batchOf } from '../sampleBatch.ts'
import { sampleRows, someEnd, someEvents, someRun, withStore } from '../testing.ts'
import type { TraceStore } from '../traceStore.ts'
import { reportContent } from './content.ts'
import { citationOf, figuresOf, standaloneCsv, standaloneSvg } from './figures.ts'
import { buildReportInput } from './index.ts'

const HOSTILE = 'A <run> "of" mine & more'

function recorded(store: TraceStore): number {
  const id = store.createRun(someRun({ name: HOSTILE }))
  const buckets = Array.from({ length: 200 }, (_, i) => i)
  store.appendSamples(id, batchOf(sampleRows(buckets), buckets.length))
  store.appendEvents(id, new EventEncoder(true).add(someEvents(300)))
  const end = someEnd()
  store.finishRun(id, {
    ...end,
    totals: { ...end.totals, swapins: 12, pagesIn: 60, pagesOut: 30, virtualSeconds: 0.002 },
  })
  return id
}

describe('a figure by itself', () => {
  it('is well-formed SVG with its caption, where it comes from, and its numbers', () => {
    withStore((store) => {
      const input = buildReportInput(store, [recorded(store)], { generatedAt: '2026-11-21T10:00:00.000Z' })
      const figure = figuresOf(input.runs).find(({ id }) => id === 'swap-traffic')!
      const svg = standaloneSvg(figure, input)
      expect(svg).toMatch(/^<svg [^>]*>.*<\/svg>\n$/s)
      expect(svg).toContain('Pages moved between memory and swap')
      expect(svg).toContain('A &lt;run&gt; &quot;of&quot; mine &amp; more')
      expect(svg).not.toContain(HOSTILE)
      const metadata = /<metadata>(.*)<\/metadata>/s.exec(svg)?.[1] ?? ''
      const plain = metadata
        .replaceAll('&quot;', '"')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&amp;', '&')
      expect(JSON.parse(plain)).toMatchObject({ citation: citationOf(input), caption: figure.caption })
    })
  })

  it('as CSV has a row for each stretch of time, and its citation as comments', () => {
    withStore((store) => {
      const input = buildReportInput(store, [recorded(store)])
      const figure = figuresOf(input.runs).find(({ id }) => id === 'swap-traffic')!
      const lines = standaloneCsv(figure, input).trimEnd().split('\n')
      expect(lines[1]).toContain('seed 7')
      expect(lines[2]).toBe('begin_s,end_s,in (pages/s),out (pages/s)')
      if (!('edges' in figure.chart)) throw new Error('it is a chart over time')
      expect(lines).toHaveLength(3 + figure.chart.edges.length - 1)
      for (const line of lines.slice(3))
        expect(line.split(',').every((value) => Number.isFinite(Number(value)))).toBe(true)
    })
  })

  it('has a name of its own among those of several runs', () => {
    withStore((store) => {
      const ids = figuresOf(buildReportInput(store, [recorded(store), recorded(store)]).runs).map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids).toContain('compare-faults')
      expect(ids).toContain('queues-b')
    })
  })
})

it('a report has the sections that were chosen, in their order', () => {
  withStore((store) => {
    const input = buildReportInput(store, [recorded(store)], { sections: ['repeat', 'totals'] })
    expect(reportContent(input).sections.map(({ title }) => title)).toEqual(['Totals', 'To repeat it'])
  })
})
