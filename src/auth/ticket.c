/* SPDX-License-Identifier: MIT */
#include "auth/ticket.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define KEY_BITS 1024

const struct ticket_keys_limits ticket_keys_default_limits = {
    .links = 256,
    .lifetime_ms = 60 * 60 * 1000,
};

struct ticket_key {
    gint refs; /* atomic */
    EVP_PKEY *pkey;
    uint8_t public_der[TICKET_PUBLIC_BYTES];
};

/* The lock guards all but the limits. `maker` is joined by whoever finds it finished. */
struct ticket_keys {
    struct ticket_keys_limits limits;
    GMutex lock;
    GCond made;
    struct ticket_key *current; /* NULL until the first is made */
    uint32_t links;             /* offered so far */
    uint64_t since_ms;          /* when it was first offered */
    bool making;
    GThread *maker;
};

/* ---- One key ---- */

static bool export_public(EVP_PKEY *pkey, uint8_t out[TICKET_PUBLIC_BYTES])
{
    uint8_t *p = out;

    if (i2d_PUBKEY(pkey, NULL) != TICKET_PUBLIC_BYTES)
        return false;
    return i2d_PUBKEY(pkey, &p) == TICKET_PUBLIC_BYTES;
}

/* NULL when OpenSSL refuses (a policy that forbids keys this short, for one). */
static struct ticket_key *key_make(void)
{
    struct ticket_key *key = g_new0(struct ticket_key, 1);

    key->refs = 1;
    key->pkey = EVP_RSA_gen(KEY_BITS);
    if (key->pkey && export_public(key->pkey, key->public_der))
        return key;
    ERR_clear_error();
    ticket_key_release(key);
    return NULL;
}

static struct ticket_key *key_ref(struct ticket_key *self)
{
    if (self)
        g_atomic_int_inc(&self->refs);
    return self;
}

void ticket_key_release(struct ticket_key *self)
{
    if (!self || !g_atomic_int_dec_and_test(&self->refs))
        return;
    EVP_PKEY_free(self->pkey);
    g_free(self);
}

const uint8_t *ticket_key_public(const struct ticket_key *self)
{
    return self->public_der;
}

/* ---- Making keys in the background ---- */

static void make_one(struct ticket_keys *self)
{
    struct ticket_key *key = key_make();
    struct ticket_key *old = key;

    g_mutex_lock(&self->lock);
    if (key) {
        old = self->current;
        self->current = key;
        self->links = 0;
    }
    self->making = false;
    g_cond_broadcast(&self->made);
    g_mutex_unlock(&self->lock);
    ticket_key_release(old);
}

static gpointer maker_main(gpointer opaque)
{
    make_one(opaque);
    return NULL;
}

/* With the lock held and no key in the making: a thread that has set `making` to false takes the
 * lock no more, so joining it here cannot block on us. */
static void start_maker(struct ticket_keys *self)
{
    if (self->maker)
        g_thread_join(self->maker);
    self->making = true;
    self->maker = g_thread_try_new("ticket-key", maker_main, self, NULL);
    if (!self->maker)
        self->making = false;
}

struct ticket_keys *ticket_keys_new(const struct ticket_keys_limits *limits)
{
    struct ticket_keys *self = g_new0(struct ticket_keys, 1);

    self->limits = *limits;
    g_mutex_init(&self->lock);
    g_cond_init(&self->made);
    g_mutex_lock(&self->lock);
    start_maker(self);
    g_mutex_unlock(&self->lock);
    return self;
}

