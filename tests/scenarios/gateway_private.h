/*
 * What the files of a gateway in a scenario share.
 */
#ifndef MUSTER_SCENARIO_GATEWAY_PRIVATE_H
#define MUSTER_SCENARIO_GATEWAY_PRIVATE_H

#include "tests/scenarios/gateway.h"

/* Notes why; returns error. */
int gateway_why(struct gateway *gateway, int error, const char *what);

/* Its folder, below the current one. */
int gateway_make_folder(struct gateway *gateway);
void gateway_remove_folder(struct gateway *gateway);
int gateway_write_file(struct gateway *gateway, const char *name, const char *text);
/* The configuration that is set up, through a file. */
int gateway_load_config(struct gateway *gateway, struct config **ret_config);

#endif
