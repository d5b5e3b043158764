/*
 * SSHFP records (RFC 4255) of a host's public keys.
 */
#ifndef MUSTER_AGENT_SSHFP_H
#define MUSTER_AGENT_SSHFP_H

#include "agent/records/records.h"

/* Adds the SSHFP record of a line of an OpenSSH public key file ("ssh-ed25519 AAAA...
 * comment"), with a SHA-256 fingerprint (RFC 6594).  0, -EINVAL: no such line, or an
 * algorithm without a number; -errno otherwise. */
int sshfp_parse(struct records *set, const uint8_t *owner, uint32_t ttl, const char *line)
	__attribute__((warn_unused_result));

/* The same for all files that a pattern (glob(7)) matches.  Files that cannot be read
 * are logged and left out.  0 or -ENOMEM, -ENOSPC. */
int sshfp_read_files(struct records *set, const uint8_t *owner, uint32_t ttl,
	const char *pattern) __attribute__((warn_unused_result));

#endif
