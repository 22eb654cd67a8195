/* SPDX-License-Identifier: MIT */
/* What this process and this thread have used, and the time. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

/* CLOCK_MONOTONIC, in seconds; the same clock in every process. */
double usage_now(void);
/* User and system time of the whole process, in milliseconds. */
double usage_process_ms(void);
/* The same of the calling thread. */
double usage_thread_ms(void);
/* The largest resident size so far (VmHWM), in KiB; 0 if unknown. */
long usage_peak_kib(void);

#endif
