/** A report as Markdown: the text and tables of the HTML report. Charts are in the HTML report; their captions and data are here. */
import { reportContent } from './content.ts'
import type { Block, Cell } from './content.ts'
import type { ReportInput } from './input.ts'

export function reportMarkdown(input: ReportInput): string {
  const content = reportContent(input)
  const parts = [`# ${inline(content.title)}`, `*${inline(content.byline)}*`, ...content.abstract.map(inline)]
  content.sections.forEach((section, i) => {
    const blocks = section.blocks.map(blockOf).filter((text) => text !== '')
    if (blocks.length > 0) parts.push(`## ${i + 1}. ${section.title}`, ...blocks)
  })
  return `${parts.join('\n\n')}\n`
}

function blockOf(block: Block): string {
  switch (block.type) {
    case 'paragraph':
      return inline(block.text)
    case 'list':
      return block.items.map((item) => `- ${inline(item)}`).join('\n')
    case 'figure':
      return `- ${inline(block.caption)} ${inline(/<desc[^>]*>([^<]*)<\/desc>/.exec(block.svg)?.[1] ?? '')}`
    case 'code':
      return `${block.caption === '' ? '' : `${inline(block.caption)}\n\n`}${fenced(block.text)}`
    case 'table': {
      const lines = [
        row(block.table.head),
        `|${block.table.head.map((cell) => (cell.number ? ' ---: |' : ' --- |')).join('')}`,
        ...block.table.rows.map(row),
      ]
      return `${lines.join('\n')}${block.caption === '' ? '' : `\n\n${inline(block.caption)}`}`
    }
  }
}

const row = (cells: readonly Cell[]) =>
  `|${cells.map((cell) => ` ${cell.code && cell.text !== '' ? `\`${cell.text.replaceAll('|', '\\|')}\`` : cell.differs ? `**${inline(cell.text)}**` : inline(cell.text)} |`).join('')}`

/** Keeps names that people gave from being read as markup. */
const inline = (text: string) => text.replace(/[\\`*_[\]<>|#]/g, (sign) => `\\${sign}`).replace(/\s*\n\s*/g, ' ')

/** A fence longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}
