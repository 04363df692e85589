/** What tells a machine's init to run the agent. Pure. */
import { LAYOUT, SERVICE } from './layout.ts'

/** Pods and the data plane outlive the agent, so that only it is stopped (KillMode). When the machine goes down pods have --shutdown-grace-period. */
const SYSTEMD_UNIT = `[Unit]
Description=Davit node agent
After=network-online.target docker.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${LAYOUT.executable} --config ${LAYOUT.config}
Restart=always
RestartSec=2
KillMode=process
TimeoutStopSec=60
OOMScoreAdjust=-999
LimitNOFILE=1048576
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`

/** A small shell stays beside the agent, starts it again when it ends, and keeps its log short. Megabytes: two. */
const FUNCTIONS = `PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
name=${SERVICE}
pidfile=/run/$name.pid
log=${LAYOUT.log}

is_running() {
  pid=$(cat "$pidfile" 2>/dev/null) && tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$name supervise"
}

rotate() {
  size=$(wc -c <"$log" 2>/dev/null || echo 0)
  [ "$size" -lt 20000000 ] || { cp "$log" "$log.1" && : >"$log"; }
}

supervise() {
  echo $$ >"$pidfile"
  cd /
  umask 077
  ulimit -n 1048576 2>/dev/null
  (while sleep 60; do rotate; done) &
  rotator=$!
  agent=
  trap 'trap "" TERM; kill $rotator $agent 2>/dev/null; wait; rm -f "$pidfile"; exit 0' TERM INT
  while :; do
    ${LAYOUT.executable} --config ${LAYOUT.config} >>"$log" 2>&1 &
    agent=$!
    wait $agent
    agent=
    sleep 2 &
    wait $!
  done
}

start_agent() {
  is_running && return 0
  setsid ${LAYOUT.initScript} supervise </dev/null >/dev/null 2>&1 &
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    is_running && return 0
    sleep 0.2 2>/dev/null || sleep 1
  done
  echo "$name did not start" >&2
  return 1
}

is_going_down() {
  case "$RUNLEVEL" in 0 | 6) return 0 ;; esac
  [ "$RC_GOINGDOWN" = YES ]
}

stop_agent() {
  is_running || return 0
  # Pods end in order with the machine; when only the agent stops, they run on.
  is_going_down && ${LAYOUT.executable} shutdown --config ${LAYOUT.config}
  stopping=$pid
  kill "$stopping"
  for _ in $(seq 75); do
    is_running || return 0
    sleep 0.2 2>/dev/null || sleep 1
  done
  pkill -KILL -P "$stopping"
  kill -KILL "$stopping"
  rm -f "$pidfile"
}
`

const LSB_SCRIPT = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          ${SERVICE}
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs
# Should-Start:      docker $time
# Should-Stop:       docker
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Davit node agent
### END INIT INFO
${FUNCTIONS}
case "$1" in
  start) start_agent ;;
  stop) stop_agent ;;
  restart | force-reload) stop_agent && start_agent ;;
  status) is_running || exit 3 ;;
  supervise) supervise ;;
  *) echo "Usage: $0 start|stop|restart|status" >&2; exit 2 ;;
esac
`

const OPENRC_SCRIPT = `#!/sbin/openrc-run
description="Davit node agent"
extra_commands="supervise"
${FUNCTIONS}
depend() {
  need net
  after docker
}
start() { ebegin "Starting $name"; start_agent; eend $?; }
stop() { ebegin "Stopping $name"; stop_agent; eend $?; }
status() { is_running || return 3; }
`

/** How a machine starts what it runs: what its init is, and what else could start a program at boot. */
export type Init = 'systemd' | 'openrc' | 'sysv' | 'chkconfig' | 'cron'

/** The file that makes the agent a service. */
export function serviceFile(init: Init): { path: string; text: string; mode: number } {
  if (init === 'systemd') return { path: LAYOUT.unit, text: SYSTEMD_UNIT, mode: 0o644 }
  return { path: LAYOUT.initScript, text: init === 'openrc' ? OPENRC_SCRIPT : LSB_SCRIPT, mode: 0o755 }
}

const CRON_LINE = `@reboot ${LAYOUT.initScript} start`

/** Shell commands; `enable` and `disable` may be run again. `start` does nothing when it runs. */
export function serviceCommands(init: Init): Readonly<Record<'enable' | 'disable' | 'start' | 'stop' | 'restart' | 'status', string>> {
  if (init === 'systemd') {
    return {
      enable: `systemctl daemon-reload && systemctl enable --quiet ${SERVICE}`,
      disable: `systemctl disable --quiet ${SERVICE}; systemctl reset-failed --quiet ${SERVICE}; true`,
      start: `systemctl start ${SERVICE}`,
      stop: `systemctl stop ${SERVICE}`,
      restart: `systemctl restart ${SERVICE}`,
      status: `systemctl is-active --quiet ${SERVICE}`,
    }
  }
  const enabling = {
    openrc: [`rc-update add ${SERVICE} default`, `rc-update del ${SERVICE}`],
    sysv: [`update-rc.d ${SERVICE} defaults`, `update-rc.d -f ${SERVICE} remove`],
    chkconfig: [`chkconfig --add ${SERVICE}`, `chkconfig --del ${SERVICE}`],
    cron: [
      `{ crontab -l 2>/dev/null | grep -vF '${CRON_LINE}'; echo '${CRON_LINE}'; } | crontab -`,
      `crontab -l 2>/dev/null | grep -vF '${CRON_LINE}' | crontab -`,
    ],
  }[init]
  const run = (verb: string) => (init === 'openrc' ? `rc-service ${SERVICE} ${verb}` : `${LAYOUT.initScript} ${verb}`)
  return {
    enable: enabling[0] ?? '',
    disable: enabling[1] ?? '',
    start: run('start'),
    stop: run('stop'),
    restart: run('restart'),
    status: run('status'),
  }
}
