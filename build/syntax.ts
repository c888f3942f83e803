/** What the plugins of the build share: a module's syntax tree, and changes to its text. */
import { parseSync } from 'vite'

export interface Node {
  type: string
  start: number
  end: number
  [field: string]: unknown
}

/** `text` for what stands from `start` to `end`. */
export interface Edit {
  start: number
  end: number
  text: string
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value

export const list = (value: unknown): Node[] => (Array.isArray(value) ? value.filter(isNode) : [])
export const nameOf = (value: unknown): string => (isNode(value) ? String(value['name'] ?? value['value']) : '')

export function parse(code: string): Node {
  const program: unknown = parseSync('module.ts', code).program
  if (!isNode(program)) throw new Error('what was parsed is no program')
  return program
}

export function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    if (isNode(value)) yield value
    else yield* list(value)
  }
}

export function* nodesOf(node: Node): Generator<Node> {
  yield node
  for (const child of childrenOf(node)) yield* nodesOf(child)
}

/** The text with edits made, which must not overlap. */
export function edited(code: string, edits: readonly Edit[]): string {
  let text = code
  for (const edit of edits.toSorted((a, b) => b.start - a.start))
    text = text.slice(0, edit.start) + edit.text + text.slice(edit.end)
  return text
}
