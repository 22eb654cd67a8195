#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The first and only process of the Linux guest: loads the display drivers, then shows a moving text
# on tty1 and says on ttyS0 what happens. Keys on tty1: f freezes or goes on, m fills the screen.
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs dev /dev
exec < /dev/null > /dev/ttyS0 2>&1
echo boot

while read -r module; do
    $busybox insmod "/lib/modules/$module" || echo "error insmod $module"
done < /lib/modules/order

# the drivers made the frame buffer console; without one there is nothing to show
tries=0
while [ ! -e /dev/fb0 ] && [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    $busybox usleep 50000
done
[ -e /dev/fb0 ] || echo "error no frame buffer"
IFS=, read -r width height < /sys/class/graphics/fb0/virtual_size
read -r name < /sys/class/graphics/fb0/name
echo "mode ${width}x${height} $name"

# an agent that is there and says nothing
if $busybox grep -q agent-port /proc/cmdline; then
    tries=0
    while [ ! -e /dev/vport0p1 ] && [ $tries -lt 100 ]; do
        tries=$((tries + 1))
        $busybox usleep 50000
    done
    exec 4<> /dev/vport0p1 && echo "agent port open"
fi

screen=/dev/tty1
$busybox stty -F $screen -echo -icanon min 1 time 0
exec 3<> $screen
printf '\033[?25l\033[2J\033[3;10H\033[1;33mCARAVAN\033[0m on %s' "$name" >&3
frozen=0
frame=0
typed=
show_keys() { printf '\033[20;10Hkeys: %s\033[K' "$typed" >&3; }

fill() {
    row=6
    while [ $row -lt 16 ]; do
        printf '\033[%d;10H\033[4%dm%60s\033[0m' $row $((row % 8)) "$1 $row" >&3
        row=$((row + 1))
    done
}

on_key() {
    echo "key $1"
    case $1 in
    f)
        frozen=$((1 - frozen))
        echo "freeze $frozen"
        ;;
    m)
        fill "$frame"
        echo filled
        ;;
    *)
        typed=$typed$1
        show_keys
        echo "typed $typed"
        ;;
    esac
}

fill start
show_keys
echo ready
while :; do
    key=
    if read -r -s -n 1 -t 0.1 key <&3; then
        [ -n "$key" ] && on_key "$key"
    fi
    [ $frozen = 1 ] && continue
    frame=$((frame + 1))
    column=$((frame % 50))
    printf '\033[18;1H\033[K\033[18;%dH\033[3%dm<< frame %d >>\033[0m' \
        $((column + 1)) $((frame % 7 + 1)) $frame >&3
    [ $((frame % 10)) = 0 ] && echo "tick $((frame / 10)) frame $frame"
done
