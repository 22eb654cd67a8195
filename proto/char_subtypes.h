/* SPDX-License-Identifier: MIT */
/* Names for the host's `-chardev spicevmc,name=`, in the order in which it lists them: who serves
 * the device, and the channel id that the name stands for (-1: the next that is free).
 * VMC_SUBTYPE(name, server, id) */
VMC_SUBTYPE("vdagent", serve_agent, -1)
VMC_SUBTYPE("smartcard", serve_nobody, -1)
VMC_SUBTYPE("usbredir", serve_usb, -1)
VMC_SUBTYPE("usbredir.0", serve_usb, 0)
VMC_SUBTYPE("usbredir.1", serve_usb, 1)
VMC_SUBTYPE("usbredir.2", serve_usb, 2)
VMC_SUBTYPE("usbredir.3", serve_usb, 3)
VMC_SUBTYPE("usbredir.4", serve_usb, 4)
VMC_SUBTYPE("usbredir.5", serve_usb, 5)
VMC_SUBTYPE("usbredir.6", serve_usb, 6)
VMC_SUBTYPE("usbredir.7", serve_usb, 7)
VMC_SUBTYPE("usbredir.8", serve_usb, 8)
VMC_SUBTYPE("usbredir.9", serve_usb, 9)
VMC_SUBTYPE("usbredir.10", serve_usb, 10)
VMC_SUBTYPE("usbredir.11", serve_usb, 11)
VMC_SUBTYPE("usbredir.12", serve_usb, 12)
VMC_SUBTYPE("usbredir.13", serve_usb, 13)
VMC_SUBTYPE("usbredir.14", serve_usb, 14)
VMC_SUBTYPE("usbredir.15", serve_usb, 15)
