# Every interactive bash, also one that is not a log-in shell. The prompt and
# the command marks come from the node's agent, by way of /etc/bash.bashrc.
case $- in *i*) ;; *) return ;; esac

HISTSIZE=10000
HISTFILESIZE=20000
shopt -s histappend checkwinsize

alias ls='ls --color=auto'
alias ll='ls -l'
alias grep='grep --color=auto'

if [ -z "$BASH_COMPLETION_VERSINFO" ] && [ -r /usr/share/bash-completion/bash_completion ]; then
  . /usr/share/bash-completion/bash_completion
fi
