/**
 * A report as one HTML file that needs nothing else: no script, no network, no font. It reads well on a screen and prints on A4
 * or letter; the data of its runs are in it as JSON.
 */
import { escape, FONT } from './chart.ts'
import { reportContent } from './content.ts'
import type { Block, Cell, Section } from './content.ts'
import type { ReportInput } from './input.ts'
import { glyphAt, paper } from './palette.ts'

export function reportHtml(input: ReportInput): string {
  const content = reportContent(input)
  const data = { title: input.title, generatedAt: input.generatedAt, runs: input.runs.map(({ detail }) => detail) }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="Pager Workbench">
<title>${escape(content.title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escape(content.title)}</h1>
<p class="by">${escape(content.byline)}</p>
${content.abstract.map((text) => `<p class="abstract">${escape(text)}</p>`).join('\n')}
</header>
${content.sections.map(sectionOf).join('\n')}
</main>
<script type="application/json" id="report-data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
</body>
</html>
`
}

function sectionOf(section: Section, index: number): string {
  return `<section aria-labelledby="s${index + 1}">
<h2 id="s${index + 1}">${index + 1}. ${escape(section.title)}</h2>
${section.blocks.map(blockOf).join('\n')}
</section>`
}

function blockOf(block: Block): string {
  const caption = 'caption' in block && block.caption !== '' ? escape(block.caption) : ''
  switch (block.type) {
    case 'paragraph':
      return `<p>${escape(block.text)}</p>`
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`
    case 'figure':
      return `<figure>${block.svg}<figcaption>${caption}</figcaption></figure>`
    case 'code':
      return `<figure class="code">${caption === '' ? '' : `<figcaption>${caption}</figcaption>`}<pre tabindex="0">${escape(block.text)}</pre></figure>`
    case 'table': {
      const head = block.table.head.map((cell) => cellOf(cell, 'th')).join('')
      const rows = block.table.rows.map(
        (row) => `<tr>${row.map((cell, i) => cellOf(cell, i === 0 ? 'rowhead' : 'td')).join('')}</tr>`,
      )
      return (
        `<div class="wide"><table>${caption === '' ? '' : `<caption>${caption}</caption>`}<thead><tr>${head}</tr></thead>` +
        `<tbody>${rows.join('\n')}</tbody></table></div>`
      )
    }
  }
}

function cellOf(cell: Cell, place: 'th' | 'td' | 'rowhead'): string {
  const classes = [cell.number ? 'num' : '', cell.code ? 'code' : '', cell.differs ? 'differs' : '']
    .filter((name) => name !== '')
    .join(' ')
  const attributes = `${classes === '' ? '' : ` class="${classes}"`}${cell.note ? ` title="${escape(cell.note)}"` : ''}`
  const glyph = cell.kind
    ? `<svg class="glyph" viewBox="0 0 10 10" width="9" height="9" aria-hidden="true">${glyphAt(cell.kind, 0, 0)}</svg>`
    : ''
  const inside =
    cell.code && cell.text !== ''
      ? `<code>${escape(cell.text).replaceAll(/([._])/g, '$1<wbr>')}</code>`
      : escape(cell.text)
  if (place === 'th') return cell.text === '' ? `<td${attributes}></td>` : `<th scope="col"${attributes}>${inside}</th>`
  return place === 'rowhead'
    ? `<th scope="row"${attributes}>${glyph}${inside}</th>`
    : `<td${attributes}>${glyph}${inside}</td>`
}

const SERIF = "Charter, 'Source Serif 4', 'Noto Serif', Georgia, 'DejaVu Serif', serif"
const MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Consolas, 'Noto Sans Mono', 'DejaVu Sans Mono', monospace"

const style = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f5f7; color: ${paper.text}; font: 14px/1.55 ${SERIF}; }
main { max-width: 860px; margin: 32px auto; padding: 56px 72px 48px; background: ${paper.surface}; box-shadow: 0 1px 2px rgba(20,22,30,.08), 0 8px 24px rgba(20,22,30,.12); }
h1 { font-size: 26px; line-height: 32px; font-weight: 600; letter-spacing: -.01em; margin: 0; text-wrap: balance; }
h2 { font-size: 16px; line-height: 22px; font-weight: 600; margin: 30px 0 8px; break-after: avoid; }
p { margin: 0 0 8px; max-width: 70ch; }
.by { font-size: 12.5px; color: ${paper.text2}; margin: 8px 0 16px; max-width: none; }
.abstract { max-width: none; font-size: 15px; line-height: 1.55; border-top: 1.5px solid ${paper.text}; border-bottom: 1px solid ${paper.line}; padding: 12px 0; margin: 0; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font: 12px/1.4 ${FONT}; font-variant-numeric: tabular-nums; border-top: 1.5px solid ${paper.text}; border-bottom: 1.5px solid ${paper.text}; }
thead th, thead td { text-align: left; font-weight: 600; padding: 5px 14px 5px 0; border-bottom: 1px solid ${paper.text}; vertical-align: bottom; }
tbody th, tbody td { text-align: left; font-weight: 400; padding: 3.5px 14px 3.5px 0; vertical-align: top; }
tbody th { color: ${paper.text}; white-space: nowrap; }
tbody tr + tr > * { border-top: 1px solid ${paper.grid}; }
th:last-child, td:last-child { padding-right: 0; }
th.num, td.num { text-align: right; }
td.num { white-space: nowrap; }
td.differs { background: #e9ecff; box-shadow: -6px 0 #e9ecff; }
td.code { color: ${paper.text2}; }
code { font: 10.5px/1.4 ${MONO}; overflow-wrap: anywhere; }
caption, figcaption { caption-side: bottom; text-align: left; font: 12px/17px ${SERIF}; color: ${paper.text2}; padding-top: 7px; }
figure { margin: 18px 0 0; break-inside: avoid; }
figure svg.chart { display: block; width: 100%; height: auto; }
figure.code { break-inside: auto; }
figure.code figcaption { padding: 0 0 4px; font-family: ${FONT}; }
pre { margin: 0; font: 11.5px/17px ${MONO}; background: #f5f5f7; padding: 10px 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
pre:focus-visible { outline: 2px solid #3d55e0; outline-offset: 2px; }
.glyph { margin-right: 7px; vertical-align: -.5px; }
td .glyph { margin-right: 5px; }
ul { columns: 2; column-gap: 32px; list-style: none; margin: 0; padding: 0; font-size: 13px; line-height: 1.5; }
li { position: relative; padding-left: 14px; margin-bottom: 5px; break-inside: avoid; }
li::before { content: "–"; position: absolute; left: 0; color: ${paper.text3}; }
@media (max-width: 760px) { main { margin: 0; padding: 28px 20px; box-shadow: none; } ul { columns: 1; } }
@page { margin: 18mm 16mm; @bottom-left { content: 'Pager Workbench'; font: 8pt ${FONT}; color: ${paper.text3}; } @bottom-right { content: counter(page) ' / ' counter(pages); font: 8pt ${FONT}; color: ${paper.text3}; } }
@media print {
  body { background: none; font-size: 10.5pt; }
  main { margin: 0; padding: 0; max-width: none; box-shadow: none; }
  .wide { overflow: visible; }
  thead { display: table-header-group; }
  tr, li { break-inside: avoid; }
  pre { background: none; border: solid ${paper.line}; border-width: 1px 0; padding: 8px 0; font-size: 8.5pt; line-height: 1.45; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`