void ticket_keys_free(struct ticket_keys *self)
{
    if (!self)
        return;
    if (self->maker)
        g_thread_join(self->maker);
    ticket_key_release(self->current);
    g_cond_clear(&self->made);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static void wait_made(struct ticket_keys *self)
{
    while (self->making)
        g_cond_wait(&self->made, &self->lock);
}

void ticket_keys_settle(struct ticket_keys *self)
{
    g_mutex_lock(&self->lock);
    wait_made(self);
    g_mutex_unlock(&self->lock);
}

static bool worn_out(const struct ticket_keys *self, uint64_t now_ms)
{
    const struct ticket_keys_limits *l = &self->limits;

    return (l->links && self->links >= l->links) ||
           (l->lifetime_ms && now_ms - self->since_ms >= l->lifetime_ms);
}

/* With the lock held. The first key may be missing because it is being made, or because the thread
 * or OpenSSL failed: then it is tried once more, here. */
static void need_first(struct ticket_keys *self)
{
    wait_made(self);
    if (!self->current)
        self->current = key_make();
}

struct ticket_key *ticket_keys_acquire(struct ticket_keys *self, uint64_t now_ms)
{
    struct ticket_key *key;

    g_mutex_lock(&self->lock);
    if (!self->current)
        need_first(self);
    if (self->links == 0)
        self->since_ms = now_ms;
    if (self->current && self->links < UINT32_MAX)
        self->links++;
    if (self->current && !self->making && worn_out(self, now_ms))
        start_maker(self);
    key = key_ref(self->current);
    g_mutex_unlock(&self->lock);
    return key;
}

/* ---- Tickets ---- */

static EVP_PKEY_CTX *decrypt_context(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha1()) > 0 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) > 0)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

bool ticket_key_decrypt(const struct ticket_key *self, const uint8_t cipher[TICKET_CIPHER_BYTES],
                        char out[TICKET_PASSWORD_BYTES + 1])
{
    uint8_t plain[TICKET_CIPHER_BYTES] = {0};
    size_t len = sizeof(plain);
    EVP_PKEY_CTX *ctx = decrypt_context(self->pkey);
    bool ok = ctx && EVP_PKEY_decrypt(ctx, plain, &len, cipher, TICKET_CIPHER_BYTES) > 0;

    /* Clients send the NUL too; what follows it means nothing. */
    len = ok ? strnlen((const char *)plain, MIN(len, sizeof(plain))) : 0;
    ok = ok && len <= TICKET_PASSWORD_BYTES;
    memset(out, 0, TICKET_PASSWORD_BYTES + 1);
    if (ok)
        memcpy(out, plain, len);
    OPENSSL_cleanse(plain, sizeof(plain));
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

void ticket_disable(struct ticket *self)
{
    OPENSSL_cleanse(self, sizeof(*self));
}

bool ticket_set(struct ticket *self, const char *password, uint32_t lifetime_s, int64_t now_s)
{
    size_t len = password ? strnlen(password, TICKET_PASSWORD_BYTES + 1) : 0;

    if (len > TICKET_PASSWORD_BYTES)
        return false;
    OPENSSL_cleanse(self, sizeof(*self));
    self->required = true;
    self->expires = lifetime_s != 0;
    self->expires_at = now_s + (int64_t)lifetime_s;
    if (len)
        memcpy(self->password, password, len);
    return true;
}

enum ticket_verdict ticket_check(const struct ticket *self, const char *password, int64_t now_s)
{
    char padded[TICKET_PASSWORD_BYTES + 1] = {0};
    size_t len = strnlen(password, sizeof(padded));
    bool same;

    if (!self->required)
        return TICKET_OK;
    if (!self->password[0])
        return TICKET_NO_PASSWORD;
    memcpy(padded, password, MIN(len, TICKET_PASSWORD_BYTES));
    same = CRYPTO_memcmp(padded, self->password, sizeof(padded)) == 0;
    OPENSSL_cleanse(padded, sizeof(padded));
    if (len > TICKET_PASSWORD_BYTES || !same)
        return TICKET_WRONG;
    return self->expires && now_s > self->expires_at ? TICKET_EXPIRED : TICKET_OK;
}

enum ticket_verdict ticket_check_cipher(const struct ticket *self, const struct ticket_key *key,
                                        const uint8_t cipher[TICKET_CIPHER_BYTES], int64_t now_s)
{
    char password[TICKET_PASSWORD_BYTES + 1];
    enum ticket_verdict verdict = TICKET_WRONG;

    if (!self->required)
        return TICKET_OK;
    if (key && ticket_key_decrypt(key, cipher, password)) {
        verdict = ticket_check(self, password, now_s);
        OPENSSL_cleanse(password, sizeof(password));
    }
    return verdict;
}
