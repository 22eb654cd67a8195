#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The first process of the desktop guest: devices, udev, X, a window manager, a terminal, the SPICE agent.
# It says on ttyS0 how far it is and then serves commands on a virtio port (see ../guest-linux/serve.sh).
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
mkdir -p /dev/pts /dev/shm
mount -t devpts dev /dev/pts
mount -t tmpfs run /run
exec < /dev/null > /dev/ttyS0 2>&1
echo boot
export PATH=/usr/bin:/usr/sbin HOME=/ DISPLAY=:0 LANG=C.UTF-8 XDG_RUNTIME_DIR=/run NO_AT_BRIDGE=1
mkdir -p /run/cmd /run/xfer /run/spice-vdagentd
ip link set lo up
hostname desktop

while read -r module; do
    insmod "/lib/modules/$module" || echo "error insmod $module"
done < /lib/modules/order

/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle --timeout=20
echo devices

# Waits until the command succeeds, 30 s at most.
await() {
    tries=0
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "error not within 30 s: $*"; return 1; }
        usleep 50000
    done
}

/usr/lib/xorg/Xorg :0 vt7 -noreset -nolisten tcp -s 0 -dpms > /run/xorg.out 2>&1 &
await xset q || cat /run/xorg.out
echo x11
xsetroot -solid '#336699'
blackbox > /run/blackbox.log 2>&1 &
xterm -geometry 60x12+40+60 -e sh > /run/xterm.log 2>&1 &
await xdotool search --onlyvisible --class xterm
await test -e /dev/virtio-ports/com.redhat.spice.0
await test -e /dev/virtio-ports/shell
agent start
await grep -q "Using input driver.*'spice vdagent tablet'" /var/log/Xorg.0.log
udevadm settle --timeout=20
exec serve
