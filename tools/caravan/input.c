/* SPDX-License-Identifier: MIT */
#include "input_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAYERS_MOST 4
#define COPY        (64u << 10)

#define DECODER(name, magic)                                                                       \
    {                                                                                              \
        name, magic, (const char *const[])                                                         \
        {                                                                                          \
            name, "-dc", NULL                                                                      \
        }                                                                                          \
    }

static const struct input_decoder decoders[] = {
    DECODER("gzip", "\x1f\x8b"),
    DECODER("bzip2", "BZh"),
    DECODER("xz", "\xfd"
                  "7zXZ"),
    DECODER("lzop", "\x89LZO"),
    DECODER("zstd", "\x28\xb5\x2f\xfd"),
};

const struct input_decoder *input_decoder_named(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(decoders); i++)
        if (!strcmp(decoders[i].name, name))
            return &decoders[i];
    return NULL;
}

const struct input_decoder *input_decoder_of(const uint8_t *head, size_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(decoders); i++) {
        size_t n = strlen(decoders[i].magic);

        if (len >= n && !memcmp(head, decoders[i].magic, n))
            return &decoders[i];
    }
    return NULL;
}

void input_wrapped(struct input *self, const char *what)
{
    if (self->wrapping->len)
        g_string_append(self->wrapping, ", ");
    g_string_append(self->wrapping, what);
}

static ssize_t read_some(int fd, void *to, size_t n)
{
    ssize_t got;

    do
        got = read(fd, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static bool write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            return false;
        bytes += MAX(sent, 0);
        n -= (size_t)MAX(sent, 0);
    }
    return true;
}

/* Reads until n bytes are there or the input ends. */
static bool fill_head(struct input *self, char **reason)
{
    memmove(self->held, self->held + self->held_at, self->held_len);
    self->held_at = 0;
    while (self->held_len < sizeof(self->held)) {
        ssize_t n =
            read_some(self->fd, self->held + self->held_len, sizeof(self->held) - self->held_len);

        if (n < 0) {
            *reason = g_strdup(g_strerror(errno));
            return false;
        }
        if (n == 0)
            break;
        self->held_len += (size_t)n;
    }
    return true;
}

/* Puts the held bytes back into the file, if it is one. */
static void unread_head(struct input *self)
{
    if (self->held_len && lseek(self->fd, -(off_t)self->held_len, SEEK_CUR) >= 0)
        self->held_len = 0;
}

/* A child that writes the held bytes and then the rest into a socket: the end of it to read. */
static int start_copier(struct input *self, char **reason)
{
    uint8_t buffer[COPY];
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0) {
        *reason = g_strdup(g_strerror(errno));
        return -1;
    }
    if (pid == 0) {
        ssize_t n;

        close(pair[0]);
        if (write_all(pair[1], self->held + self->held_at, self->held_len))
            while ((n = read_some(self->fd, buffer, sizeof(buffer))) > 0 &&
                   write_all(pair[1], buffer, (size_t)n))
                ;
        _exit(0);
    }
    close(pair[1]);
    self->held_len = 0;
    g_array_append_val(self->tools, ((struct input_tool){pid, NULL}));
    return pair[0];
}

bool input_decode(struct input *self, const struct input_decoder *decoder, char **reason)
{
    int from = self->held_len ? start_copier(self, reason) : dup(self->fd);
    struct input_tool tool = {.name = decoder->name};
    GError *error = NULL;
    int ends[2];

    if (from < 0)
        return false;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        *reason = g_strdup(g_strerror(errno));
        close(from);
        return false;
    }
    if (!g_spawn_async_with_fds(NULL, (char **)decoder->argv, NULL,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                &tool.pid, from, ends[1], -1, &error)) {
        *reason = g_strdup_printf("it is compressed by %s, which cannot be run: %s", decoder->name,
                                  error->message);
        g_error_free(error);
        close(ends[0]);
        ends[0] = -1;
    }
    close(from);
    close(ends[1]);
    if (ends[0] < 0)
        return false;
    close(self->fd);
    self->fd = ends[0];
    self->total = 0;
    g_array_append_val(self->tools, tool);
    return true;
}

