/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD_MOST (64u << 10)
#define RUN_WORTH (256u << 10) /* bytes from which the kernel copies faster than we do */

struct output {
    int fd;     /* -1: nothing is written */
    char *name; /* NULL: a pipe */
    char *temporary;
    char *problem;
    bool by_kernel;
    uint64_t size;
    uint8_t held[HELD_MOST];
    size_t n_held;
    /* what is to be copied by the kernel, put off until it ends */
    int run_fd;
    uint64_t run_at;
    uint64_t run_len;
};

static bool fail(struct output *self)
{
    if (!self->problem)
        self->problem = g_strdup(g_strerror(errno));
    return false;
}

static bool is_regular(int fd)
{
    struct stat stat;

    return fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
}

struct output *output_open(const char *name, char **reason)
{
    struct output *self = g_new0(struct output, 1);

    self->fd = -1;
    self->run_fd = -1;
    if (!name)
        return self;
    if (!strcmp(name, "-")) {
        self->fd = dup(STDOUT_FILENO);
    } else if (access(name, F_OK) == 0 && !g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        self->fd = open(name, O_WRONLY | O_CLOEXEC); /* a pipe or a device */
    } else {
        self->name = g_strdup(name);
        self->temporary = g_strdup_printf("%s.part-XXXXXX", name);
        self->fd = g_mkstemp_full(self->temporary, O_RDWR | O_CLOEXEC, 0600);
    }
    if (self->fd >= 0) {
        self->by_kernel = is_regular(self->fd);
        return self;
    }
    *reason = g_strdup(g_strerror(errno));
    g_free(self->name);
    g_free(self->temporary);
    g_free(self);
    return NULL;
}

static bool write_all(struct output *self, const uint8_t *bytes, size_t len)
{
    while (len && self->fd >= 0) {
        ssize_t n = write(self->fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(self);
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool flush_held(struct output *self)
{
    size_t n = self->n_held;

    self->n_held = 0;
    return write_all(self, self->held, n);
}

/* ---- The kernel's copying ---- */

/* What the kernel cannot copy between these two is copied the plain way. */
static bool copy_plain(struct output *self)
{
    g_autofree uint8_t *buffer = g_malloc(RUN_WORTH);

    while (self->run_len) {
        ssize_t n = pread(self->run_fd, buffer, MIN(self->run_len, RUN_WORTH), (off_t)self->run_at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* the file became shorter while it was read */
        if (n <= 0)
            return fail(self);
        if (!write_all(self, buffer, (size_t)n))
            return false;
        self->run_at += (uint64_t)n;
        self->run_len -= (uint64_t)n;
    }
    return true;
}

static ssize_t copy_once(struct output *self)
{
    size_t len = (size_t)MIN(self->run_len, UINT64_C(1) << 30);
    loff_t at = (loff_t)self->run_at;
    ssize_t n = self->by_kernel ? copy_file_range(self->run_fd, &at, self->fd, NULL, len, 0) : -1;

    if (n < 0) {
        off_t offset = (off_t)self->run_at;

        n = sendfile(self->fd, self->run_fd, &offset, len);
    }
    return n;
}

static bool flush_run(struct output *self)
{
    if (self->run_len && !flush_held(self))
        return false;
    while (self->run_len) {
        ssize_t n = copy_once(self);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return copy_plain(self);
        self->run_at += (uint64_t)n;
        self->run_len -= (uint64_t)n;
    }
    return true;
}

/* ---- Bytes ---- */

bool output_put(struct output *self, const uint8_t *bytes, size_t len)
{
    self->size += len;
    if (self->fd < 0)
        return true;
    if (!flush_run(self))
        return false;
    if (len > HELD_MOST - self->n_held && !flush_held(self))
        return false;
    if (len >= HELD_MOST)
        return write_all(self, bytes, len);
    memcpy(self->held + self->n_held, bytes, len);
    self->n_held += len;
    return true;
}

bool output_copy(struct output *self, int fd, uint64_t offset, const uint8_t *bytes, size_t len)
{
    if (fd < 0 || self->fd < 0)
        return output_put(self, bytes, len);
    if (self->run_len && self->run_fd == fd && self->run_at + self->run_len == offset) {
        self->size += len;
        self->run_len += len;
        return true;
    }
    if (len < RUN_WORTH / 4)
        return output_put(self, bytes, len);
    if (!flush_run(self))
        return false;
    self->size += len;
    self->run_fd = fd;
    self->run_at = offset;
    self->run_len = len;
    return true;
}

static mode_t current_umask(void)
{
    mode_t mask = umask(022);

    umask(mask);
    return mask;
}

bool output_finish(struct output *self)
{
    if (self->problem || !flush_run(self) || !flush_held(self))
        return false;
    if (!self->name)
        return true;
    if (fchmod(self->fd, 0666 & ~current_umask()) || rename(self->temporary, self->name))
        return fail(self);
    g_clear_pointer(&self->temporary, g_free);
    return true;
}

const char *output_problem(const struct output *self)
{
    return self->problem ? self->problem : "";
}

uint64_t output_size(const struct output *self)
{
    return self->size;
}

void output_close(struct output *self)
{
    if (!self)
        return;
    if (self->fd >= 0)
        close(self->fd);
    if (self->temporary)
        unlink(self->temporary);
    g_free(self->temporary);
    g_free(self->name);
    g_free(self->problem);
    g_free(self);
}
