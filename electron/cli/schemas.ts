/**
 * The JSON Schemas of files that people write, for editors: docs/*.schema.json. Run this file to write them anew after a schema in
 * electron/contract/ has changed.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { experimentFileSchema } from '../contract/experiment.ts'
import { sweepInputSchema } from '../contract/sweep.ts'

const documented = [
  {
    name: 'experiment',
    schema: experimentFileSchema,
    head: {
      title: 'Experiment of Pager Workbench',
      description: 'What "pager run" runs: a machine, its swap devices, and what its processes do.',
    },
  },
  {
    name: 'sweep',
    schema: sweepInputSchema,
    head: {
      title: 'Sweep of Pager Workbench',
      description: 'What "pager sweep" runs: an experiment with lists of values, a run for each combination.',
    },
  },
]

/** Each file with the text that it should hold. */
export const schemaFiles = documented.map(({ name, schema, head }) => ({
  path: fileURLToPath(new URL(`../../docs/${name}.schema.json`, import.meta.url)),
  text: `${JSON.stringify({ ...head, ...jsonSchemaOf(schema) }, null, 2)}\n`,
}))

/** An experiment within another file is said by reference to its own schema. */
function jsonSchemaOf(schema: z.ZodType) {
  return z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== experimentFileSchema || schema === experimentFileSchema) return
      for (const name of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, name)
      jsonSchema.$ref = 'experiment.schema.json'
    },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { path, text } of schemaFiles) writeFileSync(path, text)
