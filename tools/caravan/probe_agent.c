/* SPDX-License-Identifier: MIT */
#include "probe_command.h"

#include <string.h>
#include <spice/vd_agent.h>

/*
 * What the probe does with the guest's agent: clipboards, files, the size of
 * the screen. Contents come from files and go to files; events tell the rest.
 */
#define SELECTIONS 3

/* Greetings may cross, and a grab between two of them is void: the agent is usable this much later.
 */
#define SETTLED_US 200000

static const char *const selection_names[SELECTIONS] = {"clipboard", "primary", "secondary"};

struct type_row {
    const char *name;
    guint32 type;
};

static const struct type_row type_rows[] = {
    {"text", VD_AGENT_CLIPBOARD_UTF8_TEXT}, {"png", VD_AGENT_CLIPBOARD_IMAGE_PNG},
    {"bmp", VD_AGENT_CLIPBOARD_IMAGE_BMP},  {"tiff", VD_AGENT_CLIPBOARD_IMAGE_TIFF},
    {"jpg", VD_AGENT_CLIPBOARD_IMAGE_JPG},  {"files", VD_AGENT_CLIPBOARD_FILE_LIST},
    {"none", VD_AGENT_CLIPBOARD_NONE},
};

/* One selection: what we offer, what the other side offers, what came when we asked. */
struct clipboard {
    GHashTable *ours; /* type to GBytes, owned; empty when we offer nothing */
    GArray *theirs;   /* guint32; empty when they offer nothing */
    GArray *held;     /* guint32: requests that wait for `clipboard-hold off` */
    GBytes *came;     /* the newest content that came, or NULL */
    guint32 came_type;
};

struct probe_agent {
    struct probe *probe;
    SpiceChannel *channel;
    bool connected;
    bool announced; /* the agent that is there now has told its capabilities */
    gint64 updated;
    bool hold;
    struct clipboard clipboards[SELECTIONS];
};

static const char *type_name(guint32 type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(type_rows); i++)
        if (type_rows[i].type == type)
            return type_rows[i].name;
    return "unknown";
}

static JsonObject *clipboard_event(const char *op, guint selection)
{
    JsonObject *object = probe_object(g_get_monotonic_time(), "clipboard");

    json_object_set_string_member(object, "op", op);
    json_object_set_string_member(object, "selection",
                                  selection < SELECTIONS ? selection_names[selection] : "unknown");
    return object;
}

static void add_content(JsonObject *object, GBytes *content)
{
    char *hash = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);

    json_object_set_int_member(object, "bytes", g_bytes_get_size(content));
    json_object_set_string_member(object, "sha256", hash);
    g_free(hash);
}

/* ---- what the other side does ---- */

static gboolean on_grab(SpiceMainChannel *channel, guint selection, gpointer types, guint count,
                        gpointer data)
{
    struct probe_agent *agent = data;
    JsonObject *object = clipboard_event("grab", selection);
    JsonArray *names = json_array_new();

    (void)channel;
    for (guint i = 0; i < count; i++)
        json_array_add_string_element(names, type_name(((guint32 *)types)[i]));
    json_object_set_array_member(object, "types", names);
    probe_print(agent->probe, object);
    if (selection >= SELECTIONS)
        return FALSE;
    g_array_set_size(agent->clipboards[selection].theirs, 0);
    g_array_append_vals(agent->clipboards[selection].theirs, types, count);
    g_hash_table_remove_all(agent->clipboards[selection].ours);
    return TRUE;
}

static void on_release(SpiceMainChannel *channel, guint selection, gpointer data)
{
    struct probe_agent *agent = data;

    (void)channel;
    probe_print(agent->probe, clipboard_event("release", selection));
    if (selection < SELECTIONS)
        g_array_set_size(agent->clipboards[selection].theirs, 0);
}

static void on_content(SpiceMainChannel *channel, guint selection, guint type, gpointer bytes,
                       guint size, gpointer data)
{
    struct probe_agent *agent = data;
    GBytes *content = g_bytes_new(bytes, size);
    JsonObject *object = clipboard_event("content", selection);

    (void)channel;
    json_object_set_string_member(object, "type", type_name(type));
    add_content(object, content);
    probe_print(agent->probe, object);
    if (selection < SELECTIONS) {
        g_clear_pointer(&agent->clipboards[selection].came, g_bytes_unref);
        agent->clipboards[selection].came = g_bytes_ref(content);
        agent->clipboards[selection].came_type = type;
    }
    g_bytes_unref(content);
}

