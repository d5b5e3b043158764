/*
 * Runs scenarios: text files that say what clients send, when, and what must happen then.
 *
 * The gateway is the daemon's own, from the octets of a request to those of its answer;
 * only the sockets, the clock, the disk and the servers of the zones are replaced.  Each
 * scenario runs with one zone thread, and with several.  One statement per line, "#"
 * begins a comment.
 *
 * The scene:
 *
 *   ZONE NAME [serial=keep] [beside]
 *                                 starts afresh (unless beside those that there are):
 *                                 lines of a zone file up to END; no rules.  keep: it is
 *                                 at a server that leaves serials alone
 *   NO_ZONE NAME                  one of several is no longer configured
 *   IN NAME                       which of the zones statements are about
 *   TARGET NAME [type=powerdns]   it is at this server, too: the first is its primary.
 *                                 Without any it lives in the gateway
 *   NO_TARGET NAME                one of several is none any more
 *   TARGET_SETTING NAME TEXT      of the target in musterd.conf: timeout = "3s";
 *   RULE WORD=VALUE ...           as in rule_text.h; NO_RULES
 *   SETTING TEXT                  of the zone in musterd.conf: ack = "applied"; in place
 *                                 of the last
 *   EXPIRY [grace=TIME] [count=N] [percent=N]
 *                                 no brake at first
 *   QUEUE N                       so many changes wait in memory for a target; what is
 *                                 more is read back from the journal
 *   KEY NAME ALG SECRET [not_before=T] [not_after=T]
 *                                 both sides know it; GATEWAY_KEY, CLIENT_KEY: one side
 *
 * What happens:
 *
 *   TIME SECONDS                  somebody sets the clock (1700000000 at first)
 *   TIME_PASSES 100ms|30s|5m|2h|7d
 *   STANDS_STILL 30s|5m|2h|7d     the process does not run for so long; what comes in
 *                                 meanwhile waits
 *   UPDATE key=NAME|none [from=IP] [transport=udp|tcp] [skew=[-]TIME] [zone=NAME]
 *          [ztype=TYPE] [zclass=CLASS] [zcount=N] [lease=S[,S]|octets:N]
 *                                 then lines as in message.h, up to SEND [@LABEL].  skew:
 *                                 how far the client's clock goes before the gateway's.
 *                                 lease: the Update Lease option, in the form of 4
 *                                 octets, of 8, or with N octets of zero.  With a label
 *                                 nobody waits: it comes in together with those before
 *                                 and behind it
 *   AGAIN @LABEL                  the very octets of the last update once more
 *   MANY COUNT UPDATE key=...     so many of them, one after the other: each % in their
 *                                 lines is its number, from 1, and each ~ the last digit
 *                                 of that.  All are accepted
 *   HOLD|RELEASE|EXPIRE [@LABEL] NAME
 *                                 an administrator's order about a host.  With a label
 *                                 nobody waits, and TOLD says what became of it
 *   REMOVE [@LABEL] NAME TYPE RDATA
 *                                 about a lease
 *   ADOPT [@LABEL] [dry] [NAME]   about records that have none
 *   RESUME [@LABEL]               about expiry that has stopped
 *   FILL|TAKE [@LABEL]            about a primary target that has lost much: it gets
 *                                 what the gateway has; what it has counts
 *   RELOAD                        what was changed above is read (which it is anyway,
 *                                 before anything else happens)
 *   RESTART [TIME]                the gateway stops, is away so long, and starts
 *   KILL [TIME]                   the same, but that nothing is left to it
 *   JOURNAL hold|release|fails [N]
 *                                 commits wait, go on; the next fail
 *   READER hold|release|fails N   so do reads of the database: of a zone that is opened,
 *                                 of its records, of changes
 *   SERVER NAME hold|release      requests wait there, are answered
 *   SERVER NAME passes N          so many are answered, all others wait
 *   SERVER NAME works             does what waits there, and does not say so yet
 *   SERVER NAME down|up           fails, or no longer
 *   SERVER NAME fails N|loses N   so many batches fail; are applied, but it is not said
 *   SERVER NAME refuses OWNER|accepts
 *                                 refuses batches with a change there
 *   SERVER NAME fails_for OWNER   fails for them, and refuses them when it has applied
 *                                 others since
 *   SERVER NAME writes            somebody else's change: lines up to END
 *   SERVER NAME backs_up|restores keeps a copy of its zone; goes back to it
 *
 * What must be true:
 *
 *   EXPECT [@LABEL] RCODE [TSIG-ERROR] [changed|unchanged] [granted=S[,S]|none]
 *          [why "part of the reason"]
 *   TOLD @LABEL done|none|already|later|failed [leases=N]
 *                                 whoever gave the order
 *   WAITING @LABEL ...            they have no answer yet
 *   RRSET NAME TYPE NONE          the zone has no such RRset
 *   RRSET NAME TYPE TTL RDATA [| RDATA ...]
 *                                 it has exactly this one, records in any order
 *   NAME NAME in-use|empty|none   owns RRsets; only has names below it; does not exist
 *   SERIAL +N|same                since the last SERIAL, or ZONE
 *   AT SERVER RRSET|NAME|SERIAL   the same, of the zone as a server has it
 *   COUNT SERVER [requests=N] [batches=N] [loads=N] [differences=N]
 *                                 since the last COUNT: batches tried, and applied; zones
 *                                 loaded, and differences
 *   PENDING N                     accepted updates that the primary target, which is the
 *                                 gateway itself without servers, does not have yet
 *   LEASE NAME TYPE RDATA TIME|none
 *                                 how long the record's lease still lasts
 *   STATE NAME active|stale|held|none
 *                                 of the host: of its leases the worst; none has it
 *   BRAKE on|off                  has expiry stopped?
 *   ASKED yes|no                  must a person decide what the primary should have?
 *
 * Every SEND without a label must be followed by an EXPECT before the next.  What must
 * always be true is looked at besides: an update that is refused, or whose commit fails
 * (each is made to, first), changes neither the zone nor leases; answers are as a client
 * wants them; and in the end the gateway, its servers, and the gateway after kill -9 and
 * after a restart have the same zones.  Errors are "FILE:LINE: ...".
 */
