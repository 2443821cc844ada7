#!/usr/bin/env bash
# Proves on an ordinary Linux host what the tests prove where they run: an installation of its own starts, one lab joins,
# Docker works inside with limits, Compose runs DockerCoins, a swarm forms, its published ports answer everywhere, everything
# stops, and no trace stays.
#
#   sudo lab/testdata/ordinary-host.sh [SLIPWAY [CACHE]]
#
# SLIPWAY is the program (default ./slipway), CACHE a folder with packed images (default ./cache, if there), so that a host
# without any network can run this. PATIENCE multiplies every time limit (an emulated machine is 15 times slower); with KEEP
# set the installation is not removed at the end.
set -uo pipefail
slipway=$(realpath "${1:-./slipway}") cache=${2:-./cache} patience=${PATIENCE:-1}
name=slipway-trial data=/var/lib/slipway-trial run=/run/slipway-trial address=127.0.0.1:18080
place=(--name "$name" --data "$data" --run "$run")
failures=0

say() { printf '%7.1fs  %s\n' "$(($(date +%s%N) / 1000000 - begun))e-3" "$*"; }
begun=$(($(date +%s%N) / 1000000))

# try LIMIT WHAT COMMAND... runs a command with a time limit in seconds and says how it went.
try() {
  local limit=$(($1 * patience)) what=$2 from=$SECONDS out
  shift 2
  if out=$(timeout "$limit" bash -c '"$@"' try "$@" 2>&1); then
    say "ok    $what ($((SECONDS - from)) s)"
  else
    failures=$((failures + 1))
    say "FAIL  $what, after $((SECONDS - from)) s"
    tail -n 15 <<<"$out" | sed 's/^/            /'
    return 1
  fi
}

# until LIMIT WHAT COMMAND... the same for something that becomes true.
becomes() {
  local limit=$(($1 * patience)) what=$2 end
  end=$((SECONDS + limit))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > end)); then
      try 30 "$what" "$@"
      return
    fi
    sleep 1
  done
  say "ok    $what"
}

engine() { docker -H "unix://$run/engine.sock" "$@"; }
node() { engine exec -u docker -w /home/docker "$lab-node$1" bash -lc "$2"; }
join() { curl -sfS -H "Origin: http://$address" -H 'Content-Type: application/json' -d "{\"code\":\"$code\",\"name\":\"Ada\"}" "http://$address/api/join"; }
five() { [ "$(engine ps -q --filter "label=slipway.host=$name" | wc -l)" = 5 ]; }
limited() { node 1 "$limits" | tr '\n' ' ' | tee /dev/stderr | grep -Eq '^67108864 50000 (100000 )?50 $'; }
export -f engine node join five limited
export run name address code lab limits

finish() {
  if ((failures)); then
    echo "--- the end of the logs"
    tail -n 15 "$data"/engine/log/*.log "$data"/*.log 2>/dev/null
    [ -z "${lab-}" ] || for n in 1 2; do engine logs --tail 20 "$lab-node$n" 2>&1; node $n 'sudo tail -n 20 /var/log/dockerd.log'; done
  fi
  [ -z "${KEEP-}" ] || exit $((failures > 0)) # for another run at once; labs stay
  try 60 "everything is removed" "$slipway" down --purge "${place[@]}"
  for left in "$data" "$run" "/sys/fs/cgroup/$name" /sys/fs/cgroup/*/"$name"; do
    [ ! -e "$left" ] || { failures=$((failures + 1)); say "FAIL  $left is left"; }
  done
  ! grep -q "^$name:" /etc/subuid /etc/passwd || { failures=$((failures + 1)); say "FAIL  the user $name is left"; }
  if ((failures)); then say "$failures steps failed"; exit 1; fi
  say "all is well on $(uname -r), cgroup version $([ -e /sys/fs/cgroup/cgroup.controllers ] && echo 2 || echo 1)"
}
trap finish EXIT

if [ -d "$cache" ]; then
  mkdir -p /var/cache/slipway
  cp -aln "$cache"/. /var/cache/slipway/ 2>/dev/null || cp -a --update=none "$cache"/. /var/cache/slipway/
fi
"$slipway" up "${place[@]}" --listen "$address" --warm 0 | tee /tmp/slipway-trial.up
[ "${PIPESTATUS[0]}" = 0 ] || { failures=1; exit 1; }
say "ok    it is up"
code=$(sed -n 's/.*(code \(.*\)).*/\1/p' /tmp/slipway-trial.up); rm /tmp/slipway-trial.up

try 10 "joining" join || exit 1
becomes 60 "five nodes run" five || exit 1
lab=$(engine ps --format '{{.Names}}' | sed -n 's/-node1$//p')

becomes 30 "docker answers in a node" node 1 'docker ps'
try 30 "a container runs" node 1 'docker run --rm redis redis-cli --version'
try 30 "root in a node is nobody here" node 1 '[ "$(awk "{print \$2}" /proc/self/uid_map)" -ge 65536 ]'
limits='docker run --rm --memory 64m --cpus 0.5 --pids-limit 50 tools sh -c "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max 2>/dev/null || cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max"'
try 30 "a container inside has its limits" limited
try 30 "a container that wants too much memory is stopped" node 1 '! docker run --rm --memory 32m --memory-swap 32m tools sh -c "head -c 200m /dev/zero | tail -c 200m >/dev/null"'
try 30 "a node may not raise its own limit" bash -c '! engine exec "$lab-node1" sh -c "cd /sys/fs/cgroup; echo max >memory.max || echo -1 >memory/memory.limit_in_bytes"'
try 30 "ssh between nodes" node 1 'ssh node2 hostname'
try 120 "Compose starts DockerCoins" node 1 'git clone -q /srv/dockercoins.git && cd dockercoins && docker compose up -d'
becomes 60 "hashes are counted, seen from node2" node 2 'curl -s http://node1:8000/json | grep -q "\"hashes\":\"[1-9]"'
try 60 "Compose stops it" node 1 'cd dockercoins && docker compose down -t 1'
try 60 "a swarm of two" node 1 'docker swarm init >/dev/null && ssh node2 docker swarm join --token $(docker swarm join-token -q worker) node1:2377 &&
  docker network create -d overlay --attachable across'
try 90 "a container of node2 in an overlay" node 2 'for i in 1 2 3 4 5; do docker run -d --name store --network across redis && exit; docker rm -f store; done; exit 1'
becomes 60 "node1 reaches it" node 1 'docker run --rm --network across redis redis-cli -h store ping'
try 90 "a service with a published port" node 1 'docker service create --quiet --detach=false --name kept --publish 6390:6379 redis'
pinged() { node 1 'echo PING | nc -w 5 127.0.0.1 6390 | grep PONG' && node 2 'echo PING | nc -w 5 127.0.0.1 6390 | grep PONG'; }
export -f pinged
becomes 30 "its port answers on both nodes" pinged
try 90 "down" "$slipway" down "${place[@]}"
[ -z "$(pgrep -f "$run/" || true)" ] || { failures=$((failures + 1)); say "FAIL  these still run: $(pgrep -af "$run/")"; }
