import { describe, expect, it } from 'vitest'
import { galleryHash, hashOf, parseRoute } from './router.ts'

describe('addresses', () => {
  it('name a place, what it is about, and a tab', () => {
    expect(parseRoute('#/runs/41/events')).toEqual({ place: 'runs', ids: [41], tab: 'events', name: '', unknown: '' })
    expect(parseRoute('#/compare/41,40')).toEqual({ place: 'compare', ids: [41, 40], tab: 'overview', name: '', unknown: '' })
  })
  it('name an experiment of the gallery', () => {
    expect(parseRoute(galleryHash('out-of-swap'))).toEqual({
      place: 'gallery',
      ids: [],
      tab: 'overview',
      name: 'out-of-swap',
      unknown: '',
    })
  })
  it('lead to the bench when there is none', () => {
    expect(parseRoute('')).toEqual({ place: 'bench', ids: [], tab: 'overview', name: '', unknown: '' })
    expect(parseRoute('#/')).toEqual(parseRoute(''))
  })
  it('that lead nowhere are told from those that lead somewhere', () => {
    for (const address of ['nowhere', 'runs/x,-3', 'runs/1/nowhere', 'runs/1/events/2', 'sweeps/a-name', '/../etc', 'bench/1/overview', 'sweeps/-1'])
      expect(parseRoute(`#/${address}`)).toMatchObject({ unknown: address })
    for (const address of ['runs', 'runs/1/log', 'runs/-1/memory', 'compare/1,2', 'gallery/out-of-swap', 'need/3']) expect(parseRoute(`#/${address}`).unknown).toBe('')
  })
  it('are read back as they were written', () => {
    expect(parseRoute(hashOf('runs', [7], 'memory'))).toEqual({ place: 'runs', ids: [7], tab: 'memory', name: '', unknown: '' })
    expect(hashOf('reports')).toBe('#/reports')
  })
})
