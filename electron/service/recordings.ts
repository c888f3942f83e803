/** Recordings of programs under way: a thread each, from the request that starts one to its job's last notice. */
import { ContractError, type Params, type WorkloadInfo } from '../contract/contract.ts'
import type { WorkspacePaths } from '../../db/workspace.ts'
import type { Notices } from './notices.ts'
import type { RecorderCalls, RecorderSaid } from './protocol.ts'
import { findProgram, findValgrind } from './recording/valgrind.ts'
import { ThreadClient } from './threadCalls.ts'
import { threadUrls } from './threadUrls.ts'

const RECORDER_LIMITS = { maxOldGenerationSizeMb: 2048 }

export class Recordings {
  readonly #paths: WorkspacePaths
  readonly #notices: Notices
  readonly #threads = new Map<number, ThreadClient<RecorderCalls, RecorderSaid>>()

  constructor(paths: WorkspacePaths, notices: Notices) {
    this.#paths = paths
    this.#notices = notices
  }

  /** Throws ContractError `no-valgrind`, `no-program` at once, so that a request that cannot be met is no job. */
  check({ program, directory }: Params<'workloads.record'>): void {
    findValgrind()
    findProgram(program, directory === '' ? this.#paths.directory : directory)
  }

  /** Records as `job`. Throws what the recorder throws; `cancelled` where it was dropped. */
  async record(job: number, { output, ...params }: Params<'workloads.record'>): Promise<WorkloadInfo> {
    const thread = new ThreadClient<RecorderCalls, RecorderSaid>(threadUrls.recorder, 'the recorder', {
      data: { workspace: this.#paths.directory },
      limits: RECORDER_LIMITS,
      onSaid: (said) => {
        if (said.type === 'progress') this.#notices.send('recording.progress', { job, ...said.progress })
        else this.#notices.send('recording.output', { job, stream: said.stream, text: said.text })
      },
    })
    this.#threads.set(job, thread)
    try {
      return await thread.call('record', { ...params, inheritStreams: output === 'terminal' })
    } finally {
      this.#threads.delete(job)
      await thread.end()
    }
  }

  /** Ends one; keeps what it has, or drops it. Throws ContractError `not-running`. */
  async end(job: number, keep: boolean): Promise<void> {
    const thread = this.#threads.get(job)
    if (!thread) throw new ContractError({ code: 'not-running', message: `there is no recording ${job} under way`, field: 'job' })
    await thread.call('end', keep)
  }

  has(job: number): boolean {
    return this.#threads.has(job)
  }
}
