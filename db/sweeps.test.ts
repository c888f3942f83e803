import { expect, it } from 'vitest'
import { someEnd, someRun, withStore } from './testing.ts'

it('a sweep is known by its name: saved again, it takes the place of what had that name', () =>
  withStore(({ sweeps }) => {
    const { id } = sweeps.save('sizes', { vary: { seed: [1] } })
    expect(sweeps.save('devices', {}).id).not.toBe(id)
    expect(sweeps.save('sizes', { vary: { seed: [1, 2] } })).toMatchObject({ id, file: { vary: { seed: [1, 2] } } })
    expect(sweeps.list().map(({ name }) => name)).toEqual(['sizes', 'devices'])
    sweeps.remove(id)
    expect(() => sweeps.get(id)).toThrow(`there is no sweep ${id}`)
    expect(() => sweeps.remove(id)).toThrow(`there is no sweep ${id}`)
  }))

it('runs have their tags from the beginning, and are found by them', () =>
  withStore(({ runs }) => {
    const tagged = runs.create(someRun({ tags: ['sweep sizes', 'key 1'] }))
    const other = runs.create(someRun({ tags: ['sweep sizes'] }))
    runs.create(someRun())
    expect(runs.get(tagged).tags).toEqual(['key 1', 'sweep sizes'])
    expect(runs.withTag('sweep sizes').map(({ id }) => id)).toEqual([tagged, other])
    runs.finish(other, someEnd())
    runs.setTags(other, [])
    expect(runs.withTag('sweep sizes').map(({ id }) => id)).toEqual([tagged])
  }))
