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

#define SOURCE_ENDED ENODATA /* an errno that writing does not give */

#define PIECE (64u << 20) /* of a run, handed over before the run has ended */
#define QUEUE 32          /* pieces that wait */

/* What the worker writes next: bytes, or a part of a file. */
struct piece {
    uint8_t *bytes; /* owned; NULL: from the file */
    size_t len;
    int fd;
    uint64_t at;
};

/*
 * Reading and checking a stream takes about as long as copying it: where the kernel can copy, a
 * worker lets it, in the order in which the pieces were queued.
 */
struct output {
    int fd;     /* -1: nothing is written */
    char *name; /* NULL: a pipe */
    char *temporary;
    bool by_kernel;
    uint64_t size;
    uint8_t held[HELD_MOST];
    size_t n_held;
    /* what lies in a file in one run and is not queued yet */
    int run_fd;
    uint64_t run_at;
    uint64_t run_len;
    GThread *worker; /* NULL: not needed so far */
    GMutex lock;     /* what follows */
    GCond changed;
    GQueue queue; /* struct piece */
    bool busy;
    bool ending;
    int error; /* an errno, 0: none */
    char problem[128];
};

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
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    g_queue_init(&self->queue);
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
    g_clear_pointer(&self->temporary, g_free); /* it was not made */
    output_close(self);
    return NULL;
}

/* ---- Writing: by the worker, once there is one ---- */

