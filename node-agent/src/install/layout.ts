/** Where an installed agent's files are. */
export const LAYOUT = {
  executable: '/usr/local/bin/davit-node-agent',
  /** The executable before the last upgrade. */
  previousExecutable: '/usr/local/bin/davit-node-agent.previous',
  configDir: '/etc/davit',
  config: '/etc/davit/node-agent.yaml',
  token: '/etc/davit/join-token',
  stateDir: '/var/lib/davit',
  dataDir: '/var/lib/davit/node',
  log: '/var/log/davit-node-agent.log',
  unit: '/etc/systemd/system/davit-node-agent.service',
  initScript: '/etc/init.d/davit-node-agent',
} as const

export const SERVICE = 'davit-node-agent'
