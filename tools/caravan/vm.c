/* SPDX-License-Identifier: MIT */
#include "vm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <gio/gio.h>
#include <glib/gstdio.h>

#define VM_START_TIMEOUT_S 15.0
#define VM_STOP_TIMEOUT_S  3.0
#define VM_TRIES           3 /* a free port may be taken between looking and using it */

struct vm {
    struct loop *loop;
    char *name;
    char *log;
    char *serial;
    char *monitor;
    char *dump;
    GPid pid;
    guint watch;
    bool running;
    int status;
    int spice_port;
    int migration_port;
    struct qmp *qmp;
};

static int free_port(void)
{
    GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *address = g_inet_socket_address_new(loopback, 0);
    GSocket *socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
    GSocketAddress *local = NULL;
    int port = 0;

    if (socket && g_socket_bind(socket, address, FALSE, NULL))
        local = g_socket_get_local_address(socket, NULL);
    if (local)
        port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local));
    g_clear_object(&local);
    g_clear_object(&socket);
    g_object_unref(address);
    g_object_unref(loopback);
    return port;
}

/* After fork: no allocation here. The group keeps a Ctrl-C for us alone. */
static void vm_child_setup(gpointer data)
{
    int log = *(int *)data;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
}

static void vm_on_exit(GPid pid, gint status, gpointer data)
{
    struct vm *vm = data;

    g_spawn_close_pid(pid);
    vm->running = false;
    vm->status = status;
    vm->watch = 0;
}

