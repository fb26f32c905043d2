# bash completion for xenvm: its commands and options, then a file.
_xenvm()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    case $prev in
        run | show) COMPREPLY=($(compgen -f -- "$cur")) ;;
        *) COMPREPLY=($(compgen -W "run show --network=bridge --network=user --network=none --bridge=
            --version --help" -- "$cur")) ;;
    esac
}
complete -o filenames -F _xenvm xenvm
