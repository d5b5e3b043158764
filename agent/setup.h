/*
 * Making files for a person who begins: a configuration, an enrolment's key and
 * configuration, a service of the system.
 *
 * Nothing that is there is overwritten.  All return an exit status (0, or 1 with the
 * reason on standard error) and say on standard output what they made, and what is next.
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
