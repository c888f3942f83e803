/** What comes from a host is checked at the border: what is not of the contract is an error here, not somewhere later. */
import { config } from 'zod'
import {
  ContractError,
  notices,
  requests,
  type Method,
  type Notice,
  type NoticeName,
  type Result,
} from '../../electron/contract/contract.ts'

// zod would try whether it may compile its schemas with eval; the page's policy forbids that, and reports the attempt
config({ jitless: true })

/** The result, known to be of the contract. Throws a ContractError (`bad-result`). */
export function checkedResult<M extends Method>(method: M, result: unknown): Result<M> {
  if (isResult(method, result)) return result
  throw new ContractError({
    code: 'bad-result',
    message: `the host's answer to ${method} is not what the contract says: window and host are of different versions; reload`,
  })
}

const isResult = <M extends Method>(method: M, result: unknown): result is Result<M> =>
  requests[method].result.safeParse(result).success

export const isNoticeName = (name: unknown): name is NoticeName =>
  typeof name === 'string' && Object.hasOwn(notices, name)

export const isNotice = <N extends NoticeName>(name: N, data: unknown): data is Notice<N> =>
  notices[name].safeParse(data).success

/** Reactive objects are proxies, which cannot cross to another process: what crosses is what they show. */
export const plain = (params: unknown): unknown => JSON.parse(JSON.stringify(params))
