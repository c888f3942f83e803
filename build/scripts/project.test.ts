import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, expect, test } from 'vitest'

let root: string
const write = (name: string, text: string) => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
  writeFileSync(path.join(root, name), text)
}
const lock = (packages: object) => JSON.stringify({ packages: { '': {}, ...packages } })

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'project-script-'))
  mkdirSync(path.join(root, 'build/scripts'), { recursive: true })
  copyFileSync(path.join(import.meta.dirname, 'project.mjs'), path.join(root, 'build/scripts/project.mjs'))
  // stands in for npm: says that it was called, installs nothing
  write('tools/npm', '#!/bin/sh\necho "npm $*"\nexit 7\n')
  write(
    'package-lock.json',
    lock({
      'node_modules/a': { version: '1.0.0', integrity: 'x' },
      'node_modules/b': { version: '1.0.0', optional: true },
    }),
  )
})

function ensureInstalled() {
  const script =
    "import('./build/scripts/project.mjs').then((project) => { project.ensureInstalled(); console.log('went on') })"
  spawnSync('chmod', ['+x', path.join(root, 'tools/npm')])
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${path.join(root, 'tools')}:${process.env.PATH ?? ''}` },
  })
  return { status, output: stdout + stderr }
}

test('installs where nothing is installed, and passes on that it failed', () => {
  const { status, output } = ensureInstalled()
  expect(output).toContain('nothing is installed yet')
  expect(output).toContain('npm ci')
  expect(status).toBe(7)
})

test('leaves alone what is as the lock file says; an optional package of another system may be missing', () => {
  write('node_modules/.package-lock.json', lock({ 'node_modules/a': { version: '1.0.0', integrity: 'x' } }))
  expect(ensureInstalled()).toEqual({ status: 0, output: 'went on\n' })
})

test('installs again when the lock file has changed', () => {
  write('node_modules/.package-lock.json', lock({ 'node_modules/a': { version: '0.9.0', integrity: 'w' } }))
  expect(ensureInstalled().output).toContain('npm ci')
})

test('never installs through a link: npm would empty a folder that is somebody else’s', () => {
  write('elsewhere/precious', '')
  symlinkSync(path.join(root, 'elsewhere'), path.join(root, 'node_modules'))
  const { status, output } = ensureInstalled()
  expect(status).toBe(2)
  expect(output).toContain('node_modules is a link')
  expect(output).not.toContain('npm ci')
  expect(readdirSync(path.join(root, 'elsewhere'))).toEqual(['precious'])
  expect(existsSync(path.join(root, 'node_modules'))).toBe(true)
})
