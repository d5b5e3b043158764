/*
 * What programs and URLs are told of an event.
 */
#include "gateway/actions/actions_private.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RFC3339_MAX = 32 };

static void write_time(int64_t seconds, char buf[RFC3339_MAX])
{
	const time_t time = (time_t)seconds;
	struct tm tm;

	buf[0] = '\0';
	if (seconds > 0 && gmtime_r(&time, &tm))
		strftime(buf, RFC3339_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static char *join(const char *const *texts, size_t count)
{
	size_t size = 1;
	char *joined, *at;

	for (size_t i = 0; i < count; i++)
		size += strlen(texts[i]) + 1;
	joined = at = malloc(size);
	if (!joined)
		return NULL;
	*at = '\0';
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s%s", i ? "," : "", texts[i]);
	return joined;
}

static char *put_variable(const char *name, const char *value)
{
	char *text;

	if (asprintf(&text, "%s=%s", name, value ? value : "") < 0)
		return NULL;
	return text;
}

static bool make_environment(char **environment, const struct action *action)
{
	char seen[RFC3339_MAX], *records = join(action->records, action->record_count);
	size_t count = 0;

	write_time(action->seen_s, seen);
	environment[count++] = put_variable("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
	environment[count++] = put_variable("MUSTER_EVENT", action->event);
	environment[count++] = put_variable("MUSTER_ZONE", action->zone);
	environment[count++] = put_variable("MUSTER_HOST", action->host);
	environment[count++] = put_variable("MUSTER_KEY", action->key);
	environment[count++] = put_variable("MUSTER_SOURCE", action->source);
	environment[count++] = put_variable("MUSTER_LAST_SEEN", seen);
	environment[count] = records ? put_variable("MUSTER_RECORDS", records) : NULL;
	free(records);
	for (size_t i = 0; i < ACTION_VARIABLES; i++) {
		if (!environment[i])
			return false;
	}
	return true;
}

static char *make_body(const struct action *action)
{
	json_t *records = json_array();
	char seen[RFC3339_MAX], *body = NULL;
	json_t *object;

	write_time(action->seen_s, seen);
	for (size_t i = 0; records && i < action->record_count; i++) {
		if (json_array_append_new(records, json_string(action->records[i]))) {
			json_decref(records);
			records = NULL;
		}
	}
	if (!records)
		return NULL;
	object = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:o}", "event",
		action->event, "zone", action->zone, "host", action->host, "key",
		action->key, "source", action->source, "last_seen", seen[0] ? seen : NULL,
		"records", records);
	if (object)
		body = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return body;
}

static bool is_url(const char *what)
{
	return !strncmp(what, "http://", 7) || !strncmp(what, "https://", 8);
}

static bool make_arguments(char **arguments, const struct action *action)
{
	arguments[0] = strdup(action->what);
	arguments[1] = strdup(action->event);
	arguments[2] = strdup(action->zone);
	arguments[3] = strdup(action->host);
	return arguments[0] && arguments[1] && arguments[2] && arguments[3];
}

bool action_texts_init(struct action_texts *texts, const struct action *action)
{
	bool is_made;

	*texts = (struct action_texts){0};
	is_made = make_arguments(texts->arguments, action);
	if (is_made && is_url(action->what))
		is_made = (texts->body = make_body(action)) != NULL;
	else if (is_made)
		is_made = make_environment(texts->environment, action);
	if (!is_made)
		action_texts_clear(texts);
	return is_made;
}

void action_texts_clear(struct action_texts *texts)
{
	for (size_t i = 0; i < ACTION_ARGUMENTS; i++)
		free(texts->arguments[i]);
	for (size_t i = 0; i < ACTION_VARIABLES; i++)
		free(texts->environment[i]);
	free(texts->body);
	*texts = (struct action_texts){0};
}
