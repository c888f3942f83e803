import { expect, it } from 'vitest'
import { kindOfFile } from './dropped.ts'

it('tells a packed run by what it begins with, whatever it is called', () => {
  expect(kindOfFile('run.json', 'PWBRUN1\n')).toBe('run')
})

it('tells experiments and images by their names, and takes all else for a trace', () => {
  expect(kindOfFile('Two devices.JSON', '{"name": ')).toBe('experiment')
  expect(kindOfFile('swap.img', '')).toBe('image')
  expect(kindOfFile('freebsd.iso', '')).toBe('image')
  expect(kindOfFile('gcc.pgt.zst', '')).toBe('trace')
  expect(kindOfFile('lackey.txt', ' S 1ffeffe7e0,8')).toBe('trace')
})
