/** Fields of a structure on disk, in either byte order. 64-bit fields are numbers: beyond 2^53 they lose their last bits,
 * which does no harm, because nothing on a disk is so large and every use checks its range. */

const TWO_32 = 4294967296

export class Fields {
  readonly bytes: Uint8Array
  readonly isLittleEndian: boolean
  readonly #view: DataView

  constructor(bytes: Uint8Array, isLittleEndian: boolean) {
    this.bytes = bytes
    this.isLittleEndian = isLittleEndian
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(at: number): number {
    return this.bytes[at]!
  }

  u16(at: number): number {
    return this.#view.getUint16(at, this.isLittleEndian)
  }

  u32(at: number): number {
    return this.#view.getUint32(at, this.isLittleEndian)
  }

  i32(at: number): number {
    return this.#view.getInt32(at, this.isLittleEndian)
  }

  i64(at: number): number {
    const low = this.isLittleEndian ? at : at + 4
    const high = this.isLittleEndian ? at + 4 : at
    return this.i32(high) * TWO_32 + this.u32(low)
  }

  setU16(at: number, value: number): void {
    this.#view.setUint16(at, value, this.isLittleEndian)
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, this.isLittleEndian)
  }

  setI64(at: number, value: number): void {
    const low = this.isLittleEndian ? at : at + 4
    const high = this.isLittleEndian ? at + 4 : at
    this.#view.setInt32(high, Math.floor(value / TWO_32), this.isLittleEndian)
    this.setU32(low, value >>> 0)
  }

  /** Text up to the first zero byte. */
  text(at: number, length: number): string {
    const field = this.bytes.subarray(at, at + length)
    const end = field.indexOf(0)
    return decodeText(end < 0 ? field : field.subarray(0, end))
  }
}

const utf8 = new TextDecoder('utf-8')

export function decodeText(bytes: Uint8Array): string {
  return utf8.decode(bytes)
}
