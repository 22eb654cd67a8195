/* SPDX-License-Identifier: MIT */
#include "tls_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

static char *write_key(const struct tls_rig *self, const char *name, EVP_PKEY *key,
                       const char *password)
{
    char *path = g_build_filename(self->folder, name, NULL);
    BIO *file = BIO_new_file(path, "w");

    assert_true(PEM_write_bio_PrivateKey(file, key, password ? EVP_aes_128_cbc() : NULL, NULL, 0,
                                         NULL, (void *)password));
    BIO_free(file);
    return path;
}

static char *write_cert(const struct tls_rig *self, const char *name, EVP_PKEY *key)
{
    char *path = g_build_filename(self->folder, name, NULL);
    BIO *file = BIO_new_file(path, "w");
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"rig", -1, -1,
                               0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_true(PEM_write_bio_X509(file, cert));
    X509_free(cert);
    BIO_free(file);
    return path;
}

struct tls_rig *tls_rig_new(void)
{
    struct tls_rig *self = g_new0(struct tls_rig, 1);
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");

    self->folder = g_dir_make_tmp("caravan-tls-XXXXXX", NULL);
    assert_non_null(self->folder);
    self->cert = write_cert(self, "cert.pem", key);
    self->key = write_key(self, "key.pem", key, NULL);
    self->locked_key = write_key(self, "locked.pem", key, "open");
    self->other_key = write_key(self, "other.pem", other, NULL);
    self->garbage = g_build_filename(self->folder, "garbage.pem", NULL);
    assert_true(g_file_set_contents(self->garbage, "no PEM\n", -1, NULL));
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return self;
}

void tls_rig_free(struct tls_rig *self)
{
    char *files[] = {self->cert, self->key, self->locked_key, self->other_key, self->garbage};

    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_unlink(files[i]);
        g_free(files[i]);
    }
    g_rmdir(self->folder);
    g_free(self->folder);
    g_free(self);
}

SSL *tls_rig_client(struct tls_rig *self, int fd, int max_version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    assert_int_equal(SSL_CTX_load_verify_file(context, self->cert), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_max_proto_version(context, max_version);
    SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512);
    if (max_version && max_version < TLS1_2_VERSION)
        SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ssl = SSL_new(context);
    SSL_CTX_free(context);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    SSL_set_fd(ssl, fd);
    SSL_set_connect_state(ssl);
    return ssl;
}
