/** The scheme the desktop window is served by: `workbench://app/...` is a file of the built window, and nothing else is. */
import type { CustomScheme } from 'electron'
import { securityHeaders } from './securityHeaders.ts'
import { readStaticFile } from './staticFiles.ts'

const scheme = 'workbench'
const host = 'app'
export const WINDOW_URL = `${scheme}://${host}/`

/** To be registered before Electron is ready: a secure, standard origin of its own. */
export const windowScheme: CustomScheme = {
  scheme,
  privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
}

export function ownsPage(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed?.protocol === `${scheme}:` && parsed.host === host
}

/** Answers a request of the scheme from the folder of the built window. */
export async function answerScheme(request: Request, folder: string): Promise<Response> {
  const refuse = (status: number) => new Response(null, { status, headers })
  if (!ownsPage(request.url)) return refuse(403)
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405)
  const file = await readStaticFile(folder, new URL(request.url).pathname)
  if (!file) return refuse(404)
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(file.body), {
    headers: { ...headers, 'content-type': file.mediaType },
  })
}

const headers = securityHeaders("'self'")
