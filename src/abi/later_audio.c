/* SPDX-License-Identifier: MIT */
/* Sound: answers as 0.15.1 does while no client listens or speaks. */
#include "abi/later.h"

#include <spice/macros.h>
#include <stddef.h>

/* What 0.15.1 answers always: the rate of Opus, in hertz. */
#define BEST_RATE 48000

/* Their addresses mark an instance as attached. */
struct SpicePlaybackState {
    char unused;
};
struct SpiceRecordState {
    char unused;
};
static SpicePlaybackState playback_attached;
static SpiceRecordState record_attached;

int later_playback_add(SpiceBaseInstance *sin)
{
    SPICE_CONTAINEROF(sin, SpicePlaybackInstance, base)->st = &playback_attached;
    later_say(LATER_PLAYBACK);
    return 0;
}

int later_playback_remove(SpiceBaseInstance *sin)
{
    SpicePlaybackInstance *playback = SPICE_CONTAINEROF(sin, SpicePlaybackInstance, base);

    if (playback->st != &playback_attached) {
        return -1;
    }
    playback->st = NULL;
    return 0;
}

int later_record_add(SpiceBaseInstance *sin)
{
    SPICE_CONTAINEROF(sin, SpiceRecordInstance, base)->st = &record_attached;
    later_say(LATER_RECORD);
    return 0;
}

int later_record_remove(SpiceBaseInstance *sin)
{
    SpiceRecordInstance *record = SPICE_CONTAINEROF(sin, SpiceRecordInstance, base);

    if (record->st != &record_attached) {
        return -1;
    }
    record->st = NULL;
    return 0;
}

void spice_server_playback_start(SpicePlaybackInstance *sin)
{
    later_say(LATER_PLAYBACK);
}

void spice_server_playback_stop(SpicePlaybackInstance *sin)
{
}

void spice_server_playback_get_buffer(SpicePlaybackInstance *sin, uint32_t **samples,
                                      uint32_t *num_samples)
{
    *samples = NULL;
    *num_samples = 0;
}

void spice_server_playback_put_samples(SpicePlaybackInstance *sin, uint32_t *samples)
{
}

void spice_server_playback_set_volume(SpicePlaybackInstance *sin, uint8_t nchannels,
                                      uint16_t *volume)
{
}

void spice_server_playback_set_mute(SpicePlaybackInstance *sin, uint8_t mute)
{
}

uint32_t spice_server_get_best_playback_rate(SpicePlaybackInstance *sin)
{
    return BEST_RATE;
}

void spice_server_set_playback_rate(SpicePlaybackInstance *sin, uint32_t frequency)
{
}

void spice_server_record_start(SpiceRecordInstance *sin)
{
    later_say(LATER_RECORD);
}

void spice_server_record_stop(SpiceRecordInstance *sin)
{
}

uint32_t spice_server_record_get_samples(SpiceRecordInstance *sin, uint32_t *samples,
                                         uint32_t bufsize)
{
    return 0;
}

void spice_server_record_set_volume(SpiceRecordInstance *sin, uint8_t nchannels, uint16_t *volume)
{
}

void spice_server_record_set_mute(SpiceRecordInstance *sin, uint8_t mute)
{
}

uint32_t spice_server_get_best_record_rate(SpiceRecordInstance *sin)
{
    return BEST_RATE;
}

void spice_server_set_record_rate(SpiceRecordInstance *sin, uint32_t frequency)
{
}
