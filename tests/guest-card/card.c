/* SPDX-License-Identifier: MIT */
/*
 * The card guest's program: what is in the first reader, and exchanges with the card through PC/SC
 * ("PC/SC part 3", pcsc-lite's winscard.h).
 *
 *     card wait present|absent|none SECONDS   until the reader is so; prints its name and the ATR
 *     card say HEX...                         sends each command, prints each answer
 *     card count FILE                         reads the card's first certificate piece by piece,
 *                                             again and again until FILE.stop is there, not while
 *                                             FILE.rest is; FILE has how many answers came, and
 *                                             "so far", "rests" or "in all"
 *
 * The pieces' places and sizes differ from one to the next, and each is asked for in two commands
 * (READ BUFFER and GET RESPONSE of "NISTIR 6887"): an answer that is lost, doubled or to another
 * command does not fit.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winscard.h>

enum {
    ANSWER_MAX = 270,
    STORED_MAX = 8192,
    PIECE_MAX = 240,
    PACKET = 64, /* USB's; with the ten bytes of its header a reader's message is not to fill it */
    HEADER_AND_STATUS = 12,
    SW_DONE = 0x9000,
    SW1_MORE = 0x61,
};

struct card {
    SCARDCONTEXT context;
    SCARDHANDLE handle;
    DWORD protocol;
    unsigned long answers;
};

struct answer {
    uint8_t bytes[ANSWER_MAX];
    DWORD len; /* with the two of the status */
};

struct stored {
    uint8_t bytes[STORED_MAX];
    unsigned len;
};

static void fail(const char *what, LONG code)
{
    fprintf(stderr, "%s: %s\n", what, pcsc_stringify_error(code));
    exit(1);
}

static void must(const char *what, LONG code)
{
    if (code != SCARD_S_SUCCESS)
        fail(what, code);
}

/* The first reader's name, false: there is none. */
static bool first_reader(SCARDCONTEXT context, char name[MAX_READERNAME])
{
    char names[1024] = "";
    DWORD len = sizeof(names);
    LONG code = SCardListReaders(context, NULL, names, &len);

    if (code == SCARD_E_NO_READERS_AVAILABLE)
        return false;
    must("SCardListReaders", code);
    snprintf(name, MAX_READERNAME, "%s", names);
    return *name;
}

static const char *state_of(SCARDCONTEXT context, SCARD_READERSTATE *state)
{
    static char name[MAX_READERNAME];

    if (!first_reader(context, name))
        return "none";
    *state = (SCARD_READERSTATE){.szReader = name};
    if (SCardGetStatusChange(context, 0, state, 1) == SCARD_E_UNKNOWN_READER)
        return "none";
    if (state->dwEventState & SCARD_STATE_MUTE)
        return "mute";
    return state->dwEventState & SCARD_STATE_PRESENT ? "present" : "absent";
}

static int wait_for(const char *wanted, int seconds)
{
    SCARDCONTEXT context;
    SCARD_READERSTATE state = {0};
    const char *is = "";

    for (int tries = 0; tries < seconds * 20; tries++, usleep(50000)) {
        if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
            continue; /* the service is not there yet */
        is = state_of(context, &state);
        SCardReleaseContext(context);
        if (!strcmp(is, wanted)) {
            printf("%s: ", state.szReader ? state.szReader : is);
            for (DWORD i = 0; i < state.cbAtr; i++)
                printf("%02x", state.rgbAtr[i]);
            printf("\n");
            return 0;
        }
    }
    fprintf(stderr, "the card is %s\n", is);
    return 1;
}

static void open_card(struct card *self)
{
    char name[MAX_READERNAME];

    must("SCardEstablishContext",
         SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &self->context));
    if (!first_reader(self->context, name))
        fail("no reader", SCARD_E_NO_READERS_AVAILABLE);
    must("SCardConnect",
         SCardConnect(self->context, name, SCARD_SHARE_SHARED,
                      SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &self->handle, &self->protocol));
}

static unsigned exchange(struct card *self, const uint8_t *command, DWORD len, struct answer *out)
{
    const SCARD_IO_REQUEST *pci = self->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;

    out->len = sizeof(out->bytes);
    must("SCardTransmit",
         SCardTransmit(self->handle, pci, command, len, NULL, out->bytes, &out->len));
    self->answers++;
    if (out->len < 2)
        fail("SCardTransmit, no status", SCARD_F_COMM_ERROR);
    return (unsigned)out->bytes[out->len - 2] << 8 | out->bytes[out->len - 1];
}

