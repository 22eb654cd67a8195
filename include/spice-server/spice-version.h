/* SPDX-License-Identifier: MIT */
/* The version of spice-server that this interface is compatible with. */
#ifndef SPICE_VERSION_H_
#define SPICE_VERSION_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

/* One byte each: major, minor, micro. 0.15.1; unrelated to the version of Caravan. */
#define SPICE_SERVER_VERSION 0x000f01

#endif /* SPICE_VERSION_H_ */
