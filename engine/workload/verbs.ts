/**
 * Verbs: what a process does besides referencing memory. Each stands at a place in the process's stream: it is done before
 * reference number `at` (counted from 0) is made. Addresses are virtual page numbers, lengths are pages.
 */
import type { Advice } from '../vm/addressSpace.ts'

export type VerbAction =
  /** Process number `child` of the machine begins, with a copy of this one's memory. */
  | { verb: 'fork'; child: number }
  /** Process number `child` begins with an address space of its own, as its stream wants it: posix_spawn, or fork and exec at once. */
  | { verb: 'spawn'; child: number }
  /** Waits until process `child` has ended. */
  | { verb: 'wait'; child: number }
  /** The address space is made anew, as the stream wants it. */
  | { verb: 'exec' }
  | { verb: 'exit' }
  /** Anonymous memory over a range, private, or a shared memory object from page `offset` on. */
  | { verb: 'map'; page: number; pages: number; object: string; offset: number }
  | { verb: 'unmap'; page: number; pages: number }
  | { verb: 'protect'; page: number; pages: number; access: 'none' | 'read' | 'write' }
  /** Brings the pages of a range in and keeps them; gives them up again. */
  | { verb: 'lock'; page: number; pages: number }
  | { verb: 'unlock'; page: number; pages: number }
  | { verb: 'madvise'; page: number; pages: number; advice: Advice }
  /** MADV_PROTECT: the process is not killed when memory runs out. */
  | { verb: 'protect-process' }
  /** A shared memory object is made or found by its name; its size is set; its name goes, and with the last mapping it. */
  | { verb: 'shm-open'; object: string; pages: number }
  | { verb: 'shm-truncate'; object: string; pages: number }
  | { verb: 'shm-unlink'; object: string }
  /**
   * A memory disk of swap, mapped by its name as shared memory is; `isReserved`: each page has a swap block from the beginning, and holds what the block
   * holds until it is written to.
   */
  | { verb: 'memory-disk'; object: string; pages: number; isReserved: boolean }
  /**
   * Files of the experiment by name, offsets and lengths in bytes: read(2), write(2) (O_SYNC or not, O_DIRECT or not), ftruncate(2),
   * fsync(2), sync(2).
   */
  | { verb: 'file-read'; file: string; offset: number; bytes: number; isDirect?: boolean }
  | { verb: 'file-write'; file: string; offset: number; bytes: number; isSync: boolean; isDirect?: boolean }
  | { verb: 'file-truncate'; file: string; bytes: number }
  /** Another descriptor of a file, or one less; each is open once when the machine starts. */
  | { verb: 'file-open'; file: string }
  | { verb: 'file-close'; file: string }
  /** The name goes, and the file with the last who has it open or mapped. */
  | { verb: 'file-unlink'; file: string }
  /** The kernel takes the vnode of a file for another one, whoever uses it. */
  | { verb: 'file-reclaim'; file: string }
  | { verb: 'file-unmount'; isForced: boolean }
  | { verb: 'file-mount' }
  | { verb: 'file-sync'; file: string }
  | { verb: 'sync' }
  /** The file system is suspended for some virtual seconds, as for a snapshot; the process waits until it is resumed. */
  | { verb: 'file-suspend'; seconds: number }
  /** sendfile(2) of bytes of a file (0: all from `offset` on) to a network that takes so many a second. */
  | { verb: 'file-send'; file: string; offset: number; bytes: number; bytesPerSecond: number }
  /** A shared mapping of a file from page `offset` of it on. */
  | { verb: 'file-map'; page: number; pages: number; file: string; offset: number }
  /** RLIMIT_SWAP, as the limit call returns it. */
  | { verb: 'limit-swap'; bytes: number }

export type Verb = VerbAction & { at: number }

/**
 * What is wrong with the verbs of a process, one of `processes`, and where (`processes[0].verbs[2].at`). `areOrdered`: they are performed in the order in
 * which they stand, not put in order first.
 */
export function* verbIssues(
  process: number,
  verbs: readonly Verb[],
  processes: number,
  areOrdered: boolean,
): Generator<{ field: string; message: string }> {
  for (const [number, verb] of verbs.entries()) {
    const field = `processes[${process}].verbs[${number}]`
    const before = verbs[number - 1]
    if (areOrdered && before && verb.at < before.at)
      yield { field: `${field}.at`, message: 'verbs must stand in the order of their places' }
    if ('child' in verb && (verb.child >= processes || verb.child === process))
      yield { field: `${field}.child`, message: `there is no other process ${verb.child}` }
  }
}

/** What a workload itself says of its processes. `child` is another process of the workload; `map` is of private anonymous memory. */
export type WorkloadVerb = Extract<Verb, { verb: 'fork' | 'spawn' | 'wait' | 'map' }>

export const verbNames = [
  'fork',
  'wait',
  'exec',
  'exit',
  'map',
  'unmap',
  'protect',
  'lock',
  'unlock',
  'madvise',
  'protect-process',
  'shm-open',
  'shm-truncate',
  'shm-unlink',
  'memory-disk',
  'limit-swap',
  'file-read',
  'file-write',
  'file-truncate',
  'file-open',
  'file-close',
  'file-unlink',
  'file-reclaim',
  'file-unmount',
  'file-mount',
  'file-sync',
  'sync',
  'file-map',
  'file-suspend',
  'file-send',
  'spawn',
] as const satisfies readonly VerbAction['verb'][]
