/* SPDX-License-Identifier: MIT */
/*
 * Login by SASL (Cyrus SASL, libsasl2): names and passwords, Kerberos, or whatever its
 * configuration of the host says. One link has one login: the mechanisms offered, a start, steps
 * until it is done; then, on links without TLS, a layer that encrypts what follows.
 *
 * The library keeps state that is not locked, so logins begin and step on one thread. A login that
 * is done may go to another one.
 */
#ifndef CARAVAN_AUTH_SASL_H
#define CARAVAN_AUTH_SASL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct auth_sasl;
struct auth_sasl_login;

/* The library, set up. appname: where its configuration is looked up (appname.conf). NULL, with the
 * reason in the log, when that fails. */
struct auth_sasl *auth_sasl_new(const char *appname);

/* Drops it; logins that are left go on. NULL is allowed. */
void auth_sasl_free(struct auth_sasl *self);

struct auth_sasl_link {
    unsigned cipher_bits;       /* of TLS; 0: plain, the login must bring encryption */
    const char *local, *remote; /* "address;port"; NULL: none, as of a unix socket */
};

/* NULL, with the reason in the log, when that fails. */
struct auth_sasl_login *auth_sasl_login_new(struct auth_sasl *self,
                                            const struct auth_sasl_link *link);

/* Any thread; NULL is allowed. */
void auth_sasl_login_free(struct auth_sasl_login *self);

/* What the client may choose from, separated by commas; owned by the login. NULL: nothing. */
const char *auth_sasl_mechanisms(struct auth_sasl_login *self);

enum auth_sasl_step {
    AUTH_SASL_MORE,   /* another step follows */
    AUTH_SASL_DONE,   /* the client is who it says, and the link is safe enough */
    AUTH_SASL_FAILED, /* the reason is in the log */
};

/*
 * Takes what the client says: first with the mechanism it chose, then with NULL. data is NULL when
 * the client said nothing, which is not the same as no bytes; it may be any bytes. Appends what the
 * client is to be told.
 */
enum auth_sasl_step auth_sasl_step(struct auth_sasl_login *self, const char *mechanism,
                                   const void *data, size_t len, struct buf *out);

/* Who it is, once done; owned by the login. */
const char *auth_sasl_user(const struct auth_sasl_login *self);

/* The layer, once done: whether there is one, and the bytes it takes at once. 0: none. */
size_t auth_sasl_layer(const struct auth_sasl_login *self);

/* Bytes to and from the layer. *out is owned by the login until the next call. What is decoded may
 * be nothing yet. False when the bytes are not the peer's. */
bool auth_sasl_encode(struct auth_sasl_login *self, const void *bytes, size_t len, const void **out,
                      size_t *out_len);
bool auth_sasl_decode(struct auth_sasl_login *self, const void *bytes, size_t len, const void **out,
                      size_t *out_len);

#endif
