import { expect, test } from 'vitest'
import type { DesktopApi } from '../../electron/hosts/desktopApi.ts'
import { desktopBridge } from './bridge.ts'

function setUp(answer: unknown) {
  const asked: unknown[][] = []
  let tell: (name: string, data: unknown) => void = () => undefined
  const api: DesktopApi = {
    request: (...args) => {
      asked.push(args)
      return Promise.resolve(answer as Awaited<ReturnType<DesktopApi['request']>>)
    },
    onNotice: (listener) => {
      tell = listener
      return () => undefined
    },
    onCommand: () => () => undefined,
    pathOfFile: () => Promise.resolve('/data/x'),
    saveFile: () => Promise.resolve({ error: { code: 'EACCES', message: 'permission denied' } }),
  }
  return { bridge: desktopBridge(api), asked, tell: (name: string, data: unknown) => tell(name, data) }
}

test('reactive parameters cross as what they show', async () => {
  const { bridge, asked } = setUp({ result: { id: 1 } })
  await bridge.request('runs.start', { file: new Proxy({ name: 'x' }, {}), record: true, startPaused: false })
  expect(() => structuredClone(asked)).not.toThrow()
  expect(asked[0]).toEqual(['runs.start', { file: { name: 'x' }, record: true, startPaused: false }])
})

test('errors are errors again, with their code', async () => {
  const { bridge } = setUp({ error: { code: 'no-such-run', message: 'there is no run 1' } })
  await expect(bridge.request('runs.get', { id: 1 })).rejects.toMatchObject({
    name: 'ContractError',
    code: 'no-such-run',
  })
  await expect(bridge.saveFile('a', 'text/plain', '')).rejects.toMatchObject({ code: 'EACCES' })
})

test('a notice reaches who asked for it, until they end it', () => {
  const { bridge, tell } = setUp(null)
  const heard: unknown[] = []
  const end = bridge.on('changed', (notice) => heard.push(notice))
  tell('changed', { what: 'runs' })
  end()
  tell('changed', { what: 'runs' })
  expect(heard).toEqual([{ what: 'runs' }])
})
