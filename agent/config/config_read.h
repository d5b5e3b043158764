/*
 * What the readers of muster-agent.conf share beyond settings_reader.h.  Inside config*.c
 * only.
 */
#ifndef MUSTER_AGENT_CONFIG_READ_H
#define MUSTER_AGENT_CONFIG_READ_H

#include "agent/config/config.h"
#include "gateway/base/settings_reader.h"

/* Like reader_choose_many, but the list may be empty. */
void reader_choose_any(struct settings_reader *r, const config_setting_t *setting,
	const struct reader_choice *choices, size_t count, unsigned *ret);
/* Counts the elements of an array or list, or one value.  0: an error, which has been
 * reported. */
size_t reader_count_words(struct settings_reader *r, const config_setting_t *setting);
/* An array of copies that ends with NULL. */
void reader_words(
	struct settings_reader *r, const config_setting_t *setting, char ***ret);
void reader_free_words(char **words); /* NULL is harmless */

/* "host", "host:53", "192.0.2.1#53", "[2001:db8::1]:53", "2001:db8::1".  0, -EINVAL or
 * -ENOMEM; host is the caller's. */
int config_parse_endpoint(const char *text, char **ret_host, uint16_t *ret_port);

/* ---- config_source.c ---- */

/* The settings sources and records, once everything else is known. */
void config_sources_read(struct settings_reader *r, const config_setting_t *root);
void config_source_clear(struct config_source *source);
extern const struct reader_choice config_publish_choices[];
enum { CONFIG_PUBLISH_CHOICES = 4 };

#endif
