/**
 * The browser host: serves the window to a browser on this machine (or at the end of an ssh tunnel) and speaks the
 * contract with it over one WebSocket. For machines without a display or without Electron.
 *
 *   GET  /?token=T   exchanges a one-time token for a session cookie (hosts/access.ts)
 *   GET  /...        the built window, with strict headers
 *   GET  /session    204 with a session, 401 without: a page that lost its socket asks why
 *   POST /upload     a file's bytes; answers {"path"} (hosts/uploads.ts)
 *   WS   /socket     frames as in hosts/frames.ts
 *
 * It listens on 127.0.0.1 only.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { ContractError, notices, type NoticeName, type WorkbenchClient } from './contract/contract.ts'
import { Access, hostIsLocal, originIsOwn } from './hosts/access.ts'
import { answerRequest, errorShape } from './hosts/dispatch.ts'
import { encodeBinaryAnswer, requestFrameSchema } from './hosts/frames.ts'
import { Outbox } from './hosts/outbox.ts'
import { PathGrants } from './hosts/pathGrants.ts'
import { securityHeaders } from './hosts/securityHeaders.ts'
import { readStaticFile } from './hosts/staticFiles.ts'
import { Uploads } from './hosts/uploads.ts'

export interface BrowserHostOptions {
  workbench: WorkbenchClient
  /** 0: any free one. */
  port: number
  /** The built window, dist/renderer. */
  staticDir: string
  /** Whether pages may have programs executed, to record them; false unless told. */
  allowRecord?: boolean
}

export interface BrowserHost {
  /** The address with a one-time token. */
  url: string
  port: number
  /** Another address: each lets one browser in, once. */
  newUrl(): string
  close(): Promise<void>
}

export class BrowserHostError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'BrowserHostError'
    this.code = code
  }
}

/** Requests of one page that are under way at a time; the page's side keeps to half of it. */
export const REQUESTS_MAX = 64
/** Largest message of a page. An experiment is some kilobytes. */
export const MESSAGE_BYTES_MAX = 4 << 20
/** A page that leaves this much unread is cut off. */
const unreadBytesMax = 256 << 20
const heartbeatMs = 30_000
const flushMs = 50

