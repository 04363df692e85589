import { TAINTS } from '@davit/api'
import { type Filter, PASS } from './filter.ts'
import { isTolerated } from './taint-toleration.ts'

const REASON = ['node(s) were unschedulable']

/** Cordoned nodes take no new pods but those that tolerate it. */
export const nodeUnschedulable: Filter = ({ pod }, { node }) => {
  if (!node.spec?.unschedulable) return PASS
  return isTolerated(pod, { key: TAINTS.unschedulable, effect: 'NoSchedule' }) ? PASS : REASON
}
