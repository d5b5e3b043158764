/* The engine's HTTP and JSON, and what containers' labels ask for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "agent_records.h"

#include "agent/sources/container.h"
#include "agent/sources/http_reader.h"
#include "agent/sources/json_splitter.h"
#include "agent/sources/source.h"

/* ---- HTTP ---- */

struct body {
	char text[1024];
	size_t len;
};

static bool keep(void *arg, const char *octets, size_t len)
{
	struct body *body = arg;

	assert_true(body->len + len < sizeof(body->text));
	memcpy(body->text + body->len, octets, len);
	body->len += len;
	body->text[body->len] = '\0';
	return true;
}

static bool feed(
	struct http_reader *reader, struct body *body, const char *text, size_t at_once)
{
	const size_t len = strlen(text);

	http_reader_init(reader);
	*body = (struct body){0};
	for (size_t i = 0; i < len; i += at_once)
		if (!http_reader_feed(reader, text + i,
			    len - i < at_once ? len - i : at_once, keep, body))
			return false;
	return true;
}

static void bodies_of_all_kinds(void **state)
{
	static const struct {
		const char *text;
		int status;
		enum http_state state;
		const char *body;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, HTTP_DONE,
			"hello"},
		{"HTTP/1.0 200 OK\r\n\r\nhello", 200, HTTP_BODY_TO_END, "hello"},
		{"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
		 "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
			200, HTTP_DONE, "hello"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
			200, HTTP_DONE, "0123456789"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 200,
			HTTP_CHUNK, "hel"},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, HTTP_DONE,
			""},
		{"HTTP/1.1 204 No Content\r\n\r\n", 204, HTTP_DONE, ""},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
		 "1\r\n\r\nx",
			200, HTTP_DONE, "x"},
	};
	struct http_reader *reader = malloc(sizeof(*reader));
	struct body body;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t at_once = 1; at_once < 200; at_once++) {
			assert_true(feed(reader, &body, rows[i].text, at_once));
			assert_int_equal(reader->status, rows[i].status);
			assert_int_equal(reader->state, rows[i].state);
			assert_string_equal(body.text, rows[i].body);
		}
	free(reader);
}

static void what_is_no_response_is_refused(void **state)
{
	static const char *const texts[] = {
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
	};
	struct http_reader *reader = malloc(sizeof(*reader));
	struct body body;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (feed(reader, &body, texts[i], 1))
			fail_msg("taken: %s", texts[i]);
	free(reader);
}

