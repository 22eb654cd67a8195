/* SPDX-License-Identifier: MIT */
/* Runs a command and writes its wall time (s), CPU time (s) and peak memory (KiB) to a file. Small
 * itself: the kernel counts what a process was before it became another. usage: bench-command FILE
 * COMMAND...
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    double begin = now();
    struct rusage usage;
    int status = -1;
    FILE *file;
    pid_t pid;

    if (argc < 3)
        return 2;
    pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !(file = fopen(argv[1], "w")))
        return 2;
    fprintf(file, "%.6f %.6f %ld\n", now() - begin,
            seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
    return fclose(file) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