/* An empty answer, of no type, when we have nothing of that type. */
static void answer(struct probe_agent *agent, guint selection, guint32 type)
{
    GBytes *content =
        g_hash_table_lookup(agent->clipboards[selection].ours, GUINT_TO_POINTER(type));
    gsize size = 0;
    const guchar *bytes = content ? g_bytes_get_data(content, &size) : NULL;

    spice_main_channel_clipboard_selection_notify(SPICE_MAIN_CHANNEL(agent->channel), selection,
                                                  content ? type : VD_AGENT_CLIPBOARD_NONE, bytes,
                                                  size);
}

static gboolean on_request(SpiceMainChannel *channel, guint selection, guint type, gpointer data)
{
    struct probe_agent *agent = data;
    JsonObject *object = clipboard_event("request", selection);
    guint32 wanted = type;

    (void)channel;
    json_object_set_string_member(object, "type", type_name(type));
    probe_print(agent->probe, object);
    if (selection >= SELECTIONS)
        return FALSE;
    if (agent->hold)
        g_array_append_val(agent->clipboards[selection].held, wanted);
    else
        answer(agent, selection, type);
    return TRUE;
}

/*
 * spice-gtk tells when an agent comes or goes and when it has announced its
 * capabilities, by one signal; those of an agent that has gone it keeps.
 */
static void on_update(struct probe_agent *agent)
{
    JsonObject *object = probe_object(g_get_monotonic_time(), "agent");
    gboolean connected = FALSE;
    int caps = 0;

    g_object_get(agent->channel, "agent-connected", &connected, "agent-caps-0", &caps, NULL);
    agent->announced = connected && agent->connected && caps;
    agent->connected = connected;
    agent->updated = g_get_monotonic_time();
    json_object_set_boolean_member(object, "connected", connected);
    json_object_set_int_member(object, "caps", agent->announced ? (guint32)caps : 0);
    probe_print(agent->probe, object);
}

/* ---- life ---- */

struct probe_agent *probe_agent_new(struct probe *probe)
{
    struct probe_agent *agent = g_new0(struct probe_agent, 1);

    agent->probe = probe;
    for (guint i = 0; i < SELECTIONS; i++) {
        struct clipboard *clipboard = &agent->clipboards[i];

        clipboard->ours = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
        clipboard->theirs = g_array_new(FALSE, FALSE, sizeof(guint32));
        clipboard->held = g_array_new(FALSE, FALSE, sizeof(guint32));
    }
    return agent;
}

static void let_go(struct probe_agent *agent)
{
    if (agent->channel)
        g_signal_handlers_disconnect_by_data(agent->channel, agent);
    g_clear_object(&agent->channel);
    agent->connected = agent->announced = false;
}

void probe_agent_free(struct probe_agent *agent)
{
    if (!agent)
        return;
    let_go(agent);
    for (guint i = 0; i < SELECTIONS; i++) {
        g_hash_table_unref(agent->clipboards[i].ours);
        g_array_unref(agent->clipboards[i].theirs);
        g_array_unref(agent->clipboards[i].held);
        g_clear_pointer(&agent->clipboards[i].came, g_bytes_unref);
    }
    g_free(agent);
}

void probe_agent_detach(struct probe_agent *agent, const SpiceChannel *channel)
{
    if (agent->channel == channel)
        let_go(agent);
}

void probe_agent_attach(struct probe_agent *agent, SpiceChannel *channel)
{
    let_go(agent);
    agent->channel = g_object_ref(channel);
    g_signal_connect(channel, "main-clipboard-selection-grab", G_CALLBACK(on_grab), agent);
    g_signal_connect(channel, "main-clipboard-selection-release", G_CALLBACK(on_release), agent);
    g_signal_connect(channel, "main-clipboard-selection-request", G_CALLBACK(on_request), agent);
    g_signal_connect(channel, "main-clipboard-selection", G_CALLBACK(on_content), agent);
    g_signal_connect_swapped(channel, "main-agent-update", G_CALLBACK(on_update), agent);
}

/* ---- commands ---- */

static bool parse_selection(const char *word, guint *selection, GError **error)
{
    for (*selection = 0; *selection < SELECTIONS; ++*selection)
        if (!strcmp(word, selection_names[*selection]))
            return true;
    return probe_fail(error, "'%s': say clipboard, primary or secondary", word);
}

