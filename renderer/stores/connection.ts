/** The connection to the workbench service: whether it is there, what it can do, and the way to ask it. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { HostBridge, MetricInfo, Method, Notice, NoticeName, Params, Result } from '../../electron/contract/contract.ts'
import { problemText } from '../notify.ts'

export type WorkbenchInfo = Result<'workbench.info'>

export const useConnection = defineStore('connection', () => {
  const state = ref<'connecting' | 'ready' | 'failed'>('connecting')
  const problem = ref('')
  /** False while the host's connection is interrupted. */
  const connected = ref(true)
  const info = shallowRef<WorkbenchInfo | null>(null)
  const bridge = shallowRef<HostBridge | null>(null)

  /** Connects and asks what the workbench can do. Failure is kept in `state` and `problem`. */
  async function open(connect: () => Promise<HostBridge>): Promise<void> {
    state.value = 'connecting'
    try {
      const host = await connect()
      bridge.value = host
      host.onConnection((isConnected) => {
        connected.value = isConnected
      })
      info.value = await host.request('workbench.info', {})
      state.value = 'ready'
    } catch (error) {
      problem.value = problemText(error)
      state.value = 'failed'
    }
  }

  function host(): HostBridge {
    if (!bridge.value) throw new Error('The workbench is not connected yet')
    return bridge.value
  }

  const request = <M extends Method>(method: M, params: Params<M>): Promise<Result<M>> => host().request(method, params)
  const on = <N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): (() => void) => host().on(name, listener)

  async function refreshInfo(): Promise<void> {
    info.value = await request('workbench.info', {})
  }

  const metrics = computed(() => {
    const byName = new Map<string, MetricInfo>()
    for (const metric of [...(info.value?.counters ?? []), ...(info.value?.gauges ?? [])]) byName.set(metric.name, metric)
    return byName
  })

  /** What a counter or gauge means, with the kernel's own name for it: what is shown on hover. */
  function definitionOf(name: string): string {
    const metric = metrics.value.get(name)
    if (!metric) return ''
    return metric.kernelName === '' ? metric.meaning : `${metric.meaning} (${metric.kernelName})`
  }

  return { state, problem, connected, info, metrics, open, host, request, on, refreshInfo, definitionOf }
})
