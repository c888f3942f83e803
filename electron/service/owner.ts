/**
 * The owner's local socket: how a command finds the process that has a workspace open, and sends its request there instead of
 * being turned away. Only the user that the owner runs as can open it (0600).
 *
 * Lines of JSON. The owner begins with {hello: {contractVersion, engineVersion, pid}}; a command sends {id, method, params}
 * and gets {id, result}, {id, binary} (base64) or {id, error}; notices come as {notice, data}.
 */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { createServer, createConnection, type Server, type Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { WorkspacePaths } from '../../db/workspace.ts'
import {
  CONTRACT_VERSION,
  ContractError,
  contractErrorSchema,
  notices,
  requests,
  type Method,
  type Notice,
  type NoticeName,
  type Params,
  type Result,
  type WorkbenchClient,
} from '../contract/contract.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { Notices } from './notices.ts'
import { engineVersion } from './version.ts'

/** The longest path that every system takes for a socket. */
const SOCKET_PATH_MAX = 100
const HELLO_WITHIN_MS = 5000

const helloSchema = z.object({ hello: z.object({ contractVersion: z.int(), engineVersion: z.string(), pid: z.int() }) })
const requestSchema = z.object({ id: z.int(), method: z.string(), params: z.unknown() })
const answerSchema = z.union([
  z.object({ id: z.int(), result: z.unknown() }),
  z.object({ id: z.int(), binary: z.string() }),
  z.object({ id: z.int(), error: contractErrorSchema }),
  z.object({ notice: z.string(), data: z.unknown() }),
])

/** In the workspace, or, where its path is too long for a socket, in the system's folder for temporary files. */
export function socketPath({ directory }: WorkspacePaths): string {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\pager-workbench-${name}`
  const inside = path.join(directory, 'owner.sock')
  return Buffer.byteLength(inside) <= SOCKET_PATH_MAX ? inside : path.join(os.tmpdir(), `pager-workbench-${name}.sock`)
}

export class OwnerSocket {
  readonly #server: Server
  readonly #path: string
  readonly #connections = new Set<Socket>()

  /** The caller owns the workspace, so a socket that is there already is a dead owner's. */
  static async open(paths: WorkspacePaths, workbench: WorkbenchClient, note: (line: string) => void): Promise<OwnerSocket> {
    const file = socketPath(paths)
    if (process.platform !== 'win32' && existsSync(file)) {
      rmSync(file, { force: true })
      note(`Took over ${file}, the socket of an owner that is gone.`)
    }
    const socket = new OwnerSocket(file, workbench)
    await socket.#listen()
    return socket
  }

  private constructor(file: string, workbench: WorkbenchClient) {
    this.#path = file
    this.#server = createServer((connection) => this.#serve(connection, workbench))
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    if (process.platform !== 'win32') rmSync(this.#path, { force: true })
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      // nobody else gets in between making the socket and closing it to them
      const mask = process.platform === 'win32' ? 0 : process.umask(0o177)
      this.#server.listen(this.#path, () => {
        this.#server.off('error', reject)
        if (process.platform !== 'win32') chmodSync(this.#path, 0o600)
        resolve()
      })
      if (process.platform !== 'win32') process.umask(mask)
    })
  }

  #serve(connection: Socket, workbench: WorkbenchClient): void {
    this.#connections.add(connection)
    const send = (message: object) => {
      if (!connection.destroyed) connection.write(`${JSON.stringify(message)}\n`)
    }
    const ends = noticeNames.map((name) => workbench.on(name, (data: unknown) => send({ notice: name, data })))
    connection.on('error', () => connection.destroy())
    connection.on('close', () => {
      this.#connections.delete(connection)
      for (const end of ends) end()
    })
    send({ hello: { contractVersion: CONTRACT_VERSION, engineVersion, pid: process.pid } })
    createInterface({ input: connection })
      .on('line', (line) => void answer(workbench, line).then(send))
      .on('error', () => connection.destroy())
  }
}

async function answer(workbench: WorkbenchClient, line: string): Promise<object> {
  let id = -1
  try {
    const frame = requestSchema.parse(JSON.parse(line))
    id = frame.id
    const { method, params } = frame
    if (!isMethod(method)) throw new ContractError({ code: 'unknown-method', message: `there is no request "${method}"` })
    if (!isParams(method, params)) throw new ContractError({ code: 'bad-params', message: `${method}: parameters that do not fit` })
    const result: unknown = await workbench.request(method, params)
    return result instanceof ArrayBuffer ? { id, binary: Buffer.from(result).toString('base64') } : { id, result }
  } catch (error) {
    return { id, error: errorShape(error) }
  }
}

const isMethod = (name: string): name is Method => Object.hasOwn(requests, name)
const isNoticeName = (name: string): name is NoticeName => Object.hasOwn(notices, name)
const noticeNames: NoticeName[] = Object.keys(notices).filter(isNoticeName)
const isParams = <M extends Method>(method: M, params: unknown): params is Params<M> =>
  requests[method].params.safeParse(params).success
const isResult = <M extends Method>(method: M, result: unknown): result is Result<M> =>
  requests[method].result.safeParse(result).success
const isNotice = <N extends NoticeName>(name: N, data: unknown): data is Notice<N> => notices[name].safeParse(data).success

interface Waiting {
  /** A method, so that a promise of any result fits: what comes back is of the type that the call promised. */
  resolve(result: unknown): void
  reject(error: Error): void
}

/** A workbench in another process, over its owner's socket. */
export class RemoteWorkbench implements WorkbenchClient {
  readonly #connection: Socket
  readonly #notices = new Notices()
  readonly #waiting = new Map<number, Waiting>()
  #requests = 0
  #gone: ContractError | null = null

  /** Throws ContractError: `no-owner` if nobody answers, `other-version` if who answers speaks another contract. */
  static connect(paths: WorkspacePaths): Promise<RemoteWorkbench> {
    return new Promise((resolve, reject) => {
      const connection = createConnection(socketPath(paths))
      const fail = (shape: { code: string; message: string }) => {
        clearTimeout(timer)
        connection.destroy()
        reject(new ContractError(shape))
      }
      const timer = setTimeout(
        () => fail({ code: 'no-owner', message: `the workbench that has ${paths.directory} open does not answer` }),
        HELLO_WITHIN_MS,
      )
      connection.once('error', (error) =>
        fail({ code: 'no-owner', message: `the workbench that has ${paths.directory} open cannot be reached: ${error.message}` }),
      )
      const remote = new RemoteWorkbench(connection)
      const lines = createInterface({ input: connection })
      lines.once('line', (line) => {
        clearTimeout(timer)
        const hello = helloSchema.safeParse(parsed(line))
        const version = hello.data?.hello.contractVersion
        if (version !== CONTRACT_VERSION)
          return fail({
            code: 'other-version',
            message: `${paths.directory} is open in a workbench of another version (contract ${version ?? 'unknown'}, this one speaks ${CONTRACT_VERSION}); close it, or use its own command line`,
          })
        lines.on('line', (next) => remote.#take(parsed(next)))
        resolve(remote)
      })
    })
  }

  private constructor(connection: Socket) {
    this.#connection = connection
    connection.on('error', () => connection.destroy())
    connection.on('close', () => {
      this.#gone = new ContractError({ code: 'owner-gone', message: 'the workbench that has the workspace open has ended' })
      for (const waiting of this.#waiting.values()) waiting.reject(this.#gone)
      this.#waiting.clear()
    })
  }

  async request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.#gone) throw this.#gone
    const id = ++this.#requests
    const result = await new Promise<unknown>((resolve, reject: (error: Error) => void) => {
      this.#waiting.set(id, { resolve, reject })
      this.#connection.write(`${JSON.stringify({ id, method, params })}\n`)
    })
    if (isResult(method, result)) return result
    throw new ContractError({ code: 'bad-result', message: `the other workbench's answer to ${method} is not what was agreed` })
  }

  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void {
    return this.#notices.on(name, listener)
  }

  close(): Promise<void> {
    this.#connection.destroy()
    return Promise.resolve()
  }

  #take(frame: unknown): void {
    const { data: answered } = answerSchema.safeParse(frame)
    if (!answered) return
    if ('notice' in answered) {
      if (isNoticeName(answered.notice) && isNotice(answered.notice, answered.data))
        this.#notices.send(answered.notice, answered.data)
      return
    }
    const waiting = this.#waiting.get(answered.id)
    this.#waiting.delete(answered.id)
    if ('error' in answered) waiting?.reject(new ContractError(answered.error))
    else if ('binary' in answered) waiting?.resolve(new Uint8Array(Buffer.from(answered.binary, 'base64')).buffer)
    else waiting?.resolve(answered.result)
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
