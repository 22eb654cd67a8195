/* SPDX-License-Identifier: MIT */
/* What the files of the stream reader share. A state waits for `need` bytes; its row then reads
 * them and enters the next state. Long data passes through in a state of its own. */
#ifndef VMSTATE_STREAM_PRIVATE_H
#define VMSTATE_STREAM_PRIVATE_H

#include "vmstate/stream.h"

#define STREAM_LIVE_MAX   64   /* sections that come in parts */
#define STREAM_BLOCKS_MAX 4096 /* RAM blocks */
#define STREAM_TOKEN_MAX  (VMSTATE_NAME_MAX + 16)

enum stream_state {
    STREAM_FILE_HEADER,
    STREAM_SECTION_TYPE,
    STREAM_SECTION_ID,
    STREAM_NAME_SIZE,
    STREAM_NAME,
    STREAM_WANTS_SIZE,
    STREAM_AFTER_BODY,
    STREAM_FOOTER,
    STREAM_CONFIG_SIZE,
    STREAM_CONFIG_NAME,
    STREAM_CONFIG_NEXT,
    STREAM_CONFIG_SUB_SIZE,
    STREAM_CONFIG_SUB,
    STREAM_CONFIG_CAPS,
    STREAM_CONFIG_CAP_SIZE,
    STREAM_CONFIG_CAP,
    STREAM_COMMAND_HEAD,
    STREAM_END_OF_STATE,
    STREAM_AFTER_STATE,
    STREAM_DESCRIPTION_SIZE,
    STREAM_RAM_RECORD,
    STREAM_RAM_LIST_SIZE,
    STREAM_RAM_LIST,
    STREAM_RAM_NAME_SIZE,
    STREAM_RAM_NAME,
    STREAM_RAM_FILL,
    STREAM_RAM_XBZRLE,
    STREAM_RAM_COMPRESSED,
    STREAM_DISK_RECORD,
    STREAM_DISK_NAME_SIZE,
    STREAM_DISK_NAME,
    STREAM_ENDED,
    STREAM_FAILED,
    STREAM_STATES
};

struct stream_pass {
    uint64_t left;
    enum vmstate_event_kind kind;
    enum stream_state then;
    size_t then_need;
};

struct stream_ram {
    struct vmstate_ram_block *blocks; /* owned */
    size_t n_blocks;
    uint64_t list_left; /* bytes of blocks not yet listed */
    bool listed;
    bool has_block;
    size_t block;    /* of the last page */
    uint64_t record; /* page offset | flags */
    uint64_t record_at;
};

struct vmstate_stream {
    enum stream_state state;
    size_t need;
    size_t held_len;
    uint8_t held[STREAM_TOKEN_MAX];
    uint64_t offset; /* bytes consumed */
    uint64_t told;   /* bytes that events stand for */
    uint64_t item;   /* where the state's token begins */
    struct stream_pass pass;
    bool in_section;
    struct vmstate_section section;
    struct vmstate_section *live; /* START sections, owned */
    size_t n_live;
    struct stream_ram ram;
    uint64_t disk_record;
    uint32_t caps_left;
    char text[VMSTATE_NAME_MAX];
    struct vmstate_error error;
};

/* What a state's row made of its token: nothing to tell, or an event that it filled. */
enum stream_step { STREAM_GO_ON, STREAM_TELL };

typedef enum stream_step (*stream_row)(struct vmstate_stream *self, const uint8_t *bytes,
                                       struct vmstate_event *event);

enum stream_step stream_enter(struct vmstate_stream *self, enum stream_state state, size_t need);

/* Sends `size` bytes through as events of that kind, then enters the state. */
enum stream_step stream_pass(struct vmstate_stream *self, uint64_t size,
                             enum vmstate_event_kind kind, enum stream_state then, size_t need);

/* Begins an event; always STREAM_TELL. */
enum stream_step stream_tell(struct vmstate_stream *self, struct vmstate_event *event,
                             enum vmstate_event_kind kind);

__attribute__((format(printf, 2, 3))) enum stream_step stream_fail(struct vmstate_stream *self,
                                                                   const char *format, ...);

/* Begins an event of bytes: n of the token. */
enum stream_step stream_tell_bytes(struct vmstate_stream *self, struct vmstate_event *event,
                                   enum vmstate_event_kind kind, const uint8_t *bytes, size_t n);

/* Gives back the token's byte, for the state that is entered next. */
void stream_unread(struct vmstate_stream *self, uint8_t byte);

/* A name of n bytes into a text; false when it holds a NUL. */
bool stream_copy_name(char *to, const uint8_t *bytes, size_t n);

static inline uint32_t stream_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t stream_be64(const uint8_t *p)
{
    return (uint64_t)stream_be32(p) << 32 | stream_be32(p + 4);
}

/* stream_ram.c */
enum stream_step stream_ram_record(struct vmstate_stream *, const uint8_t *,
                                   struct vmstate_event *);
enum stream_step stream_ram_list_size(struct vmstate_stream *, const uint8_t *,
                                      struct vmstate_event *);
enum stream_step stream_ram_list(struct vmstate_stream *, const uint8_t *, struct vmstate_event *);
enum stream_step stream_ram_name_size(struct vmstate_stream *, const uint8_t *,
                                      struct vmstate_event *);
enum stream_step stream_ram_name(struct vmstate_stream *, const uint8_t *, struct vmstate_event *);
enum stream_step stream_ram_fill(struct vmstate_stream *, const uint8_t *, struct vmstate_event *);
enum stream_step stream_ram_xbzrle(struct vmstate_stream *, const uint8_t *,
                                   struct vmstate_event *);
enum stream_step stream_ram_compressed(struct vmstate_stream *, const uint8_t *,
                                       struct vmstate_event *);

/* stream_disk.c */
enum stream_step stream_disk_record(struct vmstate_stream *, const uint8_t *,
                                    struct vmstate_event *);
enum stream_step stream_disk_name_size(struct vmstate_stream *, const uint8_t *,
                                       struct vmstate_event *);
enum stream_step stream_disk_name(struct vmstate_stream *, const uint8_t *, struct vmstate_event *);

/* stream_config.c */
enum stream_step stream_config_size(struct vmstate_stream *, const uint8_t *,
                                    struct vmstate_event *);
enum stream_step stream_config_name(struct vmstate_stream *, const uint8_t *,
                                    struct vmstate_event *);
enum stream_step stream_config_next(struct vmstate_stream *, const uint8_t *,
                                    struct vmstate_event *);
enum stream_step stream_config_sub_size(struct vmstate_stream *, const uint8_t *,
                                        struct vmstate_event *);
enum stream_step stream_config_sub(struct vmstate_stream *, const uint8_t *,
                                   struct vmstate_event *);
enum stream_step stream_config_caps(struct vmstate_stream *, const uint8_t *,
                                    struct vmstate_event *);
enum stream_step stream_config_cap_size(struct vmstate_stream *, const uint8_t *,
                                        struct vmstate_event *);
enum stream_step stream_config_cap(struct vmstate_stream *, const uint8_t *,
                                   struct vmstate_event *);

/* stream.c: what the byte says that begins a section. */
enum stream_step stream_section_type(struct vmstate_stream *, const uint8_t *,
                                     struct vmstate_event *);

#endif
