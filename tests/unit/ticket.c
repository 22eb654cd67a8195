/* SPDX-License-Identifier: MIT */
/* Passwords open the door only while they may; keys are replaced without hurting a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "auth/ticket.h"

static const char longest[] = "123456789-123456789-123456789-123456789-123456789-123456789-";
static const char too_long[] = "123456789-123456789-123456789-123456789-123456789-123456789-x";

/* As a client does it: from the bytes of the link reply. */
static void encrypt(const uint8_t *der, const void *plain, size_t len,
                    uint8_t cipher[TICKET_CIPHER_BYTES])
{
    const uint8_t *p = der;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, TICKET_PUBLIC_BYTES);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    size_t out = TICKET_CIPHER_BYTES;

    assert_non_null(pkey);
    assert_ptr_equal(p, der + TICKET_PUBLIC_BYTES);
    assert_int_equal(EVP_PKEY_get_bits(pkey), 1024);
    assert_true(EVP_PKEY_encrypt_init(ctx) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
    assert_true(EVP_PKEY_encrypt(ctx, cipher, &out, plain, len) > 0);
    assert_int_equal(out, TICKET_CIPHER_BYTES);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

static struct ticket_keys *keys;

static int start_keys(void **state)
{
    keys = ticket_keys_new(&ticket_keys_default_limits);
    return 0;
}

static int stop_keys(void **state)
{
    ticket_keys_free(keys);
    return 0;
}

static void password_arrives(void **state)
{
    struct ticket_key *key = ticket_keys_acquire(keys, 0);
    uint8_t cipher[TICKET_CIPHER_BYTES];
    char out[TICKET_PASSWORD_BYTES + 1];

    assert_non_null(key);
    encrypt(ticket_key_public(key), "secret", 7, cipher);
    assert_true(ticket_key_decrypt(key, cipher, out));
    assert_string_equal(out, "secret");
    encrypt(ticket_key_public(key), "secret", 6, cipher); /* without its NUL */
    assert_true(ticket_key_decrypt(key, cipher, out));
    assert_string_equal(out, "secret");
    encrypt(ticket_key_public(key), "", 1, cipher);
    assert_true(ticket_key_decrypt(key, cipher, out));
    assert_string_equal(out, "");
    encrypt(ticket_key_public(key), longest, sizeof(longest), cipher);
    assert_true(ticket_key_decrypt(key, cipher, out));
    assert_string_equal(out, longest);
    ticket_key_release(key);
}

static void what_is_no_password_is_refused(void **state)
{
    struct ticket_key *key = ticket_keys_acquire(keys, 0);
    uint8_t cipher[TICKET_CIPHER_BYTES];
    char full[86]; /* the most OAEP holds in 1024 bits */
    char out[TICKET_PASSWORD_BYTES + 1];

    encrypt(ticket_key_public(key), too_long, sizeof(too_long), cipher);
    assert_false(ticket_key_decrypt(key, cipher, out));
    assert_string_equal(out, "");
    memset(full, 'a', sizeof(full));
    encrypt(ticket_key_public(key), full, sizeof(full), cipher);
    assert_false(ticket_key_decrypt(key, cipher, out));
    encrypt(ticket_key_public(key), "secret", 7, cipher);
    cipher[64] ^= 1;
    assert_false(ticket_key_decrypt(key, cipher, out));
    memset(cipher, 0, sizeof(cipher));
    assert_false(ticket_key_decrypt(key, cipher, out));
    memset(cipher, 0xff, sizeof(cipher)); /* above the modulus */
    assert_false(ticket_key_decrypt(key, cipher, out));
    ticket_key_release(key);
}

static void nobody_asks_without_a_password(void **state)
{
    struct ticket t = {0};
    uint8_t garbage[TICKET_CIPHER_BYTES] = {0};

    assert_int_equal(ticket_check(&t, "anything", 0), TICKET_OK);
    assert_int_equal(ticket_check_cipher(&t, NULL, garbage, 0), TICKET_OK);
    assert_true(ticket_set(&t, "x", 0, 0));
    assert_int_equal(ticket_check(&t, "anything", 0), TICKET_WRONG);
    ticket_disable(&t);
    assert_int_equal(ticket_check(&t, "anything", 0), TICKET_OK);
}

static void only_the_password_opens(void **state)
{
    struct ticket t = {0};

    assert_true(ticket_set(&t, "secret", 0, 100));
    assert_int_equal(ticket_check(&t, "secret", INT64_MAX), TICKET_OK);
    assert_int_equal(ticket_check(&t, "secre", 100), TICKET_WRONG);
    assert_int_equal(ticket_check(&t, "secrets", 100), TICKET_WRONG);
    assert_int_equal(ticket_check(&t, "", 100), TICKET_WRONG);
    assert_true(ticket_set(&t, longest, 0, 100));
    assert_int_equal(ticket_check(&t, longest, 100), TICKET_OK);
    assert_int_equal(ticket_check(&t, too_long, 100), TICKET_WRONG);
    assert_false(ticket_set(&t, too_long, 0, 100));
    assert_int_equal(ticket_check(&t, longest, 100), TICKET_OK);
}

static void empty_password_rejects_everybody(void **state)
{
    struct ticket t = {0};

    assert_true(ticket_set(&t, "", 0, 0));
    assert_int_equal(ticket_check(&t, "", 0), TICKET_NO_PASSWORD);
    assert_true(ticket_set(&t, NULL, 0, 0));
    assert_int_equal(ticket_check(&t, "", 0), TICKET_NO_PASSWORD);
    assert_int_equal(ticket_check(&t, "x", 0), TICKET_NO_PASSWORD);
}

static void password_expires(void **state)
{
    struct ticket t = {0};

    assert_true(ticket_set(&t, "secret", 30, 1000));
    assert_int_equal(ticket_check(&t, "secret", 1030), TICKET_OK);
    assert_int_equal(ticket_check(&t, "secret", 1031), TICKET_EXPIRED);
    assert_int_equal(ticket_check(&t, "wrong", 1031), TICKET_WRONG);
    assert_true(ticket_set(&t, "secret", UINT32_MAX, 1000));
    assert_int_equal(ticket_check(&t, "secret", 1000 + (int64_t)UINT32_MAX), TICKET_OK);
}

static enum ticket_verdict try(const struct ticket *t, struct ticket_key *key, const char *password)
{
    uint8_t cipher[TICKET_CIPHER_BYTES];

    encrypt(ticket_key_public(key), password, strlen(password) + 1, cipher);
    return ticket_check_cipher(t, key, cipher, 0);
}

static void cipher_is_checked_whole(void **state)
{
    struct ticket_key *key = ticket_keys_acquire(keys, 0);
    uint8_t garbage[TICKET_CIPHER_BYTES] = {1};
    struct ticket t = {0};

    assert_true(ticket_set(&t, "secret", 0, 0));
    assert_int_equal(try(&t, key, "secret"), TICKET_OK);
    assert_int_equal(try(&t, key, "Secret"), TICKET_WRONG);
    assert_int_equal(ticket_check_cipher(&t, key, garbage, 0), TICKET_WRONG);
    assert_int_equal(ticket_check_cipher(&t, NULL, garbage, 0), TICKET_WRONG);
    ticket_key_release(key);
}

static void links_wear_a_key_out(void **state)
{
    struct ticket_keys *own = ticket_keys_new(&(struct ticket_keys_limits){.links = 3});
    struct ticket_key *first = ticket_keys_acquire(own, 0);
    struct ticket_key *second = ticket_keys_acquire(own, 0);
    struct ticket_key *third, *fourth, *fifth;
    struct ticket t = {0};

    ticket_keys_settle(own);
    third = ticket_keys_acquire(own, 0);
    assert_ptr_equal(first, second);
    assert_ptr_equal(first, third);
    ticket_keys_settle(own); /* the next was asked for by the third link */
    fourth = ticket_keys_acquire(own, 0);
    assert_ptr_not_equal(first, fourth);
    ticket_keys_settle(own); /* the new key has its own three */
    fifth = ticket_keys_acquire(own, 0);
    assert_ptr_equal(fourth, fifth);
    assert_memory_not_equal(ticket_key_public(first), ticket_key_public(fourth),
                            TICKET_PUBLIC_BYTES);

    /* A link that was offered the old key still gets in, also when the server has gone. */
    assert_true(ticket_set(&t, "secret", 0, 0));
    assert_int_equal(try(&t, first, "secret"), TICKET_OK);
    ticket_keys_free(own);
    ticket_key_release(second);
    ticket_key_release(third);
    assert_int_equal(try(&t, first, "secret"), TICKET_OK);
    assert_int_equal(try(&t, fourth, "secret"), TICKET_OK);
    ticket_key_release(first);
    ticket_key_release(fourth);
    ticket_key_release(fifth);
}

static void age_wears_a_key_out(void **state)
{
    struct ticket_keys *own = ticket_keys_new(&(struct ticket_keys_limits){.lifetime_ms = 1000});
    struct ticket_key *first = ticket_keys_acquire(own, 5000);
    struct ticket_key *second = ticket_keys_acquire(own, 5999);
    struct ticket_key *third, *fourth;

    ticket_keys_settle(own);
    third = ticket_keys_acquire(own, 6000);
    assert_ptr_equal(first, second);
    ticket_keys_settle(own);
    fourth = ticket_keys_acquire(own, 6001);
    assert_ptr_not_equal(first, fourth);
    ticket_key_release(first);
    ticket_key_release(second);
    ticket_key_release(third);
    ticket_key_release(fourth);
    ticket_keys_free(own);
}

static void freeing_waits_for_the_maker(void **state)
{
    for (int i = 0; i < 5; i++)
        ticket_keys_free(ticket_keys_new(&ticket_keys_default_limits));
    ticket_keys_free(NULL);
    ticket_key_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password_arrives),
        cmocka_unit_test(what_is_no_password_is_refused),
        cmocka_unit_test(nobody_asks_without_a_password),
        cmocka_unit_test(only_the_password_opens),
        cmocka_unit_test(empty_password_rejects_everybody),
        cmocka_unit_test(password_expires),
        cmocka_unit_test(cipher_is_checked_whole),
        cmocka_unit_test(links_wear_a_key_out),
        cmocka_unit_test(age_wears_a_key_out),
        cmocka_unit_test(freeing_waits_for_the_maker),
    };
    return cmocka_run_group_tests(tests, start_keys, stop_keys);
}
