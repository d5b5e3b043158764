/*
 * Runs a fuzz target over its corpus without a fuzzer, for make check: over the files
 * that are given, or else, as replay_NAME, over those of $srcdir/tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

enum { REPLAY_FILE_MAX = 1 << 20 };

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *octets;
	size_t len;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	octets = malloc(REPLAY_FILE_MAX);
	len = octets ? fread(octets, 1, REPLAY_FILE_MAX, file) : 0;
	fclose(file);
	if (octets) {
		/* A copy of exactly its size, so that overreads are noticed. */
		uint8_t *exact = malloc(len ? len : 1);

		if (exact) {
			memcpy(exact, octets, len);
			LLVMFuzzerTestOneInput(exact, len);
		}
		free(exact);
	}
	free(octets);
	return 0;
}

static int replay_folder(const char *path, int *count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while (!r && (entry = readdir(dir))) {
		char *file;

		if (entry->d_name[0] == '.')
			continue;
		r = asprintf(&file, "%s/%s", path, entry->d_name) < 0 ? -1 : 0;
		if (r)
			break;
		r = replay_file(file);
		free(file);
		++*count;
	}
	closedir(dir);
	return r;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strstr(argv[0], "replay_");
	char folder[4096];
	int count = 0, r = 0;

	for (int i = 1; i < argc && !r; i++, count++)
		r = replay_file(argv[i]);
	if (argc == 1 && name) {
		snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
			srcdir ? srcdir : ".", name + strlen("replay_"));
		r = replay_folder(folder, &count);
	}
	printf("%d inputs\n", count);
	return r || count == 0;
}
