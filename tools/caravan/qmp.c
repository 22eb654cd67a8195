/* SPDX-License-Identifier: MIT */
#include "qmp.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>

#define QMP_TIMEOUT_S 10.0
#define QMP_RETRY_S   0.02

struct qmp {
    struct loop *loop;
    GSocketConnection *connection;
    GDataInputStream *input;
    GCancellable *cancel;
    qmp_listener listener;
    void *user;
    JsonObject *answer; /* the newest one, not yet taken */
    bool reading;
    bool closed;
};

static void qmp_read(struct qmp *qmp);

/* QMP stamps events with the wall clock. */
static gint64 qmp_event_time(JsonObject *message)
{
    gint64 now = g_get_monotonic_time(), at;
    JsonObject *stamp;

    if (!json_object_has_member(message, "timestamp"))
        return now;
    stamp = json_object_get_object_member(message, "timestamp");
    at = json_object_get_int_member_with_default(stamp, "seconds", 0) * G_USEC_PER_SEC +
         json_object_get_int_member_with_default(stamp, "microseconds", 0);
    return now - MAX(g_get_real_time() - at, 0);
}

static void qmp_take_message(struct qmp *qmp, JsonObject *message)
{
    if (json_object_has_member(message, "event")) {
        JsonObject *data = json_object_has_member(message, "data")
                               ? json_object_get_object_member(message, "data")
                               : NULL;

        if (qmp->listener)
            qmp->listener(qmp->user, json_object_get_string_member(message, "event"), data,
                          qmp_event_time(message));
        return;
    }
    g_clear_pointer(&qmp->answer, json_object_unref);
    qmp->answer = json_object_ref(message);
}

static void qmp_on_line(GObject *source, GAsyncResult *result, gpointer data)
{
    struct qmp *qmp = data;
    GError *error = NULL;
    char *line =
        g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source), result, NULL, &error);
    JsonNode *node;

    qmp->reading = false;
    if (!line) {
        g_clear_error(&error);
        qmp->closed = true;
        return;
    }
    node = json_from_string(line, NULL);
    if (node && JSON_NODE_HOLDS_OBJECT(node))
        qmp_take_message(qmp, json_node_get_object(node));
    if (node)
        json_node_unref(node);
    g_free(line);
    qmp_read(qmp);
}

static void qmp_read(struct qmp *qmp)
{
    qmp->reading = true;
    g_data_input_stream_read_line_async(qmp->input, G_PRIORITY_DEFAULT, qmp->cancel, qmp_on_line,
                                        qmp);
}

static bool qmp_answered(void *data)
{
    struct qmp *qmp = data;

    return qmp->answer || qmp->closed;
}

static JsonObject *qmp_wait_answer(struct qmp *qmp, const char *command, GError **error)
{
    enum loop_result result = loop_wait(qmp->loop, qmp_answered, qmp, QMP_TIMEOUT_S);
    JsonObject *answer = g_steal_pointer(&qmp->answer);

    if (answer)
        return answer;
    if (result == LOOP_INTERRUPTED)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "QMP %s: %s", command,
                    qmp->closed ? "QEMU closed the monitor" : "no answer");
    return NULL;
}

static bool qmp_send(struct qmp *qmp, const char *command, JsonObject *arguments, GError **error)
{
    JsonObject *message = json_object_new();
    JsonNode *node = json_node_init_object(json_node_alloc(), message);
    char *text, *line;
    bool ok;

    json_object_set_string_member(message, "execute", command);
    if (arguments)
        json_object_set_object_member(message, "arguments", arguments);
    text = json_to_string(node, FALSE);
    line = g_strconcat(text, "\n", NULL);
    ok = g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(qmp->connection)),
                                   line, strlen(line), NULL, NULL, error);
    g_free(text);
    g_free(line);
    json_object_unref(message);
    json_node_free(node);
    return ok;
}

JsonNode *qmp_execute(struct qmp *qmp, const char *command, JsonObject *arguments, GError **error)
{
    JsonNode *returned = NULL;
    JsonObject *answer;

    if (!qmp_send(qmp, command, arguments, error))
        return NULL;
    answer = qmp_wait_answer(qmp, command, error);
    if (!answer)
        return NULL;
    if (json_object_has_member(answer, "error")) {
        JsonObject *refusal = json_object_get_object_member(answer, "error");

        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "QMP %s: %s", command,
                    json_object_get_string_member_with_default(refusal, "desc", "refused"));
    } else {
        returned = json_object_dup_member(answer, "return");
        if (!returned)
            returned = json_node_new(JSON_NODE_NULL);
    }
    json_object_unref(answer);
    return returned;
}

bool qmp_run(struct qmp *qmp, const char *command, JsonObject *arguments, GError **error)
{
    JsonNode *returned = qmp_execute(qmp, command, arguments, error);

    if (returned)
        json_node_unref(returned);
    return returned != NULL;
}

static GSocketConnection *qmp_open(struct loop *loop, const char *path, double timeout_s,
                                   bool (*broken)(void *data), void *data, GError **error)
{
    GSocketAddress *address = g_unix_socket_address_new(path);
    GSocketClient *client = g_socket_client_new();
    gint64 deadline = g_get_monotonic_time() + (gint64)(timeout_s * G_USEC_PER_SEC);
    GSocketConnection *connection;

    for (;;) {
        connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
        if (connection || loop_interrupted(loop) || (broken && broken(data)) ||
            g_get_monotonic_time() > deadline)
            break;
        g_clear_error(error);
        loop_wait(loop, NULL, NULL, QMP_RETRY_S);
    }
    if (!connection && loop_interrupted(loop)) {
        g_clear_error(error);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
    }
    g_object_unref(client);
    g_object_unref(address);
    return connection;
}

struct qmp *qmp_connect(struct loop *loop, const char *path, double timeout_s,
                        bool (*broken)(void *data), void *broken_data, qmp_listener listener,
                        void *user, GError **error)
{
    GSocketConnection *connection = qmp_open(loop, path, timeout_s, broken, broken_data, error);
    JsonObject *greeting;
    struct qmp *qmp;

    if (!connection)
        return NULL;
    qmp = g_new0(struct qmp, 1);
    qmp->loop = loop;
    qmp->connection = connection;
    qmp->input = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    qmp->cancel = g_cancellable_new();
    qmp->listener = listener;
    qmp->user = user;
    qmp_read(qmp);
    greeting = qmp_wait_answer(qmp, "greeting", error);
    if (greeting)
        json_object_unref(greeting);
    if (!greeting || !qmp_run(qmp, "qmp_capabilities", NULL, error)) {
        qmp_free(qmp);
        return NULL;
    }
    return qmp;
}

void qmp_free(struct qmp *qmp)
{
    if (!qmp)
        return;
    qmp->listener = NULL;
    g_cancellable_cancel(qmp->cancel);
    while (qmp->reading && !qmp->closed)
        g_main_context_iteration(NULL, TRUE); /* the cancelled read reports at once */
    g_clear_pointer(&qmp->answer, json_object_unref);
    g_object_unref(qmp->cancel);
    g_object_unref(qmp->input);
    g_object_unref(qmp->connection);
    g_free(qmp);
}
