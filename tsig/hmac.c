/*
 * HMAC by OpenSSL's EVP_MAC, with prepared contexts; Base64 of secrets; wiping.
 *
 * What is signed is not known here.  A pool has POOL_SLOTS contexts, each prepared with
 * one key's pads, so that a message needs no key setup unless another key has taken its
 * slot.
 */
#include "tsig/hmac.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum {
	POOL_SLOTS = 256, /* a power of two; about 2 KiB each when used */
	MAC_MIN_LEN = 10, /* octets, RFC 8945 5.2.2.1 */
};

struct algorithm {
	const char *wire; /* lower case, without the root label */
	const char *text;
	const char *digest; /* OpenSSL's name */
	uint8_t len;        /* octets of a whole MAC on the wire */
	uint8_t hash_len;   /* octets of the hash */
};

/* RFC 8945 6, table 3.  Octal, since a hexadecimal escape would swallow letters. */
static const struct algorithm algorithms[HMAC_ALGORITHMS] = {
	[HMAC_MD5] = {"\010hmac-md5\007sig-alg\003reg\003int", "hmac-md5", "MD5", 16, 16},
	[HMAC_SHA1] = {"\011hmac-sha1", "hmac-sha1", "SHA1", 20, 20},
	[HMAC_SHA224] = {"\013hmac-sha224", "hmac-sha224", "SHA224", 28, 28},
	[HMAC_SHA256] = {"\013hmac-sha256", "hmac-sha256", "SHA256", 32, 32},
	[HMAC_SHA384] = {"\013hmac-sha384", "hmac-sha384", "SHA384", 48, 48},
	[HMAC_SHA512] = {"\013hmac-sha512", "hmac-sha512", "SHA512", 64, 64},
	[HMAC_SHA256_128] = {"\017hmac-sha256-128", "hmac-sha256-128", "SHA256", 16, 32},
	[HMAC_SHA384_192] = {"\017hmac-sha384-192", "hmac-sha384-192", "SHA384", 24, 48},
	[HMAC_SHA512_256] = {"\017hmac-sha512-256", "hmac-sha512-256", "SHA512", 32, 64},
};

struct slot {
	EVP_MAC_CTX *ctx; /* NULL: never used */
	uint64_t serial;  /* of the secret that ctx is keyed with; 0: none */
	enum hmac_algorithm alg;
	uint16_t secret_len;
	uint8_t secret[HMAC_SECRET_MAX];
};

struct hmac_pool {
	EVP_MAC *mac;
	EVP_MAC_CTX
	*templates[HMAC_ALGORITHMS]; /* digest set, no key; NULL: not made yet */
	EVP_MAC_CTX *current;        /* between start and final; else NULL */
	struct slot slots[POOL_SLOTS];
};

const uint8_t *hmac_algorithm_wire(enum hmac_algorithm alg)
{
	return (const uint8_t *)algorithms[alg]
		.wire; /* its final zero is the root label */
}

const char *hmac_algorithm_text(enum hmac_algorithm alg)
{
	return algorithms[alg].text;
}

size_t hmac_len(enum hmac_algorithm alg)
{
	return algorithms[alg].len;
}

size_t hmac_hash_len(enum hmac_algorithm alg)
{
	return algorithms[alg].hash_len;
}

bool hmac_algorithm_is_weak(enum hmac_algorithm alg)
{
	return alg == HMAC_MD5 || alg == HMAC_SHA1;
}

bool hmac_algorithm_from_wire(const uint8_t *name, enum hmac_algorithm *ret_alg)
{
	/* A label of a wire name may contain a zero octet, but no table entry does, so
	 * strcmp sees a difference at that octet at the latest. */
	for (int alg = 0; alg < HMAC_ALGORITHMS; alg++) {
		if (strcmp((const char *)name, algorithms[alg].wire) == 0) {
			*ret_alg = (enum hmac_algorithm)alg;
			return true;
		}
	}
	if (strcmp((const char *)name, "\010hmac-md5") != 0)
		return false;
	*ret_alg = HMAC_MD5;
	return true;
}

/* Reads "-80" after the name of an algorithm; true, with the octets, if it is an
 * allowed length. */
