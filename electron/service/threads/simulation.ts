/** A simulation thread: takes the references of a stream piece by piece and runs its share of policies and curves over each. */
import { parentPort } from 'node:worker_threads'
import { exactCurve, SampledDistances, type MissCurve } from '../../../engine/sim/replacement/missCurve.ts'
import { replacementPolicy } from '../../../engine/sim/replacement/policies/index.ts'
import type { Simulator } from '../../../engine/sim/replacement/simulator.ts'
import { StackDistances } from '../../../engine/sim/replacement/stackDistance.ts'
import type { CurveRequest, CurveShape, SimulationCalls } from '../simulation.ts'
import { serveCalls } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')

let simulators: Simulator[] = []
let curve: CurveMaker | null = null

serveCalls<SimulationCalls>(parentPort, {
  start({ pageCount, policies, curve: request }) {
    simulators = policies.map(({ policy, frames }) => replacementPolicy(policy).create(pageCount, frames))
    curve = request && makeCurve(pageCount, request)
  },
  take(buffer, count) {
    const references = new Uint32Array(buffer, 0, count)
    for (const simulator of simulators) simulator.take(references)
    curve?.take(references)
  },
  results: () => simulators.map((simulator) => simulator.results()),
  curve(frames) {
    if (!curve) throw new Error('the thread was not asked for a curve')
    return curve.shape(frames)
  },
})

interface CurveMaker {
  take(references: Uint32Array): void
  shape(frames: number[]): CurveShape
}

function makeCurve(pageCount: number, { rate }: CurveRequest): CurveMaker {
  if (rate === 1) {
    const distances = new StackDistances(pageCount)
    return {
      take: (references) => distances.take(references),
      shape: (frames) => shapeOf(exactCurve(distances), distances.footprint, frames),
    }
  }
  const sampled = new SampledDistances(pageCount, rate)
  return {
    take: (references) => sampled.take(references),
    shape: (frames) => shapeOf(sampled.curve(), sampled.sampledPages, frames),
  }
}

function shapeOf(curve: MissCurve, sampledPages: number, frames: number[]): CurveShape {
  return { footprint: curve.footprint, sampledPages, points: frames.map((size) => curve.at(size)) }
}
