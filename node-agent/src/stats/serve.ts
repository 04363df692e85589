/** What the agent answers of itself and its pods' usage, by path, to whoever the control plane lets ask. */
import { apiError, type Pod } from '@davit/api'
import type { PodView } from '../pods/index.ts'
import type { Stats } from './collect.ts'
import { agentMetrics, type Family, METRICS_CONTENT_TYPE, resourceMetrics } from './metrics.ts'
import { summaryOf } from './summary.ts'

export interface StatsPagesOptions {
  stats: Stats
  nodeName: string
  /** Pods of which something runs, and all that are known here. */
  running: () => readonly PodView[]
  pods: () => readonly Pod[]
  /** Counters of other rooms. */
  metrics: () => readonly Family[]
}

export interface Page {
  contentType: string
  text: string
}

/** Gives the page of a path such as `stats/summary`; throws NotFound for others. */
export type StatsPages = (path: string, query: URLSearchParams) => Promise<Page>

const JSON_TYPE = 'application/json'

export function createStatsPages({ stats, nodeName, running, pods, metrics }: StatsPagesOptions): StatsPages {
  return async (path, query) => {
    switch (path) {
      case 'stats/summary': {
        const disk = query.get('only_cpu_and_memory') !== 'true'
        const [node, used] = await Promise.all([stats.node(), stats.pods({ disk })])
        return { contentType: JSON_TYPE, text: JSON.stringify(summaryOf(nodeName, node, used)) }
      }
      case 'metrics/resource': {
        const [node, used] = await Promise.all([stats.node(), stats.pods()])
        return { contentType: METRICS_CONTENT_TYPE, text: resourceMetrics(node, used) }
      }
      case 'metrics':
        return { contentType: METRICS_CONTENT_TYPE, text: agentMetrics(running(), metrics()) }
      case 'pods':
        return { contentType: JSON_TYPE, text: JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods() }) }
      case 'healthz':
        return { contentType: 'text/plain; charset=utf-8', text: 'ok' }
      default:
        throw apiError('NotFound', 'the server could not find the requested resource')
    }
  }
}
