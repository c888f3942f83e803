/** What can be done to a running machine, checked before it is: the machine takes no nonsense halfway through a run. */
import { runningTunables } from '../../engine/sim/administration.ts'
import { ContractError, type Params } from '../contract/contract.ts'
import type { ExperimentFile, ExperimentIssue } from '../contract/experiment.ts'
import type { InterventionWithoutPlace } from './protocol.ts'

const tunables: readonly string[] = runningTunables

/** The contract's flat parameters as an intervention. Throws ContractError `bad-params` with the field. */
export function interventionOf(params: Params<'runs.intervene'>, devices: number): InterventionWithoutPlace {
  const given = <T>(field: string, value: T | undefined): T => {
    if (value !== undefined) return value
    throw refusal({ field, message: `${params.action} needs it` })
  }
  const intervention = ((): InterventionWithoutPlace => {
    switch (params.action) {
      case 'swapon':
      case 'swapoff':
      case 'orphan':
        return { action: params.action, device: given('device', params.device) }
      case 'tunable':
        return { action: 'tunable', name: given('name', params.name), value: given('value', params.value) }
      case 'inject': {
        // the next request in that direction, whatever its number
        const direction = params.name === 'write' ? 'write' : 'read'
        const device = given('device', params.device)
        return { action: 'inject', fault: { device, direction, errno: params.value ?? 5, fromRequest: 0, count: 1 } }
      }
    }
  })()
  const issue = issueOf(intervention, devices, false)
  if (issue) throw refusal(issue)
  return intervention
}

const refusal = ({ field, message }: ExperimentIssue) =>
  new ContractError({ code: 'bad-params', message: `${field}: ${message}`, field })

/** What is wrong with the interventions and injected faults of an experiment. */
export function interventionIssues(file: ExperimentFile): ExperimentIssue[] {
  const devices = file.swap.devices.length
  const hasFiles = file.files !== null
  const at = (place: string, issue: ExperimentIssue | null) => (issue ? [{ field: `${place}.${issue.field}`, message: issue.message }] : [])
  return [
    ...file.faults.flatMap((fault, number) => at(`faults[${number}]`, deviceIssue('device', fault.device, devices, hasFiles))),
    ...file.interventions.flatMap((intervention, number) =>
      at(`interventions[${number}]`, issueOf(intervention, devices, hasFiles)),
    ),
  ]
}

function issueOf(intervention: InterventionWithoutPlace, devices: number, hasFiles: boolean): ExperimentIssue | null {
  if (intervention.action === 'inject') return deviceIssue('fault.device', intervention.fault.device, devices, hasFiles)
  if (intervention.action !== 'tunable') return deviceIssue('device', intervention.device, devices, hasFiles)
  if (!tunables.includes(intervention.name))
    return { field: 'name', message: `"${intervention.name}" cannot be set while the machine runs; ${tunables.join(', ')} can` }
  return Number.isInteger(intervention.value) && intervention.value >= 0
    ? null
    : { field: 'value', message: `${intervention.value} is no whole number from 0 on` }
}

const deviceIssue = (field: string, device: number | 'files', devices: number, hasFiles: boolean): ExperimentIssue | null => {
  if (device === 'files') return hasFiles ? null : { field, message: 'there are no files: the experiment has none' }
  return device < devices ? null : { field, message: `there is no device ${device}; the machine has ${devices}, counted from 0` }
}
