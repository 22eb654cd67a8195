/* SPDX-License-Identifier: MIT */
/*
 * Sound. Playback is what the guest plays and the client hears; record is the other way. A sample
 * is 32 bits: two signed 16 bit values, left and right. Lengths are in samples.
 * All in the thread of the event loop.
 */
#ifndef SPICE_AUDIO_H_
#define SPICE_AUDIO_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include "spice-core.h"

SPICE_BEGIN_DECLS

enum {
    SPICE_INTERFACE_AUDIO_FMT_S16 = 1,
};

/* ---- playback ---- */

#define SPICE_INTERFACE_PLAYBACK       "playback"
#define SPICE_INTERFACE_PLAYBACK_MAJOR 1
#define SPICE_INTERFACE_PLAYBACK_MINOR 3

/* What is meant when no rate is set: hertz, channels, format. */
#define SPICE_INTERFACE_PLAYBACK_FREQ 44100
#define SPICE_INTERFACE_PLAYBACK_CHAN 2
#define SPICE_INTERFACE_PLAYBACK_FMT  SPICE_INTERFACE_AUDIO_FMT_S16

typedef struct SpicePlaybackInterface SpicePlaybackInterface;
typedef struct SpicePlaybackInstance SpicePlaybackInstance;
typedef struct SpicePlaybackState SpicePlaybackState; /* the server's */

struct SpicePlaybackInterface {
    SpiceBaseInterface base;
};

struct SpicePlaybackInstance {
    SpiceBaseInstance base;
    SpicePlaybackState *st;
};

/* Begin and end a piece of sound. */
void spice_server_playback_start(SpicePlaybackInstance *sin);
void spice_server_playback_stop(SpicePlaybackInstance *sin);

/* Lends a buffer to fill: *samples and its length *num_samples. It goes back, full, with
 * put_samples. *samples is NULL and *num_samples 0 when nobody listens or no buffer is free. */
void spice_server_playback_get_buffer(SpicePlaybackInstance *sin, uint32_t **samples,
                                      uint32_t *num_samples);
/* Sends a buffer of get_buffer, which is the server's again. */
void spice_server_playback_put_samples(SpicePlaybackInstance *sin, uint32_t *samples);

/* Pass on the guest's mixer: nchannels values, 0..65535; mute is 0 or 1. volume is only read. */
void spice_server_playback_set_volume(SpicePlaybackInstance *sin, uint8_t nchannels,
                                      uint16_t *volume);
void spice_server_playback_set_mute(SpicePlaybackInstance *sin, uint8_t mute);

/* Returns the rate, in hertz, at which the program does best to play; set_playback_rate says
 * which it took. */
uint32_t spice_server_get_best_playback_rate(SpicePlaybackInstance *sin);
void spice_server_set_playback_rate(SpicePlaybackInstance *sin, uint32_t frequency);

/* ---- record ---- */

#define SPICE_INTERFACE_RECORD       "record"
#define SPICE_INTERFACE_RECORD_MAJOR 2
#define SPICE_INTERFACE_RECORD_MINOR 3

#define SPICE_INTERFACE_RECORD_FREQ 44100
#define SPICE_INTERFACE_RECORD_CHAN 2
#define SPICE_INTERFACE_RECORD_FMT  SPICE_INTERFACE_AUDIO_FMT_S16

typedef struct SpiceRecordInterface SpiceRecordInterface;
typedef struct SpiceRecordInstance SpiceRecordInstance;
typedef struct SpiceRecordState SpiceRecordState; /* the server's */

struct SpiceRecordInterface {
    SpiceBaseInterface base;
};

struct SpiceRecordInstance {
    SpiceBaseInstance base;
    SpiceRecordState *st;
};

/* Begin and end asking the client for sound. */
void spice_server_record_start(SpiceRecordInstance *sin);
void spice_server_record_stop(SpiceRecordInstance *sin);

/* Copies at most bufsize samples into samples, which is the caller's. Returns how many; 0 when
 * there are none yet. */
uint32_t spice_server_record_get_samples(SpiceRecordInstance *sin, uint32_t *samples,
                                         uint32_t bufsize);

/* As the playback functions of the same names. */
void spice_server_record_set_volume(SpiceRecordInstance *sin, uint8_t nchannels, uint16_t *volume);
void spice_server_record_set_mute(SpiceRecordInstance *sin, uint8_t mute);
uint32_t spice_server_get_best_record_rate(SpiceRecordInstance *sin);
void spice_server_set_record_rate(SpiceRecordInstance *sin, uint32_t frequency);

SPICE_END_DECLS

#endif /* SPICE_AUDIO_H_ */
