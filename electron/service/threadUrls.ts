/**
 * Where the service's threads are: the sources beside this file, and in a build the bundles that the build makes of
 * every file named so.
 */
export const threadUrls = {
  engine: new URL('./threads/engine.ts', import.meta.url),
  writer: new URL('./threads/writer.ts', import.meta.url),
  encoder: new URL('./threads/encoder.ts', import.meta.url),
  checkpointer: new URL('./threads/checkpointer.ts', import.meta.url),
  query: new URL('./threads/query.ts', import.meta.url),
  chores: new URL('./threads/chores.ts', import.meta.url),
  tallies: new URL('./threads/tallies.ts', import.meta.url),
  sql: new URL('./threads/sql.ts', import.meta.url),
  recorder: new URL('./threads/recorder.ts', import.meta.url),
  moments: new URL('./threads/moments.ts', import.meta.url),
  memoryNeed: new URL('./threads/memoryNeed.ts', import.meta.url),
  simulation: new URL('./threads/simulation.ts', import.meta.url),
}

/** The project's examples, from which a new workspace is filled. */
export const examplesFolder = new URL('../../examples/', import.meta.url)
