/*
 * Settings of muster-agent.conf that musterd.conf does not have: lists of words, and
 * gateways.  Does not know any particular setting.
 */
#include "agent/config/config_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/settings_words.h"

enum { PORT_DEFAULT = 53 };

void reader_choose_any(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret)
{
	/* An empty list is valid: it means nothing at all. */
	if (reader_is_empty(setting))
		*ret = 0;
	else
		(void)reader_choose_many(r, setting, choices, count, ret);
}

/* ---- words ---- */

size_t reader_count_words(struct settings_reader *r, const config_setting_t *setting)
{
	size_t count;

	if (!reader_is_values(r, setting))
		return 0;
	count = reader_count(setting);
	if (count <= CONFIG_WORDS_MAX)
		return count;
	reader_error(r, setting, "has %zu elements, at most %d are allowed", count,
		CONFIG_WORDS_MAX);
	return 0;
}

void reader_free_words(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

void reader_words(struct settings_reader *r, const config_setting_t *setting, char ***ret)
{
	const size_t count = reader_count_words(r, setting);
	char **words;

	if (!count)
		return;
	words = calloc(count + 1, sizeof(*words));
	if (!words) {
		reader_error_memory(r);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		reader_copy(r, reader_element(setting, i), &words[i]);
		if (!words[i]) /* reported */
			break;
	}
	reader_free_words(*ret);
	*ret = words;
}

/* ---- gateways ---- */

int config_parse_endpoint(const char *text, char **ret_host, uint16_t *ret_port)
{
	struct settings_endpoint endpoint;

	if (settings_parse_endpoint(&endpoint, text, PORT_DEFAULT) || !endpoint.port)
		return -EINVAL;
	*ret_host = strndup(endpoint.host, endpoint.host_len);
	if (!*ret_host)
		return -ENOMEM;
	*ret_port = (uint16_t)endpoint.port;
	return 0;
}