#include "tests/scenarios/scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenarios/spare.h"

enum {
	FILE_MAX = 1 << 20, /* octets of a scenario */
	TIME_START_S = 1700000000,
};

/* ---- lines ---- */

bool scenario_is_lenient(const struct scenario *s)
{
	return s->is_lenient && is_shaken();
}

int scenario_fail(const struct scenario *s, const char *why, ...)
{
	va_list args;

	if (scenario_is_lenient(s))
		return -EINVAL;
	fprintf(stderr, "%s:%d: ", s->path, s->line);
	if (s->gateway.thread_count > 1)
		fprintf(stderr, "with %u zone threads: ", s->gateway.thread_count);
	va_start(args, why);
	vfprintf(stderr, why, args);
	va_end(args);
	fputc('\n', stderr);
	return -EINVAL;
}

int scenario_check(const struct scenario *s, int r)
{
	return r ? scenario_fail(s, "%s", s->gateway.why) : 0;
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

/* The next line that is not empty, without indentation and comment. */
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
	if (!text || name_from_text(ret_name, text, s->zone ? s->zone->apex : NULL) != 0)
		return false;
	name_lower(ret_name);
	return true;
}

/* ---- files ---- */

static int do_statement(
	struct scenario *s, char *at, int (*act)(struct scenario *s, char *at))
{
	int r;

	s->is_lenient = act != send_update && act != scene_set_zone;
	r = act(s, at);
	return scenario_is_lenient(s) && r == -EINVAL ? 0 : r;
}

int scenario_do(struct scenario *s, char *line)
{
	static const struct {
		const char *word;
		int (*act)(struct scenario *s, char *at);
	} statements[] = {{"ZONE", scene_set_zone}, {"NO_ZONE", scene_drop_zone},
		{"IN", scene_use_zone}, {"TARGET", scene_add_target},
		{"NO_TARGET", scene_drop_target}, {"TARGET_SETTING", scene_set_target},
		{"RULE", scene_add_rule}, {"NO_RULES", scene_clear_rules},
		{"SETTING", scene_set_settings}, {"EXPIRY", scene_set_expiry},
		{"QUEUE", scene_set_queue}, {"KEY", scene_add_key},
		{"GATEWAY_KEY", scene_add_gateway_key},
		{"CLIENT_KEY", scene_add_client_key}, {"TIME", life_set_time},
		{"TIME_PASSES", life_pass_time}, {"STANDS_STILL", life_stand_still},
		{"UPDATE", send_update}, {"AGAIN", send_again}, {"MANY", send_many},
		{"HOLD", order_hold}, {"RELEASE", order_release},
		{"EXPIRE", order_expire}, {"RESUME", order_resume},
		{"REMOVE", order_remove}, {"ADOPT", order_adopt}, {"TOLD", order_check},
		{"RELOAD", life_reload}, {"RESTART", life_restart}, {"KILL", life_kill},
		{"JOURNAL", life_journal}, {"READER", life_reader},
		{"SERVER", life_server}, {"EXPECT", check_result},
		{"WAITING", check_waiting}, {"RRSET", check_rrset}, {"NAME", check_name},
		{"SERIAL", check_serial}, {"AT", check_at}, {"COUNT", check_count},
		{"PENDING", check_pending}, {"LEASE", lease_check},
		{"STATE", lease_check_state}, {"BRAKE", check_brake},
		{"FILL", order_fill}, {"TAKE", order_take}, {"ASKED", check_asked}};
	const char *word = message_next_word(&line);

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (word && strcmp(word, statements[i].word) == 0)
			return do_statement(s, line, statements[i].act);
	return scenario_fail(s, "unknown statement %s", word ? word : "");
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

static int init(struct scenario *s, const char *path, unsigned thread_count)
{
	int r;

	s->path = path;
	s->next_id = 1;
	s->client_ring = keyring_new();
	s->client_pool = hmac_pool_new();
	r = scenario_check(s, gateway_init(&s->gateway, TIME_START_S));
	if (r)
		return r;
	s->gateway.thread_count = thread_count;
	if (!s->client_ring || !s->client_pool)
		return scenario_fail(s, "no memory");
	return read_file(s);
}

static void clear(struct scenario *s)
{
	gateway_clear(&s->gateway);
	order_clear(s);
	hmac_pool_free(s->client_pool);
	keyring_free(s->client_ring);
	free(s->text);
}

int scenario_run(const char *path, unsigned thread_count)
{
	struct scenario *s = calloc(1, sizeof(*s));
	char *line;

	if (!s)
		return -ENOMEM;
	int r = init(s, path, thread_count);
	while (r == 0 && (line = scenario_read_line(s)))
		r = scenario_do(s, line);
	s->is_lenient = false;
	if (r == 0 && (s->is_unchecked || !s->has_result))
		r = scenario_fail(s, "the scenario ends without EXPECT");
	if (r == 0)
		r = life_check_end(s);
	clear(s);
	free(s);
	return r;
}