/* Takes off one layer; *more tells whether there was one. *snapshot is NULL once it was used. */
static bool take_layer(struct input *self, const char *path, const char **snapshot, bool *more,
                       char **reason)
{
    const char *wanted = *snapshot;
    const struct input_decoder *decoder = input_decoder_of(self->held, self->held_len);

    *more = true;
    if (input_is_libvirt(self->held, self->held_len))
        return input_enter_libvirt(self, reason);
    if (input_is_qcow2(self->held, self->held_len)) {
        *snapshot = NULL;
        if (path && !*self->wrapping->str)
            return input_enter_qcow2(self, path, wanted, reason);
        *reason = g_strdup("a qcow2 image that is no plain file: give its name");
        return false;
    }
    if (decoder) {
        char *what = g_strdup_printf("compressed by %s", decoder->name);

        input_wrapped(self, what);
        g_free(what);
        unread_head(self);
        return input_decode(self, decoder, reason);
    }
    *more = false;
    if (*snapshot) {
        *reason = g_strdup_printf("no qcow2 image, so it has no snapshot '%s'", *snapshot);
        return false;
    }
    return true;
}

static bool take_layers(struct input *self, const char *path, const char *snapshot, char **reason)
{
    bool more = true;

    for (int i = 0; i < LAYERS_MOST && more; i++)
        if (!fill_head(self, reason) || !take_layer(self, path, &snapshot, &more, reason))
            return false;
    if (more)
        *reason = g_strdup("wrapped too often");
    else
        unread_head(self);
    return !more;
}

/* IMAGE#SNAPSHOT in two, unless there is a file of just that name. */
static char *split_name(const char *name, char **snapshot)
{
    const char *mark = strrchr(name, '#');

    *snapshot = NULL;
    if (!mark || mark == name || access(name, F_OK) == 0)
        return g_strdup(name);
    *snapshot = g_strdup(mark + 1);
    return g_strndup(name, (size_t)(mark - name));
}

struct input *input_open(const char *name, char **reason)
{
    bool standard = !strcmp(name, "-");
    struct input *self = g_new0(struct input, 1);
    char *snapshot, *path = split_name(name, &snapshot);
    struct stat stat;
    bool fine = false;

    self->wrapping = g_string_new(NULL);
    self->tools = g_array_new(FALSE, FALSE, sizeof(struct input_tool));
    self->fd =
        standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (self->fd < 0)
        *reason = g_strdup(g_strerror(errno));
    else if (fstat(self->fd, &stat) == 0 && S_ISDIR(stat.st_mode))
        *reason = g_strdup(g_strerror(EISDIR));
    else {
        if (S_ISREG(stat.st_mode))
            self->total = (uint64_t)stat.st_size;
        fine = take_layers(self, standard ? NULL : path, snapshot, reason);
    }
    g_free(path);
    g_free(snapshot);
    if (fine)
        return self;
    input_close(self);
    return NULL;
}

static void set_problem(struct input *self, const char *format, const char *word)
{
    if (!self->problem)
        self->problem = g_strdup_printf(format, word);
}

/* False when a tool failed. */
static bool finish(struct input *self)
{
    for (guint i = 0; i < self->tools->len; i++) {
        struct input_tool *tool = &g_array_index(self->tools, struct input_tool, i);
        int status;

        if (tool->pid <= 0)
            continue;
        while (waitpid(tool->pid, &status, 0) < 0 && errno == EINTR)
            ;
        tool->pid = 0;
        if (tool->name && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
            set_problem(self, "%s could not decompress it to its end", tool->name);
    }
    return !self->problem;
}

ssize_t input_read(struct input *self, void *to, size_t n)
{
    ssize_t got = (ssize_t)MIN(n, self->held_len);

    if (got) {
        memcpy(to, self->held + self->held_at, (size_t)got);
        self->held_at += (size_t)got;
        self->held_len -= (size_t)got;
        return got;
    }
    got = read_some(self->fd, to, n);
    if (got < 0)
        set_problem(self, "%s", g_strerror(errno));
    else if (got == 0 && n && !finish(self))
        return -1;
    return got;
}

bool input_read_all(struct input *self, void *to, size_t n)
{
    uint8_t *at = to;

    while (n) {
        ssize_t got = input_read(self, at, n);

        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

int input_fd(const struct input *self)
{
    return self->fd;
}

uint64_t input_total(const struct input *self)
{
    return self->total;
}

const char *input_wrapping(const struct input *self)
{
    return self->wrapping->str;
}

const char *input_domain(const struct input *self)
{
    return self->domain;
}

const char *input_problem(const struct input *self)
{
    return self->problem ? self->problem : "";
}

void input_close(struct input *self)
{
    if (self->fd >= 0)
        close(self->fd);
    for (guint i = 0; i < self->tools->len; i++) {
        GPid pid = g_array_index(self->tools, struct input_tool, i).pid;

        if (pid > 0)
            kill(pid, SIGTERM);
    }
    finish(self);
    g_array_unref(self->tools);
    g_string_free(self->wrapping, TRUE);
    g_free(self->domain);
    g_free(self->problem);
    g_free(self);
}
