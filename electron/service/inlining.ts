/** V8's limits up to which it makes functions part of others, for threads and programs that run a machine: the path of a fault is one function with them. */
export const inlining = ['--max-inlined-bytecode-size-cumulative=5000', '--max-inlined-bytecode-size=2000']
