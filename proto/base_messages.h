/* SPDX-License-Identifier: MIT */
/* Client messages that every channel has ("spice-protocol enums.h", SPICE_MSGC_*).
 * BASE_MSG(number, name, min body, max body, phases, handler) */
BASE_MSG(1, ACK_SYNC, 4, 64, ANY_PHASE, on_ack_sync)
BASE_MSG(2, ACK, 0, 64, ANY_PHASE, on_ack)
BASE_MSG(3, PONG, 12, 512 * 1024, ANY_PHASE, on_pong)
BASE_MSG(4, MIGRATE_FLUSH_MARK, 0, 64, CONN_SOURCE_MARK, on_flush_mark)
BASE_MSG(5, MIGRATE_DATA, 8, MAX_ANY, CONN_TARGET, on_migrate_data)
BASE_MSG(6, DISCONNECTING, 0, 64, ANY_PHASE, on_disconnecting)