static void say(struct card *self, const char *hex)
{
    uint8_t command[ANSWER_MAX];
    struct answer answer;
    DWORD len = 0;

    for (unsigned byte; len < sizeof(command) && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        command[len++] = (uint8_t)byte;
    exchange(self, command, len, &answer);
    for (DWORD i = 0; i < answer.len; i++)
        printf("%02x", answer.bytes[i]);
    printf("\n");
}

/* What is there at that place of the card's buffer: 1, tags and lengths, 2, values. */
static void read_piece(struct card *self, uint8_t buffer, unsigned at, uint8_t len,
                       struct answer *out)
{
    const uint8_t read[] = {0x80, 0x52, (uint8_t)(at >> 8), (uint8_t)at, 2, buffer, len};
    const uint8_t get[] = {0x00, 0xc0, 0, 0, len};
    unsigned status = exchange(self, read, sizeof(read), out);

    if (status != (SW1_MORE << 8 | len)) {
        fprintf(stderr, "answer %lu: status %04x to READ BUFFER at %u of %u bytes\n", self->answers,
                status, at, len);
        exit(1);
    }
    status = exchange(self, get, sizeof(get), out);
    if (status != SW_DONE || out->len != len + 2u) {
        fprintf(stderr, "answer %lu: status %04x, %lu bytes, to GET RESPONSE of %u\n",
                self->answers, status, out->len, len);
        exit(1);
    }
}

static void choose_certificate(struct card *self)
{
    static const uint8_t choose[] = {0x00, 0xa4, 0x04, 0x00, 7, 0xa0, 0, 0, 0, 0x79, 1, 0};
    struct answer answer;

    if (exchange(self, choose, sizeof(choose), &answer) >> 8 != SW1_MORE) {
        fprintf(stderr, "answer %lu: no certificate\n", self->answers);
        exit(1);
    }
}

static unsigned any_size(unsigned left)
{
    static uint32_t chance = 4711;
    unsigned size;

    do {
        chance = chance * 1664525 + 1013904223;
        size = 1 + (chance >> 16) % PIECE_MAX;
        size = size < left ? size : left;
        if ((size + HEADER_AND_STATUS) % PACKET == 0)
            size--;
    } while (!size);
    return size;
}

/* The values, from the card. */
static void read_all(struct card *self, struct stored *out)
{
    struct answer answer;
    unsigned n;

    choose_certificate(self);
    read_piece(self, 2, 0, 2, &answer);
    out->len = answer.bytes[0] | (unsigned)answer.bytes[1] << 8;
    if (out->len > sizeof(out->bytes))
        fail("too large a certificate", SCARD_E_INSUFFICIENT_BUFFER);
    for (unsigned at = 0; at < out->len; at += n) {
        n = any_size(out->len - at);
        read_piece(self, 2, at + 2, (uint8_t)n, &answer);
        memcpy(out->bytes + at, answer.bytes, n);
    }
}

static void tell(const char *path, unsigned long answers, const char *end)
{
    char new[256];
    FILE *file;

    snprintf(new, sizeof(new), "%s.new", path);
    file = fopen(new, "w");
    if (!file || fprintf(file, "%lu %s\n", answers, end) < 0 || fclose(file) || rename(new, path)) {
        perror(new);
        exit(1);
    }
}

static bool is_there(const char *path, const char *end)
{
    char name[256];

    snprintf(name, sizeof(name), "%s%s", path, end);
    return !access(name, F_OK);
}

static void rest(struct card *self, const char *path)
{
    if (!is_there(path, ".rest"))
        return;
    tell(path, self->answers, "rests");
    while (is_there(path, ".rest"))
        usleep(20000);
}

static int count(struct card *self, const char *path)
{
    static struct stored first, again;

    do {
        must("SCardBeginTransaction", SCardBeginTransaction(self->handle));
        read_all(self, first.len ? &again : &first);
        must("SCardEndTransaction", SCardEndTransaction(self->handle, SCARD_LEAVE_CARD));
        if (again.len && (again.len != first.len || memcmp(again.bytes, first.bytes, first.len))) {
            fprintf(stderr, "answer %lu: another certificate\n", self->answers);
            return 1;
        }
        tell(path, self->answers, "so far");
        rest(self, path);
    } while (!is_there(path, ".stop"));
    tell(path, self->answers, "in all");
    return 0;
}

int main(int argc, char **argv)
{
    struct card card = {0};

    if (argc == 4 && !strcmp(argv[1], "wait"))
        return wait_for(argv[2], atoi(argv[3]));
    if (argc < 3 || (strcmp(argv[1], "say") && strcmp(argv[1], "count"))) {
        fprintf(stderr, "usage: card wait present|absent|none SECONDS | say HEX... | count FILE\n");
        return 2;
    }
    open_card(&card);
    if (!strcmp(argv[1], "count"))
        return count(&card, argv[2]);
    for (int i = 2; i < argc; i++)
        say(&card, argv[i]);
    return 0;
}
