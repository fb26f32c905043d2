# bash completion for xenguest-manager: commands, guests, images.
_xenguest_manager()
{
    local cur=${COMP_WORDS[COMP_CWORD]} command= i
    local commands="create remove start stop shutdown kill destroy list status check-xen help"
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
    done
    case $command in
        "") COMPREPLY=($(compgen -W "$commands -v -vv --root= --version --help" -- "$cur")) ;;
        create) COMPREPLY=($(compgen -f -- "$cur")) ;;
        stop | shutdown)
            COMPREPLY=($(compgen -W "$(xenguest-manager list 2>/dev/null) --nowait --kill" -- "$cur")) ;;
        remove | start | kill | destroy | status)
            COMPREPLY=($(compgen -W "$(xenguest-manager list 2>/dev/null)" -- "$cur")) ;;
    esac
}
complete -o filenames -F _xenguest_manager xenguest-manager
