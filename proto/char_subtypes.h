/* SPDX-License-Identifier: MIT */
/* Names for the host's `-chardev spicevmc,name=`, in the order in which it lists them: who serves
 * the device, and the channel id that the name stands for (-1: the next that is free).
 * VMC_SUBTYPE(name, server, id) */
VMC_SUBTYPE("vdagent", agents, -1)
VMC_SUBTYPE("smartcard", smartcards, -1)
VMC_SUBTYPE("usbredir", usb_sockets, -1)
VMC_SUBTYPE("usbredir.0", usb_sockets, 0)
VMC_SUBTYPE("usbredir.1", usb_sockets, 1)
VMC_SUBTYPE("usbredir.2", usb_sockets, 2)
VMC_SUBTYPE("usbredir.3", usb_sockets, 3)
VMC_SUBTYPE("usbredir.4", usb_sockets, 4)
VMC_SUBTYPE("usbredir.5", usb_sockets, 5)
VMC_SUBTYPE("usbredir.6", usb_sockets, 6)
VMC_SUBTYPE("usbredir.7", usb_sockets, 7)
VMC_SUBTYPE("usbredir.8", usb_sockets, 8)
VMC_SUBTYPE("usbredir.9", usb_sockets, 9)
VMC_SUBTYPE("usbredir.10", usb_sockets, 10)
VMC_SUBTYPE("usbredir.11", usb_sockets, 11)
VMC_SUBTYPE("usbredir.12", usb_sockets, 12)
VMC_SUBTYPE("usbredir.13", usb_sockets, 13)
VMC_SUBTYPE("usbredir.14", usb_sockets, 14)
VMC_SUBTYPE("usbredir.15", usb_sockets, 15)
