export { type Backup, type Backups, type BackupsOptions, createBackups } from './create-backups.ts'
export { type BackupScheduleOptions, runBackupSchedule } from './run-schedule.ts'
