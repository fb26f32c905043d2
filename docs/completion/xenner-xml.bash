# bash completion for xenner-xml: commands, then files or xenner's options.
_xenner_xml()
{
    local cur=${COMP_WORDS[COMP_CWORD]}
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "check to-argv from-argv --help --version" -- "$cur"))
    else
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}
complete -o filenames -F _xenner_xml xenner-xml
