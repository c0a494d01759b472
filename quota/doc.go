// Package quota counts what users and API keys use, and says when it is enough:
// sessions at once, turns a minute, minutes of speech a day, bytes that are kept.
//
// A [Book] answers at once, from what this process knows. It tells a [Ledger]
// in the background what was used and hears from it what others used: so no turn
// waits for Redis, and a Redis that is away costs precision and nothing else.
// Several processes together can exceed a limit by what they use within the time
// of one exchange with Redis. The number of sessions alone is asked for before a
// session begins, and is exact while Redis answers.
//
// A minute, or a day, begins with the first use and ends after its length.
//
// Bytes that are kept are those of recordings. Records of turns are always
// kept: their size is bounded by the turns that are allowed.
package quota
