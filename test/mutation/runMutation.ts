/** Tries whether golden logs notice a planted mistake: on a copy of the engine in a temporary folder, in a process of its own. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Mutation } from './mutations.ts'

const root = path.resolve(import.meta.dirname, '../..')
/** An engine that takes longer has been made to hang, which is noticed too. */
const MOST_MS = 30_000

/** A copy of the engine to plant mistakes in, one at a time. It stays where it is, so that Node keeps what it compiled. */
export class MutationBench {
  readonly #folder: string

  constructor() {
    this.#folder = mkdtempSync(path.join(os.tmpdir(), 'pager-mutation-'))
    writeFileSync(path.join(this.#folder, 'package.json'), '{"type":"module"}')
    cpSync(path.join(root, 'engine'), path.join(this.#folder, 'engine'), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    })
  }

  /** Removes the copy. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** What differs first in each of the mutation's logs, `none` where nothing does. Throws if the mutation does not fit the source. */
  async run(mutation: Mutation): Promise<string[]> {
    const file = path.join(this.#folder, mutation.file)
    const source = readFileSync(file, 'utf8')
    const places = source.split(mutation.find).length - 1
    if (places !== 1) throw new Error(`${mutation.file}: the text to replace occurs ${places} times: ${mutation.find}`)
    writeFileSync(
      file,
      source.replace(mutation.find, () => mutation.replace),
    )
    try {
      return await this.replay(mutation.logs)
    } finally {
      writeFileSync(file, source)
    }
  }

  /** Replays logs on the copy as it is. */
  replay(logs: readonly string[]): Promise<string[]> {
    const paths = logs.map((log) => path.join(root, 'test/conformance', `${log}.jsonl.gz`))
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [path.join(import.meta.dirname, 'replay.ts'), path.join(this.#folder, 'engine'), ...paths],
        { timeout: MOST_MS, env: { ...process.env, NODE_COMPILE_CACHE: path.join(this.#folder, 'compiled') } },
        (error, stdout, stderr) => {
          if (error === null) resolve(parseList(stdout))
          else if (error.killed === true) resolve(['hangs'])
          else reject(new Error(`the replay ended with ${error.code ?? '?'}: ${stderr}`))
        },
      )
    })
  }
}

/** Runs mutations two at a time: what each came to, or why it could not be tried. */
export async function runMutations(list: readonly Mutation[]): Promise<Map<Mutation, string[] | Error>> {
  const results = new Map<Mutation, string[] | Error>()
  const rest = [...list]
  const lane = async (): Promise<void> => {
    const bench = new MutationBench()
    try {
      for (let mutation = rest.shift(); mutation !== undefined; mutation = rest.shift())
        results.set(
          mutation,
          await bench.run(mutation).catch((error: unknown) => new Error('not tried', { cause: error })),
        )
    } finally {
      bench.close()
    }
  }
  await Promise.all([lane(), lane()])
  return results
}

function parseList(text: string): string[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) throw new Error(`no list: ${text}`)
  return list
}
