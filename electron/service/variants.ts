/**
 * Loading a pager variant: one TypeScript (or JavaScript) module whose default export is a PagerVariant.
 *
 * A variant is executed with the rights of the user, so who calls this must have the user's word for the file: the command line has it by
 * the option that names it. What is executed is what was digested: the bytes are read once and run from a copy
 * that lies alone, so a variant is one file and imports nothing but types and Node's own modules.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { RunVariant } from '../../db/types.ts'
import { readVariant, VariantError, type PagerVariant } from '../../engine/swap/variant.ts'
import { errorShape } from '../hosts/dispatch.ts'

export interface LoadedVariant {
  variant: PagerVariant
  /** What is recorded of it. */
  source: RunVariant
}

const typescript = new Set(['.ts', '.mts'])
const javascript = new Set(['.js', '.mjs'])

/** SHA-256 of a variant's bytes, hex. Throws VariantError `variant-file`. */
export function variantDigest(file: string): string {
  return digestOf(readBytes(file))
}

/** Executes a variant's file. `digest`, unless empty, is what it must have. Throws VariantError; its message begins with the file. */
export async function loadVariant(file: string, digest = ''): Promise<LoadedVariant> {
  const bytes = readBytes(file)
  const own = digestOf(bytes)
  if (digest !== '' && own !== digest) throw refusal(file, 'it has changed since it was looked at')
  const exported = await execute(file, bytes)
  try {
    const variant = readVariant(exported)
    const { name, description } = variant
    return { variant, source: { name, description, file: path.resolve(file), digest: own } }
  } catch (error) {
    const { message, field } = errorShape(error)
    throw new VariantError('variant-shape', `${file}: ${message}`, field)
  }
}

async function execute(file: string, bytes: Buffer): Promise<unknown> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-variant-'))
  try {
    const copy = path.join(folder, `variant${typescript.has(path.extname(file)) ? '.mts' : '.mjs'}`)
    writeFileSync(copy, bytes, { mode: 0o600 })
    const module: unknown = await import(/* @vite-ignore */ pathToFileURL(copy).href)
    return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  } catch (error) {
    throw refusal(file, `it cannot be loaded: ${whyOf(error)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What went wrong while it was loaded, with its line where the error has one. */
function whyOf(error: unknown): string {
  const { code, message } = errorShape(error)
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_UNSUPPORTED_DIR_IMPORT')
    return "a variant is one file: it may import types (import type) and Node's own modules, nothing else"
  const line = error instanceof Error ? /variant\.m[tj]s:(\d+)/.exec(error.stack ?? '')?.[1] : undefined
  const said = message.split('\n', 1)[0] ?? ''
  return line === undefined ? said : `line ${line}: ${said}`
}

function readBytes(file: string): Buffer {
  const ending = path.extname(file)
  if (!typescript.has(ending) && !javascript.has(ending))
    throw refusal(file, `a variant is a module: .ts, .mts, .js or .mjs, not "${ending}"`)
  try {
    return readFileSync(file)
  } catch (error) {
    const { code, message } = errorShape(error)
    throw refusal(file, code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a directory' : message)
  }
}

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const refusal = (file: string, why: string) => new VariantError('variant-file', `${file}: ${why}`, 'variant')
