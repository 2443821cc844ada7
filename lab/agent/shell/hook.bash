# Prompt and command marks of a Slipway node. Read by every interactive bash.
# Marks go to a FIFO of the agent, where no program's output can pass for one;
# the escape sequences beside them (OSC 133) only draw the page's gutter.
case $- in *i*) ;; *) return 0 ;; esac
[ -z "${__slipway_on-}" ] || return 0
__slipway_on=1
__slipway_ran=
__slipway_first=1
__slipway_zero=
__slipway_docker=local
__slipway_fifo=${SLIPWAY_MARKS:-/run/slipway-marks}
[ ! -r "${BASH_SOURCE[0]}.env" ] || . "${BASH_SOURCE[0]}.env"

# __slipway_mark KIND CODE COMMAND: one record, short enough to be written whole.
__slipway_mark() {
  [ -p "$__slipway_fifo" ] && [ -w "$__slipway_fifo" ] || return 0
  local LC_ALL=C
  local text=${3:0:2500} dir=${PWD:0:700} terminal=${SLIPWAY_TERMINAL-}
  text=${text//[$'\x1e\x1f']/ } dir=${dir//[$'\x1e\x1f']/ } terminal=${terminal:0:150}
  printf '1\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1e' \
    "$1" "${terminal//[$'\x1e\x1f']/ }" "$$" "$2" "${USER-}" "$dir" "$text" >"$__slipway_fifo"
} 2>/dev/null

# __slipway_target: which Engine docker talks to, in __slipway_docker.
__slipway_target() {
  local name=${DOCKER_CONTEXT-} config host
  case ${DOCKER_HOST-} in
  '')
    if [ -z "$name" ] && [ -r "${DOCKER_CONFIG:-$HOME/.docker}/config.json" ]; then
      config=$(<"${DOCKER_CONFIG:-$HOME/.docker}/config.json")
      [[ $config =~ \"currentContext\"[[:space:]]*:[[:space:]]*\"([^\"]+)\" ]] && name=${BASH_REMATCH[1]}
    fi
    __slipway_docker=${name:-local}
    [ "$__slipway_docker" != default ] || __slipway_docker=local
    ;;
  unix://*) __slipway_docker=local ;;
  ssh://*)
    host=${DOCKER_HOST#ssh://}
    host=${host##*@}
    host=${host%%/*}
    __slipway_docker=${host%%:*}
    ;;
  tcp://*:3376*) __slipway_docker=swarm ;;
  tcp://*:2376* | tcp://*:2375* | tcp://*:55555*)
    host=${DOCKER_HOST#tcp://}
    __slipway_docker=${DOCKER_MACHINE_NAME:-${host%:*}}
    ;;
  *) __slipway_docker=unknown ;;
  esac
}

# __slipway_prompt runs before every prompt.
__slipway_prompt() {
  local code=$?
  if [ -n "$__slipway_ran" ]; then
    __slipway_mark exit "$code" ''
    printf '\033]133;D;%s\a' "$code"
  fi
  if [ -n "$__slipway_first" ]; then
    __slipway_first=
    HISTCONTROL=
    PS1='\[\e]133;A\a\]\[\e[1;31m\][${SLIPWAY_ADDRESS}] \[\e[32m\](${__slipway_docker}) \[\e[34m\]\u@\h\[\e[35m\] \w\[\e[0m\]\n\$ \[\e]133;B\a\]'
  fi
  __slipway_ran=
  __slipway_target
  __slipway_mark prompt '' ''
  return "$code"
}

# __slipway_command runs in a subshell after a command was read. Lines pasted at once have no prompt between them:
# then the one before ends here.
__slipway_command() {
  local code=$? line
  [ -z "$__slipway_ran" ] || __slipway_mark exit "$code" ''
  line=$(HISTTIMEFORMAT= builtin history 1)
  line=${line#"${line%%[![:space:]]*}"}
  line=${line#*[[:space:]]}
  line=${line#[[:space:]*]}
  __slipway_mark command '' "${line#"${line%%[![:space:]]*}"}"
  printf '\033]133;C\a'
}

# Second in the list: who says PROMPT_COMMAND=... replaces the first. Bash gives
# every one of them the code of the command.
PROMPT_COMMAND=("${PROMPT_COMMAND[0]:-:}" __slipway_prompt "${PROMPT_COMMAND[@]:1}")
# The arithmetic sets a variable of this shell, which a substitution could not.
PS0='$(__slipway_command)${__slipway_zero:$((__slipway_ran=1,0)):0}'
