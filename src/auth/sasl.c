/* SPDX-License-Identifier: MIT */
#include "auth/sasl.h"

#include <glib.h>
#include <sasl/sasl.h>

#include "base/buf.h"
#include "base/log.h"

enum {
    MIN_BITS = 56,           /* of a layer on a link without TLS: Kerberos' least */
    MAX_BITS = 100000,       /* no bound */
    LAYER_BYTES = 8192,      /* of an encoded run that a client may send */
    LAYER_SENT = 16 * 1024,  /* of one that we send, at most */
    OUTPUT_MAX = 256 * 1024, /* bytes of a step; real ones are far below */
};

struct auth_sasl {
    gint refs;
    /* Logins that ended, maybe on another thread: disposed of where the others step. */
    GAsyncQueue *ended; /* sasl_conn_t */
};

struct auth_sasl_login {
    struct auth_sasl *library;
    sasl_conn_t *connection;
    bool plain; /* no TLS: a layer is needed */
    size_t layer;
};

/* ---- The library ---- */

static void dispose(void *connection)
{
    sasl_conn_t *ended = connection;

    sasl_dispose(&ended);
}

static void dispose_ended(struct auth_sasl *self)
{
    void *connection;

    while ((connection = g_async_queue_try_pop(self->ended)))
        dispose(connection);
}

static void unref(struct auth_sasl *self)
{
    if (!g_atomic_int_dec_and_test(&self->refs))
        return;
    dispose_ended(self);
    g_async_queue_unref(self->ended);
    sasl_server_done();
    g_free(self);
}

struct auth_sasl *auth_sasl_new(const char *appname)
{
    struct auth_sasl *self;
    int error = sasl_server_init(NULL, appname);

    if (error != SASL_OK) {
        log_warn("SASL cannot be set up: %s", sasl_errstring(error, NULL, NULL));
        return NULL;
    }
    self = g_new0(struct auth_sasl, 1);
    self->refs = 1;
    self->ended = g_async_queue_new();
    return self;
}

void auth_sasl_free(struct auth_sasl *self)
{
    if (self)
        unref(self);
}

/* ---- A login ---- */

static bool set_up(sasl_conn_t *connection, unsigned cipher_bits)
{
    sasl_ssf_t external = cipher_bits;
    sasl_security_properties_t wanted = {
        .min_ssf = cipher_bits ? 0 : MIN_BITS,
        .max_ssf = cipher_bits ? 0 : MAX_BITS,
        .maxbufsize = LAYER_BYTES,
        .security_flags = cipher_bits ? 0 : SASL_SEC_NOANONYMOUS | SASL_SEC_NOPLAINTEXT,
    };

    return (!cipher_bits || sasl_setprop(connection, SASL_SSF_EXTERNAL, &external) == SASL_OK) &&
           sasl_setprop(connection, SASL_SEC_PROPS, &wanted) == SASL_OK;
}

struct auth_sasl_login *auth_sasl_login_new(struct auth_sasl *self,
                                            const struct auth_sasl_link *link)
{
    struct auth_sasl_login *login;
    sasl_conn_t *connection = NULL;
    int error;

    dispose_ended(self);
    error = sasl_server_new("spice", NULL, NULL, link->local, link->remote, NULL, SASL_SUCCESS_DATA,
                            &connection);
    if (error != SASL_OK || !set_up(connection, link->cipher_bits)) {
        log_warn("SASL: no login: %s", sasl_errstring(error, NULL, NULL));
        sasl_dispose(&connection);
        return NULL;
    }
    login = g_new0(struct auth_sasl_login, 1);
    login->library = self;
    login->connection = connection;
    login->plain = !link->cipher_bits;
    g_atomic_int_inc(&self->refs);
    return login;
}

void auth_sasl_login_free(struct auth_sasl_login *self)
{
    if (!self)
        return;
    g_async_queue_push(self->library->ended, self->connection);
    unref(self->library);
    g_free(self);
}

const char *auth_sasl_mechanisms(struct auth_sasl_login *self)
{
    const char *list = NULL;

    if (sasl_listmech(self->connection, NULL, "", ",", "", &list, NULL, NULL) != SASL_OK || !list ||
        !*list) {
        log_warn("SASL: there are no mechanisms%s",
                 self->plain ? " that encrypt; use TLS, or a mechanism as GSSAPI" : "");
        return NULL;
    }
    return list;
}

static size_t number(const struct auth_sasl_login *self, int property)
{
    const void *value = NULL;

    if (sasl_getprop(self->connection, property, &value) != SASL_OK || !value)
        return 0;
    return *(const unsigned *)value;
}

static enum auth_sasl_step done(struct auth_sasl_login *self)
{
    if (!self->plain)
        return AUTH_SASL_DONE;
    if (number(self, SASL_SSF) < MIN_BITS) {
        log_warn("SASL: the login does not encrypt the link well enough");
        return AUTH_SASL_FAILED;
    }
    self->layer = MIN(number(self, SASL_MAXOUTBUF), LAYER_SENT);
    return self->layer ? AUTH_SASL_DONE : AUTH_SASL_FAILED;
}

enum auth_sasl_step auth_sasl_step(struct auth_sasl_login *self, const char *mechanism,
                                   const void *data, size_t len, struct buf *out)
{
    const char *said = NULL;
    unsigned said_len = 0;
    int result =
        mechanism
            ? sasl_server_start(self->connection, mechanism, data, (unsigned)len, &said, &said_len)
            : sasl_server_step(self->connection, data, (unsigned)len, &said, &said_len);

    if ((result != SASL_OK && result != SASL_CONTINUE) || said_len > OUTPUT_MAX) {
        log_info("SASL: %s", sasl_errdetail(self->connection));
        return AUTH_SASL_FAILED;
    }
    if (said && said_len)
        buf_append(out, said, said_len);
    return result == SASL_CONTINUE ? AUTH_SASL_MORE : done(self);
}

const char *auth_sasl_user(const struct auth_sasl_login *self)
{
    const void *user = NULL;

    if (sasl_getprop(self->connection, SASL_USERNAME, &user) != SASL_OK || !user)
        return "?";
    return user;
}

/* ---- The layer ---- */

size_t auth_sasl_layer(const struct auth_sasl_login *self)
{
    return self->layer;
}

bool auth_sasl_encode(struct auth_sasl_login *self, const void *bytes, size_t len, const void **out,
                      size_t *out_len)
{
    const char *coded = NULL;
    unsigned n = 0;
    int error = sasl_encode(self->connection, bytes, (unsigned)len, &coded, &n);

    *out = coded;
    *out_len = n;
    return error == SASL_OK && (coded || !n);
}

bool auth_sasl_decode(struct auth_sasl_login *self, const void *bytes, size_t len, const void **out,
                      size_t *out_len)
{
    const char *plain = NULL;
    unsigned n = 0;
    int error = sasl_decode(self->connection, bytes, (unsigned)len, &plain, &n);

    *out = plain;
    *out_len = n;
    return error == SASL_OK && (plain || !n);
}
