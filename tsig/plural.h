/*
 * Numbers in texts for people: "1 zone", "2 zones".
 */
#ifndef MUSTER_PLURAL_H
#define MUSTER_PLURAL_H

/* The noun, a literal that takes an s, as it stands behind the number n. */
#define PLURAL(n, noun) ((n) == 1 ? noun : noun "s")

#endif
