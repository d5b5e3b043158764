/*
 * Reads a zone file (RFC 1035 5) into the mirror.
 *
 * The reader is our own, on top of the RDATA parser that PowerDNS' text requires
 * anyway.  ldns silently accepts much that is wrong, and not everything that is right.
 * Knot's libzscanner is strict, but the one in Debian 12 lacks $GENERATE, the TTL
 * stated last, and newer types, and would be a second grammar beside the one for lines
 * of agents.
 *
 * What BIND loads is loaded here with the same content, as far as it can be served;
 * muster.conf(5) lists the exceptions.
 *
 *   - $ORIGIN, $TTL, $INCLUDE and $GENERATE, in any case.  An included file that is not
 *     an absolute path is looked for beside the file that includes it, as in Knot; BIND
 *     starts from its working directory.  Its $ORIGIN and its owners end with it, its
 *     $TTL does not.
 *   - A record without TTL has that of $TTL, or the last one stated, or a SOA its
 *     minimum.
 *   - Records outside the zone are left out, and the first TTL of an RRset counts for all
 *     of it, both with a warning.
 *
 * What no server accepts in a zone is an error: no SOA or NS at the top, two records of
 * a type that allows one, a CNAME beside other data, a SOA below the top.  Whether name
 * servers have addresses is not checked, since an update may add them later.
 */
#include "zones/zone.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tsig/byte_order_mark.h"
#include "zones/entry.h"
#include "zones/generate.h"
#include "zones/rdata_parser.h"
#include "zones/record.h"

enum {
	/* depth of included files, so that a file including itself ends */
	INCLUDE_DEPTH_MAX = 16,
	PATH_MAX_LEN = 4096, /* of an included file */
	/* warnings reported one by one; the rest are only counted */
	WARNINGS_MAX = 10,
};

/* The state of a whole load. */
struct load {
	struct zone *zone;
	zone_warn *warn; /* NULL: nobody listens */
	void *arg;
	size_t warnings;
	struct record_state state;
	struct record_room room;
	char *error; /* ZONE_ERROR_MAX octets */
};

/* One of its files. */
struct source {
	struct load *load;
	const char *path; /* NULL: a stream */
	struct entry entry;
	uint8_t origin[NAME_MAX_LEN];
	unsigned line; /* of the current place */
	unsigned depth;
};

/* ---- what is wrong ---- */

/* Makes one printable line: paths and words come from outside. */
static void format_place(char ret[ZONE_ERROR_MAX], const struct source *source,
	unsigned line, const char *why, va_list args)
	__attribute__((format(printf, 4, 0)));

static void format_place(char ret[ZONE_ERROR_MAX], const struct source *source,
	unsigned line, const char *why, va_list args)
{
	int n;

	if (source->path && line)
		n = snprintf(ret, ZONE_ERROR_MAX, "%.300s:%u: ", source->path, line);
	else if (source->path)
		n = snprintf(ret, ZONE_ERROR_MAX, "%.300s: ", source->path);
	else
		n = snprintf(ret, ZONE_ERROR_MAX, "line %u: ", line);
	vsnprintf(ret + n, (size_t)(ZONE_ERROR_MAX - n), why, args);
	for (char *c = ret; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static int fail(const struct source *source, int error, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct source *source, int error, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	format_place(source->load->error, source, source->line, why, args);
	va_end(args);
	return error;
}

static void warn(const struct source *source, const char *why, ...)
	__attribute__((format(printf, 2, 3)));

static void warn(const struct source *source, const char *why, ...)
{
	struct load *load = source->load;
	char message[ZONE_ERROR_MAX];
	va_list args;

	if (!load->warn || load->warnings++ >= WARNINGS_MAX)
		return;
	va_start(args, why);
	format_place(message, source, source->line, why, args);
	va_end(args);
	load->warn(message, load->arg);
}

/* A failure or warning that names the record. */
static const char *name_record(
	const struct rr *rr, char buf[NAME_TEXT_MAX + RDATA_TYPE_NAME_MAX])
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];

	snprintf(buf, NAME_TEXT_MAX + RDATA_TYPE_NAME_MAX, "%.128s %s",
		name_to_text(rr->owner, owner), rdata_type_name(rr->type, type));
	return buf;
}

