# The node's prompt, for every interactive bash: two lines, so that commands
# always begin at the left edge.
#
#   [10.213.0.11] (local) docker@node1 ~/dockercoins
#   $
#
# In round brackets: which Engine the docker command talks to.
case $- in *i*) ;; *) return ;; esac
[ -n "$BASH_VERSION" ] || return

unset DOCKER_HOST
read -r SLIPWAY_ADDRESS _ < <(getent ahostsv4 "$HOSTNAME")

__docker_target() {
  local rest host port context
  if [ -z "$DOCKER_HOST" ]; then
    context=$DOCKER_CONTEXT
    if [ -z "$context" ] && [ -r ~/.docker/config.json ]; then
      context=$(sed -n 's/.*"currentContext": *"\([^"]*\)".*/\1/p' ~/.docker/config.json)
    fi
    case $context in '' | default) echo local ;; *) echo "$context" ;; esac
    return
  fi
  rest=${DOCKER_HOST#*://}
  host=${rest%%:*}
  port=${rest##*:}
  case $port in
    3376) echo swarm ;;
    2375 | 2376 | 55555) echo "${DOCKER_MACHINE_NAME:-$host}" ;;
    *) echo unknown ;;
  esac
}

PS1='[${SLIPWAY_ADDRESS}] ($(__docker_target)) \u@\h \w\n\$ '
