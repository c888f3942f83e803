/**
 * The experiment file's JSON Schema, for editors: docs/experiment.schema.json. Run this file to write it anew after the
 * schema in electron/contract/experiment.ts has changed.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { experimentFileSchema } from '../contract/experiment.ts'

export const schemaFile = fileURLToPath(new URL('../../docs/experiment.schema.json', import.meta.url))

/** The text of the schema's file. */
export function experimentSchemaText(): string {
  const schema = z.toJSONSchema(experimentFileSchema, { io: 'input', target: 'draft-2020-12' })
  const head = { title: 'Experiment of Pager Workbench', description: 'What "pager run" runs: a machine, its swap devices, and what its processes do.' }
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(schemaFile, experimentSchemaText())
