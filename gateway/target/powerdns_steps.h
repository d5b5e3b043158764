/*
 * A zone's answer is read in steps, a turn of the loop for each: a zone of a million
 * names takes seconds, and all zones of the thread would wait as long.
 */
#ifndef MUSTER_POWERDNS_STEPS_H
#define MUSTER_POWERDNS_STEPS_H

#include "gateway/base/alarm.h"
#include "gateway/target/powerdns_json.h"

enum { POWERDNS_STEP_RRSETS = 200 }; /* half a millisecond */

/* result as powerdns_reading_step's; the reading is freed afterwards. */
typedef void powerdns_read(void *arg, int result, struct powerdns_reading *reading);

struct powerdns_steps {
	struct alarm alarm;
	struct powerdns_reading *reading; /* NULL: nothing is being read */
	powerdns_read *done;
	void *arg;
};

void powerdns_steps_init(struct powerdns_steps *steps, struct alarms *alarms);
/* Nothing is reported. */
void powerdns_steps_clear(struct powerdns_steps *steps);
/* Takes over the reading; calls done, maybe at once. */
void powerdns_steps_begin(struct powerdns_steps *steps, struct powerdns_reading *reading,
	powerdns_read *done, void *arg);

#endif