static int fail_record(const struct source *source, const struct rr *rr, const char *why)
{
	char record[NAME_TEXT_MAX + RDATA_TYPE_NAME_MAX];

	return fail(source, -EINVAL, "%s: %s", name_record(rr, record), why);
}

/* ---- records ---- */

/* May this type exist beside what the node has?  RFC 1034 3.6.2, RFC 4035 2.5. */
static const char *check_beside(const struct zone_node *node, uint16_t type)
{
	const struct rrset *set;

	for (unsigned i = 0; node && (set = zone_node_rrset(node, i)); i++) {
		bool other_is_cname = set->type == TYPE_CNAME;
		uint16_t other = other_is_cname ? type : set->type;

		if (other_is_cname == (type == TYPE_CNAME))
			continue;
		if (other != TYPE_RRSIG && other != TYPE_NSEC && other != TYPE_KEY)
			return "a CNAME and other data at one name";
	}
	return NULL;
}

static const char *check_record(
	const struct zone *zone, const struct rr *rr, const struct zone_node *node)
{
	const struct rrset *set = node ? zone_node_find(node, rr->type) : NULL;

	if (rr->type == TYPE_SOA && !name_is_equal(rr->owner, zone_apex(zone)))
		return "a SOA below the zone's name";
	if (set && rdata_is_singleton(rr->type) &&
		rrset_find(set, rr->rdata, rr->rdata_len) < 0)
		return "a second one at this name";
	return check_beside(node, rr->type);
}

/* RFC 2181 5.2.  Signatures have the TTLs of what they cover, which may differ. */
static void check_ttl(
	const struct source *source, const struct rr *rr, const struct zone_node *node)
{
	const struct rrset *set = node ? zone_node_find(node, rr->type) : NULL;
	char record[NAME_TEXT_MAX + RDATA_TYPE_NAME_MAX];

	if (set && set->ttl != rr->ttl && rr->type != TYPE_RRSIG)
		warn(source, "%s: the TTL is that of the first of them, %u and not %u",
			name_record(rr, record), set->ttl, rr->ttl);
}

static int take_record(const struct rr *rr, void *arg)
{
	const struct source *source = arg;
	struct zone *zone = source->load->zone;
	char record[NAME_TEXT_MAX + RDATA_TYPE_NAME_MAX];
	const struct zone_node *node;
	const char *why;
	int r;

	if (!name_is_subdomain(rr->owner, zone_apex(zone))) {
		warn(source, "%s: not in the zone, left out", name_record(rr, record));
		return 0;
	}
	node = zone_find_node(zone, rr->owner);
	why = check_record(zone, rr, node);
	if (why)
		return fail_record(source, rr, why);
	check_ttl(source, rr, node);
	r = zone_load_rr(zone, rr);
	if (r == -ENOSPC) {
		fail_record(source, rr, "too large an RRset");
		return r;
	}
	return r < 0 ? fail(source, r, "out of memory") : 0;
}

/* ---- directives ---- */

static int read_source(struct source *source, FILE *from);

/* Fails at a place of the entry; NULL: at its beginning. */
static int fail_at(struct source *source, const struct parser_error *error)
{
	if (error->at)
		source->line = entry_line(&source->entry, error->at);
	return fail(source, -EINVAL, "%s", error->why);
}

/* Fails at a word that is missing, or is not what was expected. */
static int fail_word(struct source *source, const struct parser *x, const char *expected)
{
	struct parser_error error;

	parser_explain(&error, x->token, expected);
	return fail_at(source, &error);
}

static int expect_end(struct source *source, struct parser *x)
{
	if (parser_at_end(x))
		return 0;
	x->token = x->p;
	return fail_word(source, x, "the end of the line");
}

static int take_origin(struct source *source, struct parser *x)
{
	char word[PARSER_TOKEN_MAX];
	uint8_t origin[NAME_MAX_LEN];

	parser_take_token(x, word);
	if (x->error || name_from_text(origin, word, source->origin))
		return fail_word(source, x, "a domain name");
	name_lower(origin);
	memcpy(source->origin, origin, name_len(origin));
	return expect_end(source, x);
}

