#include "gateway/base/ip_address.h"

#include <netinet/in.h>
#include <string.h>

struct ip_address ip_address_of(const struct sockaddr_storage *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip_address ret = {0};

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		ret.family = 4;
		memcpy(ret.octets, &in->sin_addr, 4);
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;
		const bool is_mapped = !memcmp(&in6->sin6_addr, mapped, sizeof(mapped));

		ret.family = is_mapped ? 4 : 6;
		memcpy(ret.octets,
			(const uint8_t *)&in6->sin6_addr + (is_mapped ? 12 : 0),
			is_mapped ? 4 : 16);
	}
	return ret;
}
