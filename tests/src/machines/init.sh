#!/bin/sh
# PID 1 of a machine. Makes the machine's file system out of this one's, moves into it, brings up what is enabled at boot, and then reaps
# orphans until it is killed, which is the power cut: the kernel kills all that runs in its PID namespace, containers too.
#
# Runs in new network, mount, UTS, IPC, PID and cgroup namespaces. Environment: NAME, DIR (upper, work, root, docker), CGROUPS (controllers
# of cgroup v1 that this system mounts, none with v2), PROVISION (shell text, run at the first boot only), TINY (path=size …).
# Descriptor 3: gets this process's number, as seen from outside, once the machine is up. Descriptor 4: the power supply; at its end the
# machine dies.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

build_root() {
  mount --make-rprivate /
  mount -t overlay overlay -o "lowerdir=/,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root"
  # An overlay cannot lie on an overlay: Docker's layers need a real folder.
  mkdir -p "$DIR/root/var/lib/docker"
  mount --bind "$DIR/docker" "$DIR/root/var/lib/docker"
  cd "$DIR/root"
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  if [ -n "$CGROUPS" ]; then
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    for controller in $CGROUPS; do
      mkdir "sys/fs/cgroup/$controller"
      mount -t cgroup -o "$(echo "$controller" | sed 's/^systemd$/none,name=systemd/')" cgroup "sys/fs/cgroup/$controller"
    done
  else
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    # A group that hands controllers down to groups below may hold no process itself.
    mkdir -p sys/fs/cgroup/init
    echo 0 >sys/fs/cgroup/init/cgroup.procs
  fi
  mount --bind /dev dev
  mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts dev/pts
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  mount -t tmpfs -o mode=755 tmpfs run
  mkdir -m 1777 run/lock
  for disk in $TINY; do
    mkdir -p ".${disk%=*}"
    mount -t tmpfs -o "mode=755,size=${disk#*=}" tmpfs ".${disk%=*}"
  done
  # The old root ends up on top of the new one, and goes.
  pivot_root . .
  umount -l .
  cd /
  # As on a machine that systemd started; agents in containers need it.
  mount --make-rshared /
}

start_services() {
  hostname "$NAME"
  echo 0 >/proc/sys/net/ipv4/ip_forward
  if [ ! -e /var/lib/provisioned ]; then
    sh -euc "$PROVISION"
    : >/var/lib/provisioned
  fi
  # What installers ask before they start a service: the current runlevel, 2, after none (N).
  { printf '\001\000\000\0002N'; head -c 378 /dev/zero; } >/run/utmp
  rm -rf /tmp/* /tmp/.[!.]*
  for script in /etc/rc2.d/S*; do
    [ ! -x "$script" ] || env -i PATH="$PATH" HOME=/ TERM=linux "$script" start || echo "$script failed with $?"
  done
}

main() {
  # Until the machine has a /proc of its own this is the one of the system outside.
  read -r pid_outside _ </proc/self/stat
  build_root
  start_services </dev/null 3>&- 4<&-
  echo "$pid_outside" >&3
  exec 3>&-
  cat <&4 >/dev/null &
  exec 4<&-
  wait
}
main
