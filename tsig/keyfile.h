/*
 * Reads TSIG keys from the files that people already have:
 *
 *   - BIND: key "name" { algorithm hmac-sha256; secret "..."; }; as tsig-keygen,
 *     rndc-confgen and ddns-confgen -q print it, also inside a whole named.conf: C, C++
 *     and shell comments, other statements skipped brace by brace, include "file";
 *     followed (patterns, the directory of options, at most 8 deep); also a dhcpd.conf or
 *     rndc.conf;
 *   - Knot: the key: section of a YAML file (id, algorithm, secret), as keymgr -t prints
 *     it, and NSD's key: clauses (name, algorithm, secret), with their include:;
 *   - dnssec-keygen's and ldns-keygen's Kname.+NNN+NNNNN.private (or .key, whose .private
 *     is then read);
 *   - lines alg:name:secret, as nsupdate -y and knsupdate -y take them (name:secret
 *     means hmac-sha256, as in knsupdate; in nsupdate 9.18 it means hmac-md5).
 *
 * The form is recognised by the content and the file's name.  A key of "hmac-sha256-128"
 * (and the like) is in the ring twice: for BIND's truncated hmac-sha256, and for the
 * algorithm of that name in RFC 8945.
 */
#ifndef MUSTER_KEYFILE_H
#define MUSTER_KEYFILE_H

#include "tsig/key.h"

enum { KEYFILE_ERROR_MAX = 512, KEYFILE_SIZE_MAX = 256 * 1024 * 1024 };

/* Reports what looks like a key but was not loaded: "file:line: reason", never with a
 * secret. */
typedef void keyfile_warning(const char *message, void *arg);

/*
 * Adds every key of the file to the ring.  0, or -errno with ret_error "file:line:
 * reason" (never with a secret; without a line if the file as a whole is at fault):
 * -EINVAL for bad content or no key, -EACCES if others than owner and group have access
 * (mode & 007), otherwise the error of open or read.  An included file may be readable
 * by others if it defines no key, but never writable.  On error the ring may hold some
 * of the file's keys.  warning may be NULL.
 */
int keyfile_load(struct keyring *ring, const char *path, keyfile_warning *warning,
	void *arg, char ret_error[KEYFILE_ERROR_MAX]) __attribute__((warn_unused_result));

/* The same as keyfile_load for octets in memory, for tests and fuzzing.  Permissions
 * are not checked, and an include statement is -EINVAL.  name is used for messages and
 * for the K*.private form. */
int keyfile_parse(struct keyring *ring, const char *name, const char *text, size_t len,
	keyfile_warning *warning, void *arg, char ret_error[KEYFILE_ERROR_MAX])
	__attribute__((warn_unused_result));

#endif
