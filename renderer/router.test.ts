import { describe, expect, it } from 'vitest'
import { galleryHash, hashOf, parseRoute } from './router.ts'

describe('addresses', () => {
  it('name a place, what it is about, and a tab', () => {
    expect(parseRoute('#/runs/41/events')).toEqual({ place: 'runs', ids: [41], tab: 'events', name: '' })
    expect(parseRoute('#/compare/41,40')).toEqual({ place: 'compare', ids: [41, 40], tab: 'overview', name: '' })
  })
  it('name an experiment of the gallery', () => {
    expect(parseRoute(galleryHash('out-of-swap'))).toEqual({
      place: 'gallery',
      ids: [],
      tab: 'overview',
      name: 'out-of-swap',
    })
  })
  it('lead to the bench when they are unknown or damaged', () => {
    expect(parseRoute('')).toEqual({ place: 'bench', ids: [], tab: 'overview', name: '' })
    expect(parseRoute('#/runs/x,-3/nowhere')).toEqual({ place: 'runs', ids: [], tab: 'overview', name: '' })
    expect(parseRoute('#//../etc').place).toBe('bench')
  })
  it('are read back as they were written', () => {
    expect(parseRoute(hashOf('runs', [7], 'memory'))).toEqual({ place: 'runs', ids: [7], tab: 'memory', name: '' })
    expect(hashOf('reports')).toBe('#/reports')
  })
})
