#include "protocols/job/regex_cost.h"

#include <stddef.h>
#include <stdint.h>

#define DEPTH_MAX 64
#define TEXT_(n) #n
#define TEXT(n) TEXT_(n)

/* Of one pair of parentheses. */
struct group {
	uint64_t sum;  /* of the parts before the last one */
	uint64_t last; /* what a quantifier would copy */
};

static const char too_much[] =
	"its repetitions multiply to more than " TEXT(REGEX_COST_MAX) " parts";

/* Behind a `[...]`; a `]` that stands first is one of its characters. */
static const char *skip_list(const char *p)
{
	p += p[1] == '^';
	p += p[1] == ']';
	while (p[1] && p[1] != ']')
		p++;
	return p[1] ? p + 1 : p;
}

/* p is at the `{`; how many copies it makes. *end is at the last character that was read. */
static uint64_t copies(const char *p, const char **end)
{
	uint64_t number = 0, most = 1;

	for (; (p[1] >= '0' && p[1] <= '9') || p[1] == ','; p++) {
		if (p[1] == ',' && p[2] == '}')
			most++; /* {n,} is n copies and one that may be repeated */
		number = p[1] == ',' ? 0 : number * 10 + (uint64_t)(p[1] - '0');
		if (number > most)
			most = number;
		if (most > REGEX_COST_MAX)
			break;
	}
	*end = p;
	return most;
}

/* Takes the part at p into g; the last character of it. */
static const char *take(const char *p, struct group *g)
{
	switch (*p) {
	case '*':
	case '?':
		return p;
	case '+':
		g->last *= 2;
		return p;
	case '{':
		g->last *= copies(p, &p);
		return p;
	default:
		g->sum += g->last;
		g->last = 1;
		if (*p == '[')
			return skip_list(p);
		return *p == '\\' && p[1] ? p + 1 : p;
	}
}

const char *regex_cost_refusal(const char *regex)
{
	struct group groups[DEPTH_MAX + 1] = {0}, *g = groups;

	for (const char *p = regex; *p; p++) {
		if (*p == '\\' && p[1] >= '1' && p[1] <= '9')
			return "back references are not allowed";
		if (*p == '(') {
			if (g == groups + DEPTH_MAX)
				return "more than " TEXT(
					DEPTH_MAX) " parentheses stand within each other";
			g->sum += g->last;
			g->last = 0;
			*++g = (struct group){0};
		} else if (*p == ')' && g > groups) {
			g--;
			g->last = g[1].sum + g[1].last + 1;
		} else {
			p = take(p, g);
		}
		if (g->sum + g->last > REGEX_COST_MAX)
			return too_much;
	}
	return NULL;
}