static void heads_and_chunk_lines_have_limits(void **state)
{
	struct http_reader *reader = malloc(sizeof(*reader));
	struct body body;
	char *text = calloc(1, 2 * HTTP_HEAD_MAX + 100);

	(void)state;
	strcpy(text, "HTTP/1.1 200 OK\r\nX: ");
	memset(text + strlen(text), 'x', 2 * HTTP_HEAD_MAX);
	assert_false(feed(reader, &body, text, 4096));
	memset(text, 0, 2 * HTTP_HEAD_MAX + 100);
	strcpy(text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;");
	memset(text + strlen(text), 'x', HTTP_LINE_MAX);
	assert_false(feed(reader, &body, text, 4096));
	free(text);
	free(reader);
}

/* ---- JSON ---- */

static bool note(void *arg, const char *text, size_t len)
{
	struct body *body = arg;

	keep(body, text, len);
	keep(body, "|", 1);
	return true;
}

static void objects_are_cut_out(void **state)
{
	static const struct {
		const char *text, *objects;
	} rows[] = {
		{"[]\n", ""},
		{"[{\"a\":1},{\"b\":[{},{}]}]", "{\"a\":1}|{\"b\":[{},{}]}|"},
		{"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}|"},
		{"[{\"a\":\"}{\\\"]\\\\\"}]", "{\"a\":\"}{\\\"]\\\\\"}|"},
		{"{\"cut\":", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t at_once = 1; at_once < 40; at_once++) {
			const size_t len = strlen(rows[i].text);
			struct json_splitter splitter = {0};
			struct body body = {0};

			for (size_t at = 0; at < len; at += at_once)
				assert_true(
					json_splitter_feed(&splitter, rows[i].text + at,
						len - at < at_once ? len - at : at_once,
						note, &body));
			assert_string_equal(body.text, rows[i].objects);
			json_splitter_clear(&splitter);
		}
}

static void an_object_without_end_is_refused(void **state)
{
	struct json_splitter splitter = {0};
	char chunk[4096];
	size_t fed = 0;

	(void)state;
	memset(chunk, '{', sizeof(chunk));
	while (json_splitter_feed(&splitter, chunk, sizeof(chunk), note, NULL))
		fed += sizeof(chunk);
	assert_true(fed <= 2 * JSON_OBJECT_MAX);
	json_splitter_clear(&splitter);
}

/* ---- labels ---- */

static uint8_t zones[1][NAME_MAX_LEN] = {"\003dyn\007example"};
static struct config config = {
	.zones = zones, .zone_count = 1, .name = "\005host1\003dyn\007example"};
static struct config_source source = {.ttl = 300, .origin = "\003dyn\007example"};

#define NETWORKS                                                                         \
	"\"NetworkSettings\":{\"Networks\":{"                                            \
	"\"web\":{\"IPAddress\":\"172.18.0.2\",\"GlobalIPv6Address\":\"2001:db8::2\"},"  \
	"\"back\":{\"IPAddress\":\"172.19.0.2\",\"GlobalIPv6Address\":\"\"},"            \
	"\"none\":{\"IPAddress\":\"\"}}}"

static void container(const char *labels, const char *text, const char *error)
{
	char json[2048];
	struct container c;
	int r;

	snprintf(json, sizeof(json),
		"{\"Id\":\"0123456789ab\",\"Labels\":{%s}," NETWORKS "}", labels);
	r = container_read(&c, &config, &source, json, strlen(json));
	if (r != (text ? 0 : -EINVAL))
		fail_msg("%s: %d", labels, r);
	if (!text)
		return;
	if (error[0] ? !c.why || !strstr(c.why, error) : c.why != NULL)
		fail_msg("%s: %s", labels, c.why ? c.why : "nothing");
	assert_records(&c.records, text);
	assert_string_equal(c.id, "0123456789ab");
	container_clear(&c);
}

static void labels_become_records(void **state)
{
	(void)state;
	container("\"muster.name\":\"web\"",
		"web A 172.18.0.2|web A 172.19.0.2|web AAAA 2001:db8::2|", "");
	container("\"joyride.host.name\":\"web.dyn.example\",\"x\":\"y\"",
		"web A 172.18.0.2|web A 172.19.0.2|web AAAA 2001:db8::2|", "");
	container("\"muster.name\":\"a, b\",\"muster.type\":\"AAAA\"",
		"a AAAA 2001:db8::2|b AAAA 2001:db8::2|", "");
	container("\"muster.name\":\"a\",\"muster.type\":\"CNAME\"",
		"a CNAME host1.dyn.example.|", "");
	container("\"muster.name\":\"a\",\"muster.data\":\"192.0.2.9\"", "a A 192.0.2.9|",
		"");
	container("\"muster.name\":\"a\",\"muster.data\":\"b.example.net.\"",
		"a CNAME b.example.net.|", "");
	container("\"muster.name\":\"_h._tcp\",\"muster.type\":\"SRV\","
		  "\"muster.data\":\"0 0 80 web.example.net.\"",
		"_h._tcp SRV 0 0 80 web.example.net.|", "");
	container("\"muster.name\":\"a\",\"muster.type\":\"TXT\",\"muster.data\":\"\\\"x "
		  "y\\\"\"",
		"a TXT \"x y\"|", "");
	container("\"muster.name\":\"a\",\"muster.type\":\"TXT\",\"muster.data\":\"( "
		  "\\\"x\\\" \\\"y\\\" ) ; remark\"",
		"a TXT \"x\" \"y\"|", "");
}

static void bad_labels_say_why(void **state)
{
	(void)state;
	container("", NULL, "");
	container("\"muster.name\":\"\"", NULL, "");
	container("\"muster.name\":\"www.example.net\"", "", "lies in none of the zones");
	container("\"muster.name\":\"a..b\"", "", "lies in none of the zones");
	container(
		"\"muster.name\":\"a\",\"muster.type\":\"MX\"", "", "needs muster.data");
	container("\"muster.name\":\"a\",\"muster.type\":\"SOA\"", "",
		"not a type for hosts");
	container("\"muster.name\":\"a\",\"muster.type\":\"A\",\"muster.data\":\"x\"", "",
		"an IPv4 address belongs");
}

static void a_bad_name_takes_no_good_one_with_it(void **state)
{
	(void)state;
	container("\"muster.name\":\"www.example.net,a,b..c,d\",\"muster.type\":\"AAAA\"",
		"a AAAA 2001:db8::2|d AAAA 2001:db8::2|",
		"\"www.example.net\" lies in none of the zones");
}

static void addresses_as_the_settings_say(void **state)
{
	static struct config_address fixed[] = {{.family = 4, .octets = {192, 0, 2, 5}}};

	(void)state;
	source.network = (char *)"back";
	container("\"muster.name\":\"web\"", "web A 172.19.0.2|", "");
	source.network = NULL;
	source.addresses = fixed;
	source.address_count = 1;
	container("\"muster.name\":\"web\"", "web A 192.0.2.5|", "");
	source.address_count = 0;
	source.is_host_address = true;
	container("\"muster.name\":\"web\"", "web TYPE65535 \\# 1 01|", "");
	source.is_host_address = false;
}

static void what_is_no_container_is_refused(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{\"Id\":1}",
		"{\"Labels\":[]}", "{\"Labels\":{\"muster.name\":\"web\"}}",
		"{\"Id\":\"\",\"Labels\":{\"muster.name\":\"web\"}}", "null"};
	struct container c;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(
			container_read(&c, &config, &source, texts[i], strlen(texts[i])),
			-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_of_all_kinds),
		cmocka_unit_test(what_is_no_response_is_refused),
		cmocka_unit_test(heads_and_chunk_lines_have_limits),
		cmocka_unit_test(objects_are_cut_out),
		cmocka_unit_test(an_object_without_end_is_refused),
		cmocka_unit_test(labels_become_records),
		cmocka_unit_test(bad_labels_say_why),
		cmocka_unit_test(a_bad_name_takes_no_good_one_with_it),
		cmocka_unit_test(addresses_as_the_settings_say),
		cmocka_unit_test(what_is_no_container_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
