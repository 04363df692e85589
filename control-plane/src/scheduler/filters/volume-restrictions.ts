import { type Filter, PASS } from './filter.ts'

const REASON = ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode']

/** A claim of ReadWriteOncePod is for one pod at a time, on whatever node. */
export const volumeRestrictions: Filter = ({ volumes }) => (volumes.isExclusiveInUse ? REASON : PASS)
