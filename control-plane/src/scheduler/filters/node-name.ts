import { type Filter, PASS } from './filter.ts'

const REASON = ["node(s) didn't match the requested node name"]

/** A pod that names its node runs there or nowhere. */
export const nodeName: Filter = ({ pod }, { node }) => (!pod.spec.nodeName || pod.spec.nodeName === node.metadata.name ? PASS : REASON)
