#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The first process of the card guest: USB, Debian's card service, then commands on a virtio port
# (../guest-linux/serve.sh). It says on ttyS0 how far it is.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
mount -t tmpfs run /run
exec < /dev/null > /dev/ttyS0 2>&1
echo boot
export PATH=/usr/bin:/usr/sbin HOME=/run LANG=C
mkdir -p /run/cmd /run/pcscd /run/udev
hostname card

while read -r module; do
    insmod "/lib/modules/$module" || echo "error insmod $module"
done < /lib/modules/order

# udev gives ports their names where it runs; here it does not
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
    [ -e "$port/name" ] && ln -s "/dev/${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
[ -e /dev/virtio-ports/shell ] || echo "error no shell port"

# pcscd learns of later devices from udev only
tries=0
until grep -q 0b /sys/bus/usb/devices/*/bInterfaceClass 2> /dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "error no card reader on USB"; break; }
    usleep 50000
done
pcscd --foreground --info > /run/pcscd.log 2>&1 &
exec serve
