import os from 'node:os'
import type { IpcMain, WebContents } from 'electron'
import { expect, test } from 'vitest'
import { ScriptedWorkbench } from '../../test/harness/scriptedWorkbench.ts'
import { channels } from './desktopApi.ts'
import { DesktopIpc } from './desktopIpc.ts'
import { ownsPage } from './desktopScheme.ts'
import { PathGrants } from './pathGrants.ts'

function setUp() {
  const handlers = new Map<string, (event: any, ...args: any[]) => any>()
  const ipcMain: Pick<IpcMain, 'handle'> = { handle: (channel, handler) => void handlers.set(channel, handler) }
  let workbench = new ScriptedWorkbench(os.tmpdir())
  const saved: string[] = []
  const saveFile = (name: string) => Promise.resolve(saved.push(name) > 0)
  const ipc = new DesktopIpc({
    ipcMain,
    grants: new PathGrants(os.tmpdir()),
    workbench: () => workbench,
    saveFile,
    confirmProgram: () => Promise.resolve(false),
    ownsPage,
  })
  const sent: any[] = []
  const mainFrame = { url: 'workbench://app/index.html' }
  const contents: any = {
    mainFrame,
    once: () => undefined,
    isDestroyed: () => false,
    send: (...args: any[]) => sent.push(args),
  }
  ipc.attach(contents as WebContents)
  ipc.listen()
  const invoke = (channel: string, event: object, ...args: unknown[]) => handlers.get(channel)!(event, ...args)
  const good = { sender: contents, senderFrame: mainFrame }
  return {
    ipc,
    invoke,
    good,
    sent,
    saved,
    workbench: () => workbench,
    replace: (next: ScriptedWorkbench) => (workbench = next),
    contents,
  }
}

test('answers the main frame of its own window', async () => {
  const { invoke, good } = setUp()
  expect(await invoke(channels.request, good, 'workbench.info', {})).toMatchObject({ result: { contractVersion: 1 } })
})

test('answers no other window, no frame inside a page, no page of another address, no frame that is gone', async () => {
  const { invoke, good, contents, saved } = setUp()
  const foreign = [
    { ...good, sender: { ...contents } },
    { ...good, senderFrame: { url: 'workbench://app/' } },
    { ...good, senderFrame: null },
  ]
  for (const event of foreign)
    for (const channel of [channels.request, channels.grantPath, channels.saveFile])
      expect(await invoke(channel, event, 'x', 'y', 'z')).toMatchObject({ error: { code: 'foreign-sender' } })
  for (const url of ['https://evil.example/', 'workbench://other/', 'file:///etc/passwd', 'about:blank', '']) {
    contents.mainFrame.url = url
    expect(await invoke(channels.request, good, 'workbench.info', {})).toMatchObject({
      error: { code: 'foreign-sender' },
    })
  }
  expect(saved).toEqual([])
})

test('hears the workbench that is open now, and only that', () => {
  const { ipc, sent, workbench, replace } = setUp()
  const before = workbench()
  before.notify('changed', { what: 'runs' })
  expect(sent).toEqual([[channels.notice, 'changed', { what: 'runs' }]])
  const after = new ScriptedWorkbench(os.tmpdir())
  replace(after)
  ipc.listen()
  before.notify('changed', { what: 'runs' })
  expect(sent).toHaveLength(1)
  after.notify('changed', { what: 'images' })
  expect(sent).toHaveLength(2)
})

test('saves text only', async () => {
  const { invoke, good, saved } = setUp()
  expect(await invoke(channels.saveFile, good, 'a.csv', 'text/csv', 'x')).toEqual({ saved: true })
  expect(await invoke(channels.saveFile, good, 'a.csv', 'text/csv', { not: 'text' })).toMatchObject({
    error: { code: 'bad-params' },
  })
  expect(saved).toEqual(['a.csv'])
})
