/* SPDX-License-Identifier: MIT */
/*
 * The server: life, listening, who may come in, and what it may do.
 *
 * All functions here are for the thread of the event loop. Strings and files named in arguments
 * are copied or read before the call returns; nothing passed in is kept, except interfaces.
 */
#ifndef SPICE_SERVER_H_
#define SPICE_SERVER_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include "spice-core.h"

SPICE_BEGIN_DECLS

/* ---- life ---- */

typedef struct RedsState SpiceServer;

/* Makes a server that listens nowhere yet. Returns a server that the caller owns. */
SpiceServer *spice_server_new(void);

/* Starts s on the event loop core, which stays the caller's and must outlive the server: opens
 * what spice_server_set_port asked for. Call it once, after configuring. Returns 0, or -1 when
 * the version of core does not fit or no port can be opened. */
int spice_server_init(SpiceServer *s, SpiceCoreInterface *core);

/* Disconnects all clients and frees s. Interfaces still attached are let go of; their instances
 * stay the program's. */
void spice_server_destroy(SpiceServer *s);

/* Gives the server a device. sin stays the caller's, and must stay valid until removed; the
 * server sets its st member. Returns 0, or -1 when the version does not fit or the server has no
 * room for another device of this type. */
int spice_server_add_interface(SpiceServer *s, SpiceBaseInstance *sin);

/* Takes a device back; when the call returns the server no longer uses sin. Returns 0, or -1
 * when the type cannot be removed or sin is not attached. */
int spice_server_remove_interface(SpiceBaseInstance *sin);

/* Tell that the guest runs, or is stopped. Guest memory and QXL rings are left alone while it is
 * stopped; after spice_server_vm_stop returned, nothing is read or written there. */
void spice_server_vm_start(SpiceServer *s);
void spice_server_vm_stop(SpiceServer *s);

/* ---- compatibility between versions ---- */

typedef enum {
    SPICE_COMPAT_VERSION_0_4 = 0,
    SPICE_COMPAT_VERSION_0_6 = 1,
} spice_compat_version_t;

#define SPICE_COMPAT_VERSION_CURRENT SPICE_COMPAT_VERSION_0_6

/* Returns the newest version that set_compat_version takes. Any thread. */
spice_compat_version_t spice_get_current_compat_version(void);

/* Asks to use only what the given version knows, so that a guest can move to and from it.
 * Returns 0 for SPICE_COMPAT_VERSION_CURRENT, -1 for anything else. */
int spice_server_set_compat_version(SpiceServer *s, spice_compat_version_t version);

/* ---- listening ---- */

/* Sets the TCP port of unencrypted channels; spice_server_init opens it. Returns 0, or -1 when
 * the port is out of range (0..65535; 0 is none). */
int spice_server_set_port(SpiceServer *s, int port);

#define SPICE_ADDR_FLAG_IPV4_ONLY (1 << 0)
#define SPICE_ADDR_FLAG_IPV6_ONLY (1 << 1)
#define SPICE_ADDR_FLAG_UNIX_ONLY (1 << 2)

/* Sets the address to listen on: a host name or number, or with SPICE_ADDR_FLAG_UNIX_ONLY the
 * path of a socket. An empty address means all. */
void spice_server_set_addr(SpiceServer *s, const char *addr, int flags);

/* Deprecated. Gives the server a descriptor that listens already. The server owns listen_fd
 * from then on. Returns 0. */
int spice_server_set_listen_socket_fd(SpiceServer *s, int listen_fd) SPICE_GNUC_DEPRECATED;

/* Opens a port for encrypted channels. certs_file (chain), private_key_file and ca_cert_file are
 * PEM files; key_passwd, dh_key_file and ciphersuite may be NULL. Returns 0, or -1 when an
 * argument is missing, the port is out of range, or this version offers no TLS. After -1 the
 * server listens on no TLS port. */
int spice_server_set_tls(SpiceServer *s, int port, const char *ca_cert_file, const char *certs_file,
                         const char *private_key_file, const char *key_passwd,
                         const char *dh_key_file, const char *ciphersuite);

/* Takes a connected socket as a client that begins its link now; with skip_auth no ticket is
 * asked of it. The server owns socket if it returns 0; after -1 it is still the caller's. */
int spice_server_add_client(SpiceServer *s, int socket, int skip_auth);

/* Same, with the TLS handshake first. -1 too when this version offers no TLS. */
int spice_server_add_ssl_client(SpiceServer *s, int socket, int skip_auth);

/* ---- who may come in ---- */

/* Lets everybody in without a ticket. Returns 0. */
int spice_server_set_noauth(SpiceServer *s);

/* Sets the ticket. passwd NULL: nobody gets in from now on. lifetime: seconds from now, 0 is for
 * ever. When a client is connected: fail_if_connected refuses the call, disconnect_if_connected
 * ends the client. Returns 0; -1 when refused or the password is too long (60 bytes at most). */
int spice_server_set_ticket(SpiceServer *s, const char *passwd, int lifetime, int fail_if_connected,
                            int disconnect_if_connected);

/* Switches login by SASL, instead of a ticket, before spice_server_init, which fails if SASL cannot
 * be set up. Returns 0; -1 without a server. */
int spice_server_set_sasl(SpiceServer *s, int enabled);

/* Sets the application name under which SASL looks for its configuration; "spice" without. Before
 * spice_server_init. Returns 0. */
int spice_server_set_sasl_appname(SpiceServer *s, const char *appname);

#define SPICE_CHANNEL_SECURITY_NONE (1 << 0) /* may come unencrypted */
#define SPICE_CHANNEL_SECURITY_SSL  (1 << 1) /* may come encrypted */

