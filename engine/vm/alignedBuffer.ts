/**
 * Memory that begins at a page of the host's.
 *
 * An ordinary ArrayBuffer begins some bytes behind one, and on some processors a system call moves bytes between the host's page cache
 * and such a place several times slower than to a page's beginning. A WebAssembly memory is an ArrayBuffer like any other, but aligned.
 */

/** The largest WebAssembly memory, and what its size is counted in, bytes. */
const MOST = 4 * 1024 * 1024 * 1024
const UNIT = 65536

declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer }
}

/** Zeroed memory of at least `lengthBytes` bytes: aligned where the host can have it so, which it cannot beyond 4 GiB. */
export function alignedBuffer(lengthBytes: number): ArrayBuffer {
  const units = Math.ceil(lengthBytes / UNIT)
  if (units * UNIT > MOST) return new ArrayBuffer(lengthBytes)
  try {
    return new WebAssembly.Memory({ initial: units, maximum: units }).buffer
  } catch (error) {
    // each takes some GiB of addresses, of which a host may have too few
    if (error instanceof RangeError) return new ArrayBuffer(lengthBytes)
    throw error
  }
}
