import { describe, expect, it } from 'vitest'
import { hashOf, parseRoute } from './router.ts'

describe('addresses', () => {
  it('name a place, what it is about, and a tab', () => {
    expect(parseRoute('#/runs/41/events')).toEqual({ place: 'runs', ids: [41], tab: 'events' })
    expect(parseRoute('#/compare/41,40')).toEqual({ place: 'compare', ids: [41, 40], tab: 'overview' })
  })
  it('lead to the bench when they are unknown or damaged', () => {
    expect(parseRoute('')).toEqual({ place: 'bench', ids: [], tab: 'overview' })
    expect(parseRoute('#/runs/x,-3/nowhere')).toEqual({ place: 'runs', ids: [], tab: 'overview' })
    expect(parseRoute('#//../etc').place).toBe('bench')
  })
  it('are read back as they were written', () => {
    expect(parseRoute(hashOf('runs', [7], 'memory'))).toEqual({ place: 'runs', ids: [7], tab: 'memory' })
    expect(hashOf('reports')).toBe('#/reports')
  })
})
