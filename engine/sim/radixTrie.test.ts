import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Columns } from './columns.ts'
import { RadixTriePool, trieNodesMax } from './radixTrie.ts'

const largestKey = Number.MAX_SAFE_INTEGER

/** Keys that share digits with each other, lie at the boundaries of words, or lie anywhere. */
const anyKey = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 5000 }),
  fc
    .tuple(
      fc.constantFrom(2 ** 16, 2 ** 31, 2 ** 32, 2 ** 36, 2 ** 48, 2 ** 52, 2 ** 53 - 20),
      fc.integer({ min: -19, max: 19 }),
    )
    .map(([base, offset]) => base + offset),
  fc
    .tuple(fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 2 }))
    .map(([digit, value, low]) => Math.min(16 ** digit * value + low, largestKey)),
  fc.maxSafeNat(),
)

/** One of a few tries, what to do with it, and with which key. */
const anyStep = fc.record({
  trie: fc.integer({ min: 0, max: 2 }),
  what: fc.constantFrom('insert', 'insert', 'insert', 'remove', 'remove', 'near', 'clear'),
  key: anyKey,
  value: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  rare: fc.integer({ min: 0, max: 20 }),
})

/** Inner nodes of a path-compressed trie with these keys: the distinct places at which two neighbours part. */
function innerNodes(keys: Iterable<number>): number {
  const sorted = [...keys].sort((left, right) => left - right)
  const branches = new Set<string>()
  for (let index = 1; index < sorted.length; index++) {
    const left = sorted[index - 1]!.toString(16).padStart(14, '0')
    const right = sorted[index]!.toString(16).padStart(14, '0')
    let common = 0
    while (left[common] === right[common]) common++
    branches.add(left.slice(0, common))
  }
  return branches.size
}

/** A pool beside its model: a Map for each trie. */
class Checked {
  columns = new Columns()
  pool = new RadixTriePool(this.columns, 'trie', 2)
  roots = [0, 0, 0]
  models = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()]

  insert(trie: number, key: number, value: number): void {
    this.roots[trie] = this.pool.insert(this.roots[trie]!, key, value)
    this.models[trie]!.set(key, value)
  }

  remove(trie: number, key: number): void {
    const model = this.models[trie]!
    this.roots[trie] = this.pool.remove(this.roots[trie]!, key)
    expect(this.pool.removedValue).toBe(model.get(key) ?? -1)
    model.delete(key)
  }

  clear(trie: number): void {
    this.pool.clear(this.roots[trie]!)
    this.roots[trie] = 0
    this.models[trie]!.clear()
  }

  checkNear(trie: number, key: number): void {
    const keys = [...this.models[trie]!.keys()].sort((left, right) => left - right)
    const greater = keys.find((candidate) => candidate >= key)
    const less = keys.findLast((candidate) => candidate <= key)
    const root = this.roots[trie]!
    expect(this.pool.lookupGreaterOrEqual(root, key)).toBe(greater === undefined ? -1 : this.models[trie]!.get(greater))
    if (greater !== undefined) expect(this.pool.foundKey).toBe(greater)
    expect(this.pool.lookupLessOrEqual(root, key)).toBe(less === undefined ? -1 : this.models[trie]!.get(less))
    if (less !== undefined) expect(this.pool.foundKey).toBe(less)
  }

  checkAll(): void {
    let keys = 0
    let nodes = 0
    for (const [trie, model] of this.models.entries()) {
      for (const [key, value] of model) {
        expect(this.pool.lookup(this.roots[trie]!, key)).toBe(value)
        for (const other of [key - 1, key + 1, key + 2 ** 32])
          if (other >= 0 && other <= largestKey)
            expect(this.pool.lookup(this.roots[trie]!, other)).toBe(model.get(other) ?? -1)
      }
      keys += model.size
      nodes += innerNodes(model.keys())
    }
    expect(this.pool.keysInUse).toBe(keys)
    expect(this.pool.nodesInUse).toBe(nodes)
  }
}

describe('a pool of radix tries', () => {
  it('does what a map and a sorted list do, whatever the order of operations, and counts its nodes', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120 }), (steps) => {
        const checked = new Checked()
        for (const { trie, what, key, value, rare } of steps) {
          if (what === 'insert') checked.insert(trie, key, value)
          else if (what === 'remove') {
            const known = [...checked.models[trie]!.keys()]
            checked.remove(trie, known.length > 0 && rare > 3 ? known[value % known.length]! : key)
          } else if (what === 'near') checked.checkNear(trie, key)
          else if (rare === 0) checked.clear(trie)
        }
        checked.checkAll()
        for (const { trie, key } of steps) checked.checkNear(trie, key)
        for (const trie of [0, 1, 2]) checked.clear(trie)
        checked.checkAll()
      }),
      { numRuns: 400 },
    )
  })

  it('comes back from a snapshot as it was, and goes on from there as if nothing had happened', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyKey, { minLength: 1, maxLength: 60 }),
        fc.uniqueArray(anyKey, { maxLength: 60 }),
        (before, after) => {
          const checked = new Checked()
          for (const [index, key] of before.entries()) checked.insert(0, key, index)
          const snapshot = checked.columns.save()
          const root = checked.roots[0]!
          const continueFrom = (): number => {
            let trie = root
            for (const key of after) trie = checked.pool.insert(trie, key, 7)
            for (const key of before) trie = checked.pool.remove(trie, key)
            return trie
          }
          const end = continueFrom()
          const endState = checked.columns.save()
          checked.columns.restore(snapshot)
          checked.checkAll()
          expect(continueFrom()).toBe(end)
          expect(checked.columns.save()).toEqual(endState)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('holds a single key without an inner node, and two with one', () => {
    const pool = new RadixTriePool(new Columns(), 'trie', 4)
    const one = pool.insert(0, 2 ** 52 + 5, 1)
    expect(pool.nodesInUse).toBe(0)
    const two = pool.insert(one, 5, 2)
    expect(pool.nodesInUse).toBe(1)
    expect(pool.lookup(two, 2 ** 52 + 5)).toBe(1)
    const again = pool.remove(two, 5)
    expect(pool.nodesInUse).toBe(0)
    expect(pool.remove(again, 2 ** 52 + 5)).toBe(0)
    expect(pool.keysInUse).toBe(0)
  })

  it('refuses a key that needs a node beyond the limit, and changes nothing', () => {
    const columns = new Columns()
    const pool = new RadixTriePool(columns, 'trie', 4)
    expect(pool.limitNodes).toBe(trieNodesMax)
    pool.limitNodes = 1
    const root = pool.insert(pool.insert(0, 1, 10), 2, 20)
    const before = columns.save()
    expect(pool.insert(root, 17, 30)).toBe(-1)
    expect(columns.save()).toEqual(before)
    expect(pool.insert(root, 3, 40)).toBe(root)
    expect(pool.insert(root, 1, 11)).toBe(root)
    expect(pool.lookup(root, 1)).toBe(11)
    pool.limitNodes = 2
    expect(pool.lookup(pool.insert(root, 17, 30), 17)).toBe(30)
  })

  it('finds nothing in an empty trie', () => {
    const pool = new RadixTriePool(new Columns(), 'trie', 0)
    expect(pool.lookup(0, 0)).toBe(-1)
    expect(pool.lookupGreaterOrEqual(0, 0)).toBe(-1)
    expect(pool.lookupLessOrEqual(0, largestKey)).toBe(-1)
    expect(pool.remove(0, 0)).toBe(0)
    pool.clear(0)
    expect(pool.keysInUse).toBe(0)
  })
})
