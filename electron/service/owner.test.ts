import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { workspacePaths } from '../../db/workspace.ts'
import { decodeTable } from '../contract/dataPlane.ts'
import { RemoteWorkbench, socketPath } from './owner.ts'
import { inFolder, runToEnd, smallExperiment, withService } from './testing.ts'
import { createWorkbench } from './workbench.ts'

describe('the owner of a workspace', () => {
  it('answers commands of other processes over a socket that only its user can open', () =>
    withService(async (_owner, folder) => {
      const paths = workspacePaths(folder)
      expect(statSync(socketPath(paths)).mode & 0o777).toBe(0o600)
      const remote = await RemoteWorkbench.connect(paths)
      const ended = await runToEnd(remote, () =>
        remote.request('runs.start', { file: smallExperiment({}, 2000), record: true, startPaused: false }),
      )
      expect(ended.status).toBe('finished')
      const query = { id: ended.id, fromNs: 0, toNs: 1e12, buckets: 16, columns: ['references'] }
      expect(decodeTable(await remote.request('runs.samples', query)).columns).toHaveLength(5)
      await expect(remote.request('runs.get', { id: 99 })).rejects.toMatchObject({ code: 'not-found' })
      await remote.close()
      await expect(remote.request('runs.list', {})).rejects.toMatchObject({ code: 'owner-gone' })
    }))

  it('of another contract version is not talked to', () =>
    inFolder(async (folder) => {
      const paths = workspacePaths(folder)
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.write(`${JSON.stringify({ hello: { contractVersion: 999, engineVersion: '9', pid: 1 } })}\n`)
      })
      await new Promise<void>((resolve) => server.listen(socketPath(paths), resolve))
      await expect(RemoteWorkbench.connect(paths)).rejects.toMatchObject({ code: 'other-version' })
      await new Promise((resolve) => server.close(resolve))
    }))

  it('that is dead leaves lock and socket, which the next one takes over and says so', () =>
    inFolder(async (folder) => {
      const paths = workspacePaths(folder)
      mkdirSync(paths.overlays, { recursive: true })
      const { pid } = spawnSync('true')
      writeFileSync(paths.lock, JSON.stringify({ pid, host: os.hostname(), since: '2026-01-01T00:00:00Z' }))
      writeFileSync(path.join(folder, 'owner.sock'), '')
      const leftOver = path.join(paths.overlays, 'transient-1-1-device0')
      writeFileSync(leftOver, 'x')
      const notes: string[] = []
      const workbench = await createWorkbench({ workspace: folder, host: 'command', seed: false, onNote: (line) => notes.push(line) })
      expect(notes.join()).toContain('owner that is gone')
      expect(statSync(leftOver, { throwIfNoEntry: false })).toBeUndefined()
      await workbench.close()
    }))

  it('has its socket elsewhere where the path of the workspace is too long for one', () => {
    const paths = workspacePaths(`/${'long/'.repeat(40)}`)
    expect(Buffer.byteLength(socketPath(paths))).toBeLessThanOrEqual(100)
  })
})
