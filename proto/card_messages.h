/* SPDX-License-Identifier: MIT */
/* What a client says on a smartcard channel ("spice-protocol enums.h", SPICE_MSGC_SMARTCARD_*, all
 * of one number). CARD_MSG(NAME, min body, max body, phases, handler)
 */
CARD_MSG(SMARTCARD_DATA, VSC_HEADER, VSC_MESSAGE_MAX, CONN_RUNNING, on_card_data)
