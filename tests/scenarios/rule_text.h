/*
 * Policy rules from one line of words NAME=VALUE[,VALUE...], for scenarios:
 *
 *   key=*.dyn.example.  match=self  names=a,b  types=A,AAAA  operations=add,delete
 *   data=192.0.2.0/24,source,*.mail  ttl=60-86400  max_records=2  from=127.0.0.0/8
 *   transport=udp,tcp  transfer=yes
 *   lease_default=3600  lease_min=30  lease_max=86400  key_max=604800
 *   adopt=yes  merge=yes  ptr=yes
 *
 * What is not given is as policy_rule_init leaves it.  Relative names are completed with
 * the zone.
 */
#ifndef MUSTER_SCENARIO_RULE_TEXT_H
#define MUSTER_SCENARIO_RULE_TEXT_H

#include "zones/policy.h"

/* Appends the rule. 0, or -EINVAL (-ENOMEM) with the word it fails at. Modifies words. */
int rule_text_add(struct policy *policy, char *words, const uint8_t *zone, int line,
	const char **ret_word) __attribute__((warn_unused_result));

#endif
