/* SPDX-License-Identifier: MIT */
#include "usage.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static double clock_seconds(clockid_t clock)
{
    struct timespec at = {0};

    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

double usage_now(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

static double milliseconds(struct timeval time)
{
    return (double)time.tv_sec * 1000 + (double)time.tv_usec / 1000;
}

double usage_process_ms(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

double usage_thread_ms(void)
{
    return clock_seconds(CLOCK_THREAD_CPUTIME_ID) * 1000;
}

long usage_peak_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    long kib = 0;

    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    }
    if (file)
        fclose(file);
    return kib;
}
