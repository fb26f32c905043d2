# bash completion for xenguest-mkimage: operations, options, files, and the disk's files of an image.
_xenguest_mkimage()
{
    local line=${COMP_LINE:0:COMP_POINT} operation=${COMP_WORDS[1]}
    local operations="create check update pack extract extract-config extract-disk-file partial
        dump-xenconfig dump-diskconfig dump-paramsconfig dump-init sign verify encrypt decrypt
        help"
    local plain="--guest-config-reset --guest-reset-config --xen-reset-config --xen-clean-extra
        --disk-reset-config --help"
    local values="--set-param --xen-name --xen-kernel --kernel --xen-memory --xen-vcpus --xen-extra --xen-root
        --xen-device-tree --xen-ramdisk --xen-disk --xen-append --xen-add-file --xen-rm-file --init-script
        --init-pre --init-post --disk-size --disk-device --disk-add-part --disk-rm-part --disk-add-file
        --disk-rm-file"
    local word=${line##*[[:space:]]}

    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "$operations --help --version" -- "$word"))
        return
    fi
    case $operation:$word in
        create:--*=* | update:--*=* | partial:--*=*)
            case $word in
                --xen-kernel=* | --kernel=* | --xen-device-tree=* | --xen-ramdisk=* | --xen-append=* | \
                    --init-*=* | --xen-disk=* | --disk-device=* | --xen-add-file=* | --disk-add-file=*)
                    compopt -o filenames
                    COMPREPLY=($(compgen -f -- "${word#*=}")) ;;
            esac ;;
        create:--* | update:--* | partial:--*)
            compopt -o nospace
            COMPREPLY=($(compgen -W "$plain" -- "$word") $(compgen -S = -W "$values" -- "$word")) ;;
        help:*) ;;
        extract-disk-file:*)
            if [ "$COMP_CWORD" = 3 ]; then
                COMPREPLY=($(compgen -W "$(tar -tf "${COMP_WORDS[2]}" 2>/dev/null |
                    sed -n 's,^\./disk\(-files\)*/\(.*[^/]\)$,\2,p')" -- "$word"))
                return
            fi
            compopt -o filenames
            COMPREPLY=($(compgen -f -- "$word")) ;;
        *)
            compopt -o filenames
            COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
}
complete -F _xenguest_mkimage xenguest-mkimage