static bool parse_type(const char *word, guint32 *type, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(type_rows); i++) {
        *type = type_rows[i].type;
        if (!strcmp(word, type_rows[i].name))
            return true;
    }
    return probe_fail(error, "'%s' is no type: text, png, bmp, tiff, jpg, files", word);
}

/* The main channel when it is up and the agent is there. */
static SpiceMainChannel *usable(struct call *call, GError **error)
{
    struct probe_agent *agent = call->probe->agent;

    if (!agent->announced) {
        probe_fail(error, "the guest has no agent (yet): wait-agent");
        return NULL;
    }
    return SPICE_MAIN_CHANNEL(agent->channel);
}

static bool met_agent(struct wait *wait)
{
    const struct probe_agent *agent = wait->probe->agent;

    if (wait->a)
        return !agent->connected;
    return agent->announced && g_get_monotonic_time() - agent->updated >= SETTLED_US;
}

bool probe_run_wait_agent(struct call *call, GError **error)
{
    struct wait wait = {.met = met_agent, .a = call->count == 2};

    if (wait.a && strcmp(call->words[0], "gone") != 0)
        return probe_fail(error, "'%s': say gone or nothing", call->words[0]);
    return probe_wait_for(call, &wait, call->words[call->count - 1], error);
}

/* Adds TYPE=FILE to the offers. */
static bool offer(struct clipboard *clipboard, const char *word, guint32 *type, GError **error)
{
    const char *equals = strchr(word, '=');
    char *name, *content;
    gsize size;
    bool ok;

    if (!equals)
        return probe_fail(error, "'%s' is not TYPE=FILE", word);
    name = g_strndup(word, equals - word);
    ok = parse_type(name, type, error) && g_file_get_contents(equals + 1, &content, &size, error);
    if (ok)
        g_hash_table_replace(clipboard->ours, GUINT_TO_POINTER(*type),
                             g_bytes_new_take(content, size));
    g_free(name);
    return ok;
}

bool probe_run_clipboard_grab(struct call *call, GError **error)
{
    SpiceMainChannel *channel = usable(call, error);
    struct clipboard *clipboard;
    guint32 types[G_N_ELEMENTS(type_rows)];
    int count = call->count - 1;
    guint selection;

    if (!channel || !parse_selection(call->words[0], &selection, error))
        return false;
    if (count > (int)G_N_ELEMENTS(types))
        return probe_fail(error, "that many types there are not");
    clipboard = &call->probe->agent->clipboards[selection];
    g_hash_table_remove_all(clipboard->ours);
    g_array_set_size(clipboard->theirs, 0);
    for (int i = 0; i < count; i++)
        if (!offer(clipboard, call->words[i + 1], &types[i], error))
            return false;
    spice_main_channel_clipboard_selection_grab(channel, selection, types, count);
    return true;
}

bool probe_run_clipboard_release(struct call *call, GError **error)
{
    SpiceMainChannel *channel = usable(call, error);
    guint selection;

    if (!channel || !parse_selection(call->words[0], &selection, error))
        return false;
    g_hash_table_remove_all(call->probe->agent->clipboards[selection].ours);
    spice_main_channel_clipboard_selection_release(channel, selection);
    return true;
}

bool probe_run_clipboard_hold(struct call *call, GError **error)
{
    struct probe_agent *agent = call->probe->agent;
    unsigned answered = 0;

    if (strcmp(call->words[0], "on") != 0 && strcmp(call->words[0], "off") != 0)
        return probe_fail(error, "'%s': say on or off", call->words[0]);
    agent->hold = !strcmp(call->words[0], "on");
    for (guint i = 0; i < SELECTIONS && !agent->hold && agent->channel; i++) {
        GArray *held = agent->clipboards[i].held;

        for (guint n = 0; n < held->len; n++, answered++)
            answer(agent, i, g_array_index(held, guint32, n));
        g_array_set_size(held, 0);
    }
    json_object_set_int_member(call->reply, "answered", answered);
    return true;
}

static bool met_theirs(struct wait *wait)
{
    const GArray *theirs = wait->data;

    for (guint i = 0; i < theirs->len; i++)
        if (g_array_index(theirs, guint32, i) == (guint32)wait->a)
            return true;
    return false;
}

