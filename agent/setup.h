/*
 * Makes files for somebody who begins: a configuration, the key and configuration of an
 * enrolment, a systemd service.
 *
 * Existing files are never overwritten.  All functions return an exit status (0, or 1
 * with the reason on standard error), and say on standard output what they made and what
 * to do next.
 */
#ifndef MUSTER_AGENT_SETUP_H
#define MUSTER_AGENT_SETUP_H

/* --create-config: an example with comments at path. */
int setup_create_config(const char *path);

/* --enrol LINE (tsig/enrolment.h; "-": the line comes on standard input): the key file
 * beside the configuration at path, and the configuration. */
int setup_enrol(const char *path, const char *line);

/* --install-service: a systemd unit that runs this program with the configuration at
 * path and the key in key_file (absolute; NULL: host.key beside path); folder: where
 * units go, NULL: where the administrator's go. */
int setup_install_service(const char *path, const char *key_file, const char *folder);

#endif
