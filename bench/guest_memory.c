/* SPDX-License-Identifier: MIT */
#include "guest_memory.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ORDER_MIN 9 /* 512 bytes: a drawable with its image and clip */
#define ORDERS    16

/* In front of every block. */
struct head {
    struct head *next;
    unsigned order;
};

struct guest_memory {
    GMutex lock;
    uint8_t *base;
    size_t size, used;
    struct head *free[ORDERS];
};

struct guest_memory *guest_memory_new(size_t size)
{
    struct guest_memory *memory = g_new0(struct guest_memory, 1);

    memory->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->base == MAP_FAILED) {
        perror("video memory");
        exit(1);
    }
    memory->size = size;
    g_mutex_init(&memory->lock);
    return memory;
}

uint8_t *guest_memory_base(const struct guest_memory *memory)
{
    return memory->base;
}

static struct head *carve(struct guest_memory *memory, unsigned order)
{
    size_t size = (size_t)1 << (order + ORDER_MIN);
    struct head *head;

    if (size > memory->size - memory->used)
        return NULL;
    head = (struct head *)(void *)(memory->base + memory->used);
    memory->used += size;
    head->order = order;
    return head;
}

void *guest_memory_alloc(struct guest_memory *memory, size_t size, size_t zeroed)
{
    struct head *head;
    unsigned order = 0;

    while (order < ORDERS && ((size_t)1 << (order + ORDER_MIN)) < size + sizeof(*head))
        order++;
    if (order == ORDERS)
        return NULL;
    g_mutex_lock(&memory->lock);
    head = memory->free[order];
    if (head)
        memory->free[order] = head->next;
    else
        head = carve(memory, order);
    g_mutex_unlock(&memory->lock);
    return head ? memset(head + 1, 0, zeroed) : NULL;
}

void guest_memory_release(struct guest_memory *memory, void *block)
{
    struct head *head = (struct head *)block - 1;

    g_mutex_lock(&memory->lock);
    head->next = memory->free[head->order];
    memory->free[head->order] = head;
    g_mutex_unlock(&memory->lock);
}
