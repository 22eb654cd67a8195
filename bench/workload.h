/* SPDX-License-Identifier: MIT */
/*
 * What the guest draws: a table of workloads. Each keeps a frame buffer, changes it at a rate,
 * and has the changed areas copied to the screen. Every change carries its number (stamp.h) in
 * each of the workload's stamp places; a client shows a change when all places say so.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "guest.h"

#define SCREEN_WIDTH  1024
#define SCREEN_HEIGHT 768
#define STAMPS_MAX    2

struct scene;

struct workload {
    const char *name;
    const char *summary;
    /* Paints the first screen and sets up `scene`; NULL for a recording. */
    void (*prepare)(struct scene *scene);
    /* Makes change `number` (from 1) in the frame buffer and copies it to the screen. */
    void (*step)(struct scene *scene, uint32_t number);
    double rate; /* changes a second; for a recording: commands a second */
    int seconds;
    int stamp_cell;
    int stamp_count;
    struct area stamps[STAMPS_MAX]; /* only x and y count */
    int streaming;                  /* SPICE_STREAM_VIDEO_* */
    const char *recording;          /* file name without .rec, or NULL */
};

/* NULL when there is none of that name. */
const struct workload *workload_find(const char *name);
/* NULL after the last. */
const struct workload *workload_at(size_t index);

/* The caller frees with scene_free(). */
struct scene *scene_new(const struct workload *workload, struct guest *guest, uint64_t seed);
void scene_free(struct scene *scene);
void scene_step(struct scene *scene, uint32_t number);
/* Copies the whole frame buffer to the screen, and shows a cursor. */
void scene_show(struct scene *scene);

#endif
