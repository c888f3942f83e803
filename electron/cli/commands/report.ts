/** pager report: writes a report of runs, or one of its figures. */
import { writeFileSync } from 'node:fs'
import {
  buildReportInput,
  figuresOf,
  findReportFormat,
  reportFormats,
  reportSectionNames,
  standaloneCsv,
  standaloneSvg,
  type ReportInput,
  type ReportSection,
} from '../../../db/report/index.ts'
import { drawPng, pageOfFigure, printPdf } from '../../service/printing.ts'
import { runNumber, withReader } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { writeOutput } from '../output.ts'
import { bytes, table } from '../terminal.ts'

const formatNames = [...reportFormats.map(({ name }) => name), 'pdf']
const figureFormats = ['svg', 'pdf', 'png', 'csv']

export const report: Command = {
  help: `
pager report RUN... -o FILE [options]

Writes a report of one run, or of several side by side; or, with --figure, one of its figures by itself.

  -o, --output FILE   where to; - for standard output
  --format FORMAT     ${formatNames.join(', ')}; of a figure ${figureFormats.join(', ')}; found from FILE's ending where it is left out
  --title TEXT        its title
  --sections LIST     only these, with commas: ${reportSectionNames.join(', ')}
  --figure NAME       one figure, with its caption and where it comes from
  --figures           list the figures of these runs
${commonHelp}

PDF and PNG are made by a Chromium: the one that $PAGER_CHROMIUM names, else one that is found.`,

  async run(args) {
    const { values, positionals } = parse(args, {
      output: { type: 'string', short: 'o' },
      format: { type: 'string' },
      title: { type: 'string' },
      sections: { type: 'string' },
      figure: { type: 'string' },
      figures: { type: 'boolean' },
    })
    if (positionals.length === 0) throw new UsageError('which run? "pager runs" lists them')
    const ids = positionals.map(runNumber)
    const { output } = values
    if (output === undefined && !values.figures)
      throw new UsageError('-o FILE says where the report goes (- for standard output)')
    const options = {
      ...(values.title === undefined ? {} : { title: values.title }),
      ...(values.sections === undefined ? {} : { sections: sectionsOf(values.sections) }),
    }
    const input = withReader(workspaceOf(values.workspace), ({ store }) => buildReportInput(store, ids, options))
    if (output === undefined) {
      const figures = figuresOf(input.runs).map(({ id, caption }) => ({ id, caption }))
      if (values.json) printJson({ figures })
      else
        print(
          table(
            ['figure', 'shows'],
            figures.map(({ id, caption }) => [id, caption]),
          ),
        )
      return 0
    }
    const asked = values.format ?? /\.([a-z]+)$/i.exec(output)?.[1]?.toLowerCase()
    const format = asked ?? (values.figure === undefined ? 'html' : 'svg')
    const content =
      values.figure === undefined
        ? await reportContent(input, format)
        : await figureContent(input, values.figure, format)
    if (output === '-') {
      process.stdout.write(content)
      return 0
    }
    await writeOutput(output, () => writeFileSync(output, content))
    const sizeBytes = Buffer.byteLength(content)
    if (values.json) printJson({ file: output, format, runs: ids, sizeBytes })
    else print(`${output}: ${bytes(sizeBytes)}`)
    return 0
  },
}

function sectionsOf(list: string): ReportSection[] {
  return list.split(',').map((text) => {
    const found = reportSectionNames.find((name) => name === text.trim())
    if (!found)
      throw new UsageError(
        `--sections: there is no section "${text.trim()}"; there are ${reportSectionNames.join(', ')}`,
      )
    return found
  })
}

async function reportContent(input: ReportInput, name: string): Promise<string | Uint8Array> {
  const format = findReportFormat(name === 'pdf' ? 'html' : name)
  if (!format) throw new UsageError(`--format: there is no format "${name}"; there are ${formatNames.join(', ')}`)
  return name === 'pdf' ? printPdf(format.render(input)) : format.render(input)
}

async function figureContent(input: ReportInput, id: string, format: string): Promise<string | Uint8Array> {
  const figures = figuresOf(input.runs)
  const figure = figures.find((each) => each.id === id)
  if (!figure)
    throw new UsageError(
      `--figure: these runs have no figure "${id}"; they have ${figures.map((each) => each.id).join(', ')}`,
    )
  if (!figureFormats.includes(format))
    throw new UsageError(`--format: a figure has no format "${format}"; it has ${figureFormats.join(', ')}`)
  if (format === 'csv') return standaloneCsv(figure, input)
  const svg = standaloneSvg(figure, input)
  if (format === 'svg') return svg
  return format === 'pdf' ? printPdf(pageOfFigure(svg)) : drawPng(svg)
}
