/* SPDX-License-Identifier: MIT */
/* What a client says on a USB redirection, port or webdav channel ("spice-protocol enums.h",
 * SPICE_MSGC_SPICEVMC_*, SPICE_MSGC_PORT_EVENT). VMC_MSG(NAME, min body, max body, phases, handler)
 */
VMC_MSG(SPICEVMC_DATA, 0, VMC_MESSAGE_MAX, CONN_RUNNING, on_data)
VMC_MSG(SPICEVMC_COMPRESSED_DATA, 1, VMC_MESSAGE_MAX, CONN_RUNNING, on_compressed_data)
VMC_MSG(PORT_EVENT, 1, 64, CONN_RUNNING, on_port_event)
