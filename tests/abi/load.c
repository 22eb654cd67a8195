/* SPDX-License-Identifier: MIT */
/*
 * Loads and unloads the library several times, and looks up every symbol under its version, as
 * the dynamic linker does for QEMU.
 *
 * usage: load LIBRARY SYMBOLS      SYMBOLS has a line "symbol node" for each symbol.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 5

static int look_up_all(void *library, FILE *list)
{
    char name[128], node[64];
    int found = 0;

    rewind(list);
    while (fscanf(list, "%127s %63s", name, node) == 2) {
        if (!dlvsym(library, name, node)) {
            printf("%s\n", dlerror());
            return -1;
        }
        found++;
    }
    return found;
}

/* Returns the number of symbols found, -1 on failure. */
static int load_once(const char *path, FILE *list)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int found;

    if (!library) {
        printf("%s\n", dlerror());
        return -1;
    }
    found = look_up_all(library, list);
    if (dlclose(library) != 0) {
        printf("%s\n", dlerror());
        return -1;
    }
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD)) {
        printf("still loaded after dlclose\n");
        return -1;
    }
    return found;
}

int main(int argc, char **argv)
{
    FILE *list = argc == 3 ? fopen(argv[2], "r") : NULL;

    if (!list) {
        printf("usage: load LIBRARY SYMBOLS\n");
        return EXIT_FAILURE;
    }
    for (int i = 0; i < ROUNDS; i++) {
        if (load_once(argv[1], list) != 97) {
            printf("round %d failed\n", i);
            fclose(list);
            return EXIT_FAILURE;
        }
    }
    fclose(list);
    return EXIT_SUCCESS;
}
