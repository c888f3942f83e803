/**
 * Files a person drops on the browser's page: streamed into the workspace's folder `incoming`, under a name of their
 * own. What is cut off leaves nothing behind; a disk keeps a reserve free.
 */
import { createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { rename, rm, statfs } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ContractError } from '../contract/contract.ts'

/** Kept free on the disk, so that an upload cannot take the store's last room. */
const reserveBytes = 64 << 20
/** How often the room left is looked at, in bytes received. */
const checkEveryBytes = 32 << 20

export class Uploads {
  readonly #folder: string
  #count = 0

  constructor(workspace: string) {
    this.#folder = path.join(workspace, 'incoming')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(this.#folder))
      if (name.endsWith('.part')) rmSync(path.join(this.#folder, name), { force: true })
  }

  /** Takes a request's body in. Answers the file's path. Throws a ContractError: `disk-full`, `bad-upload`. */
  async receive(request: IncomingMessage, name: string): Promise<string> {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > (await this.#room())) throw full(name)
    const file = path.join(this.#folder, `${Date.now().toString(36)}-${++this.#count}-${safeName(name)}`)
    const part = `${file}.part`
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
      await rm(part, { force: true })
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') throw full(name)
      throw error
    }
  }

  /** An upload that was imported is not wanted any more. */
  async discard(file: string): Promise<void> {
    if (path.dirname(file) === this.#folder) await rm(file, { force: true })
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
