/**
 * A thread that runs a machine has one of it and of each of its parts. V8 makes use of that for functions that are made once: what they close over
 * (the machine, its parts, their columns) is constant, and an access to a column is one instruction and a comparison, in place of loads of the object,
 * the array, its length and its place. So in a bundle
 *
 *  - long methods of the classes that a machine has one of are functions made for the instance: a third fewer instructions a fault;
 *  - private fields are plain ones, and fields without a value are not there until they are assigned: a private field is `undefined` first, so that
 *    V8 sees it change, and does not take it for constant.
 *
 * A second machine in a thread, for which V8 compiles them without constants, takes a tenth more instructions than with methods.
 */
import path from 'node:path'
import type { Plugin } from 'vite'
import { childrenOf, edited, isNode, list, nameOf, parse, type Edit, type Node } from './syntax.ts'

/** Methods with so many characters are bound. V8 compiles long ones on their own, and makes short ones part of those. */
const LONG = 600

/** What a class declares under private names. */
interface Scope {
  name: string
  own: ReadonlySet<string>
}

/** Does so for the TypeScript modules below `folder`; methods are bound in those that are named or lie in a folder that is. */
export function bindMethods(folder: string, bound: readonly string[]): Plugin {
  return {
    name: 'bind-methods',
    enforce: 'pre',
    transform(code, id) {
      if (!id.startsWith(folder) || !id.endsWith('.ts')) return null
      const place = path.relative(folder, id).replaceAll(path.sep, '/')
      const isBound = bound.some((name) => place === name || place.startsWith(`${name}/`))
      const edits: Edit[] = []
      visit(parse(code), [], isBound, edits)
      return { code: edited(code, edits), map: null }
    },
  }
}

function visit(node: Node, scopes: readonly Scope[], isBound: boolean, edits: Edit[]): void {
  if (isInstanceField(node) && node['value'] === null) {
    edits.push({ start: node.start, end: node.end, text: '' })
    return
  }
  if (node.type === 'PrivateIdentifier') {
    const name = nameOf(node)
    const owner = scopes.find(({ own }) => own.has(name))
    if (owner === undefined) throw new Error(`no class declares #${name}`)
    // a subclass may have the same name for another field
    edits.push({ start: node.start, end: node.end, text: `_${owner.name}_${name}` })
  }
  let within = scopes
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') {
    const members = list(isNode(node['body']) ? node['body']['body'] : null)
    const own = members.flatMap(({ key }) => (isNode(key) && key.type === 'PrivateIdentifier' ? [nameOf(key)] : []))
    within = [{ name: nameOf(node['id']), own: new Set(own) }, ...scopes]
    if (isBound) {
      if (node['superClass'] === null) for (const member of members) bind(member, edits)
      // methods of a subclass would be hidden by those of its base class
      else if (!nameOf(node['superClass']).endsWith('Error'))
        throw new Error(
          `${nameOf(node['id'])} extends another class: its module cannot be among those whose methods are bound`,
        )
    }
  }
  for (const child of childrenOf(node)) visit(child, within, isBound, edits)
}

const isInstanceField = (node: Node): boolean =>
  node.type === 'PropertyDefinition' && node['static'] === false && node['computed'] === false

/** `name(a) { ... }` becomes `name = (a) => { ... }`. */
function bind(member: Node, edits: Edit[]): void {
  const { key, value } = member
  if (member.type !== 'MethodDefinition' || member['kind'] !== 'method' || member['static'] === true) return
  if (member['computed'] === true || !isNode(key) || !isNode(value)) return
  const { body } = value
  if (value['generator'] === true || value['async'] === true || !isNode(body)) return
  if (body.end - body.start < LONG) return
  edits.push({ start: key.end, end: key.end, text: ' = ' }, { start: body.start, end: body.start, text: '=> ' })
}
