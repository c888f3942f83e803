/**
 * Loops over columns as WebAssembly, written in TypeScript: what such a program does is said by calls on values and tables, and
 * becomes machine code in which neither bounds nor detached buffers are looked for at each access, as they are for typed arrays. Where a loop
 * reads and writes a dozen tables at hash addresses that is four times as quick.
 *
 *     const program = new Program()
 *     const squares = program.table('i32', 100)
 *     program.define('square', (count) => {
 *       program.count(count, (i) => squares.put(i, i.times(i)))
 *       return program.constant(0)
 *     })
 *     const { run, view } = program.start()
 *     run('square', 10)
 *     view(squares)[3]   // 9
 *
 * A value (Int, Float, Vector) is an expression that is computed anew wherever it is used; what is used twice is put into a variable. Ints
 * are 32 bits, with sign where it matters; Floats are doubles; a Vector is four Ints or two Floats side by side. There is no check of an index against its table: the memory is the program's
 * own, so a wrong one reads or writes another table of it, or ends in an exception of the host's.
 */

declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer }
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> }
}

type Code = readonly number[]

/** Room for so many rows at least: those of a full chunk. */
const ROWS_MIN = 65536

/** One of what `make` makes for all of a thread: it is made when it is asked for, and anew when it has room for too few rows. */
export function withRoom<Made extends { rowsMax: number }>(make: (rowsMax: number) => Made): (rows: number) => Made {
  let largest: Made | undefined
  return (rows) => {
    if (!largest || largest.rowsMax < rows) largest = make(Math.max(ROWS_MIN, rows))
    return largest
  }
}

/** An expression of 32 bits. Comparisons answer 1 or 0, and take their sides with sign. */
export class Int {
  readonly code: Code

  constructor(code: Code) {
    this.code = code
  }

  plus = (other: Int | number) => this.#with(0x6a, other)
  minus = (other: Int | number) => this.#with(0x6b, other)
  times = (other: Int | number) => this.#with(0x6c, other)
  and = (other: Int | number) => this.#with(0x71, other)
  or = (other: Int | number) => this.#with(0x72, other)
  xor = (other: Int | number) => this.#with(0x73, other)
  shiftLeft = (bits: Int | number) => this.#with(0x74, bits)
  shiftRight = (bits: Int | number) => this.#with(0x75, bits)
  shiftRightUnsigned = (bits: Int | number) => this.#with(0x76, bits)
  equals = (other: Int | number) => this.#with(0x46, other)
  differs = (other: Int | number) => this.#with(0x47, other)
  isBelow = (other: Int | number) => this.#with(0x48, other)
  isAbove = (other: Int | number) => this.#with(0x4a, other)
  isAtMost = (other: Int | number) => this.#with(0x4c, other)
  isAtLeast = (other: Int | number) => this.#with(0x4e, other)
  isZero = () => new Int([...this.code, 0x45])
  leadingZeros = () => new Int([...this.code, 0x67])
  trailingZeros = () => new Int([...this.code, 0x68])
  bitCount = () => new Int([...this.code, 0x69])
  toFloat = () => new Float([...this.code, 0xb7])
  /** The first of two values where this is not 0, else the second; both are computed. */
  choose<T extends Int | Float>(first: T, second: T): T
  choose(first: Int | Float, second: Int | Float): Int | Float {
    const code = [...first.code, ...second.code, ...this.code, 0x1b]
    return first instanceof Int ? new Int(code) : new Float(code)
  }
  atMost = (other: Int) => this.isBelow(other).choose<Int>(this, other)
  atLeast = (other: Int) => this.isAbove(other).choose<Int>(this, other)

  #with(operation: number, other: Int | number): Int {
    return new Int([...this.code, ...intOf(other).code, operation])
  }
}

/** An expression of a double. */
export class Float {
  readonly code: Code

  constructor(code: Code) {
    this.code = code
  }

  plus = (other: Float) => new Float([...this.code, ...other.code, 0xa0])
  minus = (other: Float) => new Float([...this.code, ...other.code, 0xa1])
  times = (other: Float) => new Float([...this.code, ...other.code, 0xa2])
  absolute = () => new Float([...this.code, 0x99])
  floor = () => new Float([...this.code, 0x9c])
  equals = (other: Float) => new Int([...this.code, ...other.code, 0x61])
  differs = (other: Float) => new Int([...this.code, ...other.code, 0x62])
  isBelow = (other: Float) => new Int([...this.code, ...other.code, 0x63])
  isAbove = (other: Float) => new Int([...this.code, ...other.code, 0x64])
  isAtMost = (other: Float) => new Int([...this.code, ...other.code, 0x65])
  isAtLeast = (other: Float) => new Int([...this.code, ...other.code, 0x66])
  /** The lowest 32 bits of a whole number of magnitude up to 2^51, as `| 0` has them: of larger ones it is something or other. */
  toInt = () => new Int([...this.plus(floatOf(UNITS_LAST)).code, 0xbd, 0xa7])
  /** The whole part as 32 bits without sign; 0 below 0 and for NaN, all bits where it is too large. */
  toUnsigned = () => new Int([...this.code, 0xfc, 0x03])
}

