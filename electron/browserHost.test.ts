import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import WebSocket from 'ws'
import { ScriptedWorkbench } from '../test/harness/scriptedWorkbench.ts'
import { MESSAGE_BYTES_MAX, REQUESTS_MAX, startBrowserHost, type BrowserHost } from './browserHost.ts'
import { ContractError } from './contract/contract.ts'

let folder: string
let workspace: string
let workbench: ScriptedWorkbench
let host: BrowserHost

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'browser-host-'))
  workspace = path.join(folder, 'workspace')
  mkdirSync(workspace)
  const staticDir = path.join(folder, 'static')
  mkdirSync(path.join(staticDir, 'assets'), { recursive: true })
  writeFileSync(path.join(staticDir, 'index.html'), '<!doctype html><title>window</title>')
  writeFileSync(path.join(staticDir, 'assets/app-1.js'), 'export {}')
  writeFileSync(path.join(folder, 'secret.txt'), 'secret')
  workbench = new ScriptedWorkbench(workspace)
  host = await startBrowserHost({ workbench, port: 0, staticDir })
})
afterEach(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** By http.request and not by fetch: fetch sets Host by itself and normalises paths. */
function ask(target: string, headers: Record<string, string> = {}, method = 'GET', body?: Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port: host.port, path: target, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const own = () => `http://127.0.0.1:${host.port}`
const tokenOf = (url: string) => new URL(url).searchParams.get('token')!

async function signIn(url = host.url): Promise<string> {
  const reply = await ask(`/?token=${tokenOf(url)}`)
  expect(reply.status).toBe(200)
  return reply.headers['set-cookie']![0]!.split(';')[0]!
}

/** Opens a socket; answers it, or the status it was refused with. */
function open(headers: Record<string, string>, target = '/socket'): Promise<WebSocket | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${host.port}${target}`, { headers, perMessageDeflate: false })
    socket.on('open', () => resolve(socket))
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode!))
    socket.on('error', reject)
  })
}

async function connected() {
  const socket = await open({ cookie: await signIn(host.newUrl()), origin: own() })
  if (typeof socket === 'number') throw new Error(`refused with ${socket}`)
  const frames: any[] = []
  const waiting: ((frame: any) => void)[] = []
  socket.on('message', (data: Buffer, isBinary) => {
    const frame = isBinary ? data : JSON.parse(data.toString())
    const next = waiting.shift()
    if (next) next(frame)
    else frames.push(frame)
  })
  const next = () =>
    frames.length > 0 ? Promise.resolve(frames.shift()) : new Promise<any>((resolve) => waiting.push(resolve))
  return {
    socket,
    next,
    send: (value: unknown) => socket.send(typeof value === 'string' ? value : JSON.stringify(value)),
  }
}

test('a one-time address gives a strict, script-proof cookie and works once', async () => {
  const first = await ask(`/?token=${tokenOf(host.url)}`)
  expect(first.status).toBe(200)
  expect(first.headers['set-cookie']![0]).toMatch(/^pager-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/)
  const again = await ask(`/?token=${tokenOf(host.url)}`)
  expect(again.status).toBe(403)
  expect(again.headers['set-cookie']).toBeUndefined()
  const another = await ask(`/?token=${tokenOf(host.newUrl())}`)
  expect(another.status).toBe(200)
})

test('a wrong token, no cookie and an invented cookie let nobody in', async () => {
  expect((await ask('/?token=wrong')).status).toBe(403)
  expect((await ask('/')).status).toBe(401)
  expect((await ask('/assets/app-1.js')).status).toBe(401)
  expect((await ask('/', { cookie: `pager-${host.port}=invented` })).status).toBe(401)
  expect((await ask('/session')).status).toBe(401)
})

test('a signed-in browser gets the window with strict headers', async () => {
  const cookie = await signIn()
  const page = await ask('/', { cookie })
  expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>window</title>' })
  expect(page.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
  expect(page.headers['x-content-type-options']).toBe('nosniff')
  expect(page.headers['cross-origin-opener-policy']).toBe('same-origin')
  expect((await ask('/assets/app-1.js', { cookie })).headers['content-type']).toContain('text/javascript')
  expect((await ask('/session', { cookie })).status).toBe(204)
  expect((await ask('/nothing', { cookie })).status).toBe(404)
  expect((await ask('/', { cookie }, 'DELETE')).status).toBe(405)
})

test('paths never lead out of the folder of the window', async () => {
  const cookie = await signIn()
  for (const target of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%5c..%5c..%5csecret.txt',
    '/%00',
    '/%E0%A4%A',
  ])
    expect((await ask(target, { cookie })).body, target).not.toContain('secret')
})

test('a foreign Host (a rebound name) is refused, a tunnel on another port is not', async () => {
  const cookie = await signIn()
  expect((await ask('/', { cookie, host: 'evil.example' })).status).toBe(421)
  expect((await ask('/', { cookie, host: `evil.example:${host.port}` })).status).toBe(421)
  expect((await ask('/', { cookie, host: '127.0.0.1.evil.example' })).status).toBe(421)
  expect((await ask('/', { cookie, host: 'localhost:9000' })).status).toBe(200)
  expect(await open({ cookie, host: 'evil.example', origin: 'http://evil.example' })).toBe(421)
})

test('a socket wants the own origin, the cookie and its path', async () => {
  const cookie = await signIn()
  expect(await open({ cookie, origin: 'http://evil.example' })).toBe(403)
  expect(await open({ cookie, origin: 'null' })).toBe(403)
  expect(await open({ cookie })).toBe(403)
  expect(await open({ origin: own() })).toBe(401)
  expect(await open({ cookie, origin: own() }, '/elsewhere')).toBe(404)
  const socket = await open({ cookie, origin: own() })
  expect(socket).toBeInstanceOf(WebSocket)
  ;(socket as WebSocket).terminate()
})

test('requests are answered, errors keep code, message and field', async () => {
  workbench.answer('runs.start', () => ({ id: 7 }))
  workbench.answer('runs.rename', () => {
    throw new ContractError({ code: 'no-such-run', message: 'there is no run 9', field: 'id' })
  })
  const { send, next } = await connected()
  send({ id: 1, method: 'runs.start', params: { file: {}, record: true, startPaused: false } })
  expect(await next()).toEqual({ id: 1, result: { id: 7 } })
  send({ id: 2, method: 'runs.rename', params: { id: 9, name: 'x' } })
  expect(await next()).toEqual({ id: 2, error: { code: 'no-such-run', message: 'there is no run 9', field: 'id' } })
})

test('bad JSON, unknown methods and parameters that do not fit get a clear error and never reach the workbench', async () => {
  const { send, next } = await connected()
  const before = workbench.asked.length
  send('{')
  expect(await next()).toMatchObject({ id: null, error: { code: 'bad-message' } })
  send([1, 2])
  expect(await next()).toMatchObject({ id: null, error: { code: 'bad-message' } })
  for (const method of ['nothing', 'constructor', '__proto__', 'toString']) {
    send({ id: 3, method, params: {} })
    expect(await next()).toMatchObject({ id: 3, error: { code: 'unknown-method' } })
  }
  send({ id: 4, method: 'runs.get', params: { id: 'one' } })
  expect(await next()).toMatchObject({ id: 4, error: { code: 'bad-params', field: 'id' } })
  send({ id: 5, method: 'runs.get', params: { id: 1, more: 2 } })
  expect(await next()).toMatchObject({ id: 5, error: { code: 'bad-params', field: 'more' } })
  expect(workbench.asked.length).toBe(before)
})

test('an oversized message ends the connection', async () => {
  const { socket, send } = await connected()
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  send(JSON.stringify({ id: 1, method: 'runs.get', params: { id: 'x'.repeat(MESSAGE_BYTES_MAX) } }))
  expect(await closed).toBe(1009)
})

test('more requests at a time than allowed are refused, and room is made as answers come', async () => {
  const release = Promise.withResolvers<[]>()
  workbench.answer('runs.list', () => release.promise)
  const { send, next } = await connected()
  for (let id = 1; id <= REQUESTS_MAX + 1; id++) send({ id, method: 'runs.list', params: {} })
  expect(await next()).toMatchObject({ id: REQUESTS_MAX + 1, error: { code: 'busy' } })
  release.resolve([])
  for (let id = 1; id <= REQUESTS_MAX; id++) expect(await next()).toEqual({ id, result: [] })
  send({ id: 99, method: 'runs.list', params: {} })
  expect(await next()).toEqual({ id: 99, result: [] })
})

test('a binary result is a binary frame that begins with its id', async () => {
  const { send, next } = await connected()
  workbench.answer('runs.frames', () => new Uint8Array([1, 2, 3]).buffer)
  send({ id: 258, method: 'runs.frames', params: { id: 1 } })
  const frame = await next()
  expect([...frame]).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3])
})

test('notices reach every page, and a page that goes leaves no listener', async () => {
  const a = await connected()
  const b = await connected()
  workbench.notify('changed', { what: 'runs' })
  expect(await a.next()).toEqual({ notice: 'changed', data: { what: 'runs' } })
  expect(await b.next()).toEqual({ notice: 'changed', data: { what: 'runs' } })
  a.socket.terminate()
  b.socket.terminate()
  await expect.poll(() => workbench.listeners('changed')).toBe(0)
})

test('an upload lands in the workspace under a harmless name and may then be named in a request', async () => {
  workbench.answer('workloads.import', () => ({ job: 3 }))
  const cookie = await signIn()
  const body = Buffer.alloc(3_000_000, 7)
  const reply = await ask(
    `/upload?name=${encodeURIComponent('../../my trace.gz')}`,
    { cookie, origin: own() },
    'POST',
    body,
  )
  expect(reply.status).toBe(200)
  const file: string = JSON.parse(reply.body).path
  expect(path.dirname(path.dirname(file))).toBe(path.join(workspace, 'incoming'))
  expect(path.basename(file)).toBe('my_trace.gz')
  expect(readFileSync(file).equals(body)).toBe(true)

  const { send, next } = await connected()
  send({
    id: 1,
    method: 'workloads.import',
    params: { path: file, format: '', name: 'x', limit: 0, eventsPerReference: 1 },
  })
  expect(await next()).toEqual({ id: 1, result: { job: 3 } })
  workbench.notify('job', { job: 3, title: '', state: 'finished', done: 1, total: 1, error: null, result: null })
  await expect.poll(() => existsSync(file)).toBe(false)
})

test('an upload wants cookie and origin, and one that is cut off leaves nothing', async () => {
  const cookie = await signIn()
  expect((await ask('/upload?name=x', { origin: own() }, 'POST', Buffer.from('x'))).status).toBe(401)
  expect(
    (await ask('/upload?name=x', { cookie, origin: 'http://evil.example' }, 'POST', Buffer.from('x'))).status,
  ).toBe(403)
  expect((await ask('/upload?name=x', { cookie }, 'POST', Buffer.from('x'))).status).toBe(403)
  await new Promise<void>((resolve) => {
    const socket = connect(host.port, '127.0.0.1', () => {
      socket.write(
        `POST /upload?name=y HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nCookie: ${cookie}\r\nContent-Length: 1000\r\n\r\nabc`,
      )
      setTimeout(() => {
        socket.destroy()
        resolve()
      }, 200)
    })
  })
  await expect.poll(() => readdirSync(path.join(workspace, 'incoming'))).toEqual([])
})

test('files outside the workspace cannot be named, not by links either', async () => {
  const { send, next } = await connected()
  symlinkSync(folder, path.join(workspace, 'way-out'))
  for (const file of [
    path.join(folder, 'secret.txt'),
    '../secret.txt',
    path.join(workspace, 'way-out/secret.txt'),
    `${workspace}-other/x`,
  ]) {
    send({ id: 1, method: 'images.add', params: { path: file } })
    expect(await next(), file).toMatchObject({ id: 1, error: { code: 'path-not-given', field: 'path' } })
  }
  workbench.answer('images.list', () => [
    {
      name: 'a',
      path: '/data/known.img',
      sizeBytes: 0,
      allocatedBytes: 0,
      inUse: false,
      partitions: [],
      content: null,
      problem: null,
    },
  ])
  workbench.answer('experiments.list', () => [])
  workbench.answer('runs.start', () => ({ id: 1 }))
  const known = { swap: { devices: [{ image: '/data/known.img' }] } }
  send({ id: 9, method: 'runs.start', params: { file: known, record: true, startPaused: false } })
  expect(await next()).toEqual({ id: 9, result: { id: 1 } })
  const experiment = { swap: { devices: [{ image: 'swap0' }, { image: '/etc/passwd' }] }, processes: [] }
  send({ id: 2, method: 'runs.start', params: { file: experiment, record: true, startPaused: false } })
  expect(await next()).toMatchObject({ id: 2, error: { code: 'path-not-given', field: 'swap.devices[1].image' } })
  send({ id: 3, method: 'images.add', params: { path: path.join(workspace, 'images/new.img') } })
  expect(await next()).toMatchObject({ id: 3, error: { code: 'not-scripted' } })
})

test('a port that is in use is said in a clear line', async () => {
  await expect(startBrowserHost({ workbench, port: host.port, staticDir: folder })).rejects.toThrow(
    `port ${host.port} is in use`,
  )
})
