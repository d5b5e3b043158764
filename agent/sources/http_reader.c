/*
 * HTTP/1.1 responses: lines are read octet by octet, everything else in blocks.
 */
#include "agent/sources/http_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_reader_init(struct http_reader *reader)
{
	reader->state = HTTP_HEAD;
	reader->status = 0;
	reader->left = 0;
	reader->len = 0;
	reader->is_line_empty = true;
}

/* The value of a header field; NULL: it is not there. */
static const char *find_field(const char *head, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = strchr(head, '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (!strncasecmp(line, name, len) && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

static bool read_number(const char *text, int base, uint64_t *ret)
{
	char *end;

	if (!isxdigit((unsigned char)*text))
		return false;
	*ret = strtoull(text, &end, base);
	/* A chunk's length may have extensions behind it (RFC 9112 7.1.1). */
	return end != text && *ret < UINT64_MAX / 2 && strchr(" \t\r\n;", *end);
}

static enum http_state judge_head(struct http_reader *reader)
{
	const char *coding, *length;

	if (strncmp(reader->head, "HTTP/1.", 7) || strlen(reader->head) < 12 ||
		!isdigit((unsigned char)reader->head[9]))
		return HTTP_BAD;
	reader->status = atoi(reader->head + 9);
	if (reader->status >= 100 && reader->status < 200) {
		reader->len = 0; /* RFC 9110 15.2: the final one follows */
		return HTTP_HEAD;
	}
	if (reader->status == 204 || reader->status == 304)
		return HTTP_DONE;
	coding = find_field(reader->head, "Transfer-Encoding");
	if (coding)
		return strncasecmp(coding, "chunked", 7) ? HTTP_BAD : HTTP_CHUNK_LINE;
	length = find_field(reader->head, "Content-Length");
	if (!length)
		return HTTP_BODY_TO_END;
	if (!read_number(length, 10, &reader->left))
		return HTTP_BAD;
	return reader->left ? HTTP_BODY : HTTP_DONE;
}

static void read_head(struct http_reader *reader, char octet)
{
	if (reader->len == HTTP_HEAD_MAX || !octet) {
		reader->state = HTTP_BAD;
		return;
	}
	reader->head[reader->len++] = octet;
	reader->head[reader->len] = '\0';
	if (octet != '\n' || reader->len < 4 ||
		memcmp(reader->head + reader->len - 4, "\r\n\r\n", 4))
		return;
	reader->state = judge_head(reader);
	reader->len = 0;
}

static void read_chunk_line(struct http_reader *reader, char octet)
{
	if (reader->len == HTTP_LINE_MAX || !octet) {
		reader->state = HTTP_BAD;
		return;
	}
	reader->head[reader->len++] = octet;
	reader->head[reader->len] = '\0';
	if (octet != '\n')
		return;
	reader->len = 0;
	if (!read_number(reader->head, 16, &reader->left)) {
		reader->state = HTTP_BAD;
		return;
	}
	reader->state = reader->left ? HTTP_CHUNK : HTTP_TRAILER;
	reader->is_line_empty = true;
}

static void read_trailer(struct http_reader *reader, char octet)
{
	if (octet == '\n' && reader->is_line_empty)
		reader->state = HTTP_DONE;
	else if (octet == '\n')
		reader->is_line_empty = true;
	else if (octet != '\r')
		reader->is_line_empty = false;
}

static void read_line_octet(struct http_reader *reader, char octet)
{
	switch (reader->state) {
	case HTTP_HEAD:
		read_head(reader, octet);
		break;
	case HTTP_CHUNK_LINE:
		read_chunk_line(reader, octet);
		break;
	case HTTP_CHUNK_END:
		if (octet == '\n')
			reader->state = HTTP_CHUNK_LINE;
		else if (octet != '\r')
			reader->state = HTTP_BAD;
		break;
	case HTTP_TRAILER:
		read_trailer(reader, octet);
		break;
	default:
		reader->state = HTTP_BAD; /* more than it said */
		break;
	}
}

/* Octets of the body at the front of what came. */
static size_t count_body(const struct http_reader *reader, size_t len)
{
	if (reader->state == HTTP_BODY_TO_END)
		return len;
	if (reader->state != HTTP_BODY && reader->state != HTTP_CHUNK)
		return 0;
	return reader->left < len ? (size_t)reader->left : len;
}

static void take_body(struct http_reader *reader, size_t len)
{
	if (reader->state == HTTP_BODY_TO_END)
		return;
	reader->left -= len;
	if (!reader->left)
		reader->state = reader->state == HTTP_BODY ? HTTP_DONE : HTTP_CHUNK_END;
}

bool http_reader_feed(struct http_reader *reader, const char *octets, size_t len,
	http_body *body, void *arg)
{
	while (len > 0 && reader->state != HTTP_BAD) {
		const size_t n = count_body(reader, len);

		if (!n) {
			read_line_octet(reader, *octets++);
			len--;
			continue;
		}
		if (!body(arg, octets, n))
			return false;
		take_body(reader, n);
		octets += n;
		len -= n;
	}
	return reader->state != HTTP_BAD;
}

bool http_reader_is_whole(const struct http_reader *reader)
{
	return reader->state == HTTP_DONE || reader->state == HTTP_BODY_TO_END;
}