static bool read_bits(
	const char *text, size_t len, enum hmac_algorithm alg, uint8_t *ret_min)
{
	size_t half = hmac_hash_len(alg) / 2;
	unsigned bits = 0;

	if (len < 2 || len > 4 || text[0] != '-')
		return false;
	for (size_t i = 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		bits = bits * 10 + (unsigned)(text[i] - '0');
	}
	if (bits % 8 || bits / 8 < MAC_MIN_LEN || bits / 8 < half ||
		bits / 8 > hmac_len(alg))
		return false;
	*ret_min = (uint8_t)(bits / 8);
	return true;
}

bool hmac_algorithm_from_text(
	const char *text, enum hmac_algorithm *ret_alg, uint8_t *ret_mac_min)
{
	static const char md5_whole[] = "hmac-md5.sig-alg.reg.int";
	size_t len = strlen(text);

	if (len && text[len - 1] == '.')
		len--;
	if (len == sizeof(md5_whole) - 1 && strncasecmp(text, md5_whole, len) == 0) {
		*ret_alg = HMAC_MD5;
		*ret_mac_min = (uint8_t)hmac_len(HMAC_MD5);
		return true;
	}
	/* Truncated algorithms are returned as the plain ones with their length. */
	for (int i = 0; i <= HMAC_SHA512; i++) {
		enum hmac_algorithm alg = (enum hmac_algorithm)i;
		size_t name_len = strlen(algorithms[i].text);
		uint8_t mac_min = (uint8_t)hmac_len(alg);

		if (len < name_len ||
			strncasecmp(text, algorithms[i].text, name_len) != 0)
			continue;
		if (len > name_len &&
			!read_bits(text + name_len, len - name_len, alg, &mac_min))
			continue;
		*ret_alg = alg;
		*ret_mac_min = mac_min;
		return true;
	}
	return false;
}

struct hmac_pool *hmac_pool_new(void)
{
	struct hmac_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	if (!pool->mac) {
		ERR_clear_error();
		free(pool);
		return NULL;
	}
	return pool;
}

void hmac_pool_free(struct hmac_pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < POOL_SLOTS; i++)
		EVP_MAC_CTX_free(pool->slots[i].ctx);
	for (size_t i = 0; i < HMAC_ALGORITHMS; i++)
		EVP_MAC_CTX_free(pool->templates[i]);
	EVP_MAC_free(pool->mac);
	hmac_wipe(pool, sizeof(*pool));
	free(pool);
}

/* OpenSSL has refused, either for lack of memory, which may be there next time, or for
 * good.  Empties its list of errors. */
static int take_refusal(void)
{
	int r = ERR_peek_error() ? -ENOTSUP : -ENOMEM;
	unsigned long error;

	while ((error = ERR_get_error())) {
		if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
			r = -ENOMEM;
	}
	return r;
}

/* Fetching a digest by name costs more than a MAC, so it is done once per pool and
 * algorithm. */
static int make_template(struct hmac_pool *pool, enum hmac_algorithm alg)
{
	OSSL_PARAM params[2] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, (char *)algorithms[alg].digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx;

	if (pool->templates[alg])
		return 0;
	ctx = EVP_MAC_CTX_new(pool->mac);
	if (!ctx)
		return -ENOMEM;
	if (!EVP_MAC_CTX_set_params(ctx, params)) {
		EVP_MAC_CTX_free(ctx);
		return take_refusal();
	}
	pool->templates[alg] = ctx;
	return 0;
}

/* Keys the slot; sets the digest again only if the algorithm changes. */
static int prepare_slot(struct hmac_pool *pool, struct slot *slot, uint64_t serial,
	enum hmac_algorithm alg, const uint8_t *secret, size_t secret_len)
{
	int r = make_template(pool, alg);

	if (r < 0)
		return r;
	slot->serial = 0; /* until everything is in place */
	if (!slot->ctx || slot->alg != alg) {
		EVP_MAC_CTX_free(slot->ctx);
		slot->ctx = EVP_MAC_CTX_dup(pool->templates[alg]);
		slot->alg = alg;
	}
	if (!slot->ctx)
		return -ENOMEM;
	if (!EVP_MAC_init(slot->ctx, secret, secret_len, NULL))
		return take_refusal();
	if (slot->secret_len > secret_len)
		hmac_wipe(slot->secret + secret_len, slot->secret_len - secret_len);
	memcpy(slot->secret, secret, secret_len);
	slot->secret_len = (uint16_t)secret_len;
	slot->serial = serial;
	return 0;
}

