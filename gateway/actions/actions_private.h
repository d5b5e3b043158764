/* What actions.c (queue, programs, requests) and actions_text.c (what they are told)
 * share. */
#ifndef MUSTER_ACTIONS_PRIVATE_H
#define MUSTER_ACTIONS_PRIVATE_H

#include "gateway/actions/actions.h"

enum { ACTION_ARGUMENTS = 4, ACTION_VARIABLES = 8 };

/* The texts of one action, which it owns; for a program, or for a URL. */
struct action_texts {
	char *arguments[ACTION_ARGUMENTS + 1];   /* the first is the program or the URL */
	char *environment[ACTION_VARIABLES + 1]; /* programs */
	char *body;                              /* URLs: JSON; NULL: a program */
};

/* False: no memory, nothing to clear. */
bool action_texts_init(struct action_texts *texts, const struct action *action);
void action_texts_clear(struct action_texts *texts);

#endif