static int take_default_ttl(struct source *source, struct parser *x)
{
	struct record_state *state = &source->load->state;
	char word[PARSER_TOKEN_MAX];
	uint64_t ttl;

	parser_take_token(x, word);
	if (x->error || !parser_read_duration(word, RECORD_TTL_MAX, &ttl))
		return fail_word(
			source, x, "a TTL, as 3600 or 1h30m, up to 2147483647 seconds,");
	state->default_ttl = (uint32_t)ttl;
	state->has_default_ttl = true;
	return expect_end(source, x);
}

static int take_generate(struct source *source, struct parser *x)
{
	struct load *load = source->load;
	struct parser_error error = {0};
	int r;

	load->error[0] = '\0';
	r = generate_records(x, &load->state, &load->room, take_record, source, &error);
	if (!r || load->error[0])
		return r; /* or take_record has reported it */
	if (r == -ENOMEM)
		return fail(source, r, "out of memory");
	/* A generated record has no place in the text to point to. */
	if (error.at < source->entry.text ||
		error.at > source->entry.text + source->entry.len)
		error.at = NULL;
	return fail_at(source, &error);
}

/* A path as in the file: beside the file that names it unless it is absolute. */
static int find_include(const struct source *source, const char *name, char *ret_path)
{
	const char *slash = source->path ? strrchr(source->path, '/') : NULL;
	const int folder_len = slash ? (int)(slash - source->path + 1) : 0;
	const int n = snprintf(ret_path, PATH_MAX_LEN, "%.*s%s",
		name[0] == '/' ? 0 : folder_len, source->path ? source->path : "", name);

	return n < PATH_MAX_LEN ? 0 : -ENAMETOOLONG;
}

/* Anything but a regular file could block open for ever. */
static FILE *open_file(const char *path)
{
	struct stat st;
	FILE *file;

	if (stat(path, &st))
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}
	file = fopen(path, "re");
	return file;
}

/* Afterwards the owner and the origin are those of the including file again. */
static int include(struct source *source, const char *path, const uint8_t *origin)
{
	struct record_state *state = &source->load->state;
	const struct record_state before = *state;
	struct source included = {
		.load = source->load, .path = path, .depth = source->depth + 1};
	FILE *from;
	int r;

	if (included.depth > INCLUDE_DEPTH_MAX)
		return fail(source, -EINVAL, "$INCLUDE: more than %d files deep",
			INCLUDE_DEPTH_MAX);
	from = open_file(path);
	if (!from)
		return fail(source, -errno, "$INCLUDE %.128s: %s", path,
			errno == EINVAL ? "not a regular file" : strerror(errno));
	memcpy(included.origin, origin, name_len(origin));
	state->has_owner = false;
	r = read_source(&included, from);
	fclose(from);
	record_restore_owner(state, &before);
	return r;
}

static int take_include(struct source *source, struct parser *x)
{
	char word[PARSER_TOKEN_MAX], path[PATH_MAX_LEN];
	uint8_t name[PATH_MAX_LEN], origin[NAME_MAX_LEN];
	struct parser file = {.p = x->p, .out = name, .cap = sizeof(name) - 1};

	if (!source->path)
		return fail(source, -EINVAL, "$INCLUDE: there is no file that could");
	parser_take_content(&file);
	x->p = file.p;
	x->token = file.token;
	name[file.len] = '\0';
	if (file.error || !file.len || memchr(name, '\0', file.len) ||
		find_include(source, (char *)name, path))
		return fail_word(source, x, "the name of a file");
	memcpy(origin, source->origin, name_len(source->origin));
	if (!parser_at_end(x)) {
		parser_take_token(x, word);
		if (x->error || name_from_text(origin, word, source->origin))
			return fail_word(source, x, "a domain name");
		name_lower(origin);
	}
	if (expect_end(source, x))
		return -EINVAL;
	return include(source, path, origin);
}

