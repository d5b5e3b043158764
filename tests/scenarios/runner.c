/*
 * Runs scenarios: text files that say what clients send, when, and what must come of it.
 *
 * One file is one scenario: a zone, rules, keys, and UPDATEs at moments of a clock that
 * only the scenario moves.  Messages are real octets, signed and verified; there are no
 * sockets and nobody waits.  One statement per line, "#" begins a comment:
 *
 *   ZONE NAME [serial=keep]       starts afresh: lines of a zone file up to END; no
 *                                 rules.  keep: the serial is a target's, changes do not
 *                                 move it
 *   RULE WORD=VALUE ...           as in rule_text.h
 *   KEY NAME ALG SECRET [not_before=T] [not_after=T]
 *                                 both sides know it; GATEWAY_KEY, CLIENT_KEY: one side
 *   TIME SECONDS                  sets the clock (real time; 1700000000 at first)
 *   TIME_PASSES 30s|5m|2h|7d      moves it; what expires meanwhile goes when it is due
 *   UPDATE key=NAME|none [from=IP] [transport=udp|tcp] [skew=[-]TIME] [zone=NAME]
 *          [ztype=TYPE] [zclass=CLASS] [zcount=N] [lease=S[,S]|octets:N]
 *                                 then lines as in message.h, up to SEND.  skew: how far
 *                                 the client's clock goes before the gateway's.  lease:
 *                                 the Update Lease option, in the form of 4 octets, of
 *                                 8, or with N octets of zero
 *   EXPECT RCODE [TSIG-ERROR] [changed|unchanged] [granted=S[,S]|none]
 *          [why "part of the reason"]
 *   RRSET NAME TYPE NONE          the zone has no such RRset
 *   RRSET NAME TYPE TTL RDATA [| RDATA ...]
 *                                 it has exactly this one, records in any order
 *   NAME NAME in-use|empty|none   owns RRsets; only has names below it; does not exist
 *   SERIAL +N|same                since the last SERIAL, or ZONE
 *   LEASE NAME TYPE RDATA TIME|none
 *                                 how long the record's lease still lasts
 *   STATE NAME active|stale|held|none
 *                                 of the host: of its leases the worst; none has it
 *   EXPIRY [grace=TIME] [count=N] [percent=N] [max=N]
 *                                 settings; no brake at first, 128 records a turn
 *   HOLD, RELEASE, EXPIRE NAME    an administrator's words about a host
 *   RESTART [TIME]                the gateway stops, is away so long, and starts
 *   BRAKE on|off                  has expiry stopped?  RESUME: let it go on
 *
 * Every SEND must be followed by an EXPECT before the next.  Errors are "FILE:LINE: ...".
 * Limits: one zone and one message at a time.
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 1 << 20, /* octets of a scenario */
	TIME_START_S = 1700000000,
};

/* ---- lines ---- */

int scenario_fail(const struct scenario *s, const char *why, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", s->path, s->line);
	va_start(args, why);
	vfprintf(stderr, why, args);
	va_end(args);
	fputc('\n', stderr);
	return -EINVAL;
}

/* Ends the line before a "#" that begins a word outside quotes, and before trailing
 * blanks. */
static void cut_comment(char *line)
{
	bool is_quoted = false, is_between = true;
	char *end = line;

	for (char *c = line; *c && (is_quoted || !is_between || *c != '#'); c++) {
		if (*c == '\\' && c[1])
			c++;
		else if (*c == '"')
			is_quoted = !is_quoted;
		is_between = *c == ' ' || *c == '\t';
		if (!is_between || is_quoted)
			end = c + 1;
	}
	*end = '\0';
}

/* The next line as it stands in the file; NULL at its end. */
char *scenario_read_raw_line(struct scenario *s)
{
	char *line = s->next;

	if (!line || !*line)
		return NULL;
	char *end = strchr(line, '\n');
	s->next = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	s->line++;
	return line;
}

/* The next line that says something, without indentation and comment. */
char *scenario_read_line(struct scenario *s)
{
	char *line;

	while ((line = scenario_read_raw_line(s))) {
		cut_comment(line);
		line += strspn(line, " \t");
		if (*line)
			return line;
	}
	return NULL;
}

/* The value of a word "name=value"; NULL: another name. */
const char *scenario_value_of(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

/* "30", "30s", "-5m", "2h", "7d" */
bool scenario_time_from_text(int64_t *ret_s, const char *text)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	int64_t value = strtoll(text, &end, 10);

	if (end == text)
		return false;
	for (size_t i = 0; *end && i < sizeof(units) / sizeof(units[0]); i++) {
		if (*end != units[i].unit)
			continue;
		value *= units[i].s;
		end++;
		break;
	}
	*ret_s = value;
	return *end == '\0';
}

