/** A simulation thread: takes the references of a stream piece by piece and runs its share of policies and curves over each. */
import { parentPort, workerData } from 'node:worker_threads'
import { exactCurve, SampledDistances, type MissCurvePoint } from '../../../engine/sim/replacement/missCurve.ts'
import { replacementPolicy } from '../../../engine/sim/replacement/policies/index.ts'
import type { SizeResult, Simulator } from '../../../engine/sim/replacement/simulator.ts'
import { StackDistances } from '../../../engine/sim/replacement/stackDistance.ts'
import type { CurveShape, CurveRequest, SimulationCalls, SimulationData } from '../simulation.ts'
import { serveCalls } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')
const data: SimulationData = workerData
const pageCount = data.pageCount
const request = data.curve

const simulators: Simulator[] = data.policies.map(({ policy, frames }) => replacementPolicy(policy).create(pageCount, frames))
const curve = request === null ? null : makeCurve(request)

serveCalls<SimulationCalls>(parentPort, {
  take(buffer: SharedArrayBuffer, count: number): void {
    const references = new Uint32Array(buffer, 0, count)
    for (const simulator of simulators) simulator.take(references)
    curve?.take(references)
  },
  results: (): SizeResult[][] => simulators.map((simulator) => simulator.results()),
  curve: (frames: number[]): CurveShape => curve?.shape(frames) ?? { footprint: 0, sampledPages: 0, points: [] },
})

interface CurveMaker {
  take(references: Uint32Array): void
  shape(frames: number[]): CurveShape
}

function makeCurve({ rate }: CurveRequest): CurveMaker {
  if (rate === 1) {
    const distances = new StackDistances(pageCount)
    return {
      take: (references) => distances.take(references),
      shape: (frames) => ({ footprint: distances.footprint, sampledPages: distances.footprint, points: points(exactCurve(distances), frames) }),
    }
  }
  const sampled = new SampledDistances(pageCount, rate)
  return {
    take: (references) => sampled.take(references),
    shape: (frames) => ({ footprint: sampled.footprint, sampledPages: sampled.sampledPages, points: points(sampled.curve(), frames) }),
  }
}

const points = (from: { at(frames: number): MissCurvePoint }, frames: number[]): MissCurvePoint[] =>
  frames.map((size) => from.at(size))
