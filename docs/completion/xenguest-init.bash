# bash completion for xenguest-init.
_xenguest_init()
{
    COMPREPLY=($(compgen -W "start stop status restart -v -vv --root= --version --help" -- \
        "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _xenguest_init xenguest-init
