/**
 * The small language in which the gallery says what a result shows.
 *
 *   claim       pagesIn of two <= 0.6 * pagesIn of one        status of tight is livelock
 *   expression  numbers, `METRIC of VARIATION`, + - * / and parentheses
 *
 * A metric is a counter (its growth over the run), `most GAUGE` or `least GAUGE` (over the run), one of a device such as
 * device0.pagesRead, virtualSeconds, or `lines "TEXT"`: lines of the run's log that have that text in them. A variation is
 * named by its id.
 */

/** What a run of a variation came to, as far as claims look at it. */
export interface Measured {
  status: string
  values: ReadonlyMap<string, number>
  /** Lines of its log. */
  log: readonly string[]
}

export class MeasureError extends Error {
  readonly code = 'bad-measure'
  constructor(text: string, why: string) {
    super(`"${text}": ${why}`)
  }
}

export type Expression =
  | { kind: 'number'; value: number }
  | { kind: 'metric'; metric: string; variation: string }
  | { kind: 'lines'; text: string; variation: string }
  | { kind: 'operation'; operator: string; left: Expression; right: Expression }

export type Claim =
  | { kind: 'compare'; comparison: string; left: Expression; right: Expression }
  | { kind: 'status'; variation: string; status: string }

const tokenPattern = /\s*("[^"]*"|[A-Za-z][\w.-]*|\d+(?:\.\d+)?|<=|>=|[-+*/()<>=])/y

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < text.trimEnd().length) {
    const at = tokenPattern.lastIndex
    const match = tokenPattern.exec(text)
    if (!match?.[1]) throw new MeasureError(text, `nothing that can be read at "${text.slice(at)}"`)
    tokens.push(match[1])
  }
  return tokens
}

class Parser {
  readonly #text: string
  readonly #tokens: string[]
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  claim(): Claim {
    const first = this.#tokens[0]
    if (first === 'status' && this.#tokens[1] === 'of') return this.#statusClaim()
    const left = this.expression()
    const comparison = this.#take()
    if (!['<', '<=', '=', '>=', '>'].includes(comparison)) throw this.#error(`"${comparison}" is no comparison`)
    return { kind: 'compare', comparison, left, right: this.expression() }
  }

  #statusClaim(): Claim {
    this.#at = 2
    const variation = this.#take()
    if (this.#take() !== 'is') throw this.#error('expected "status of VARIATION is STATUS"')
    return { kind: 'status', variation, status: this.#take() }
  }

  expression(): Expression {
    let left = this.#product()
    while (this.#tokens[this.#at] === '+' || this.#tokens[this.#at] === '-')
      left = { kind: 'operation', operator: this.#take(), left, right: this.#product() }
    return left
  }

  #product(): Expression {
    let left = this.#term()
    while (this.#tokens[this.#at] === '*' || this.#tokens[this.#at] === '/')
      left = { kind: 'operation', operator: this.#take(), left, right: this.#term() }
    return left
  }

  #term(): Expression {
    const token = this.#take()
    if (token === '(') {
      const inner = this.expression()
      if (this.#take() !== ')') throw this.#error('a parenthesis is not closed')
      return inner
    }
    if (/^\d/.test(token)) return { kind: 'number', value: Number(token) }
    if (!/^[A-Za-z]/.test(token)) throw this.#error(`"${token}" is neither a number nor a metric`)
    const metric = token === 'most' || token === 'least' || token === 'lines' ? `${token} ${this.#take()}` : token
    if (this.#take() !== 'of') throw this.#error(`"of" is missing after ${metric}`)
    const variation = this.#take()
    const [, text] = /^lines "(.*)"$/.exec(metric) ?? []
    return text === undefined ? { kind: 'metric', metric, variation } : { kind: 'lines', text, variation }
  }

  end(): void {
    const rest = this.#tokens[this.#at]
    if (rest !== undefined) throw this.#error(`"${rest}" is too much`)
  }

  #take(): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw this.#error('it ends too early')
    return token
  }

  #error(why: string): MeasureError {
    return new MeasureError(this.#text, why)
  }
}

/** Throws MeasureError. */
export function parseClaim(text: string): Claim {
  const parser = new Parser(text)
  const claim = parser.claim()
  parser.end()
  return claim
}

/** Throws MeasureError. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text)
  const expression = parser.expression()
  parser.end()
  return expression
}

/** The variations that a claim or an expression speaks of. */
export function variationsIn(of: Claim | Expression): string[] {
  if ('variation' in of) return [of.variation]
  return 'left' in of ? [...variationsIn(of.left), ...variationsIn(of.right)] : []
}

/** Its value; null while one of its variations has not run. Throws MeasureError for a metric that a run does not have. */
export function evaluate(expression: Expression, results: ReadonlyMap<string, Measured>): number | null {
  if (expression.kind === 'number') return expression.value
  if (expression.kind === 'metric' || expression.kind === 'lines') {
    const result = results.get(expression.variation)
    if (!result) return null
    if (expression.kind === 'lines') return result.log.filter((line) => line.includes(expression.text)).length
    const value = result.values.get(expression.metric)
    if (value === undefined)
      throw new MeasureError(`${expression.metric} of ${expression.variation}`, 'a run has no such metric')
    return value
  }
  const left = evaluate(expression.left, results)
  const right = evaluate(expression.right, results)
  if (left === null || right === null) return null
  if (expression.operator === '+') return left + right
  if (expression.operator === '-') return left - right
  return expression.operator === '*' ? left * right : left / right
}

export interface Verdict {
  /** null while one of its variations has not run. */
  holds: boolean | null
  /** Both sides of a comparison. */
  left: number | null
  right: number | null
}

export function judge(claim: Claim, results: ReadonlyMap<string, Measured>): Verdict {
  if (claim.kind === 'compare') {
    const left = evaluate(claim.left, results)
    const right = evaluate(claim.right, results)
    return { holds: left === null || right === null ? null : compare(left, claim.comparison, right), left, right }
  }
  const result = results.get(claim.variation)
  return { holds: result ? result.status === claim.status : null, left: null, right: null }
}

function compare(left: number, comparison: string, right: number): boolean {
  if (comparison === '<') return left < right
  if (comparison === '<=') return left <= right
  if (comparison === '=') return left === right
  return comparison === '>=' ? left >= right : left > right
}