bool scenario_read_name(
	const struct scenario *s, uint8_t ret_name[NAME_MAX_LEN], const char *text)
{
	if (!text || name_from_text(ret_name, text, s->apex) != 0)
		return false;
	name_lower(ret_name);
	return true;
}

/* ---- files ---- */

static int do_statement(struct scenario *s, char *line)
{
	static const struct {
		const char *word;
		int (*act)(struct scenario *s, char *at);
	} statements[] = {{"ZONE", scene_set_zone}, {"RULE", scene_add_rule},
		{"KEY", scene_add_key}, {"GATEWAY_KEY", scene_add_gateway_key},
		{"CLIENT_KEY", scene_add_client_key}, {"TIME", scene_set_time},
		{"TIME_PASSES", lease_pass_time}, {"UPDATE", send_update},
		{"EXPECT", check_result}, {"RRSET", check_rrset}, {"NAME", check_name},
		{"SERIAL", check_serial}, {"LEASE", lease_check},
		{"STATE", lease_check_state}, {"HOLD", lease_hold_host},
		{"RELEASE", lease_release_host}, {"EXPIRE", lease_expire_host},
		{"RESTART", lease_restart}, {"EXPIRY", lease_set_expiry},
		{"BRAKE", lease_check_brake}, {"RESUME", lease_resume}};
	const char *word = message_next_word(&line);

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (strcmp(word, statements[i].word) == 0)
			return statements[i].act(s, line);
	return scenario_fail(s, "unknown statement %s", word);
}

static int read_file(struct scenario *s)
{
	FILE *file = fopen(s->path, "r");

	if (!file)
		return scenario_fail(s, "%s", strerror(errno));
	s->text = calloc(1, FILE_MAX + 1);
	size_t len = s->text ? fread(s->text, 1, FILE_MAX, file) : 0;
	bool is_whole = s->text && !ferror(file) && fgetc(file) == EOF;
	fclose(file);
	if (!is_whole || len != strlen(s->text))
		return scenario_fail(s, "cannot read it whole");
	s->next = s->text;
	return 0;
}

static int init(struct scenario *s, const char *path)
{
	s->path = path;
	s->now_s = TIME_START_S;
	s->next_id = 1;
	s->gateway_ring = keyring_new();
	s->client_ring = keyring_new();
	s->client_pool = hmac_pool_new();
	s->gateway.pool = hmac_pool_new();
	s->gateway.policy = &s->policy;
	s->gateway.ring = s->gateway_ring;
	if (!s->gateway_ring || !s->client_ring || !s->client_pool || !s->gateway.pool)
		return scenario_fail(s, "no memory");
	return read_file(s);
}

static void clear(struct scenario *s)
{
	lease_table_free(s->gateway.leases);
	zone_free(s->gateway.zone);
	policy_clear(&s->policy);
	hmac_pool_free(s->gateway.pool);
	hmac_pool_free(s->client_pool);
	keyring_free(s->gateway_ring);
	keyring_free(s->client_ring);
	free(s->text);
}

static int run_file(const char *path)
{
	struct scenario *s = calloc(1, sizeof(*s));
	char *line;

	if (!s)
		return -ENOMEM;
	int r = init(s, path);
	while (r == 0 && (line = scenario_read_line(s)))
		r = do_statement(s, line);
	if (r == 0 && (s->is_unchecked || !s->has_result))
		r = scenario_fail(s, "the scenario ends without EXPECT");
	clear(s);
	free(s);
	if (r == 0)
		printf("ok %s\n", path);
	return r;
}

/* All scenarios beside this source; automake tells where that is. */
static int run_all(void)
{
	const char *srcdir = getenv("srcdir");
	char pattern[PATH_MAX];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/tests/scenarios/*.scn",
		srcdir ? srcdir : ".");
	if (glob(pattern, 0, NULL, &found) != 0) {
		fprintf(stderr, "no scenarios: %s\n", pattern);
		return -ENOENT;
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		r = run_file(found.gl_pathv[i]);
	globfree(&found);
	return r;
}

int main(int argc, char **argv)
{
	int r = argc > 1 ? 0 : run_all();

	for (int i = 1; r == 0 && i < argc; i++)
		r = run_file(argv[i]);
	return r == 0 ? 0 : 1;
}