/** Throws a BrowserHostError (`port-in-use`, `port-refused`) if it cannot listen. */
export async function startBrowserHost({ workbench, port, staticDir, allowRecord = false }: BrowserHostOptions): Promise<BrowserHost> {
  const { workspace } = await workbench.request('workbench.info', {})
  const server = createServer()
  const bound = await listen(server, port)
  const access = new Access(bound)
  const grants = new PathGrants(workspace)
  // who started the host has said yes to every program beforehand
  const confirmProgram = allowRecord ? () => Promise.resolve(true) : undefined
  const uploads = new Uploads(workspace)
  // a large upload takes as long as it takes; headers must come promptly all the same
  server.requestTimeout = 0
  server.headersTimeout = 20_000

  server.on('request', (request, response) => {
    serve(request, response).catch((error: unknown) => {
      const shape = errorShape(error)
      if (!response.headersSent)
        plain(response, shape.code === 'disk-full' ? 507 : 500, JSON.stringify({ error: shape }), 'application/json')
      else response.destroy()
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!hostIsLocal(request)) return plain(response, 421, 'This host answers to 127.0.0.1 and localhost only.\n')
    const url = URL.parse(request.url ?? '/', 'http://localhost')
    if (!url) return plain(response, 400, 'That is no address.\n')
    if (request.method === 'POST' && url.pathname === '/upload') return upload(request, response, url)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response, 405, 'Only GET is answered here.\n')

    const token = url.searchParams.get('token')
    if (url.pathname === '/' && token !== null && !access.hasSession(request)) {
      const cookie = access.redeem(token)
      if (cookie === null)
        return plain(
          response,
          403,
          'This address was used already, or is not of this host. Press Enter in the terminal for a new one.\n',
        )
      response.setHeader('set-cookie', cookie)
    } else if (!access.hasSession(request)) {
      return plain(response, 401, 'Open the address that the terminal shows; press Enter there for a new one.\n')
    }
    if (token !== null) {
      // by a page and not by a redirect: on a redirect from elsewhere a strict cookie would not be sent
      return plain(
        response,
        200,
        '<!doctype html><title>Pager Workbench</title><link rel="icon" href="/icon.svg"><meta http-equiv="refresh" content="0;url=/">\n',
        'text/html; charset=utf-8',
      )
    }
    if (url.pathname === '/session') {
      response.writeHead(204).end()
      return
    }
    const file = await readStaticFile(staticDir, url.pathname)
    if (!file) return plain(response, 404, 'There is nothing here.\n')
    response.writeHead(200, {
      ...headers,
      'content-type': file.mediaType,
      'content-length': file.body.length,
      'cache-control': file.immutable ? 'private, max-age=31536000, immutable' : 'no-cache',
    })
    response.end(request.method === 'HEAD' ? undefined : file.body)
  }

  async function upload(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!originIsOwn(request)) return plain(response, 403, 'Uploads come from the workbench page only.\n')
    if (!access.hasSession(request)) return plain(response, 401, 'Not signed in.\n')
    const file = await uploads.receive(request, url.searchParams.get('name') ?? 'file')
    plain(response, 200, JSON.stringify({ path: file }), 'application/json')
  }

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    clientTracking: true,
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const refusal = !hostIsLocal(request)
      ? '421 Misdirected Request'
      : request.url !== '/socket'
        ? '404 Not Found'
        : !originIsOwn(request)
          ? '403 Forbidden'
          : !access.hasSession(request)
            ? '401 Unauthorized'
            : null
    if (refusal === null) sockets.handleUpgrade(request, socket, head, (opened) => attach(opened))
    else socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  })

  /** Uploads whose import is under way: job -> path. */
  const imports = new Map<number, string>()
  const stopWatchingJobs = workbench.on('job', ({ job, state }) => {
    const file = imports.get(job)
    if (file === undefined || state === 'running') return
    imports.delete(job)
    if (state === 'finished') void uploads.discard(file)
  })

  function attach(socket: WebSocket): void {
    let underWay = 0
    let alive = true
    const send = (frame: string | Uint8Array) => {
      if (socket.readyState !== socket.OPEN) return
      socket.send(frame)
      if (socket.bufferedAmount > unreadBytesMax) socket.terminate()
    }
    const outbox = new Outbox({ waitingBytes: () => socket.bufferedAmount, send })
    const flushing = setInterval(() => outbox.flush(), flushMs)
    const heartbeat = setInterval(() => {
      if (!alive) socket.terminate()
      alive = false
      socket.ping()
    }, heartbeatMs)
    socket.on('pong', () => (alive = true))
    const subscriptions = noticeNames.map((name) => workbench.on(name, (data) => outbox.notice(name, data)))
    socket.on('message', (raw, isBinary) => void receive(raw, isBinary))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      clearInterval(flushing)
      clearInterval(heartbeat)
      for (const end of subscriptions) end()
    })

    async function receive(raw: RawData, isBinary: boolean): Promise<void> {
      alive = true
      const frame = isBinary ? null : parseFrame(raw)
      if (frame === null) {
        send(
          JSON.stringify({
            id: null,
            error: { code: 'bad-message', message: 'a message was no request: it wants id, method and params as JSON' },
          }),
        )
        return
      }
      if (underWay >= REQUESTS_MAX) {
        send(
          JSON.stringify({
            id: frame.id,
            error: { code: 'busy', message: `more than ${REQUESTS_MAX} requests at a time` },
          }),
        )
        return
      }
      underWay++
      const answer = await answerRequest(workbench, grants, frame.method, frame.params, confirmProgram)
      underWay--
      if ('result' in answer && answer.result instanceof ArrayBuffer) send(encodeBinaryAnswer(frame.id, answer.result))
      else send(JSON.stringify({ id: frame.id, ...answer }))
      rememberImport(frame.method, frame.params, answer)
    }
  }

  function rememberImport(method: string, params: unknown, answer: object): void {
    if (method !== 'workloads.import' || !('result' in answer)) return
    const { result } = answer
    if (
      hasField(result, 'job') &&
      typeof result.job === 'number' &&
      hasField(params, 'path') &&
      typeof params.path === 'string'
    )
      imports.set(result.job, params.path)
  }

  const newUrl = () => `http://127.0.0.1:${bound}/?token=${access.newToken()}`
  return {
    url: newUrl(),
    port: bound,
    newUrl,
    close: () =>
      new Promise((resolve) => {
        stopWatchingJobs()
        for (const socket of sockets.clients) socket.close(1001, 'the workbench is closing')
        server.close(() => resolve())
        server.closeAllConnections()
        setTimeout(() => {
          for (const socket of sockets.clients) socket.terminate()
        }, 500).unref()
      }),
  }
}

const headers = securityHeaders("'self'")
const noticeNames = Object.keys(notices).filter((name): name is NoticeName => Object.hasOwn(notices, name))

function plain(response: ServerResponse, status: number, text: string, mediaType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { ...headers, 'content-type': mediaType, 'cache-control': 'no-store' })
  response.end(text)
}

function parseFrame(raw: RawData) {
  try {
    const text = Buffer.isBuffer(raw)
      ? raw.toString('utf8')
      : Array.isArray(raw)
        ? Buffer.concat(raw).toString('utf8')
        : Buffer.from(raw).toString('utf8')
    return requestFrameSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

const hasField = <F extends string>(value: unknown, field: F): value is Record<F, unknown> =>
  typeof value === 'object' && value !== null && field in value

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new BrowserHostError('port-in-use', `port ${port} is in use: name another one with --port`)
          : new BrowserHostError('port-refused', `cannot listen on port ${port}: ${error.message}`),
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new ContractError({ code: 'internal', message: 'the server has no port' })
  return address.port
}
