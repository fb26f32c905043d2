# bash completion for xenner-console: options, and the running guests' names and UUIDs.
_xenner_console()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    case $prev in
        -n | --number)
            COMPREPLY=($(compgen -W "0 1 2 3 4 5 6 7 8 9" -- "$cur")) ;;
        *)
            COMPREPLY=($(compgen -W "-n -l -V -h --number --list --version --help
                $(xenner-console -l 2>/dev/null | awk '{ for (i = 1; i < 3; i++) if ($i != "-") print $i }')" -- "$cur")) ;;
    esac
}
complete -F _xenner_console xenner-console
