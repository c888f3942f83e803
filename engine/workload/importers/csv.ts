/**
 * A table with named columns. The first line names them; of these it takes `address` or `page` (a number, hexadecimal after
 * 0x or decimal), `kind` (r, w, i or read, write, fetch; read where the column is missing) and `pid`, which makes a stream per
 * process. Other columns are passed over. Fields are separated by commas, semicolons or tabs, whichever the first line has, and
 * may stand in double quotes. Each line is one reference.
 */
import { ImportError } from '../importError.ts'
import { PAGE_NUMBER_END } from '../streamBuilder.ts'
import type { StreamBuilder, WorkloadBuilder } from '../streamBuilder.ts'
import type { Importer, TraceFormat } from './importer.ts'
import { LineSplitter, excerpt, firstLines, kindOfWord, parseNumber } from './lines.ts'

export const csv: TraceFormat = {
  name: 'csv',
  title: 'CSV with named columns',
  description: 'A table whose first line names its columns: address or page, and optionally kind and pid.',
  extensions: ['csv', 'tsv'],
  detect(beginning) {
    const [header] = firstLines(beginning, 1)
    return header !== undefined && readHeader(header) !== undefined
  },
  create: (builder) => new CsvImporter(builder),
}

interface Header {
  separator: string
  names: string[]
  place: number
  isPage: boolean
  kind: number
  pid: number
}

const PAGE_SHIFT = 12n

class CsvImporter implements Importer {
  readonly #builder: WorkloadBuilder
  readonly #lines: LineSplitter
  readonly #decoder = new TextDecoder('latin1')
  #header: Header | undefined
  #pid = ''
  #stream: StreamBuilder | undefined

  constructor(builder: WorkloadBuilder) {
    this.#builder = builder
    this.#lines = new LineSplitter((bytes, start, end, line) => this.#take(bytes, start, end, line))
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk)
  }

  finish(): void {
    this.#lines.finish()
  }

  #take(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (start === end) return
    const text = this.#decoder.decode(bytes.subarray(start, end))
    const header = this.#header
    if (header === undefined) {
      this.#header = readHeader(text)
      if (this.#header === undefined)
        throw new ImportError(
          'damaged',
          { line },
          `expected the columns' names, one of them "address" or "page", found ${excerpt(bytes, start, end)}`,
        )
      return
    }
    const fields = text.includes('"') ? splitQuoted(text, header.separator) : text.split(header.separator)
    if (fields.length !== header.names.length)
      throw new ImportError(
        'damaged',
        { line },
        `expected ${header.names.length} fields (${header.names.join(', ')}), found ${fields.length}`,
      )
    const value = parseNumber(fields[header.place]!.trim())
    const pageNumber = value === undefined ? -1 : Number(header.isPage ? value : value >> PAGE_SHIFT)
    if (pageNumber < 0 || pageNumber >= PAGE_NUMBER_END)
      throw new ImportError(
        'damaged',
        { line },
        `expected a number (hexadecimal after 0x, or decimal; a page below 2^52) in column ` +
          `${header.names[header.place]!}, found ${quote(fields[header.place]!)}`,
      )
    const word = header.kind < 0 ? 'read' : fields[header.kind]!.trim().toLowerCase()
    const kind = Object.hasOwn(kindOfWord, word) ? kindOfWord[word] : undefined
    if (kind === undefined)
      throw new ImportError(
        'damaged',
        { line },
        `expected r, w or i (read, write, fetch) in column ${header.names[header.kind]!}, found ${quote(word)}`,
      )
    const pid = header.pid < 0 ? '' : fields[header.pid]!.trim()
    if (this.#stream === undefined || pid !== this.#pid) {
      this.#pid = pid
      this.#stream = this.#builder.process(header.pid < 0 ? 'program' : `process ${pid}`)
    }
    this.#stream.add(pageNumber, kind)
  }
}

function readHeader(line: string): Header | undefined {
  const separator = [',', ';', '\t'].find((each) => line.includes(each)) ?? ','
  // A spreadsheet may begin the file with a byte order mark, which latin1 shows as three characters.
  const names = splitQuoted(line.replace(/^(\ufeff|\u00ef\u00bb\u00bf)/, ''), separator).map((name) =>
    name.trim().toLowerCase(),
  )
  const find = (...wanted: string[]) => names.findIndex((name) => wanted.includes(name))
  const address = find('address', 'addr', 'vaddr')
  const place = address >= 0 ? address : find('page', 'vpn', 'page_number')
  if (place < 0) return undefined
  return {
    separator,
    names,
    place,
    isPage: address < 0,
    kind: find('kind', 'type', 'op', 'rw', 'access'),
    pid: find('pid', 'process'),
  }
}

function splitQuoted(line: string, separator: string): string[] {
  const fields: string[] = []
  let field = ''
  let isQuoted = false
  for (let i = 0; i < line.length; i++) {
    const letter = line.charAt(i)
    if (letter === '"') {
      if (isQuoted && line.charAt(i + 1) === '"') {
        field += '"'
        i++
      } else isQuoted = !isQuoted
    } else if (letter === separator && !isQuoted) {
      fields.push(field)
      field = ''
    } else field += letter
  }
  fields.push(field)
  return fields
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}
