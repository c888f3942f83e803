/** The built window's files: from the path of a URL to a file inside one folder, never outside it. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { mediaTypeOf } from './securityHeaders.ts'

export interface StaticFile {
  body: Buffer
  mediaType: string
  /** Its name holds a digest of its content: it may be cached for ever. */
  immutable: boolean
}

/** The file for a URL's path ('/' is index.html); null if there is none, or if the path leads out of the folder. */
export async function readStaticFile(folder: string, urlPath: string): Promise<StaticFile | null> {
  let decoded: string
  try {
    decoded = decodeURIComponent(urlPath)
  } catch {
    return null
  }
  if (decoded.includes('\0') || decoded.includes('\\')) return null
  const inside = path.resolve(folder)
  const file = path.join(inside, decoded === '/' ? 'index.html' : decoded)
  if (!file.startsWith(inside + path.sep)) return null
  try {
    return { body: await readFile(file), mediaType: mediaTypeOf(file), immutable: decoded.startsWith('/assets/') }
  } catch {
    return null
  }
}
