import { mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readWindowState, recentWorkspaces, writeWindowState } from './windowState.ts'

const screen = [{ x: 0, y: 0, width: 1920, height: 1080 }]
const fresh = () => path.join(mkdtempSync(path.join(os.tmpdir(), 'window-state-')), 'window.json')

test('the window opens where it was', () => {
  const file = fresh()
  const state = { x: 100, y: 50, width: 1200, height: 800, maximized: true, workspace: '/data/w', recent: ['/data/v'] }
  writeWindowState(file, state)
  expect(readWindowState(file, screen)).toEqual(state)
})

test('a place on a screen that is gone is forgotten, the size is not', () => {
  const file = fresh()
  writeWindowState(file, { x: 3000, y: 0, width: 1200, height: 800, maximized: false, workspace: null, recent: [] })
  expect(readWindowState(file, screen)).toEqual({
    width: 1200,
    height: 800,
    maximized: false,
    workspace: null,
    recent: [],
  })
})

test('no file, a damaged one and absurd sizes give the initial state', () => {
  const file = fresh()
  const initial = readWindowState(file, screen)
  expect(initial).toMatchObject({ width: 1440, height: 900 })
  for (const text of ['', '{', '[]', '{"width":1,"height":1,"maximized":false,"workspace":null}']) {
    writeFileSync(file, text)
    expect(readWindowState(file, screen)).toEqual(initial)
  }
})

test('a state that cannot be written is let go', () => {
  expect(() => writeWindowState('/nowhere/at/all.json', readWindowState('/nowhere', screen))).not.toThrow()
})

test('the workspace that is left comes first among the recent ones, the one that is opened is not among them', () => {
  expect(recentWorkspaces(['/b', '/c'], '/a', '/c')).toEqual(['/a', '/b'])
  expect(recentWorkspaces(['/a', '/b'], '/a', '/d')).toEqual(['/a', '/b'])
  expect(
    recentWorkspaces(
      Array.from({ length: 9 }, (_, i) => `/w${i}`),
      '/a',
      '/b',
    ),
  ).toHaveLength(8)
})

test('a state of a version that knew no recent workspaces is read', () => {
  const file = fresh()
  writeFileSync(file, '{"width":1200,"height":800,"maximized":false,"workspace":"/data/w"}')
  expect(readWindowState(file, screen)).toMatchObject({ workspace: '/data/w', recent: [] })
})