static int take_directive(struct source *source)
{
	static const struct {
		const char *name;
		int (*take)(struct source *source, struct parser *x);
	} directives[] = {
		{"$ORIGIN", take_origin},
		{"$TTL", take_default_ttl},
		{"$INCLUDE", take_include},
		{"$GENERATE", take_generate},
	};
	struct parser x = {.p = source->entry.text};
	char word[PARSER_TOKEN_MAX];

	parser_take_token(&x, word);
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
		if (!strcasecmp(directives[i].name, word))
			return directives[i].take(source, &x);
	return fail_word(source, &x, "$ORIGIN, $TTL, $INCLUDE or $GENERATE");
}

/* ---- files ---- */

static int take_entry(struct source *source)
{
	struct load *load = source->load;
	struct parser_error error = {0};
	struct rr rr;
	int r;

	source->line = source->entry.line;
	load->state.origin = source->origin;
	if (source->entry.text[0] == '$')
		return take_directive(source);
	r = record_from_entry(&source->entry, &load->state, &load->room, &rr, &error);
	if (r < 0)
		return fail_at(source, &error);
	return r > 0 ? take_record(&rr, source) : 0;
}

static void skip_mark(struct entry *entry)
{
	const size_t len = byte_order_mark_len(entry->text, entry->len);

	if (!len)
		return;
	memmove(entry->text, entry->text + len, entry->len - len + 1);
	entry->len -= len;
	entry->is_indented = entry->text[0] == ' ' || entry->text[0] == '\t';
}

static int read_entries(struct source *source, FILE *from)
{
	bool is_first = true;
	int r;

	while ((r = entry_read(&source->entry, from)) > 0) {
		if (is_first)
			skip_mark(&source->entry);
		is_first = false;
		r = take_entry(source);
		if (r)
			return r;
	}
	if (!r)
		return 0;
	source->line = source->entry.line;
	if (r == -EINVAL) {
		source->line = source->entry.why_line;
		return fail(source, r, "%s", source->entry.why);
	}
	return fail(source, r, r == -ENOMEM ? "out of memory" : "read error");
}

static int read_source(struct source *source, FILE *from)
{
	int r;

	entry_init(&source->entry);
	r = read_entries(source, from);
	entry_clear(&source->entry);
	return r;
}

/* ---- the zone ---- */

static int check_zone(struct source *source)
{
	const struct load *load = source->load;
	const uint8_t *apex = zone_apex(load->zone);
	char name[NAME_TEXT_MAX];

	if (source->path)
		source->line = 0;
	name_to_text(apex, name);
	if (!zone_soa(load->zone))
		return fail(source, -EINVAL, "there is no SOA record at %.128s", name);
	if (source->path && !zone_find(load->zone, apex, TYPE_NS))
		return fail(source, -EINVAL, "there is no NS record at %.128s", name);
	if (load->warnings > WARNINGS_MAX) {
		const size_t more = load->warnings - WARNINGS_MAX;

		source->load->warnings = 0;
		warn(source, "%zu more warnings", more);
	}
	return 0;
}

static int load_from(struct zone *zone, FILE *from, const char *path, zone_warn *warn_fn,
	void *arg, char *ret_error)
{
	struct load *load = calloc(1, sizeof(*load));
	struct source source = {.load = load, .path = path};
	const uint8_t *apex = zone_apex(zone);
	int r;

	if (!load) {
		snprintf(ret_error, ZONE_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	load->zone = zone;
	load->warn = warn_fn;
	load->arg = arg;
	load->error = ret_error;
	memcpy(source.origin, apex, name_len(apex));
	r = read_source(&source, from);
	if (!r)
		r = check_zone(&source);
	free(load);
	return r;
}

int zone_read_file(struct zone *zone, FILE *file, char ret_error[ZONE_ERROR_MAX])
{
	return load_from(zone, file, NULL, NULL, NULL, ret_error);
}

int zone_load_file(struct zone *zone, const char *path, zone_warn *warn_fn, void *arg,
	char ret_error[ZONE_ERROR_MAX])
{
	FILE *from = open_file(path);
	int r;

	if (!from) {
		r = -errno;
		snprintf(ret_error, ZONE_ERROR_MAX, "%.300s: %s", path,
			errno == EINVAL ? "not a regular file" : strerror(errno));
		return r;
	}
	r = load_from(zone, from, path, warn_fn, arg, ret_error);
	fclose(from);
	return r;
}