int hmac_start(struct hmac_pool *pool, uint64_t serial, enum hmac_algorithm alg,
	const uint8_t *secret, size_t secret_len)
{
	struct slot *slot = &pool->slots[serial % POOL_SLOTS];

	pool->current = NULL;
	if (secret_len == 0 || secret_len > HMAC_SECRET_MAX)
		return -EINVAL;
	/* Two rings may give one serial to two secrets, so the secrets themselves are
	 * compared. */
	if (serial == 0 || slot->serial != serial || slot->alg != alg ||
		slot->secret_len != secret_len ||
		!hmac_is_equal(slot->secret, secret, secret_len)) {
		int r = prepare_slot(pool, slot, serial, alg, secret, secret_len);

		if (r < 0)
			return r;
	} else if (!EVP_MAC_init(slot->ctx, NULL, 0, NULL)) {
		ERR_clear_error();
		return -ENOMEM;
	}
	pool->current = slot->ctx;
	return 0;
}

int hmac_update(struct hmac_pool *pool, const void *octets, size_t len)
{
	if (!pool->current)
		return -EINVAL;
	if (len == 0 || EVP_MAC_update(pool->current, octets, len))
		return 0;
	ERR_clear_error();
	pool->current = NULL;
	return -EIO;
}

int hmac_final(struct hmac_pool *pool, uint8_t ret_mac[HMAC_MAX_LEN])
{
	EVP_MAC_CTX *ctx = pool->current;
	size_t len;

	pool->current = NULL;
	if (!ctx)
		return -EINVAL;
	if (EVP_MAC_final(ctx, ret_mac, &len, HMAC_MAX_LEN))
		return 0;
	ERR_clear_error();
	return -EIO;
}

bool hmac_is_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void hmac_wipe(void *octets, size_t len)
{
	OPENSSL_cleanse(octets, len);
}

/* 0 to 63, or -1.  It uses no table, so that no cache line depends on a secret. */
static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct base64 {
	uint32_t bits;    /* not yet written */
	unsigned digits;  /* all, without padding */
	unsigned padding; /* '=' seen */
	size_t len;       /* octets written */
};

static int take_base64(struct base64 *b, char c, uint8_t *ret, size_t cap)
{
	int value = base64_value(c);

	if (c == '=') {
		b->padding++;
		return 0;
	}
	if (value < 0 || b->padding)
		return -EINVAL;
	b->bits = b->bits << 6 | (uint32_t)value;
	if (b->digits++ % 4 == 0)
		return 0; /* six bits: no octet yet */
	if (b->len == cap)
		return -EINVAL;
	ret[b->len++] = (uint8_t)(b->bits >> (6 - 2 * ((b->digits - 1) % 4)));
	return 0;
}

int hmac_decode_base64(const char *text, size_t text_len, uint8_t *ret, size_t cap)
{
	struct base64 b = {0};
	int r = 0;

	for (size_t i = 0; i < text_len && r == 0; i++) {
		if (!is_space(text[i]))
			r = take_base64(&b, text[i], ret, cap);
	}
	/* RFC 4648 3.2, 3.5: padded to four digits, and the bits after the last octet
	 * are zero; a secret that violates this was cut or mistyped. */
	unsigned rest = b.digits % 4;
	uint32_t tail = rest == 2 ? b.bits & 15 : rest == 3 ? b.bits & 3 : 0;

	if (r < 0 || rest == 1 || b.padding != (4 - rest) % 4 || tail) {
		hmac_wipe(ret, b.len);
		hmac_wipe(&b, sizeof(b));
		return -EINVAL;
	}
	hmac_wipe(&b.bits, sizeof(b.bits));
	return (int)b.len;
}

void hmac_encode_base64(const uint8_t *octets, size_t len, char *ret)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		const size_t left = len - i;
		const uint32_t bits = (uint32_t)octets[i] << 16 |
			(left > 1 ? (uint32_t)octets[i + 1] << 8 : 0) |
			(left > 2 ? octets[i + 2] : 0);

		*ret++ = digits[bits >> 18];
		*ret++ = digits[bits >> 12 & 63];
		*ret++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*ret++ = left > 2 ? digits[bits & 63] : '=';
	}
	*ret = '\0';
}
