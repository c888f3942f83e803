/** pager gallery: lists the gallery's experiments, or runs one and says whether what its text claims holds. */
import { figureText, withFigures, type GalleryItem } from '../../contract/gallery.ts'
import { judge, parseClaim } from '../../contract/galleryMeasure.ts'
import { galleryTag, measurePolicy, measureRun, shownValue, type VariationResult } from '../../contract/galleryRun.ts'
import { readGallery } from '../../service/gallery.ts'
import { withWorkbench } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { followRun } from '../follow.ts'
import { seconds, table } from '../terminal.ts'

export const gallery: Command = {
  help: `
pager gallery [NAME] [options]

Without a name: lists the ready experiments that show a known effect. With one: runs its variations in the workspace, prints
what it is about and the figures that show it, and says whether what it claims holds.

  --question        print what there is to read before the result, and the question; run nothing
${commonHelp}

Exit status: 0 all claims hold; 1 one does not; 2 there is no such experiment.`,

  async run(args) {
    const { values, positionals } = parse(args, { question: { type: 'boolean' } })
    const items = readGallery()
    const [name, second] = positionals
    if (second !== undefined) throw new UsageError(`one experiment only; "${second}" is too much`)
    if (name === undefined) {
      if (values.question) throw new UsageError('--question is about one experiment; which?')
      list(items, values.json === true)
      return 0
    }
    const item = items.find((each) => each.name === name)
    if (!item)
      throw new UsageError(
        `the gallery has no experiment "${name}"; it has ${items.map((each) => each.name).join(', ')}`,
      )
    if (values.question) {
      if (values.json) printJson({ name, question: item.question, choices: item.choices.map(({ text }) => text) })
      else print([item.title, ...item.before, question(item)].join('\n\n'))
      return 0
    }
    const results = await runAll(item, workspaceOf(values.workspace))
    const claims = item.claims.map(({ text, holds }) => ({ text, claim: holds, ...judge(parseClaim(holds), results) }))
    if (values.json)
      printJson({
        name,
        claims,
        variations: item.variations.map(({ id }) => {
          const result = results.get(id)
          return {
            id,
            run: result?.run ?? null,
            status: result?.status,
            values: Object.fromEntries(result?.values ?? []),
          }
        }),
      })
    else
      print(
        [
          item.title,
          ...item.before,
          resultTable(item, results),
          ...item.after.map((paragraph) => withFigures(paragraph, results)),
          claims.map(({ text, holds }) => `  ${holds === true ? 'holds' : 'DOES NOT HOLD'}: ${text}`).join('\n'),
        ].join('\n\n'),
      )
    return claims.every(({ holds }) => holds === true) ? 0 : 1
  },
}

function list(items: readonly GalleryItem[], asJson: boolean): void {
  if (asJson)
    printJson({ experiments: items.map(({ name, chapter, title, subtitle }) => ({ name, chapter, title, subtitle })) })
  else
    print(
      table(
        ['name', 'title', 'effect', 'chapter'],
        items.map((item) => [item.name, item.title, item.subtitle, item.chapter]),
      ),
    )
}

const question = (item: GalleryItem): string =>
  [item.question, ...item.choices.map(({ text }, number) => `  ${number + 1}. ${text}`)].join('\n')

function runAll(item: GalleryItem, workspace: string): Promise<Map<string, VariationResult>> {
  return withWorkbench(workspace, async (client) => {
    const info = await client.request('workbench.info', {})
    const results = new Map<string, VariationResult>()
    for (const { id, policy, file } of item.variations)
      if (policy === null) {
        const { id: run } = await followRun(client, () =>
          client.request('runs.start', { file, record: true, startPaused: false }),
        )
        await client.request('runs.annotate', { id: run, tags: [galleryTag(item, id)] })
        results.set(id, await measureRun(client, info, run))
      } else results.set(id, await measurePolicy(client, item, id))
    return results
  })
}

function resultTable(item: GalleryItem, results: ReadonlyMap<string, VariationResult>): string {
  const head = [
    'variation',
    ...item.shows.map(({ title, unit }) => `${title}${unit === '' ? '' : `, ${unit}`}#`),
    'end',
    'wall time#',
  ]
  const rows = item.variations.flatMap(({ id, title }) => {
    const result = results.get(id)
    if (!result) return []
    return [
      [
        title,
        ...item.shows.map((shown) => figureText(shownValue(shown, id, results) ?? NaN)),
        result.status,
        seconds(result.seconds),
      ],
    ]
  })
  return table(head, rows)
}
