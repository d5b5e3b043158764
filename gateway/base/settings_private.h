/*
 * What settings_text.c (files, and which line of the whole comes from where) and
 * settings_syntax.c (what stands in them) share.  Nobody else includes it.
 */
#ifndef MUSTER_SETTINGS_PRIVATE_H
#define MUSTER_SETTINGS_PRIVATE_H

#include "gateway/base/settings_text.h"

enum {
	SETTINGS_NEST_MAX = 16,      /* brackets within brackets; six have a meaning */
	SETTINGS_NAME_MAX = 64,      /* octets of a setting's name, with its final zero */
	SETTINGS_MEMBERS_MAX = 100,  /* of one group: libconfig compares each with each */
	SETTINGS_STRING_MAX = 65536, /* octets; longer than any value that is known */
};

/* One file while it is being read. */
struct settings_input {
	const char *name;   /* as messages give it */
	const char *octets; /* no NUL octets among them */
	size_t len;
	size_t at;      /* the next octet */
	unsigned line;  /* of it, from 1 */
	unsigned depth; /* includes above it */
};

/* A place to point at. */
struct settings_place {
	const char *file; /* outlives the load */
	unsigned line;
};

enum settings_expected {
	EXPECT_NAME,   /* or, in a group, its end */
	EXPECT_EQUALS, /* after a name */
	EXPECT_VALUE,
	EXPECT_FIRST, /* a value, or the end of a list or array */
	EXPECT_AFTER, /* what may follow a value */
};

/* A name in the whole. */
struct settings_name {
	size_t at;     /* octets before it */
	unsigned line; /* of the whole */
};

/* A bracket that is open; the first level is the file itself. */
struct settings_level {
	char opening; /* '{', '(', '['; 0: the file */
	struct settings_place place;
	unsigned count;               /* members or elements begun */
	char name[SETTINGS_NAME_MAX]; /* of the setting being read, in a group */
	struct settings_name names[SETTINGS_MEMBERS_MAX]; /* count of them, in a group */
	const char *kind; /* of the values of an array; NULL: none yet */
};

struct settings_syntax {
	enum settings_expected expected;
	struct settings_level levels[SETTINGS_NEST_MAX];
	unsigned depth; /* of the innermost level */
	size_t values;  /* so far, groups and lists among them */
	/* What the last token was: a comma, which must be followed by a value; a string,
	 * which may be followed by its continuation, or may be too long by a quote. */
	bool was_comma, was_string;
	struct settings_place last;        /* token */
	struct settings_place long_string; /* the last one over several lines */
};

struct settings_text {
	char *octets; /* with a final zero, once it is whole */
	size_t len, cap;
	unsigned line; /* of the whole, being written; from 1 */
	size_t read;   /* octets of all files */
	struct settings_file *files;
	size_t file_count;
	struct settings_piece *pieces; /* ascending by line */
	size_t piece_count;
	const struct settings_source *source; /* while loading */
	struct settings_syntax syntax;
};

/* Reports "file:line: setting: reason", the setting being the one under way.  -EINVAL. */
int settings_fail(struct settings_text *text, struct settings_place place,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Appends to the whole; -ENOMEM. */
int settings_put(struct settings_text *text, const char *octets, size_t len)
	__attribute__((warn_unused_result));
/* Reads the file of an @include at that place of in. */
int settings_include(struct settings_text *text, struct settings_input *in,
	const char *path, size_t len) __attribute__((warn_unused_result));

/* ---- settings_syntax.c ---- */

/* Checks a file and appends it to the whole text. */
int settings_scan(struct settings_text *text, struct settings_input *in)
	__attribute__((warn_unused_result));
/* Checks that everything is closed at the end of the last file. */
int settings_finish(struct settings_text *text) __attribute__((warn_unused_result));

#endif
