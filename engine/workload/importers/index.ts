/**
 * The trace formats, and importing a file or bytes of any of them. A format is known by its content first; adding one
 * is adding a file and a line to `traceFormats`.
 */
import { decompressedChunks } from '../decompress.ts'
import type { DecompressOptions } from '../decompress.ts'
import { ImportError } from '../importError.ts'
import { WorkloadBuilder } from '../streamBuilder.ts'
import type { WorkloadBuilderOptions } from '../streamBuilder.ts'
import type { Workload } from '../workload.ts'
import { address } from './address.ts'
import { csv } from './csv.ts'
import type { Importer, TraceFormat } from './importer.ts'
import { lackey } from './lackey.ts'
import { oracle } from './oracle.ts'
import { pgtrace } from './pgtrace.ts'

export type { Importer, TraceFormat } from './importer.ts'

/** In the order of detection: the surest sign first. */
export const traceFormats: readonly TraceFormat[] = [pgtrace, lackey, csv, address, oracle]

/** Bytes from the beginning of a trace that detection looks at. */
export const DETECTION_BYTES = 65536

export function traceFormat(name: string): TraceFormat {
  const format = traceFormats.find((each) => each.name === name)
  if (format === undefined) {
    const names = traceFormats.map((each) => each.name).join(', ')
    throw new ImportError('unknown-format', undefined, `there is no trace format "${name}"; there are ${names}`)
  }
  return format
}

/** The format of a trace by its decompressed beginning, and where that says nothing by its name. */
export function detectFormat(beginning: Uint8Array, fileName: string): TraceFormat | undefined {
  const name = fileName.toLowerCase().replace(COMPRESSED, '')
  return (
    traceFormats.find((format) => format.detect(beginning, fileName)) ??
    traceFormats.find((format) => format.extensions.some((extension) => name.endsWith(`.${extension}`)))
  )
}

export interface ImportOptions extends DecompressOptions, Partial<WorkloadBuilderOptions> {
  /** Name of the format; found from the content where it is left out. */
  format?: string
  /** References that are wanted: where the format lets it, the rest is not read. There may be some more; 0: all. */
  referencesWanted?: number
  /** Called now and then with the number of references so far. */
  onProgress?: (references: number) => void
}

/**
 * Imports the trace in a file (by its path), or in bytes together with a name for them. The workload is whole or there is none:
 * on any fault an ImportError is thrown, and what `storageFor` was given meanwhile is the caller's to drop.
 */
export async function importTrace(
  source: string | { bytes: Uint8Array; fileName: string },
  options: ImportOptions = {},
): Promise<Workload> {
  const fileName = (typeof source === 'string' ? source : source.fileName).replace(/^.*[/\\]/, '')
  let format = options.format === undefined ? undefined : traceFormat(options.format)
  const builder = new WorkloadBuilder({
    ...options,
    name: options.name ?? plainName(fileName),
    source: options.source ?? fileName,
  })
  let importer: Importer | undefined
  let beginning = new Uint8Array(0)
  const begin = (): Importer => {
    format ??= detectFormat(beginning.subarray(0, DETECTION_BYTES), fileName)
    if (format === undefined)
      throw new ImportError(
        'unknown-format',
        undefined,
        `${fileName} is not a trace in a known format (${traceFormats.map((each) => each.name).join(', ')})`,
      )
    const created = format.create(builder)
    created.push(beginning)
    beginning = new Uint8Array(0)
    return created
  }
  const { referencesWanted = 0 } = options
  let isCut = false
  for await (const chunk of decompressedChunks(typeof source === 'string' ? source : source.bytes, options)) {
    if (importer !== undefined) importer.push(chunk)
    else {
      const joined = new Uint8Array(beginning.length + chunk.length)
      joined.set(beginning)
      joined.set(chunk, beginning.length)
      beginning = joined
      if (beginning.length >= DETECTION_BYTES) importer = begin()
    }
    options.onProgress?.(builder.referenceCount)
    isCut = referencesWanted > 0 && builder.referenceCount >= referencesWanted && importer?.finishCut !== undefined
    if (isCut) break
  }
  if (beginning.length === 0 && importer === undefined)
    throw new ImportError('empty', undefined, `${fileName} is empty`)
  importer ??= begin()
  if (isCut) importer.finishCut?.()
  else importer.finish()
  const workload = builder.finish()
  options.onProgress?.(builder.referenceCount)
  return workload
}

/** Endings that say how a file is compressed, and nothing of what is in it. */
const COMPRESSED = /\.(gz|zst|zstd|xz|bz2)$/i

/** What a workload is called after its file: the name without what says how it is compressed and written. */
export function plainName(fileName: string): string {
  return fileName.replace(COMPRESSED, '').replace(/(?<=.)\.[a-z]+$/i, '')
}