/* 0, or an errno. */
static int write_all(const struct output *self, const uint8_t *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(self->fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* What the kernel cannot copy between these two is copied the plain way. */
static int copy_plain(const struct output *self, struct piece *piece)
{
    g_autofree uint8_t *buffer = g_malloc(RUN_WORTH);
    int error = 0;

    while (piece->len && !error) {
        ssize_t n = pread(piece->fd, buffer, MIN(piece->len, RUN_WORTH), (off_t)piece->at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : SOURCE_ENDED;
        error = write_all(self, buffer, (size_t)n);
        piece->at += (uint64_t)n;
        piece->len -= (size_t)n;
    }
    return error;
}

static ssize_t copy_once(const struct output *self, const struct piece *piece)
{
    loff_t at = (loff_t)piece->at;
    off_t offset = (off_t)piece->at;
    ssize_t n = -1;

    if (self->by_kernel)
        n = copy_file_range(piece->fd, &at, self->fd, NULL, piece->len, 0);
    return n < 0 ? sendfile(self->fd, piece->fd, &offset, piece->len) : n;
}

static int write_piece(const struct output *self, struct piece *piece)
{
    if (piece->bytes)
        return write_all(self, piece->bytes, piece->len);
    while (piece->len) {
        ssize_t n = copy_once(self, piece);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0 && errno == EPIPE)
            return errno;
        if (n <= 0)
            return copy_plain(self, piece);
        piece->at += (uint64_t)n;
        piece->len -= (size_t)n;
    }
    return 0;
}

static void free_piece(gpointer data)
{
    g_free(((struct piece *)data)->bytes);
    g_free(data);
}

/* The next piece, or NULL at the end. Waits; the lock is held. */
static struct piece *next_piece(struct output *self)
{
    while (g_queue_is_empty(&self->queue) && !self->ending)
        g_cond_wait(&self->changed, &self->lock);
    return g_queue_pop_head(&self->queue);
}

static gpointer work(gpointer data)
{
    struct output *self = data;
    struct piece *piece;

    g_mutex_lock(&self->lock);
    while ((piece = next_piece(self))) {
        int error = self->error;

        self->busy = true;
        g_mutex_unlock(&self->lock);
        if (!error)
            error = write_piece(self, piece);
        free_piece(piece);
        g_mutex_lock(&self->lock);
        self->error = error;
        self->busy = false;
        g_cond_broadcast(&self->changed);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

/* Queues a piece behind at most QUEUE others, or writes it at once. */
static bool hand_over(struct output *self, const struct piece *piece)
{
    bool fine;

    if (!self->worker) {
        struct piece copy = *piece;

        if (!self->error)
            self->error = write_piece(self, &copy);
        return self->error == 0;
    }
    g_mutex_lock(&self->lock);
    while (self->queue.length >= QUEUE)
        g_cond_wait(&self->changed, &self->lock);
    g_queue_push_tail(&self->queue, g_memdup2(piece, sizeof(*piece)));
    fine = self->error == 0;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    return fine;
}

static bool hand_over_bytes(struct output *self, const uint8_t *bytes, size_t len)
{
    struct piece piece = {(uint8_t *)bytes, len, -1, 0};

    if (len == 0)
        return true;
    if (self->worker)
        piece.bytes = g_memdup2(bytes, len);
    return hand_over(self, &piece);
}

static bool flush_held(struct output *self)
{
    size_t n = self->n_held;

    self->n_held = 0;
    return hand_over_bytes(self, self->held, n);
}

static bool flush_run(struct output *self)
{
    struct piece piece = {NULL, (size_t)self->run_len, self->run_fd, self->run_at};

    if (self->run_len == 0)
        return true;
    self->run_at += self->run_len;
    self->run_len = 0;
    return hand_over(self, &piece);
}

/* Until all that was queued is written. */
static bool drain(struct output *self)
{
    bool fine;

    g_mutex_lock(&self->lock);
    while (self->worker && (self->busy || !g_queue_is_empty(&self->queue)))
        g_cond_wait(&self->changed, &self->lock);
    fine = self->error == 0;
    g_mutex_unlock(&self->lock);
    return fine;
}

/* ---- Bytes ---- */

bool output_put(struct output *self, const uint8_t *bytes, size_t len)
{
    self->size += len;
    if (self->fd < 0)
        return true;
    if (!flush_run(self))
        return false;
    self->run_fd = -1;
    if (len > HELD_MOST - self->n_held && !flush_held(self))
        return false;
    if (len >= HELD_MOST)
        return hand_over_bytes(self, bytes, len);
    memcpy(self->held + self->n_held, bytes, len);
    self->n_held += len;
    return true;
}

bool output_copy(struct output *self, int fd, uint64_t offset, const uint8_t *bytes, size_t len)
{
    bool goes_on = self->run_fd == fd && self->run_at + self->run_len == offset;

    if (fd < 0 || self->fd < 0 || (!goes_on && len < RUN_WORTH / 4))
        return output_put(self, bytes, len);
    if (!goes_on) {
        if (!flush_run(self) || !flush_held(self))
            return false;
        self->run_fd = fd;
        self->run_at = offset;
    }
    if (!self->worker)
        self->worker = g_thread_new("copy", work, self);
    self->size += len;
    self->run_len += len;
    return self->run_len < PIECE || flush_run(self);
}

static mode_t current_umask(void)
{
    mode_t mask = umask(022);

    umask(mask);
    return mask;
}

bool output_finish(struct output *self)
{
    if (!flush_run(self) || !flush_held(self) || !drain(self))
        return false;
    if (!self->name)
        return true;
    if (fchmod(self->fd, 0666 & ~current_umask()) || rename(self->temporary, self->name)) {
        self->error = errno;
        return false;
    }
    g_clear_pointer(&self->temporary, g_free);
    return true;
}

const char *output_problem(struct output *self)
{
    g_mutex_lock(&self->lock);
    g_strlcpy(self->problem,
              self->error == SOURCE_ENDED ? "the input became shorter meanwhile"
              : self->error               ? g_strerror(self->error)
                                          : "",
              sizeof(self->problem));
    g_mutex_unlock(&self->lock);
    return self->problem;
}

uint64_t output_size(const struct output *self)
{
    return self->size;
}

static void end_worker(struct output *self)
{
    if (!self->worker)
        return;
    g_mutex_lock(&self->lock);
    self->ending = true;
    g_queue_clear_full(&self->queue, free_piece);
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->worker);
}

void output_close(struct output *self)
{
    if (!self)
        return;
    end_worker(self);
    if (self->fd >= 0)
        close(self->fd);
    if (self->temporary)
        unlink(self->temporary);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self->temporary);
    g_free(self->name);
    g_free(self);
}