/** Sixteen bytes: four Ints or two Floats, whichever an operation takes them for. What is true of a lane is all ones in it. */
export class Vector {
  readonly code: Code

  constructor(code: Code) {
    this.code = code
  }

  plus = (other: Vector) => this.#with(0xae, other)
  minus = (other: Vector) => this.#with(0xb1, other)
  and = (other: Vector) => this.#with(0x4e, other)
  or = (other: Vector) => this.#with(0x50, other)
  xor = (other: Vector) => this.#with(0x51, other)
  shiftLeft = (bits: number) => this.#shifted(0xab, bits)
  shiftRight = (bits: number) => this.#shifted(0xac, bits)
  differs = (other: Vector) => this.#with(0x38, other)
  isAbove = (other: Vector) => this.#with(0x3b, other)
  minusFloats = (other: Vector) => this.#with(0xf1, other)
  floatsDiffer = (other: Vector) => this.#with(0x48, other)
  /** Two Floats as Ints in the first two lanes: the whole part, or the nearest Int where that is none. */
  toInts = () => new Vector([...this.code, ...vectorOperation(0xfc)])
  /** The Ints of the first two lanes as Floats. */
  toFloats = () => new Vector([...this.code, ...vectorOperation(0xfe)])
  /** The first two lanes of this, then those of another. */
  besides = (other: Vector) => this.#with(0x0d, other, FIRST_HALVES)
  /** For each byte of `places` the byte that stands there in this; 0 where `places` has 128 or more. */
  rearranged = (places: Vector) => this.#with(0x0e, places)
  /** 1 if any bit is set. */
  isAny = () => new Int([...this.code, ...vectorOperation(0x53)])
  /** The first four bytes, without sign, as Ints. */
  bytesToInts = () => new Vector([...this.code, ...vectorOperation(0x89), ...vectorOperation(0xa9)])
  /** Each lane moved up by so many, 0 below. */
  movedUp = (lanes: 1 | 2) => new Vector([...NO_LANES, ...this.code, ...vectorOperation(0x0d), ...movesUp[lanes]])
  /** The last two lanes first. */
  upperHalf = () => new Vector([...this.code, ...this.code, ...vectorOperation(0x0d), ...UPPER_HALVES])
  plusFloats = (other: Vector) => this.#with(0xf0, other)
  lastInt = () => new Int([...this.code, ...vectorOperation(0x1b), 3])
  /** The highest bit of each of the four lanes, that of the first lowest. */
  topBits = () => new Int([...this.code, ...vectorOperation(0xa4)])
  /** The same of two lanes of a Float each. */
  topBitsOfFloats = () => new Int([...this.code, ...vectorOperation(0xc4)])

  #with(operation: number, other: Vector, immediate: Code = []): Vector {
    return new Vector([...this.code, ...other.code, ...vectorOperation(operation), ...immediate])
  }

  #shifted(operation: number, bits: number): Vector {
    return new Vector([...this.code, ...intOf(bits).code, ...vectorOperation(operation)])
  }
}

const FIRST_HALVES: Code = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]

