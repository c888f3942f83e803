import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { makeFolder } from './makeFolder.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'pager-folder-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('makes every folder of a path that is missing, and leaves those that are there', () => {
  const deep = path.join(folder, 'a', 'b', 'c')
  makeFolder(deep)
  writeFileSync(path.join(deep, 'kept'), '')
  makeFolder(deep)
  expect(statSync(path.join(deep, 'kept')).isFile()).toBe(true)
})

it('fails where a file is in the way', () => {
  const file = path.join(folder, 'file')
  writeFileSync(file, '')
  expect(() => makeFolder(file)).toThrow(/EEXIST/)
  expect(() => makeFolder(path.join(file, 'below'))).toThrow(/EEXIST|ENOTDIR/)
})

it.skipIf(!existsSync('/proc/self'))('ends where the file system takes no folders', () => {
  expect(() => makeFolder('/proc/nope/below')).toThrow(/ENOENT/)
})