static void add(GPtrArray *words, const char *option, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void add(GPtrArray *words, const char *option, const char *format, ...)
{
    va_list args;

    g_ptr_array_add(words, g_strdup(option));
    va_start(args, format);
    g_ptr_array_add(words, g_strdup_vprintf(format, args));
    va_end(args);
}

static char **vm_command_line(const struct vm *vm, const struct vm_config *config)
{
    GPtrArray *words = g_ptr_array_new();

    g_ptr_array_add(words, g_strdup(config->qemu));
    g_ptr_array_add(words, g_strdup("-nodefaults"));
    g_ptr_array_add(words, g_strdup("-no-user-config"));
    add(words, "-name", "%s", config->name);
    add(words, "-accel", "tcg");
    add(words, "-m", "64");
    add(words, "-display", "none");
    add(words, "-vga", "%s", config->vga);
    add(words, "-drive", "file=%s,format=raw,snapshot=on", config->guest);
    add(words, "-serial", "file:%s", vm->serial);
    add(words, "-qmp", "unix:%s,server=on,wait=off", vm->monitor);
    add(words, "-spice", "port=%d,addr=127.0.0.1,disable-ticketing=on,seamless-migration=on",
        vm->spice_port);
    if (config->incoming)
        add(words, "-incoming", "tcp:127.0.0.1:%d", vm->migration_port);
    for (size_t i = 0; config->arguments && config->arguments[i]; i++)
        g_ptr_array_add(words, g_strdup(config->arguments[i]));
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static bool vm_spawn(struct vm *vm, const struct vm_config *config, GError **error)
{
    char **words = vm_command_line(vm, config);
    char **environment = g_get_environ();
    int log = g_open(vm->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok;

    if (*config->libdir)
        environment = g_environ_setenv(environment, "LD_LIBRARY_PATH", config->libdir, TRUE);
    if (config->many_clients)
        environment = g_environ_setenv(environment, "SPICE_DEBUG_ALLOW_MC", "1", TRUE);
    ok = g_spawn_async(NULL, words, environment, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                       vm_child_setup, &log, &vm->pid, error);
    if (log >= 0)
        close(log);
    g_strfreev(environment);
    g_strfreev(words);
    if (!ok)
        return false;
    vm->running = true;
    vm->watch = g_child_watch_add(vm->pid, vm_on_exit, vm);
    return true;
}

static bool vm_gone(void *data)
{
    return !((struct vm *)data)->running;
}

static struct vm *vm_try_start(struct loop *loop, const struct vm_config *config, GError **error)
{
    struct vm *vm = g_new0(struct vm, 1);

    vm->loop = loop;
    vm->name = g_strdup(config->name);
    vm->log = g_strdup_printf("%s/%s.log", config->out, config->name);
    vm->serial = g_strdup_printf("%s/%s.serial", config->out, config->name);
    vm->monitor = g_strdup_printf("%s/%s.qmp", config->run, config->name);
    vm->dump = g_strdup_printf("%s/%s.ppm", config->run, config->name);
    vm->spice_port = free_port();
    vm->migration_port = config->incoming ? free_port() : 0;
    g_unlink(vm->monitor);
    g_unlink(vm->serial);
    if (vm_spawn(vm, config, error))
        vm->qmp = qmp_connect(loop, vm->monitor, VM_START_TIMEOUT_S, vm_gone, vm, config->listener,
                              config->user, error);
    if (vm->qmp)
        return vm;
    if (vm->pid && error && *error && !loop_interrupted(loop)) {
        char *words = vm_last_words(vm);

        g_prefix_error(error, "the %s QEMU does not start: %s%s", vm->name, words,
                       *words ? "; " : "");
        g_free(words);
    }
    vm_stop(vm);
    return NULL;
}

struct vm *vm_start(struct loop *loop, const struct vm_config *config, GError **error)
{
    for (int i = 1;; i++) {
        GError *why = NULL;
        struct vm *vm = vm_try_start(loop, config, &why);

        if (vm)
            return vm;
        if (i == VM_TRIES || loop_interrupted(loop) || !why ||
            !strstr(why->message, "Address already in use")) {
            g_propagate_error(error, why);
            return NULL;
        }
        g_error_free(why);
    }
}

void vm_stop(struct vm *vm)
{
    if (!vm)
        return;
    qmp_free(vm->qmp);
    loop_clear_interrupt(vm->loop);
    if (vm->running)
        kill(vm->pid, SIGTERM);
    if (loop_wait(vm->loop, vm_gone, vm, VM_STOP_TIMEOUT_S) != LOOP_MET) {
        kill(vm->pid, SIGKILL);
        loop_clear_interrupt(vm->loop);
        loop_wait(vm->loop, vm_gone, vm, VM_STOP_TIMEOUT_S);
    }
    if (vm->watch)
        g_source_remove(vm->watch);
    g_unlink(vm->monitor);
    g_unlink(vm->dump);
    g_free(vm->name);
    g_free(vm->log);
    g_free(vm->serial);
    g_free(vm->monitor);
    g_free(vm->dump);
    g_free(vm);
}

bool vm_running(const struct vm *vm)
{
    return vm->running;
}

int vm_pid(const struct vm *vm)
{
    return vm->pid;
}

int vm_spice_port(const struct vm *vm)
{
    return vm->spice_port;
}

int vm_migration_port(const struct vm *vm)
{
    return vm->migration_port;
}

struct qmp *vm_qmp(struct vm *vm)
{
    return vm->qmp;
}

char *vm_spice_library(const struct vm *vm)
{
    char *name = g_strdup_printf("/proc/%d/maps", (int)vm->pid);
    char *maps = NULL, *found = NULL, *line, *rest;

    if (g_file_get_contents(name, &maps, NULL, NULL)) {
        for (line = strtok_r(maps, "\n", &rest); line && !found; line = strtok_r(NULL, "\n", &rest))
            if (strchr(line, '/') && strstr(strrchr(line, '/'), "/libspice-server.so"))
                found = g_strdup(strchr(line, '/'));
    }
    g_free(maps);
    g_free(name);
    return found;
}

const char *vm_death(const struct vm *vm)
{
    return WIFSIGNALED(vm->status) ? g_strsignal(WTERMSIG(vm->status)) : "exit";
}

char *vm_last_words(const struct vm *vm)
{
    char *text = NULL;
    const char *start;

    if (!g_file_get_contents(vm->log, &text, NULL, NULL))
        return g_strdup("");
    g_strchomp(text);
    start = strrchr(text, '\n');
    if (start) {
        char *last = g_strdup(start + 1);

        g_free(text);
        return last;
    }
    return text;
}

unsigned vm_serial_lines(const struct vm *vm, const char *start)
{
    char *text = NULL;
    unsigned count = 0;
    char **lines;

    if (!g_file_get_contents(vm->serial, &text, NULL, NULL))
        return 0;
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++)
        count += g_str_has_prefix(lines[i], start);
    g_strfreev(lines);
    g_free(text);
    return count;
}

struct image *vm_screendump(struct vm *vm, GError **error)
{
    JsonObject *arguments = json_object_new();
    struct image *image = NULL;

    json_object_set_string_member(arguments, "filename", vm->dump);
    if (qmp_run(vm->qmp, "screendump", arguments, error))
        image = image_load_ppm(vm->dump, error);
    return image;
}
