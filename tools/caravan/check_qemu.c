/* SPDX-License-Identifier: MIT */
#include "check_qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MOST  (4u << 20)
#define WORDS_MOST (16u << 10)
#define PAUSE_US   5000

struct check_qemu {
    char *folder;
    GPid pid; /* 0: ended */
    int monitor;
    GString *held; /* bytes of the monitor that are no whole line yet */
    gint64 deadline;
};

/* ---- The child ---- */

static char *words_path(const struct check_qemu *self)
{
    return g_build_filename(self->folder, "words", NULL);
}

/* What QEMU wrote to standard error, without the parts that say nothing; g_free it. */
static char *read_words(const struct check_qemu *self)
{
    char *path = words_path(self), *text = NULL, *colon;
    gsize len = 0;

    g_file_get_contents(path, &text, &len, NULL);
    g_free(path);
    if (!text)
        return g_strdup("");
    if (len > WORDS_MOST)
        memmove(text, text + len - WORDS_MOST, WORDS_MOST + 1);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' && *p != '\n')
            *p = ' ';
    colon = strstr(text, ": ");
    if (colon && g_str_has_prefix(text, "qemu-"))
        memmove(text, colon + 2, strlen(colon + 2) + 1);
    return g_strstrip(text);
}

static char **make_argv(const struct check_qemu *self, const struct check_command *command,
                        const char *const *extra)
{
    static const char *const ours[] = {"-S",
                                       "-display",
                                       "none",
                                       "-chardev",
                                       "socket,id=caravan-check,fd=0",
                                       "-mon",
                                       "chardev=caravan-check,mode=control",
                                       NULL};
    GPtrArray *argv = g_ptr_array_new();

    for (guint i = 0; i < command->argv->len; i++) {
        char **parts = g_strsplit(command->argv->pdata[i], "@FOLDER@", -1);

        g_ptr_array_add(argv, g_strjoinv(self->folder, parts));
        g_strfreev(parts);
    }
    for (size_t i = 0; ours[i]; i++)
        g_ptr_array_add(argv, g_strdup(ours[i]));
    for (; *extra; extra++)
        g_ptr_array_add(argv, g_strdup(*extra));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

static bool spawn(struct check_qemu *self, char **argv, int monitor, char **reason)
{
    char *path = words_path(self);
    int words = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    GError *error = NULL;
    bool fine;

    fine = g_spawn_async_with_fds(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                  NULL, NULL, &self->pid, monitor, nothing, words, &error);
    if (!fine) {
        *reason = g_strdup(error->message);
        g_error_free(error);
    }
    if (words >= 0)
        close(words);
    if (nothing >= 0)
        close(nothing);
    g_free(path);
    return fine;
}

static int left_ms(const struct check_qemu *self)
{
    return (int)CLAMP((self->deadline - g_get_monotonic_time()) / 1000, 0, G_MAXINT);
}

/* Waits until it has ended by itself; false at the deadline. */
static bool wait_end(struct check_qemu *self, int *status)
{
    while (self->pid) {
        pid_t pid = waitpid(self->pid, status, WNOHANG);

        if (pid == self->pid)
            self->pid = 0;
        else if (left_ms(self) == 0)
            return false;
        else
            g_usleep(PAUSE_US);
    }
    return true;
}

static struct check_qemu *start(const struct check_command *command, const char *const *extra,
                                double timeout_s, char **reason)
{
    struct check_qemu *self = g_new0(struct check_qemu, 1);
    int pair[2] = {-1, -1};
    char **argv;
    bool fine;

    self->deadline = g_get_monotonic_time() + (gint64)(timeout_s * G_USEC_PER_SEC);
    self->held = g_string_new(NULL);
    self->monitor = -1;
    self->folder = g_dir_make_tmp("caravan-XXXXXX", NULL);
    if (!self->folder || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        *reason = g_strdup(g_strerror(errno));
        check_qemu_free(self);
        return NULL;
    }
    self->monitor = pair[0];
    argv = make_argv(self, command, extra);
    fine = spawn(self, argv, pair[1], reason);
    close(pair[1]);
    g_strfreev(argv);
    if (fine)
        return self;
    check_qemu_free(self);
    return NULL;
}

void check_qemu_free(struct check_qemu *self)
{
    static const char *const files[] = {"words", "spice"};

    if (self->pid) {
        kill(self->pid, SIGKILL);
        while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (self->monitor >= 0)
        close(self->monitor);
    for (size_t i = 0; self->folder && i < G_N_ELEMENTS(files); i++) {
        char *path = g_build_filename(self->folder, files[i], NULL);

        g_unlink(path);
        g_free(path);
    }
    if (self->folder)
        g_rmdir(self->folder);
    g_free(self->folder);
    g_string_free(self->held, TRUE);
    g_free(self);
}

/* Why nothing more came from it. */
static char *end_words(struct check_qemu *self)
{
    gint64 soon = g_get_monotonic_time() + G_USEC_PER_SEC;
    int status = 0;
    char *words;

    if (left_ms(self) == 0)
        return g_strdup("QEMU did not answer in time");
    self->deadline = MIN(self->deadline, soon);
    wait_end(self, &status);
    words = read_words(self);
    if (!*words) {
        g_free(words);
        return self->pid             ? g_strdup("QEMU closed its monitor")
               : WIFSIGNALED(status) ? g_strdup_printf("QEMU died: %s", strsignal(WTERMSIG(status)))
                                     : g_strdup("QEMU ended without a word");
    }
    return words;
}

/* ---- The monitor ---- */

static bool wait_for(const struct check_qemu *self, int fd, short events)
{
    struct pollfd entry = {.fd = fd, .events = events};
    int n;

    do
        n = poll(&entry, 1, left_ms(self));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

ssize_t check_qemu_read(struct check_qemu *self, int fd, void *to, size_t n)
{
    ssize_t got;

    if (!wait_for(self, fd, POLLIN)) {
        errno = ETIMEDOUT;
        return -1;
    }
    do
        got = read(fd, to, n);
    while (got < 0 && errno == EINTR);
    return got < 0 && errno == ECONNRESET ? 0 : got;
}

bool check_qemu_write(struct check_qemu *self, int fd, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;

    while (n) {
        ssize_t sent;

        if (!wait_for(self, fd, POLLOUT))
            return false;
        sent = send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        at += MAX(sent, 0);
        n -= (size_t)MAX(sent, 0);
    }
    return true;
}

/* The next line of the monitor, g_free it; NULL when there is none. */
static char *read_line(struct check_qemu *self)
{
    char buffer[4096];

    for (;;) {
        char *end = memchr(self->held->str, '\n', self->held->len);
        ssize_t n;

        if (end) {
            gssize len = end - self->held->str;
            char *line = g_strndup(self->held->str, (gsize)len);

            g_string_erase(self->held, 0, len + 1);
            return line;
        }
        n = check_qemu_read(self, self->monitor, buffer, sizeof(buffer));
        if (n <= 0 || self->held->len > LINE_MOST)
            return NULL;
        g_string_append_len(self->held, buffer, n);
    }
}

/* The next message that is no event. */
static JsonNode *read_answer(struct check_qemu *self)
{
    char *line;

    while ((line = read_line(self))) {
        JsonNode *node = json_from_string(line, NULL);

        g_free(line);
        if (node && JSON_NODE_HOLDS_OBJECT(node) &&
            !json_object_has_member(json_node_get_object(node), "event"))
            return node;
        if (node)
            json_node_unref(node);
    }
    return NULL;
}

static bool send_line(struct check_qemu *self, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    struct cmsghdr *header;

    if (fd < 0)
        return check_qemu_write(self, self->monitor, text, strlen(text));
    message.msg_control = control.room;
    message.msg_controllen = sizeof(control.room);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    return sendmsg(self->monitor, &message, MSG_NOSIGNAL) == (ssize_t)bytes.iov_len;
}

static JsonNode *ask(struct check_qemu *self, const char *command, const char *arguments, int fd,
                     char **reason)
{
    char *text = g_strdup_printf("{\"execute\": \"%s\", \"arguments\": %s}\n", command,
                                 arguments ? arguments : "{}");
    JsonNode *node = send_line(self, text, fd) ? read_answer(self) : NULL;
    JsonNode *returned = NULL;
    JsonObject *answer;

    g_free(text);
    if (!node) {
        *reason = end_words(self);
        return NULL;
    }
    answer = json_node_get_object(node);
    if (json_object_has_member(answer, "return")) {
        returned = json_object_dup_member(answer, "return");
    } else {
        JsonNode *error = json_object_get_member(answer, "error");
        const char *words = NULL;

        if (error && JSON_NODE_HOLDS_OBJECT(error))
            words = json_object_get_string_member_with_default(json_node_get_object(error), "desc",
                                                               NULL);
        *reason = g_strdup(words ? words : "QEMU refused");
    }
    json_node_unref(node);
    return returned;
}

JsonNode *check_qemu_ask(struct check_qemu *self, const char *command, const char *arguments,
                         char **reason)
{
    return ask(self, command, arguments, -1, reason);
}

int check_qemu_give_pair(struct check_qemu *self, const char *name, char **reason)
{
    char *arguments = g_strdup_printf("{\"fdname\": \"%s\"}", name);
    JsonNode *returned = NULL;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        *reason = g_strdup(g_strerror(errno));
        g_free(arguments);
        return -1;
    }
    returned = ask(self, "getfd", arguments, pair[1], reason);
    close(pair[1]);
    g_free(arguments);
    if (returned) {
        json_node_unref(returned);
        return pair[0];
    }
    close(pair[0]);
    return -1;
}

struct check_qemu *check_qemu_new(const struct check_command *command, const char *const *extra,
                                  double timeout_s, char **reason)
{
    struct check_qemu *self = start(command, extra, timeout_s, reason);
    JsonNode *node;

    if (!self)
        return NULL;
    node = read_answer(self); /* the greeting */
    if (!node)
        *reason = end_words(self);
    else
        json_node_unref(node);
    if (node && (node = check_qemu_ask(self, "qmp_capabilities", NULL, reason))) {
        json_node_unref(node);
        return self;
    }
    check_qemu_free(self);
    return NULL;
}

/* 1 completed, 0 not yet, -1 failed. */
static int migration_state(struct check_qemu *self, char **reason)
{
    JsonNode *node = check_qemu_ask(self, "query-migrate", NULL, reason);
    const char *status = "";
    int state = 0;

    if (!node)
        return -1;
    if (JSON_NODE_HOLDS_OBJECT(node))
        status =
            json_object_get_string_member_with_default(json_node_get_object(node), "status", "");
    if (!strcmp(status, "completed"))
        state = 1;
    if (!strcmp(status, "failed") || !strcmp(status, "cancelled")) {
        state = -1;
        *reason = read_words(self);
    }
    json_node_unref(node);
    return state;
}

int check_qemu_wait_migration(struct check_qemu *self, char **reason)
{
    int state;

    while ((state = migration_state(self, reason)) == 0) {
        if (left_ms(self) == 0) {
            *reason = g_strdup("QEMU did not finish in time");
            return -1;
        }
        g_usleep(PAUSE_US);
    }
    if (state < 0 && left_ms(self) == 0)
        return -1;
    return state > 0;
}

bool check_qemu_run(const struct check_command *command, const char *const *extra, double timeout_s,
                    char **reason)
{
    struct check_qemu *self = start(command, extra, timeout_s, reason);
    int status = 0;
    bool fine;

    if (!self)
        return false;
    fine = wait_end(self, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!fine)
        *reason = end_words(self);
    check_qemu_free(self);
    return fine;
}
