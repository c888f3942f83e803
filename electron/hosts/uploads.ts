/**
 * Files a person drops on the browser's page: streamed into the workspace's folder `incoming`, each into a folder of its
 * own, so that it keeps its name. What is cut off leaves nothing behind; a disk keeps a reserve free.
 */
import { createWriteStream, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { mkdir, rename, rm, statfs } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ContractError } from '../contract/contract.ts'

/** Kept free on the disk, so that an upload cannot take the store's last room. */
const reserveBytes = 64 << 20
/** How often the room left is looked at, in bytes received. */
const checkEveryBytes = 32 << 20
/** What an upload is called until it is whole; no name that a person gives begins with a dot. */
const PART = '.part'

export class Uploads {
  readonly #folder: string
  #count = 0

  constructor(workspace: string) {
    this.#folder = path.join(workspace, 'incoming')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    for (const upload of readdirSync(this.#folder)) {
      const part = path.join(this.#folder, upload, PART)
      if (existsSync(part)) rmSync(path.dirname(part), { recursive: true, force: true })
    }
  }

  /** Takes a request's body in. Answers the file's path. Throws a ContractError: `disk-full`, `bad-upload`. */
  async receive(request: IncomingMessage, name: string): Promise<string> {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > (await this.#room())) throw full(name)
    const own = path.join(this.#folder, `upload-${Date.now().toString(36)}-${++this.#count}`)
    const part = path.join(own, PART)
    const file = path.join(own, safeName(name))
    await mkdir(own, { mode: 0o700 })
    let received = 0
    let nextCheck = checkEveryBytes
    const guard = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        received += chunk.length
        if (received < nextCheck) {
          done(null, chunk)
          return
        }
        nextCheck = received + checkEveryBytes
        this.#room().then((room) => {
          done(room <= 0 ? full(name) : null, chunk)
        }, done)
      },
    })
    try {
      await pipeline(request, guard, createWriteStream(part, { flags: 'wx', mode: 0o600 }))
      if (announced > 0 && received !== announced)
        throw new ContractError({ code: 'bad-upload', message: `${name} was cut off` })
      await rename(part, file)
      return file
    } catch (error) {
      await rm(own, { recursive: true, force: true })
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') throw full(name)
      throw error
    }
  }

  /** An upload that was imported is not wanted any more. */
  async discard(file: string): Promise<void> {
    const own = path.dirname(file)
    if (path.dirname(own) === this.#folder) await rm(own, { recursive: true, force: true })
  }

  async #room(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#folder)
    return bavail * bsize - reserveBytes
  }
}

const full = (name: string) =>
  new ContractError({ code: 'disk-full', message: `${name} does not fit: the workspace's disk is full` })

/** The end of a name stays: it tells the format. */
function safeName(name: string): string {
  const kept = path
    .basename(name.replaceAll('\\', '/'))
    .replace(/[^\p{L}\p{N}._-]+/gu, '_')
    .replace(/^\.+/, '')
  return kept.slice(-100) || 'file'
}
