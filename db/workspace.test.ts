import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { inScratch, someRun } from './testing.ts'
import { openWorkspace, WorkspaceError, workspaceOwner, workspacePaths } from './workspace.ts'

function refusal(body: () => unknown): WorkspaceError {
  try {
    body()
  } catch (error) {
    if (error instanceof WorkspaceError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a workspace', () => {
  it('is made with its folders, and is found again', () => {
    inScratch((scratch) => {
      const directory = path.join(scratch, 'deep/er')
      const first = openWorkspace(directory)
      expect(first.created).toBe(true)
      for (const each of [first.images, first.overlays, first.reports, first.incoming, first.database])
        expect(existsSync(each)).toBe(true)
      const id = first.store.createRun(someRun())
      writeFileSync(path.join(first.incoming, 'upload'), 'x')
      first.close()
      expect(existsSync(first.lock)).toBe(false)
      const second = openWorkspace(directory)
      expect(second.created).toBe(false)
      expect(second.interrupted).toEqual([id])
      expect(existsSync(path.join(second.incoming, 'upload'))).toBe(false)
      second.close()
    })
  })

  it('has one owner at a time, who is named to the second', () => {
    inScratch((directory) => {
      const owner = openWorkspace(directory)
      const error = refusal(() => openWorkspace(directory))
      expect(error.code).toBe('owned')
      expect(error.owner?.pid).toBe(process.pid)
      expect(error.message).toContain(`process ${process.pid}`)
      expect(workspaceOwner(directory)?.host).toBe(hostname())
      const reader = openWorkspace(directory, { readOnly: true })
      expect(reader.store.runs.list()).toEqual([])
      reader.close()
      expect(existsSync(owner.lock)).toBe(true)
      owner.close()
      expect(workspaceOwner(directory)).toBeNull()
    })
  })

  it('of an owner that died is taken over', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await new Promise((resolve) => child.on('exit', resolve))
    inScratch((directory) => {
      const since = new Date().toISOString()
      writeFileSync(workspacePaths(directory).lock, JSON.stringify({ pid: child.pid, host: hostname(), since }))
      openWorkspace(directory).close()
      // our own number, from before we began: what a container sees after a crash
      const earlier = new Date(Date.now() - process.uptime() * 1000 - 60_000).toISOString()
      writeFileSync(
        workspacePaths(directory).lock,
        JSON.stringify({ pid: process.pid, host: hostname(), since: earlier }),
      )
      openWorkspace(directory).close()
      writeFileSync(workspacePaths(directory).lock, 'rubbish')
      const workspace = openWorkspace(directory)
      expect(JSON.parse(readFileSync(workspace.lock, 'utf8'))).toMatchObject({ pid: process.pid })
      workspace.close()
    })
  })

  it('of an owner on another machine is left alone', () => {
    inScratch((directory) => {
      writeFileSync(workspacePaths(directory).lock, JSON.stringify({ pid: 1, host: 'elsewhere', since: '2026-01-01' }))
      expect(refusal(() => openWorkspace(directory)).code).toBe('owned')
      expect(existsSync(workspacePaths(directory).lock)).toBe(true)
    })
  })

  it('that is a file, or that a reader does not find, is refused with the reason', () => {
    inScratch((scratch) => {
      const file = path.join(scratch, 'file')
      writeFileSync(file, '')
      expect(refusal(() => openWorkspace(file)).code).toBe('not-a-directory')
      expect(refusal(() => openWorkspace(path.join(file, 'below'))).code).toBe('not-writable')
      expect(refusal(() => openWorkspace(scratch, { readOnly: true })).code).toBe('missing')
      mkdirSync(path.join(scratch, 'w'))
      writeFileSync(
        path.join(scratch, 'w/workbench.sqlite'),
        'no database at all, and rather longer than that'.repeat(50),
      )
      expect(() => openWorkspace(path.join(scratch, 'w'))).toThrow('not a workbench database')
      expect(existsSync(path.join(scratch, 'w/owner.lock'))).toBe(false)
    })
  })
})
