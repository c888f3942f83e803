/** A workbench for tests of the hosts: answers what the test says, remembers what it was asked, sends notices on demand. */
import {
  ContractError,
  type Method,
  type Notice,
  type NoticeName,
  type Params,
  type Result,
  type WorkbenchClient,
} from '../../electron/contract/contract.ts'

export class ScriptedWorkbench implements WorkbenchClient {
  readonly asked: { method: string; params: unknown }[] = []
  readonly #answers = new Map<string, (params: any) => unknown>()
  readonly #listeners = new Map<string, Set<(notice: any) => void>>()

  constructor(workspace: string) {
    const info: Result<'workbench.info'> = {
      contractVersion: 1,
      engineVersion: '0',
      host: 'browser',
      workspace,
      workspaceBytes: 0,
      generators: [],
      timingModels: [],
      importFormats: [],
      daemons: [],
      defects: [],
      counters: [],
      gauges: [],
      sampleColumns: [],
      eventKinds: [],
      electron: null,
    }
    this.answer('workbench.info', () => info)
  }

  answer<M extends Method>(method: M, handler: (params: Params<M>) => Result<M> | Promise<Result<M>>): this {
    this.#answers.set(method, handler)
    return this
  }

  async request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    this.asked.push({ method, params })
    const handler = this.#answers.get(method)
    if (!handler) throw new ContractError({ code: 'not-scripted', message: `the test has no answer for ${method}` })
    return (await handler(params)) as Result<M>
  }

  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set.add(listener))
    return () => set.delete(listener)
  }

  notify<N extends NoticeName>(name: N, notice: Notice<N>): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(notice)
  }

  listeners(name: NoticeName): number {
    return this.#listeners.get(name)?.size ?? 0
  }
}