const UPPER_HALVES: Code = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]
const movesUp: Record<1 | 2, Code> = {
  1: [0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
  2: [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
}

const vectorOperation = (operation: number): Code => [0xfd, ...leb(operation)]
const NO_LANES: Code = [...vectorOperation(0x0c), ...Array.from({ length: 16 }, () => 0)]

/** 3 * 2^51: a whole number that is added to it stands in the lowest bits of the sum. */
const UNITS_LAST = 6755399441055744

const intOf = (value: Int | number) => (typeof value === 'number' ? new Int([0x41, ...signedLeb(value | 0)]) : value)
const floatOf = (value: Float | number) =>
  typeof value === 'number' ? new Float([0x44, ...new Uint8Array(new Float64Array([value]).buffer)]) : value

class IntVariable extends Int {
  readonly set: (value: Int | number) => void

  constructor(number: number, emit: (code: Code) => void) {
    super([0x20, ...leb(number)])
    this.set = (value) => emit([...intOf(value).code, 0x21, ...leb(number)])
  }
}

class FloatVariable extends Float {
  readonly set: (value: Float | number) => void

  constructor(number: number, emit: (code: Code) => void) {
    super([0x20, ...leb(number)])
    this.set = (value) => emit([...floatOf(value).code, 0x21, ...leb(number)])
  }
}

class VectorVariable extends Vector {
  readonly set: (value: Vector) => void

  constructor(number: number, emit: (code: Code) => void) {
    super([0x20, ...leb(number)])
    this.set = (value) => emit([...value.code, 0x21, ...leb(number)])
  }
}

/** What the rows of a table are: bytes of one as a power of two, and the operations that load and store it. */
const rowKinds = {
  u8: { shift: 0, load: 0x2d, store: 0x3a, view: Uint8Array },
  u16: { shift: 1, load: 0x2f, store: 0x3b, view: Uint16Array },
  u32: { shift: 2, load: 0x28, store: 0x36, view: Uint32Array },
  i32: { shift: 2, load: 0x28, store: 0x36, view: Int32Array },
  f64: { shift: 3, load: 0x2b, store: 0x39, view: Float64Array },
} as const
type RowKind = keyof typeof rowKinds
type ValueOf<K extends RowKind> = K extends 'f64' ? Float : Int

/** Rows of one kind in the memory of a program, zero at its start. */
export class Table<K extends RowKind> {
  readonly kind: K
  readonly address: number
  readonly length: number
  readonly #emit: (code: Code) => void

  constructor(kind: K, address: number, length: number, emit: (code: Code) => void) {
    this.kind = kind
    this.address = address
    this.length = length
    this.#emit = emit
  }

  at(row: Int | number): ValueOf<K>
  at(row: Int | number): Int | Float {
    const { load } = rowKinds[this.kind]
    const code = [...this.#offset(row), load, ...this.#place()]
    return this.kind === 'f64' ? new Float(code) : new Int(code)
  }

  put(row: Int | number, value: ValueOf<K>): void {
    this.#emit([...this.#offset(row), ...value.code, rowKinds[this.kind].store, ...this.#place()])
  }

  /** Puts the 32 bits of a value, lowest first, from a byte of the table on, wherever that is. */
  putWord(byte: Int, value: Int): void {
    this.#emit([...byte.code, ...value.code, 0x36, 0x00, ...leb(this.address)])
  }

  /** The 32 bits from a byte of the table on, lowest first, wherever that is. */
  wordAt(byte: Int): Int {
    return new Int([...byte.code, 0x28, 0x00, ...leb(this.address)])
  }

  /** Sixteen bytes from a row on. */
  vectorAt(row: Int): Vector {
    return new Vector([...this.#offset(row), ...vectorOperation(0x00), 0x00, ...leb(this.address)])
  }

  putVector(row: Int, value: Vector): void {
    this.#emit([...this.#offset(row), ...value.code, ...vectorOperation(0x0b), 0x00, ...leb(this.address)])
  }

  /** Zeroes all rows. */
  clear(): void {
    this.#emit([
      ...intOf(this.address).code,
      0x41,
      0x00,
      ...intOf(this.length * rowKinds[this.kind].view.BYTES_PER_ELEMENT).code,
      0xfc,
      0x0b,
      0x00,
    ])
  }

  #offset(row: Int | number): Code {
    const { shift } = rowKinds[this.kind]
    return typeof row === 'number' ? intOf(row << shift).code : row.shiftLeft(shift).code
  }

  /** Alignment and address, as they follow a load or store. */
  #place(): Code {
    return [rowKinds[this.kind].shift, ...leb(this.address)]
  }
}

export interface RunningProgram {
  /** Runs a function of the program. */
  run: (name: string, ...parameters: number[]) => number
  /** The rows of a table, to read and write between runs. */
  view: <K extends RowKind>(table: Table<K>) => InstanceType<(typeof rowKinds)[K]['view']>
}

/** Bytes that a table's address is a multiple of: a line of the processor's cache. */
const ALIGNMENT = 64
const UNIT = 65536
const I32 = 0x7f
const F64 = 0x7c
const V128 = 0x7b

export class Program {
  readonly #functions: { name: string; parameters: number; body: number[] }[] = []
  #bytes = ALIGNMENT
  #body: number[] = []
  /** Types of the function's parameters and variables. */
  #variables: number[] = []
  readonly #emit = (code: Code) => void this.#body.push(...code)

  table<K extends RowKind>(kind: K, length: number): Table<K> {
    const table = new Table(kind, this.#bytes, length, this.#emit)
    this.#bytes += Math.ceil((length * rowKinds[kind].view.BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT
    return table
  }

  /** The whole memory as a table, for functions that are told which rows they work on: row 0 stands at address 0. */
  memory<K extends RowKind>(kind: K): Table<K> {
    return new Table(kind, 0, 0, this.#emit)
  }

  /** A function of as many Ints as `body` has parameters, which answers one. What is said within `body` becomes part of it. */
  define(name: string, body: (...parameters: Int[]) => Int): void {
    this.#body = []
    this.#variables = Array.from({ length: body.length }, () => I32)
    const { code } = body(...this.#variables.map((_, number) => new Int([0x20, number])))
    const variables = this.#variables.slice(body.length).flatMap((type) => [1, type])
    const whole = [...leb(variables.length / 2), ...variables, ...this.#body, ...code, 0x0b]
    this.#functions.push({ name, parameters: body.length, body: whole })
  }

  constant = (value: number) => intOf(value)
  float = (value: number) => floatOf(value)
  /** A value in each lane. */
  inEachLane = (value: Int | Float | number) =>
    value instanceof Float
      ? new Vector([...value.code, ...vectorOperation(0x14)])
      : new Vector([...intOf(value).code, ...vectorOperation(0x11)])

  /** A variable of the function; it is given its value wherever this stands, in a loop each time. */
  int(value: Int | number): IntVariable {
    const variable = new IntVariable(this.#variables.push(I32) - 1, this.#emit)
    variable.set(value)
    return variable
  }

  double(value: Float | number): FloatVariable {
    const variable = new FloatVariable(this.#variables.push(F64) - 1, this.#emit)
    variable.set(value)
    return variable
  }

  vector(value: Vector): VectorVariable {
    const variable = new VectorVariable(this.#variables.push(V128) - 1, this.#emit)
    variable.set(value)
    return variable
  }

  if(condition: Int, then: () => void, otherwise?: () => void): void {
    this.#emit([...condition.code, 0x04, 0x40])
    then()
    if (otherwise) {
      this.#emit([0x05])
      otherwise()
    }
    this.#emit([0x0b])
  }

  while(condition: Int, body: () => void): void {
    this.if(condition, () => {
      this.#emit([0x03, 0x40])
      body()
      this.#emit([...condition.code, 0x0d, 0, 0x0b])
    })
  }

  /** For each Int from 0 to `count` - 1. */
  count(count: Int | number, body: (i: Int) => void): void {
    const i = this.int(0)
    this.while(i.isBelow(count), () => {
      body(i)
      i.set(i.plus(1))
    })
  }

  /** Makes the program's memory and its machine code. Throws RangeError where it takes more than 4 GiB, and where the host has no addresses left for the memory. */
  start(): RunningProgram {
    const units = Math.ceil(this.#bytes / UNIT)
    const memory = new WebAssembly.Memory({ initial: units, maximum: units })
    const module = new WebAssembly.Module(this.#module(units))
    const { exports } = new WebAssembly.Instance(module, { host: { memory } })
    return {
      run: (name, ...parameters) => {
        const function_ = exports[name]
        if (typeof function_ !== 'function') throw new RangeError(`the program has no function ${name}`)
        return Number(Reflect.apply(function_, undefined, parameters))
      },
      view: (table) => viewOf(table.kind, memory.buffer, table.address, table.length),
    }
  }

  /** The binary form: a header, then sections of types, imports, functions, exports and bodies. */
  #module(units: number): Uint8Array<ArrayBuffer> {
    const functions = this.#functions
    const section = (id: number, items: readonly Code[]) => {
      const content = [...leb(items.length), ...items.flat()]
      return [id, ...leb(content.length), ...content]
    }
    return Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(
        1,
        functions.map(({ parameters }) => [
          0x60,
          ...leb(parameters),
          ...Array.from({ length: parameters }, () => I32),
          1,
          I32,
        ]),
      ),
      ...section(2, [[...text('host'), ...text('memory'), 0x02, 0x01, ...leb(units), ...leb(units)]]),
      ...section(
        3,
        functions.map((_, i) => leb(i)),
      ),
      ...section(
        7,
        functions.map(({ name }, i) => [...text(name), 0x00, ...leb(i)]),
      ),
      ...section(
        10,
        functions.map(({ body }) => [...leb(body.length), ...body]),
      ),
    ])
  }
}

function viewOf<K extends RowKind>(
  kind: K,
  buffer: ArrayBuffer,
  address: number,
  length: number,
): InstanceType<(typeof rowKinds)[K]['view']>
function viewOf(kind: RowKind, buffer: ArrayBuffer, address: number, length: number) {
  return new rowKinds[kind].view(buffer, address, length)
}

/** A number without sign in groups of seven bits, lowest first. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]
}

/** The same of a number with sign, which the last group's sixth bit tells. */
function signedLeb(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signedLeb(value >> 7)]
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value)
  return [...leb(bytes.length), ...bytes]
}
