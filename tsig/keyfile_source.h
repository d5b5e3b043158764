/*
 * What the readers of the four forms of key files share; only tsig/keyfile*.c include it.
 *
 * A reader gets a source (the octets of one file, with everything around them), finds
 * the words of each key in it and hands them to keyfile_add_entry, which alone decodes
 * them.  Readers work on the text in place, so that secrets are not copied again.  They
 * never quote the text in an error: people swap fields, and what stands in place of an
 * algorithm may well be the secret.
 */
#ifndef MUSTER_KEYFILE_SOURCE_H
#define MUSTER_KEYFILE_SOURCE_H

#include <limits.h>
#include <sys/stat.h>
#include "tsig/keyfile.h"

enum {
	KEYFILE_DEPTH_MAX = 8, /* includes within includes */
	/* per keyfile_load: includes can multiply even without loops */
	KEYFILE_FILES_MAX = 65536,
};

/* Part of a source's text. */
struct keyfile_span {
	const char *at; /* NULL: not given */
	size_t len;     /* octets */
};

struct keyfile_source;
/* Reads the whole of one file.  0, or -errno with the reason written. */
typedef int keyfile_reader(const struct keyfile_source *src);

struct keyfile_source {
	struct keyring *ring;
	const char *name; /* the file's path, for messages and the K*.private form */
	const char *text; /* not terminated, free of NUL octets */
	size_t len;       /* octets of text */
	struct stat st;   /* of the file; st_mode 0: in memory, no include */
	const struct keyfile_source *parent; /* the including file; NULL: the first */
	unsigned parent_line;                /* of its include */
	unsigned depth;                      /* includes above this one */
	/* its keys are only warned about, not loaded */
	bool is_looked_into;
	keyfile_reader *read;        /* its form, which included files have too */
	bool is_yaml;                /* its form is that of Knot and NSD */
	struct keyfile_total *total; /* over all files of one call */
	char *ret_error;             /* KEYFILE_ERROR_MAX octets */
};

/* What all files of one call share. */
struct keyfile_total {
	/* Finds the form of a source that has its text, and reads it. */
	int (*read)(struct keyfile_source *src);
	size_t keys;              /* added to the ring */
	size_t files;             /* opened */
	size_t octets;            /* read */
	bool has_warned_of_look;  /* a file could not be inspected */
	char directory[PATH_MAX]; /* of BIND's options, with its final slash; "": none */
	keyfile_warning *warning; /* may be NULL */
	void *arg;
};

struct keyfile_entry {
	struct keyfile_span name;
	struct keyfile_span algorithm;
	struct keyfile_span secret; /* base64 */
	unsigned line;              /* where the key begins, for messages */
};

/* Writes "file:line: reason" and returns err, which is -errno. */
int keyfile_fail(const struct keyfile_source *src, unsigned line, int err,
	const char *reason, ...) __attribute__((format(printf, 4, 5)));

/* Warns of what looks like a key but is not loaded. */
void keyfile_warn(const struct keyfile_source *src, unsigned line, const char *reason,
	...) __attribute__((format(printf, 3, 4)));

/* Decodes the entry and adds the key.  0, -EINVAL if something is missing or wrong,
 * -EACCES for a file that others may read, or the error of keyring_add. */
int keyfile_add_entry(const struct keyfile_source *src, const struct keyfile_entry *entry)
	__attribute__((warn_unused_result));

/* Reads the file that the caller named; of a pair of files the private one.  0, or
 * -errno with the reason. */
int keyfile_read_first(struct keyfile_source *src) __attribute__((warn_unused_result));

/* Reads what src includes at line, a file or the files of a pattern.  0, or -errno with
 * the reason. */
int keyfile_include(const struct keyfile_source *src, unsigned line,
	const struct keyfile_span *path) __attribute__((warn_unused_result));

/* The same where keys would not be loaded: only warns of them. */
void keyfile_look_into(
	const struct keyfile_source *src, unsigned line, const struct keyfile_span *path);

/* Sets where relative includes start from now on.  0, or -errno with the reason. */
int keyfile_set_directory(const struct keyfile_source *src, unsigned line,
	const struct keyfile_span *path) __attribute__((warn_unused_result));

/* The next line without its end; *at moves past it; false at the end of the text. */
bool keyfile_next_line(
	const struct keyfile_source *src, size_t *at, struct keyfile_span *ret_line);

/* Cuts blanks (spaces, tabs, carriage returns) off both ends. */
struct keyfile_span keyfile_trim(struct keyfile_span span);

/* Is it this word, ignoring case? */
bool keyfile_span_is(const struct keyfile_span *span, const char *word);

/* Does the name of a file have the form Kname.+NNN+NNNNN followed by suffix? */
bool keyfile_is_pair_name(const char *path, const char *suffix);

/* One per form, and one for what BIND's statements include. */
keyfile_reader keyfile_read_bind;
keyfile_reader keyfile_look_bind;
keyfile_reader keyfile_read_yaml;
keyfile_reader keyfile_read_private;

#endif
