/* SPDX-License-Identifier: MIT */
/*
 * The password ("ticket") of a server, and the RSA keys clients send it under.
 *
 * The protocol fixes RSA with 1024 bits, OAEP, SHA-1. Making such a key takes milliseconds, so no
 * link waits for one: a thread makes the first key when the server starts, and makes the next when
 * a key has served `links` links or `lifetime_ms` milliseconds. A link keeps the key it was offered
 * until it ends, whatever is made meanwhile.
 */
#ifndef CARAVAN_AUTH_TICKET_H
#define CARAVAN_AUTH_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#define TICKET_PUBLIC_BYTES   162 /* DER SubjectPublicKeyInfo, as the link reply has it */
#define TICKET_CIPHER_BYTES   128
#define TICKET_PASSWORD_BYTES 60 /* longest password, without the NUL */

/* Keys --------------------------------------------------------------------------------------- */

struct ticket_keys;
struct ticket_key;

struct ticket_keys_limits {
    uint32_t links;       /* links a key is offered to before the next is made; 0: no such limit */
    uint64_t lifetime_ms; /* age at which the next is made; 0: no such limit */
};

/* 256 links or one hour. */
extern const struct ticket_keys_limits ticket_keys_default_limits;

/* Starts making the first key in the background. Limits are copied. */
struct ticket_keys *ticket_keys_new(const struct ticket_keys_limits *limits);

/* Waits for a key in the making (milliseconds). Keys still held by links stay valid. */
void ticket_keys_free(struct ticket_keys *self);

/* The current key, one reference for the caller; may start making the next. Waits only if the very
 * first key is not ready yet. NULL when no key could be made. now_ms: monotonic. Any thread. */
struct ticket_key *ticket_keys_acquire(struct ticket_keys *self, uint64_t now_ms);

/* Waits until no key is in the making: for tests and benches. */
void ticket_keys_settle(struct ticket_keys *self);

/* Drops a reference; NULL is allowed. Any thread. */
void ticket_key_release(struct ticket_key *self);

/* TICKET_PUBLIC_BYTES bytes, owned by the key. */
const uint8_t *ticket_key_public(const struct ticket_key *self);

/* Decrypts what a client sent into a C string without its padding. False when it was not made with
 * this key, or holds no password of at most TICKET_PASSWORD_BYTES. `out` is cleared then. */
bool ticket_key_decrypt(const struct ticket_key *self, const uint8_t cipher[TICKET_CIPHER_BYTES],
                        char out[TICKET_PASSWORD_BYTES + 1]);

/* Policy ------------------------------------------------------------------------------------- */

/* Plain data, no heap; all zero: no password is wanted. Seconds of any monotonic clock. */
struct ticket {
    bool required;
    bool expires;
    int64_t expires_at;                       /* last second in which the password opens */
    char password[TICKET_PASSWORD_BYTES + 1]; /* zero padded */
};

enum ticket_verdict {
    TICKET_OK,
    TICKET_WRONG,
    TICKET_EXPIRED,
    TICKET_NO_PASSWORD, /* one is required but none is set: nobody gets in */
};

/* Lets everybody in. */
void ticket_disable(struct ticket *self);

/* Wants this password for lifetime_s seconds; 0: for ever. NULL or "" rejects everybody.
 * False, and nothing changes, when it is too long. */
bool ticket_set(struct ticket *self, const char *password, uint32_t lifetime_s, int64_t now_s);

/* Compares in constant time. */
enum ticket_verdict ticket_check(const struct ticket *self, const char *password, int64_t now_s);

/* Decrypts with key and checks. Without a required password the cipher is not looked at, and key
 * may be NULL. */
enum ticket_verdict ticket_check_cipher(const struct ticket *self, const struct ticket_key *key,
                                        const uint8_t cipher[TICKET_CIPHER_BYTES], int64_t now_s);

#endif
