/**
 * From a message of an untrusted window to an answer: the one place where every host checks method and parameters
 * against the contract, asks the workbench, and turns what was thrown into an error that can cross.
 */
import {
  ContractError,
  requests,
  type ContractErrorShape,
  type Method,
  type Params,
  type WorkbenchClient,
} from '../contract/contract.ts'
import { experimentPaths, type PathGrants } from './pathGrants.ts'

export type Answer = { result: unknown } | { error: ContractErrorShape }

/** Asks a person, where no window can answer in their place, whether a window may have a program executed. */
export type ConfirmProgram = (params: Params<'workloads.record'>) => Promise<boolean>

/**
 * Asks the workbench. Never rejects: whatever goes wrong is an answer with `error`. Without `confirmProgram` no window may have a
 * program executed.
 */
export async function answerRequest(
  workbench: WorkbenchClient,
  grants: PathGrants,
  method: unknown,
  params: unknown,
  confirmProgram?: ConfirmProgram,
): Promise<Answer> {
  try {
    if (!isMethod(method))
      throw new ContractError({ code: 'unknown-method', message: `there is no request '${shown(method)}'` })
    checkParams(method, params)
    refuseVariant(params)
    if (method === 'workloads.record') await confirmRecording(params, confirmProgram)
    await checkPaths(workbench, grants, method, params)
    return { result: await workbench.request(method, params) }
  } catch (error) {
    return { error: errorShape(error) }
  }
}

/** What is told of an error: its code, message and field where it has them. */
export function errorShape(error: unknown): ContractErrorShape {
  if (!(error instanceof Error)) return { code: 'internal', message: shown(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'internal'
  const field = 'field' in error && typeof error.field === 'string' ? error.field : undefined
  return { code, message: error.message, ...(field === undefined ? {} : { field }) }
}

const isMethod = (method: unknown): method is Method => typeof method === 'string' && Object.hasOwn(requests, method)

/** No schema of the contract converts or fills in, so parameters that pass are the parameters. */
function checkParams<M extends Method>(method: M, params: unknown): asserts params is Params<M> {
  const { success, error } = requests[method].params.safeParse(params)
  if (success) return
  const issue = error.issues[0]
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.map(String).join('.')
  throw new ContractError({
    code: 'bad-params',
    message: `${method}: ${field ? `${field}: ` : ''}${issue?.message ?? 'parameters that do not fit'}`,
    ...(field ? { field } : {}),
  })
}

/** A variant is a program: a window has nobody's word that it may run one. */
function refuseVariant(params: unknown): void {
  if (typeof params !== 'object' || params === null) return
  if (('variant' in params && params.variant !== undefined) || ('runVariants' in params && params.runVariants === true))
    throw new ContractError({
      code: 'variant-not-trusted',
      message: 'a pager variant is a program with your rights: it is run from the command line, with --variant FILE',
      field: 'variant',
    })
}

/** A recorded program is executed with the person's rights, so the person is asked where the window cannot answer. */
async function confirmRecording(params: unknown, confirmProgram: ConfirmProgram | undefined): Promise<void> {
  checkParams('workloads.record', params)
  if (confirmProgram === undefined)
    throw new ContractError({
      code: 'recording-not-allowed',
      message:
        'programs are executed from a browser only where the workbench was started with --allow-record; ' +
        'the command line does it too: pager record -- PROGRAM',
    })
  if (!(await confirmProgram(params)))
    throw new ContractError({ code: 'cancelled', message: 'the program was not started' })
}

/**
 * An experiment may also name what the workbench knows already, from the command line: its images, and the files of its
 * stored experiments.
 */
async function checkPaths(
  workbench: WorkbenchClient,
  grants: PathGrants,
  method: Method,
  params: unknown,
): Promise<void> {
  const refused = grants.refused(method, params)
  if (refused.length === 0) return
  const known = new Set<string>()
  if (method !== 'images.add' && method !== 'workloads.import') {
    const [images, experiments] = await Promise.all([
      workbench.request('images.list', {}),
      workbench.request('experiments.list', {}),
    ])
    for (const image of images) known.add(image.path)
    for (const { file } of experiments) for (const [, path] of experimentPaths(file)) known.add(path)
  }
  for (const [field, file] of refused) if (!known.has(file)) throw grants.refusal(field, file)
}

const shown = (value: unknown) => String(value).slice(0, 60)