bool probe_run_wait_clipboard(struct call *call, GError **error)
{
    struct wait wait = {.met = met_theirs};
    guint selection;
    guint32 type;

    if (!parse_selection(call->words[0], &selection, error) ||
        !parse_type(call->words[1], &type, error))
        return false;
    wait.a = type;
    wait.data = call->probe->agent->clipboards[selection].theirs;
    return probe_wait_for(call, &wait, call->words[2], error);
}

static bool met_came(struct wait *wait)
{
    const struct clipboard *clipboard = wait->data;

    return clipboard->came != NULL;
}

bool probe_run_clipboard_get(struct call *call, GError **error)
{
    SpiceMainChannel *channel = usable(call, error);
    struct wait wait = {.met = met_came};
    struct clipboard *clipboard;
    const char *bytes;
    guint selection;
    guint32 type;
    gsize size;

    if (!channel || !parse_selection(call->words[0], &selection, error) ||
        !parse_type(call->words[1], &type, error))
        return false;
    clipboard = &call->probe->agent->clipboards[selection];
    g_clear_pointer(&clipboard->came, g_bytes_unref);
    wait.data = clipboard;
    spice_main_channel_clipboard_selection_request(channel, selection, type);
    if (!probe_wait_for(call, &wait, call->words[3], error))
        return false;
    json_object_set_string_member(call->reply, "type", type_name(clipboard->came_type));
    add_content(call->reply, clipboard->came);
    bytes = g_bytes_get_data(clipboard->came, &size);
    return g_file_set_contents(call->words[2], bytes ? bytes : "", size, error);
}

/* ---- files ---- */

/* One transfer; whoever is last of the command and the callback frees it. */
struct transfer {
    bool done, abandoned;
    GError *error;
};

static void transfer_free(struct transfer *transfer)
{
    g_clear_error(&transfer->error);
    g_free(transfer);
}

static void on_sent(GObject *object, GAsyncResult *result, gpointer data)
{
    struct transfer *transfer = data;

    spice_main_channel_file_copy_finish(SPICE_MAIN_CHANNEL(object), result, &transfer->error);
    transfer->done = true;
    if (transfer->abandoned)
        transfer_free(transfer);
}

static bool met_sent(struct wait *wait)
{
    return ((const struct transfer *)wait->data)->done;
}

bool probe_run_send_file(struct call *call, GError **error)
{
    SpiceMainChannel *channel = usable(call, error);
    struct wait wait = {.met = met_sent};
    GCancellable *cancel;
    struct transfer *transfer;
    GFile *files[2] = {NULL};
    bool ok;

    if (!channel)
        return false;
    transfer = g_new0(struct transfer, 1);
    cancel = g_cancellable_new();
    files[0] = g_file_new_for_path(call->words[0]);
    wait.data = transfer;
    spice_main_channel_file_copy_async(channel, files, G_FILE_COPY_NONE, cancel, NULL, NULL,
                                       on_sent, transfer);
    ok = probe_wait_for(call, &wait, call->words[1], error);
    if (ok && transfer->error)
        ok = probe_fail(error, "%s", transfer->error->message);
    transfer->abandoned = !transfer->done;
    if (transfer->done)
        transfer_free(transfer);
    else
        g_cancellable_cancel(cancel);
    g_object_unref(files[0]);
    g_object_unref(cancel);
    return ok;
}

/* ---- the screen ---- */

bool probe_run_resize(struct call *call, GError **error)
{
    struct probe_agent *agent = call->probe->agent;
    int width = 0, height = 0;

    if (!agent->channel)
        return probe_fail(error, "the main channel is not up");
    if (!probe_parse_int(call->words[0], &width, error) ||
        !probe_parse_int(call->words[1], &height, error))
        return false;
    if (width <= 0 || height <= 0)
        return probe_fail(error, "a screen of %dx%d there is not", width, height);
    spice_main_channel_update_display_enabled(SPICE_MAIN_CHANNEL(agent->channel), 0, TRUE, FALSE);
    spice_main_channel_update_display(SPICE_MAIN_CHANNEL(agent->channel), 0, 0, 0, width, height,
                                      FALSE);
    if (!spice_main_channel_send_monitor_config(SPICE_MAIN_CHANNEL(agent->channel)))
        return probe_fail(error, "no agent takes it");
    return true;
}
