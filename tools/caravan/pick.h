/* SPDX-License-Identifier: MIT */
/* `caravan vmstate extract` and `splice`: a section's body out of a stream, or into one. */
#ifndef CARAVAN_PICK_H
#define CARAVAN_PICK_H

/* They return enum inspect_exit. */
int extract_main(int argc, char **argv);
int splice_main(int argc, char **argv);

#endif
