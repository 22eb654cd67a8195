/* SPDX-License-Identifier: MIT */
/* The numbers of the format that reader and writer share. */
#ifndef VMSTATE_STREAM_FORMAT_H
#define VMSTATE_STREAM_FORMAT_H

#define FILE_MAGIC       0x5145564dU /* "QEVM" */
#define FILE_VERSION     3
#define FILE_HEADER_SIZE 8

/* What begins a section; 1 to 4 are in enum vmstate_section_kind. */
enum section_byte {
    BYTE_EOF = 0,
    BYTE_SUBSECTION = 5,
    BYTE_DESCRIPTION = 6,
    BYTE_CONFIGURATION = 7,
    BYTE_COMMAND = 8,
    BYTE_FOOTER = 0x7e,
};

enum ram_flag {
    RAM_FILLED = 0x02,
    RAM_LIST = 0x04,
    RAM_RAW = 0x08,
    RAM_EOS = 0x10,
    RAM_CONTINUE = 0x20, /* with one of the page kinds: in the block of the page before */
    RAM_XBZRLE = 0x40,
    RAM_COMPRESSED = 0x100,
};

#define RAM_XBZRLE_CODING 1

enum disk_flag {
    DISK_BLOCK = 0x01,
    DISK_EOS = 0x02,
    DISK_PROGRESS = 0x04,
    DISK_ZERO = 0x08, /* with DISK_BLOCK: no data follows */
};

#endif
