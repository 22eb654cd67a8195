/* SPDX-License-Identifier: MIT */
#include "stream/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct tls_context {
    gint refs; /* atomic */
    SSL_CTX *ssl;
    BIO_METHOD *bio;
};

const char *tls_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return text ? text : "no reason known";
}

static bool load_ca(SSL_CTX *ssl, const char *path)
{
    return SSL_CTX_load_verify_file(ssl, path) == 1;
}

static bool load_chain(SSL_CTX *ssl, const char *path)
{
    return SSL_CTX_use_certificate_chain_file(ssl, path) == 1;
}

static bool load_key(SSL_CTX *ssl, const char *path)
{
    return SSL_CTX_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(ssl) == 1;
}

static bool load_dh(SSL_CTX *ssl, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *parameters = file ? PEM_read_bio_Parameters(file, NULL) : NULL;
    bool ok = parameters && SSL_CTX_set0_tmp_dh_pkey(ssl, parameters) == 1;

    if (ok)
        SSL_CTX_set_dh_auto(ssl, 0); /* or the file's would not be used */
    else
        EVP_PKEY_free(parameters);
    BIO_free(file);
    return ok;
}

/* In this order: the key must fit the certificate. */
static const struct part {
    const char *what;
    const char *options; /* of QEMU's -spice */
    size_t path;         /* offset in struct tls_files */
    bool optional;
    bool (*load)(SSL_CTX *ssl, const char *path);
} parts[] = {
    {"CA certificate", "x509-dir or x509-cacert-file", offsetof(struct tls_files, ca), false,
     load_ca},
    {"certificate", "x509-dir or x509-cert-file", offsetof(struct tls_files, cert), false,
     load_chain},
    {"private key", "x509-dir, x509-key-file or x509-key-password", offsetof(struct tls_files, key),
     false, load_key},
    {"Diffie-Hellman parameters", "x509-dh-key-file", offsetof(struct tls_files, dh), true,
     load_dh},
};

static bool can_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool load_part(SSL_CTX *ssl, const struct part *part, const struct tls_files *files,
                      char **error)
{
    const char *path = *(const char *const *)(const void *)((const char *)files + part->path);

    if (!path && part->optional)
        return true;
    if (!path)
        *error = g_strdup_printf("no %s was named; set %s", part->what, part->options);
    else if (!can_read(path))
        *error = g_strdup_printf("the %s %s cannot be read: %s; check %s", part->what, path,
                                 g_strerror(errno), part->options);
    else if (!part->load(ssl, path))
        *error = g_strdup_printf("the %s %s cannot be used: %s; check %s", part->what, path,
                                 tls_reason(), part->options);
    else
        return true;
    return false;
}

/* Always set: without it OpenSSL would ask on QEMU's terminal. */
static int give_password(char *out, int size, int writing, void *opaque)
{
    const char *password = opaque;
    if (!password || size <= 0 || strlen(password) >= (size_t)size)
        return -1;
    return (int)g_strlcpy(out, password, (size_t)size);
}

static bool load_files(SSL_CTX *ssl, const struct tls_files *files, char **error)
{
    bool ok = true;

    SSL_CTX_set_default_passwd_cb(ssl, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, (void *)files->key_password);
    for (unsigned i = 0; ok && i < G_N_ELEMENTS(parts); i++)
        ok = load_part(ssl, &parts[i], files, error);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
    return ok;
}

/* OpenSSL keeps the names of TLS 1.3 in a list of their own. */
static bool set_ciphers(SSL_CTX *ssl, const char *ciphers, char **error)
{
    g_autoptr(GString) older = g_string_new(NULL), newer = g_string_new(NULL);
    g_auto(GStrv) names = g_strsplit_set(ciphers ? ciphers : "", ":, ", -1);

    for (unsigned i = 0; names[i]; i++) {
        GString *list = g_str_has_prefix(names[i], "TLS_") ? newer : older;
        if (*names[i])
            g_string_append_printf(list, "%s%s", list->len ? ":" : "", names[i]);
    }
    if ((!newer->len || SSL_CTX_set_ciphersuites(ssl, newer->str) == 1) &&
        (!older->len || SSL_CTX_set_cipher_list(ssl, older->str) == 1)) {
        if (newer->len && !older->len)
            SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
        return true;
    }
    *error = g_strdup_printf("the ciphers '%s' cannot be used: %s; check tls-ciphers "
                             "('openssl ciphers' lists their names)",
                             ciphers, tls_reason());
    return false;
}

static void set_rules(SSL_CTX *ssl)
{
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_dh_auto(ssl, 1);
}

struct tls_context *tls_context_new(const struct tls_files *files, char **error)
{
    struct tls_context *self = g_new0(struct tls_context, 1);

    *error = NULL;
    self->refs = 1;
    ERR_clear_error();
    self->ssl = SSL_CTX_new(TLS_server_method());
    self->bio = stream_tls_bio_new();
    if (!self->ssl || !self->bio) {
        *error = g_strdup_printf("OpenSSL has no TLS: %s", tls_reason());
    } else {
        set_rules(self->ssl);
        if (load_files(self->ssl, files, error) && set_ciphers(self->ssl, files->ciphers, error))
            return self;
    }
    tls_context_unref(self);
    return NULL;
}

struct tls_context *tls_context_ref(struct tls_context *self)
{
    if (self)
        g_atomic_int_inc(&self->refs);
    return self;
}

void tls_context_unref(struct tls_context *self)
{
    if (!self || !g_atomic_int_dec_and_test(&self->refs))
        return;
    SSL_CTX_free(self->ssl);
    BIO_meth_free(self->bio);
    g_free(self);
}

SSL *tls_context_session(struct tls_context *self)
{
    return SSL_new(self->ssl);
}

const BIO_METHOD *tls_context_bio(struct tls_context *self)
{
    return self->bio;
}
