import { describe, expect, it } from 'vitest'
import { barChart, niceTicks, timeAxis, timeChart } from './chart.ts'
import type { TimeChart } from './chart.ts'
import { bytes, count, grouped, short, si } from './format.ts'

const spec = (changes: Partial<TimeChart> = {}): TimeChart => ({
  type: 'line',
  title: 'Faults',
  unit: 'faults/s',
  description: 'A few faults.',
  edges: [0, 1, 2, 3, 4],
  series: [{ label: 'A', colour: '#111111', values: [1, 5, 3, 4] }],
  ...changes,
})

/** The points of the paths that have a <title> with that label. */
function pointsOf(svg: string, label: string): [number, number][][] {
  const paths = [...svg.matchAll(/<path d="([^"]*)"[^>]*><title>([^<]*)<\/title>/g)]
  const path = paths.find((match) => match[2] === label)?.[1] ?? ''
  const lines: [number, number][][] = []
  for (const [, command, numbers = ''] of path.matchAll(/([MLHV])([^MLHVZ]*)/g)) {
    const [x = 0, y = 0] = lines.at(-1)?.at(-1) ?? []
    const [first = 0, second = 0] = numbers.split(' ').map(Number)
    if (command === 'M') lines.push([[first, second]])
    else lines.at(-1)?.push(command === 'L' ? [first, second] : command === 'H' ? [first, y] : [x, first])
  }
  return lines
}

/** Every opened element is closed, in order: good enough for what these functions write. */
function isBalanced(markup: string): boolean {
  const open: string[] = []
  for (const [, closing, name, self] of markup.matchAll(/<(\/?)([a-zA-Z0-9]+)[^>]*?(\/?)>/g)) {
    if (self === '/') continue
    if (closing === '') open.push(name!)
    else if (open.pop() !== name) return false
  }
  return open.length === 0
}

describe('a chart over time', () => {
  it('carries its title, unit and description, and is well-formed', () => {
    const svg = timeChart(spec({ title: 'Faults <&> "more"', marks: [{ at: 2, label: 'a & b', kind: 'error' }] }))
    expect(svg).toContain('role="img"')
    expect(svg).toMatch(
      /<title id="(\w+)t">Faults &lt;&amp;&gt; &quot;more&quot; \(faults\/s\)<\/title><desc id="\1d">A few faults\.<\/desc>/,
    )
    expect(isBalanced(svg)).toBe(true)
  })

  it('has different ids for different charts', () => {
    const id = (svg: string) => /aria-labelledby="(\S+)/.exec(svg)?.[1]
    expect(id(timeChart(spec()))).not.toBe(id(timeChart(spec({ title: 'Swapins' }))))
  })

  it('draws a line through the middle of each row, higher values higher', () => {
    const [line = []] = pointsOf(timeChart(spec()), 'A')
    expect(line.length).toBe(4)
    expect(line[1]![0] - line[0]![0]).toBeCloseTo(line[3]![0] - line[2]![0], 0)
    expect(line[1]![1]).toBeLessThan(line[3]![1])
    expect(line[3]![1]).toBeLessThan(line[2]![1])
    expect(line[2]![1]).toBeLessThan(line[0]![1])
  })

  it('leaves a gap where there is no value', () => {
    const series = [{ label: 'A', colour: '#111', values: [1, NaN, 3, 4] }]
    expect(pointsOf(timeChart(spec({ series })), 'A').map((line) => line.length)).toEqual([1, 2])
  })

  it('draws a level as steps from edge to edge', () => {
    const [line = []] = pointsOf(
      timeChart(spec({ type: 'step', series: [{ label: 'A', colour: '#111', values: [2, 2, 8, 8] }] })),
      'A',
    )
    // two levels, one jump
    expect(line.length).toBe(4)
    expect(line[0]![1]).toBe(line[1]![1])
    expect(line[1]![0]).toBe(line[2]![0])
    expect(line[2]![1]).toBe(line[3]![1])
  })

  it('stacks areas: the second begins where the first ends', () => {
    const series = [
      { label: 'low', colour: '#111', values: [1, 1, 1, 1] },
      { label: 'high', colour: '#222', values: [3, 3, 3, 3] },
    ]
    const svg = timeChart(spec({ type: 'area', series }))
    const ys = (label: string) =>
      pointsOf(svg, label)
        .flat()
        .map(([, y]) => y)
    expect(Math.min(...ys('low'))).toBe(Math.max(...ys('high')))
    const [zero, one, four] = [Math.max(...ys('low')), Math.min(...ys('low')), Math.min(...ys('high'))]
    expect((zero - four) / (zero - one)).toBeCloseTo(4, 1)
  })

  it('sets equal factors at equal distances on a logarithmic axis, and leaves out what is not positive', () => {
    const series = [{ label: 'A', colour: '#111', values: [1, 10, 100, 0] }]
    const [line = []] = pointsOf(timeChart(spec({ scale: 'log', series })), 'A')
    expect(line.length).toBe(3)
    expect(line[0]![1] - line[1]![1]).toBeCloseTo(line[1]![1] - line[2]![1], 0)
  })

  it('without samples or without series says so', () => {
    expect(timeChart(spec({ edges: [] }))).toContain('No samples')
    expect(timeChart(spec({ series: [] }))).toContain('No samples')
    expect(timeChart(spec({ series: [{ label: 'A', colour: '#111', values: [0, 0, 0, 0] }] }))).not.toContain('NaN')
  })

  it('never writes a number that is none', () => {
    for (const type of ['line', 'step', 'area'] as const)
      for (const values of [
        [0, 0, 0, 0],
        [NaN, NaN, NaN, NaN],
        [1e-12, 1e15, 3, Infinity],
      ])
        for (const scale of ['linear', 'log'] as const)
          for (const edges of [
            [0, 1, 2, 3, 4],
            [5, 5, 5, 5, 5],
            [0, 1e-9, 2e-9, 3e-9, 4e-9],
          ]) {
            const svg = timeChart(spec({ type, scale, edges, series: [{ label: 'A', colour: '#111', values }] }))
            expect(/.{20}(NaN|undefined|Infinity)/.exec(svg)?.[0], `${type} ${scale}`).toBeUndefined()
          }
  })
})

