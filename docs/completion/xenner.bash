# bash completion for xenner. The options are those of `xenner -help`; a test compares them.
_xenner()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    case $prev in
        -kernel | -initrd | -hda | -hdb | -hdc | -hdd | -cdrom | -D | -pidfile)
            COMPREPLY=($(compgen -f -- "$cur")) ;;
        -accel)
            COMPREPLY=($(compgen -W "xen kvm tcg kvm:tcg help" -- "$cur")) ;;
        -machine)
            COMPREPLY=($(compgen -W "xenpv xenpvh xenfv xenfv,firmware= pc none xenpv,kernel-ring= xenpv,user-tables= xenpv,bootloader= xenpv,bootloader=direct xenpv,soft-quit= xenpv,disk-backend= xenpv,net-backend= help" -- "$cur")) ;;
        -serial)
            COMPREPLY=($(compgen -W "stdio mon:stdio pty file: unix: null none chardev:" -- "$cur")) ;;
        -qmp | -qmp-pretty | -monitor)
            COMPREPLY=($(compgen -W "stdio pty unix: chardev: none" -- "$cur")) ;;
        -chardev)
            COMPREPLY=($(compgen -W "stdio,id= pty,id= file,id= socket,id= null,id= help" -- "$cur")) ;;
        -drive)
            COMPREPLY=($(compgen -W "file= format=raw,file= format=qcow2,file=" -- "$cur")) ;;
        -device)
            COMPREPLY=($(compgen -W "xen-console,chardev= xen-disk,drive= xen-cdrom virtio-blk-pci,drive= ide-cd xen-net-device,netdev= virtio-net-pci,netdev= VGA usb-tablet
                usb-mouse help" -- "$cur")) ;;
        -nic)
            COMPREPLY=($(compgen -W "user user,hostfwd= tap,ifname= bridge,br= stream,addr.type=
                dgram,local.type= socket,listen= socket,connect= passt none help" -- "$cur")) ;;
        -netdev)
            COMPREPLY=($(compgen -W "user,id= tap,id= bridge,id= stream,id= dgram,id= socket,id= passt,id=
                help" -- "$cur")) ;;
        -net)
            COMPREPLY=($(compgen -W "nic user tap bridge socket none help" -- "$cur")) ;;
        -vnc)
            COMPREPLY=($(compgen -W "127.0.0.1: unix: none" -- "$cur")) ;;
        -display)
            COMPREPLY=($(compgen -W "none vnc=" -- "$cur")) ;;
        -vga)
            COMPREPLY=($(compgen -W "none std" -- "$cur")) ;;
        -k)
            COMPREPLY=($(compgen -W "us de" -- "$cur")) ;;
        -action)
            COMPREPLY=($(compgen -W "reboot=reset reboot=shutdown shutdown=poweroff shutdown=pause
                panic=shutdown panic=exit-failure panic=pause panic=none panic=reset" -- "$cur")) ;;
        -sandbox)
            COMPREPLY=($(compgen -W "on off on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny" -- "$cur")) ;;
        -runas)
            COMPREPLY=($(compgen -u -- "$cur")) ;;
        -chroot)
            COMPREPLY=($(compgen -d -- "$cur")) ;;
        -usbdevice)
            COMPREPLY=($(compgen -W "tablet mouse keyboard" -- "$cur")) ;;
        -d)
            COMPREPLY=($(compgen -W "all blk chardev config domain emu fb hypercall net vnc xenbus help" -- "$cur")) ;;
        *)
            COMPREPLY=($(compgen -W "-D -S -accel -action -add-fd -append -audiodev -bios -boot -chardev -cdrom -chroot -cpu -d
                -blockdev -daemonize -device -display -drive -echr -enable-kvm -global -h -hda -hdb -hdc -hdd -help -initrd -k -kernel -m -machine
                -mon -monitor -msg -name -net -netdev -nic -no-acpi -no-hpet -object -qmp -qmp-pretty -vga -vnc
                -no-reboot -no-shutdown -no-user-config -nodefaults -nographic -overcommit -parallel
                -pidfile -readconfig -rtc -runas -sandbox -serial -smp -snapshot -usbdevice -uuid -version" -- "$cur")) ;;
    esac
}
complete -F _xenner xenner
