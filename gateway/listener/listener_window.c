/*
 * What a connection may have in progress: see listener_window.h.  Switches share their
 * buffers in this way: each may have a part of what is left, so that a few connections
 * may use much, and any number of greedy ones leave something.
 */
#include "gateway/listener/listener_window.h"

#include "gateway/listener/listener.h"

void listener_window_init(struct listener_window *window)
{
	*window = (struct listener_window){
		.size = LISTENER_WINDOW_FIRST,
		.answer_len = LISTENER_OUTPUT_MAX / LISTENER_PIPELINE_MAX,
	};
}

/* One large answer makes us expect large ones at once; it takes several small ones to
 * expect small ones. */
void listener_window_answered(struct listener_window *window, size_t len)
{
	const size_t before = window->answer_len - window->answer_len / 8;

	window->answer_len = len > before ? len : before;
	if (window->size < LISTENER_PIPELINE_MAX)
		window->size++;
}

static size_t share_of(size_t max, size_t taken)
{
	return taken < max ? (max - taken) / LISTENER_WINDOW_SHARE : 0;
}

bool listener_window_is_open(const struct listener_window *window,
	const struct listener_load *load, size_t output_len)
{
	if (output_len + window->in_flight * window->answer_len >= LISTENER_OUTPUT_MAX)
		return false;
	if (window->in_flight < LISTENER_WINDOW_MIN)
		return true;
	return window->in_flight < window->size &&
		window->in_flight <= share_of(LISTENER_IN_FLIGHT_MAX, load->in_flight) &&
		window->in_flight_len <=
		share_of(LISTENER_IN_FLIGHT_OCTETS, load->in_flight_len);
}
