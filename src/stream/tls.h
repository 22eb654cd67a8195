/* SPDX-License-Identifier: MIT */
/* The server's end of TLS: certificates, keys and rules that all its streams share. OpenSSL 3. */
#ifndef CARAVAN_STREAM_TLS_H
#define CARAVAN_STREAM_TLS_H

struct tls_context;
struct bio_method_st;
struct ssl_st;

/* Paths of PEM files and what goes with them; all of it is read at once and not kept. */
struct tls_files {
    const char *ca;           /* completes the chain that clients are shown */
    const char *cert;         /* the server's certificate, then its chain */
    const char *key;          /* its private key */
    const char *key_password; /* NULL: the key is not encrypted */
    const char *dh;           /* NULL: OpenSSL's own parameters */
    const char *ciphers;      /* OpenSSL's cipher list, in which names of TLS 1.3 (TLS_*) may
                                 stand, too; NULL or "": its default */
};

/*
 * TLS 1.2 or newer, no compression, no renegotiation, no resumption; clients show no certificate.
 * A list of TLS 1.3 ciphers alone allows TLS 1.3 alone.
 * NULL with *error (g_free) when something cannot be used: names the file, the reason, and the
 * option of QEMU's that is to be set right.
 */
struct tls_context *tls_context_new(const struct tls_files *files, char **error);

/* References; any thread. NULL is fine. */
struct tls_context *tls_context_ref(struct tls_context *self);
void tls_context_unref(struct tls_context *self);

/* For stream_tls.c: a new SSL of the server's end (SSL_free), NULL when out of memory. */
struct ssl_st *tls_context_session(struct tls_context *self);
/* For stream_tls.c: how its SSLs reach their sockets; lives as long as the context. */
const struct bio_method_st *tls_context_bio(struct tls_context *self);

/* Made by stream_tls.c: a method of BIOs whose data is a struct stream (BIO_meth_free). */
struct bio_method_st *stream_tls_bio_new(void);

/* OpenSSL's reason for the last failure on this thread: static, never NULL. Empties its queue. */
const char *tls_reason(void);

#endif
