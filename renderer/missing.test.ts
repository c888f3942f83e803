import { expect, it } from 'vitest'
import { missingAt, type Known } from './missing.ts'
import { parseRoute } from './router.ts'

const nothing: Known = { experiment: () => true, workload: () => true, sweep: () => true, report: () => true, gallery: () => true }
const all: Known = { experiment: () => false, workload: () => false, sweep: () => false, report: () => false, gallery: () => false }
const wayBack = (hash: string, lacks: Known) => missingAt(parseRoute(hash), lacks)?.to ?? null

it('what an address names and is not there is said, with the way back to where it would be', () => {
  expect(missingAt(parseRoute('#/sweeps/9'), nothing)?.title).toBe('There is no sweep 9')
  expect(['#/bench/4', '#/need/2', '#/reports/9', '#/gallery/no-such', '#/nowhere'].map((hash) => wayBack(hash, nothing))).toEqual(['#/bench', '#/workloads', '#/reports', '#/gallery', '#/bench'])
})

it('lists, what is there, and what says so itself are shown', () => {
  for (const hash of ['', '#/sweeps', '#/reports', '#/gallery', '#/runs/9', '#/compare/1,9', '#/settings']) expect(wayBack(hash, nothing)).toBeNull()
  for (const hash of ['#/sweeps/9', '#/reports/9', '#/gallery/no-such', '#/bench/4']) expect(wayBack(hash, all)).toBeNull()
})
