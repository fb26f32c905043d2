# bash completion for vivm: commands, the domains on xenner, options.
_vivm_domains()
{
    local i uri=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -c | --connect) uri=(-c "${COMP_WORDS[i + 1]}") ;;
        esac
    done
    vivm "${uri[@]}" list --names 2>/dev/null
}

_vivm()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= words= i
    local commands="console define edit import list show start stop vnc"
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -c | --connect) i=$((i + 1)) ;;
            -*) ;;
            *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    case $command$prev in
        import--nic)
            COMPREPLY=($(compgen -W "network=default user bridge,br= none" -- "$cur")); return ;;
    esac
    case $prev in
        -c | --connect)
            COMPREPLY=($(compgen -W "qemu:///system qemu:///session qemu+ssh://" -- "$cur")); return ;;
        --kernel | --initrd | --disk | --emulator)
            COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --nic)
            COMPREPLY=($(compgen -W "network=default user bridge,br=" -- "$cur")); return ;;
        --storage)
            COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --format)
            COMPREPLY=($(compgen -W "raw qcow2" -- "$cur")); return ;;
        --type)
            COMPREPLY=($(compgen -W "qemu kvm" -- "$cur")); return ;;
    esac
    case $command in
        "") words="$commands -c --connect -h --help -V --version $(_vivm_domains)" ;;
        console) words="-n --number -f --force $(_vivm_domains)" ;;
        define)
            words="--name --uuid -m --memory --vcpus --kernel --initrd --append --disk --nic --vnc --type
                --emulator --print -f --force"
            [ "${cur:0:1}" = - ] || { COMPREPLY=($(compgen -f -- "$cur")); return; } ;;
        import)
            words="--storage --format --nic --type --emulator --host-files -f --force"
            [ "${cur:0:1}" = - ] || { COMPREPLY=($(compgen -f -- "$cur")); return; } ;;
        edit) words=$(_vivm_domains) ;;
        list) words="-a --all -n --names" ;;
        show) words="-x --xml -a --argv -l --live $(_vivm_domains)" ;;
        start) words="--console --paused $(_vivm_domains)" ;;
        stop) words="-f --force -t --timeout $(_vivm_domains)" ;;
        vnc) words="-p --print $(_vivm_domains)" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _vivm vivm