describe('a bar chart', () => {
  it('has a bar of proportional length and the number for each kind', () => {
    const svg = barChart({
      title: 'Events',
      unit: 'events',
      description: '',
      bars: [
        { label: 'fault', value: 40_000, kind: 'fault' },
        { label: 'swapin', value: 10_000, kind: 'swapin' },
        { label: 'panic', value: 0, kind: 'error' },
      ],
    })
    const widths = [...svg.matchAll(/<rect[^>]*width="([\d.]+)"/g)].map((match) => Number(match[1]))
    expect(widths[0]! / widths[1]!).toBeCloseTo(4, 1)
    expect(widths[2]).toBe(0)
    expect(svg).toContain('40,000')
    expect(isBalanced(svg)).toBe(true)
  })
})

describe('axes and numbers', () => {
  it('have ticks at round places that cover the range', () => {
    expect(niceTicks(0, 9.7, 4)).toEqual([0, 5])
    expect(niceTicks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10])
    expect(niceTicks(0, 0.0004, 4)).toEqual([0, 0.0001, 0.0002, 0.0003, 0.0004])
    expect(niceTicks(3, 3, 4)).toEqual([3])
  })

  it('label one axis in one unit', () => {
    const { ticks, label } = timeAxis(0, 0.004, 4)
    expect(ticks.map(label)).toEqual(['0 ms', '1 ms', '2 ms', '3 ms', '4 ms'])
    expect(timeAxis(0, 120, 4).label(60)).toBe('60 s')
  })

  it('are written the way people read them', () => {
    expect(['0', count(1234567), count(-1234), si(12_500), si(0.002, 's'), si(999.99), si(0)]).toEqual([
      '0',
      '1,234,567',
      '-1,234',
      '12.5k',
      '2 ms',
      '1k',
      '0',
    ])
    expect([bytes(512), bytes(13.8 * 1048576), short(0.012345), short(12), short(123456.7)]).toEqual([
      '512 B',
      '13.8 MiB',
      '0.0123',
      '12',
      '123,457',
    ])
    expect(grouped('0123456789abcdef')).toBe('01234567 89abcdef')
  })
})
