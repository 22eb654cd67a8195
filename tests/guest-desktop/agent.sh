#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: agent start|stop|pids - spice-vdagentd and spice-vdagent, without systemd and logind
case $1 in
start)
    setsid spice-vdagentd -x -X -d >> /run/vdagentd.log 2>&1 < /dev/null &
    until [ -S /run/spice-vdagentd/spice-vdagent-sock ]; do usleep 20000; done
    setsid spice-vdagent -x -d -f /run/xfer -o 0 >> /run/vdagent.log 2>&1 < /dev/null &
    ;;
stop)
    kill $(pidof spice-vdagent) $(pidof spice-vdagentd)
    while pidof spice-vdagent spice-vdagentd > /dev/null; do usleep 20000; done
    rm -f /run/spice-vdagentd/*
    ;;
pids)
    echo "$(pidof spice-vdagentd) $(pidof spice-vdagent)"
    ;;
esac
