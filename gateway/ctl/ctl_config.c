/*
 * The few settings of musterd.conf that musterctl needs.  It reads the file as the
 * gateway does, but looks at no other setting.
 */
#include "gateway/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024 * 1024 }; /* octets, as in the gateway */

char *ctl_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);

	ctl_check(folder);
	return folder;
}

bool ctl_config_read(const char *path, config_t *tree, settings_report *report)
{
	char *folder = ctl_folder(path);
	const struct settings_source source = {
		.path = path,
		.folder = folder[0] ? folder : ".",
		.size_max = FILE_MAX,
		.report = report,
	};
	struct settings_text *text;
	bool is_read = false;

	if (!settings_text_load(&text, &source)) {
		is_read = settings_text_read(text, &source, tree);
		settings_text_free(text);
	}
	free(folder);
	return is_read;
}

char *ctl_config_path(const char *path, const config_t *tree, const char *setting)
{
	const char *text;
	char *folder, *whole;

	if (!config_lookup_string(tree, setting, &text))
		return NULL;
	folder = ctl_folder(path);
	if (asprintf(&whole, "%s%s", text[0] == '/' ? "" : folder, text) < 0)
		ctl_check(NULL);
	free(folder);
	return whole;
}
