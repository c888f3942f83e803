/**
 * Who may talk to the browser host. Life of an access:
 *   1. The host prints an address with a one-time token (256 random bits).
 *   2. The first page that opens it gets a session cookie (HttpOnly, SameSite=Strict); the token is spent.
 *   3. Files, socket and uploads want that cookie. Another browser wants another token.
 * The Host header must name this machine, whatever the port (an ssh tunnel may use another one): a page of the internet
 * that rebinds its name to 127.0.0.1 is refused. What changes something must come from the host's own pages (Origin).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const localNames = new Set(['127.0.0.1', 'localhost', '[::1]'])
/** Tokens that were printed and not used yet; the oldest lapses when one more is printed. */
const tokensMax = 16
const sessionsMax = 64

export class Access {
  readonly #tokens = new Set<string>()
  readonly #sessions = new Set<string>()
  readonly #cookieName: string

  /** Cookies do not know ports: the port is in the name, so that two hosts on a machine keep out of each other's way. */
  constructor(port: number) {
    this.#cookieName = `pager-${port}`
  }

  newToken(): string {
    return remember(this.#tokens, tokensMax)
  }

  /** Exchanges a token for a Set-Cookie value; null if it is wrong or was used before. */
  redeem(token: string): string | null {
    if (!matches(this.#tokens, token)) return null
    this.#tokens.delete(token)
    return `${this.#cookieName}=${remember(this.#sessions, sessionsMax)}; HttpOnly; SameSite=Strict; Path=/`
  }

  hasSession(request: IncomingMessage): boolean {
    for (const part of (request.headers.cookie ?? '').split(';')) {
      const [name, value] = part.trim().split('=')
      if (name === this.#cookieName && value !== undefined && matches(this.#sessions, value)) return true
    }
    return false
  }
}

export function hostIsLocal(request: IncomingMessage): boolean {
  const match = /^(.+?)(?::\d+)?$/.exec(request.headers.host ?? '')
  return match !== null && localNames.has((match[1] ?? '').toLowerCase())
}

/** The request comes from a page that this very host served. */
export function originIsOwn(request: IncomingMessage): boolean {
  return request.headers.origin === `http://${request.headers.host ?? ''}`
}

function remember(set: Set<string>, max: number): string {
  const secret = randomBytes(32).toString('base64url')
  set.add(secret)
  for (const oldest of set) {
    if (set.size <= max) break
    set.delete(oldest)
  }
  return secret
}

/** Compared by digest in constant time: how long it takes tells nothing of what was right. */
function matches(secrets: Set<string>, candidate: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const wanted = digest(candidate)
  let found = false
  for (const secret of secrets) if (timingSafeEqual(digest(secret), wanted)) found = true
  return found
}