/* Sets how a channel may come: channel is its name ("main", "display", ...), NULL or "default"
 * for all that have no rule of their own; security is bits of SPICE_CHANNEL_SECURITY_*.
 * Returns 0, or -1 when the name is unknown. */
int spice_server_set_channel_security(SpiceServer *s, const char *channel, int security);

/* With flag not 0, ends the process when the client goes. Returns 0. */
int spice_server_set_exit_on_disconnect(SpiceServer *s, int flag);

/* ---- how pictures and sound travel ---- */

typedef SpiceImageCompression spice_image_compression_t;

/* Older names of the values of SpiceImageCompression (spice/enums.h). */
#define SPICE_IMAGE_COMPRESS_INVALID  SPICE_IMAGE_COMPRESSION_INVALID
#define SPICE_IMAGE_COMPRESS_OFF      SPICE_IMAGE_COMPRESSION_OFF
#define SPICE_IMAGE_COMPRESS_AUTO_GLZ SPICE_IMAGE_COMPRESSION_AUTO_GLZ
#define SPICE_IMAGE_COMPRESS_AUTO_LZ  SPICE_IMAGE_COMPRESSION_AUTO_LZ
#define SPICE_IMAGE_COMPRESS_QUIC     SPICE_IMAGE_COMPRESSION_QUIC
#define SPICE_IMAGE_COMPRESS_GLZ      SPICE_IMAGE_COMPRESSION_GLZ
#define SPICE_IMAGE_COMPRESS_LZ       SPICE_IMAGE_COMPRESSION_LZ
#define SPICE_IMAGE_COMPRESS_LZ4      SPICE_IMAGE_COMPRESSION_LZ4

/* Set and read how images are compressed from now on. A format that this build does not have is
 * replaced by the nearest it has. The setter returns 0, or -1 for no known value. */
int spice_server_set_image_compression(SpiceServer *s, SpiceImageCompression comp);
SpiceImageCompression spice_server_get_image_compression(SpiceServer *s);

typedef enum {
    SPICE_WAN_COMPRESSION_INVALID,
    SPICE_WAN_COMPRESSION_AUTO,
    SPICE_WAN_COMPRESSION_ALWAYS,
    SPICE_WAN_COMPRESSION_NEVER,
} spice_wan_compression_t;

/* Whether slow links get lossy (JPEG) images, and GLZ images packed once more by zlib.
 * Return 0, or -1 for SPICE_WAN_COMPRESSION_INVALID and values out of range. */
int spice_server_set_jpeg_compression(SpiceServer *s, spice_wan_compression_t comp);
int spice_server_set_zlib_glz_compression(SpiceServer *s, spice_wan_compression_t comp);

/* Deprecated. Names a renderer; there is one, "sw". Returns 0 for it, -1 for others. */
int spice_server_add_renderer(SpiceServer *s, const char *name) SPICE_GNUC_DEPRECATED;

enum {
    SPICE_STREAM_VIDEO_INVALID,
    SPICE_STREAM_VIDEO_OFF,
    SPICE_STREAM_VIDEO_ALL,
    SPICE_STREAM_VIDEO_FILTER
};

/* Which often changing areas are sent as video (SPICE_STREAM_VIDEO_*). Returns 0, or -1 for
 * values out of range. */
int spice_server_set_streaming_video(SpiceServer *s, int value);

/* Where a video encoder comes from. */
enum { SPICE_STREAMING_INVALID, SPICE_STREAMING_SPICE, SPICE_STREAMING_GSTREAMER };

/* Sets which video encoders may be used, best first: "encoder:codec;encoder:codec...", encoders
 * spice and gstreamer, codecs mjpeg, vp8, vp9 and h264; or "auto". Unknown pairs are passed over.
 * Returns 0, or -1 when no known pair is left. */
int spice_server_set_video_codecs(SpiceServer *s, const char *video_codecs);

/* Returns the video encoders in use, written as above, empty if there are none. The string is the
 * caller's until given to spice_server_free_video_codecs. */
const char *spice_server_get_video_codecs(SpiceServer *s);

/* Frees a string of spice_server_get_video_codecs; NULL is allowed. */
void spice_server_free_video_codecs(SpiceServer *s, const char *video_codecs);

/* Whether sound is compressed on its way to the client. Returns 0. */
int spice_server_set_playback_compression(SpiceServer *s, int enable);

/* ---- what a client may do with the guest's agent; all return 0 ---- */

int spice_server_set_agent_mouse(SpiceServer *s, int enable);
int spice_server_set_agent_copypaste(SpiceServer *s, int enable);
int spice_server_set_agent_file_xfer(SpiceServer *s, int enable);

/* ---- what a client is shown ---- */

/* Sets the name and the UUID of the guest. NULL name: none. */
void spice_server_set_name(SpiceServer *s, const char *name);
void spice_server_set_uuid(SpiceServer *s, const uint8_t uuid[16]);

/* ---- questions ---- */

/* Returns 1 when the mouse is in server mode (relative motion), 0 in client mode. */
int spice_server_is_server_mouse(SpiceServer *s);

/* Deprecated: use the channel events. Number of connected clients. */
int spice_server_get_num_clients(SpiceServer *s) SPICE_GNUC_DEPRECATED;

/* Deprecated: use the channel events. Write the local, or the peer's, address of the first
 * client's main channel into *sa; *salen holds the room and receives the length. Return 0, or -1
 * when nobody is connected. */
int spice_server_get_sock_info(SpiceServer *s, struct sockaddr *sa,
                               socklen_t *salen) SPICE_GNUC_DEPRECATED;
int spice_server_get_peer_info(SpiceServer *s, struct sockaddr *sa,
                               socklen_t *salen) SPICE_GNUC_DEPRECATED;

SPICE_END_DECLS

#endif /* SPICE_SERVER_H_ */
