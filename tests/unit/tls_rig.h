/* SPDX-License-Identifier: MIT */
/* Certificates in a folder of the test's own, and clients of OpenSSL on a descriptor. */
#ifndef CARAVAN_TESTS_TLS_RIG_H
#define CARAVAN_TESTS_TLS_RIG_H

#include <openssl/ssl.h>

struct tls_rig {
    char *folder;
    char *cert; /* signed by itself, so its CA too */
    char *key;
    char *locked_key; /* the same key, password "open" */
    char *other_key;  /* another key */
    char *garbage;    /* no PEM */
};

struct tls_rig *tls_rig_new(void);
/* Removes the folder, too. */
void tls_rig_free(struct tls_rig *self);

/* A client that trusts the certificate; at most this version (0: any). The descriptor stays the
 * caller's and becomes non-blocking. */
SSL *tls_rig_client(struct tls_rig *self, int fd, int max_version);

#endif
