/*
 * The text of a configuration file, ready for libconfig: read whole, its @include files
 * put in their places, and its syntax checked.
 *
 * libconfig's scanner ends the process when it cannot go on, and reports other mistakes
 * as "syntax error" at the line where it noticed.  So it gets to see only text that has
 * been checked here: regular files of bounded size without octets that mislead it, every
 * bracket and string closed, every value a string, a whole number or a truth value.
 * What is left for libconfig to report is an array of numbers of which only some need 64
 * bits.
 *
 * The gateway and the agent read their files through this; it knows no setting.
 */
#ifndef MUSTER_SETTINGS_TEXT_H
#define MUSTER_SETTINGS_TEXT_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	SETTINGS_MESSAGE_MAX = 1024, /* octets of a message, with its final zero */
	SETTINGS_DEPTH_MAX = 10,     /* includes within includes, as in libconfig */
	SETTINGS_FILES_MAX = 65536,  /* per load: includes fan out without loops */
};

struct settings_text;

/* The same shape as config_report of both programs. */
typedef void settings_report(bool error, const char *message, void *arg);

/* What the messages of one load need. */
struct settings_source {
	const char *path;   /* of the first file, as messages name it */
	const char *folder; /* relative paths start there; NULL: nothing is included */
	size_t size_max;    /* octets of all files together */
	settings_report *report; /* may be NULL */
	void *arg;
};

/*
 * Reads source->path, or takes len octets at octets for it (mode 0600 then).  0 and a
 * text to free; -EINVAL (bad content), -ENOMEM, or what open said.  One problem ends it,
 * and has been reported as "file:line: setting: reason".
 */
int settings_text_load(struct settings_text **ret, const struct settings_source *source)
	__attribute__((warn_unused_result));
int settings_text_parse(struct settings_text **ret, const struct settings_source *source,
	const char *octets, size_t len) __attribute__((warn_unused_result));
/* Wipes and frees; NULL is harmless. */
void settings_text_free(struct settings_text *text);

/* Fills tree, which has been initialised.  False: libconfig found a mistake, which has
 * been reported, or memory is short. */
bool settings_text_read(struct settings_text *text, const struct settings_source *source,
	config_t *tree) __attribute__((warn_unused_result));

/* Where a line of the whole text comes from (config_setting_source_line). */
const char *settings_text_file(const struct settings_text *text, unsigned line);
unsigned settings_text_line(const struct settings_text *text, unsigned line);
/* Permission bits of that file when it was read. */
unsigned settings_text_mode(const struct settings_text *text, unsigned line);

#endif
