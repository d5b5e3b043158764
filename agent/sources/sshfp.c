/*
 * Fingerprints of ssh's host keys.  They are read when the agent starts and when it
 * reloads: a host gets new keys only when somebody makes them.
 */
#include "agent/sources/sshfp.h"

#include <errno.h>
#include <glob.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "tsig/hmac.h"

enum {
	KEY_MAX = 4096, /* octets of a public key: RSA keys of 16384 bits have 2071 */
	LINE_MAX_LEN = 8192, /* octets of a line */
	SHA256_LEN = 32,
	FINGERPRINT_SHA256 = 2, /* RFC 6594 */
};

/* RFC 4255 3.1.1, RFC 6594, RFC 7479, RFC 8709. */
static uint8_t algorithm_number(const char *name, size_t len)
{
	static const struct {
		const char *name;
		uint8_t number;
	} algorithms[] = {
		{"ssh-rsa", 1},
		{"ssh-dss", 2},
		{"ecdsa-sha2-nistp256", 3},
		{"ecdsa-sha2-nistp384", 3},
		{"ecdsa-sha2-nistp521", 3},
		{"ssh-ed25519", 4},
		{"ssh-ed448", 6},
	};

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strlen(algorithms[i].name) == len &&
			!memcmp(algorithms[i].name, name, len))
			return algorithms[i].number;
	return 0;
}

int sshfp_parse(struct records *set, const uint8_t *owner, uint32_t ttl, const char *line)
{
	const size_t name_length = strcspn(line, " \t\r\n");
	const char *base64 = line + name_length + strspn(line + name_length, " \t");
	const size_t base64_len = strcspn(base64, " \t\r\n");
	uint8_t key[KEY_MAX], rdata[2 + SHA256_LEN];
	unsigned digest_len = SHA256_LEN;
	int len;

	rdata[0] = algorithm_number(line, name_length);
	rdata[1] = FINGERPRINT_SHA256;
	if (!rdata[0] || !base64_len)
		return -EINVAL;
	len = hmac_decode_base64(base64, base64_len, key, sizeof(key));
	if (len <= 0)
		return -EINVAL;
	if (EVP_Digest(key, (size_t)len, rdata + 2, &digest_len, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	return records_add(set,
		&(struct record){
			.owner = (uint8_t *)owner,
			.type = TYPE_SSHFP,
			.ttl = ttl,
			.rdata = rdata,
			.len = sizeof(rdata),
		});
}

static int read_file(
	struct records *set, const uint8_t *owner, uint32_t ttl, const char *path)
{
	char line[LINE_MAX_LEN];
	FILE *file = fopen(path, "re");
	int r = -EINVAL;

	if (!file) {
		log_warning("%s: %s; its fingerprint is left out", path, strerror(errno));
		return 0;
	}
	if (fgets(line, sizeof(line), file))
		r = sshfp_parse(set, owner, ttl, line);
	fclose(file);
	if (r != -EINVAL)
		return r;
	log_warning(
		"%s: no public key of ssh with an SSHFP number; it is left out", path);
	return 0;
}

int sshfp_read_files(
	struct records *set, const uint8_t *owner, uint32_t ttl, const char *pattern)
{
	glob_t found;
	int r = glob(pattern, 0, NULL, &found);

	if (r == GLOB_NOMATCH) {
		log_warning("ssh_keys: no file is \"%s\": no SSHFP records", pattern);
		return 0;
	}
	if (r)
		return r == GLOB_NOSPACE ? -ENOMEM : 0;
	for (size_t i = 0; i < found.gl_pathc && !r; i++)
		r = read_file(set, owner, ttl, found.gl_pathv[i]);
	globfree(&found);
	return r;
}
