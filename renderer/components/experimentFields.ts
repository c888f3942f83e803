/** The sentence that the experiment's schema has for each field, so that window and schema never differ. */
import { z } from 'zod'
import { experimentFileSchema } from '../../electron/contract/experiment.ts'

/** The part of a JSON schema that is read here. */
interface SchemaNode {
  description?: string | undefined
  properties?: Record<string, SchemaNode> | undefined
  items?: SchemaNode | undefined
  anyOf?: SchemaNode[] | undefined
}

const nodeSchema: z.ZodType<SchemaNode> = z.lazy(() =>
  z.object({
    description: z.string().optional(),
    properties: z.record(z.string(), nodeSchema).optional(),
    items: nodeSchema.optional(),
    anyOf: z.array(nodeSchema).optional(),
  }),
)

let root: SchemaNode | undefined

function child(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  if (!node) return undefined
  if (name === '') return node.items
  const direct = node.properties?.[name]
  if (direct) return direct
  for (const branch of node.anyOf ?? []) {
    const found = child(branch, name)
    if (found) return found
  }
  return undefined
}

/** What a field means: `swap.devices[0].image` -> its sentence; '' if the schema has none. */
export function describeField(path: string): string {
  if (path === '') return ''
  root ??= nodeSchema.parse(z.toJSONSchema(experimentFileSchema, { io: 'input', unrepresentable: 'any', reused: 'inline' }))
  const names = path.replace(/\[\d*\]/g, '.').split('.')
  let node: SchemaNode | undefined = root
  for (const name of path.endsWith(']') ? names.slice(0, -1) : names) node = child(node, name)
  // a field that may be null has its sentence on the other branch
  return node?.description ?? node?.anyOf?.find((branch) => branch.description)?.description ?? ''
}
