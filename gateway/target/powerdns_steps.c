/*
 * Steps of reading a zone: see powerdns_steps.h.
 */
#include "gateway/target/powerdns_steps.h"

static void on_step(void *arg)
{
	struct powerdns_steps *steps = arg;
	struct powerdns_reading *reading = steps->reading;
	const int result = powerdns_reading_step(reading, POWERDNS_STEP_RRSETS);

	if (result > 0) {
		alarm_set_in(&steps->alarm, 0);
		return;
	}
	steps->reading = NULL;
	steps->done(steps->arg, result, reading);
	powerdns_reading_free(reading);
}

void powerdns_steps_init(struct powerdns_steps *steps, struct alarms *alarms)
{
	alarm_init(&steps->alarm, alarms, on_step, steps);
	steps->reading = NULL;
}

void powerdns_steps_clear(struct powerdns_steps *steps)
{
	alarm_stop(&steps->alarm);
	powerdns_reading_free(steps->reading);
	steps->reading = NULL;
}

void powerdns_steps_begin(struct powerdns_steps *steps, struct powerdns_reading *reading,
	powerdns_read *done, void *arg)
{
	steps->reading = reading;
	steps->done = done;
	steps->arg = arg;
	on_step(steps);
}
