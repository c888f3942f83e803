import { describe, expect, it } from 'vitest'
import { rankEntries, type PaletteEntry } from './palette.ts'

const entry = (group: PaletteEntry['group'], title: string, hint = ''): PaletteEntry => ({
  group,
  title,
  hint,
  keys: '',
  run: () => undefined,
})
const entries = [
  entry('Go to', 'Runs'),
  entry('Do', 'Run what is on the bench'),
  entry('Run', 'A dying disk', 'run 4, failed'),
  entry('Run', 'Half of its memory', 'run 2, finished'),
  entry('Gallery', 'One device against two and four'),
  entry('Gallery', 'A dying disk'),
]
const titles = (typed: string) => rankEntries(entries, typed).map((each) => `${each.group}: ${each.title}`)

describe('the command palette', () => {
  it('shows what can be done and the newest runs before anything is typed', () => {
    expect(titles('')).toEqual([
      'Go to: Runs',
      'Do: Run what is on the bench',
      'Run: A dying disk',
      'Run: Half of its memory',
    ])
  })
  it('finds words anywhere, and puts a title that begins with them first', () => {
    expect(titles('run')).toEqual([
      'Go to: Runs',
      'Do: Run what is on the bench',
      'Run: A dying disk',
      'Run: Half of its memory',
    ])
    expect(titles('dev two')).toEqual(['Gallery: One device against two and four'])
    expect(titles('GALLERY dying')).toEqual(['Gallery: A dying disk'])
  })
  it('finds a run by its number', () => {
    expect(titles('run 2')).toEqual(['Run: Half of its memory'])
  })
  it('finds nothing for what is nowhere', () => {
    expect(titles('xyz')).toEqual([])
  })
})
