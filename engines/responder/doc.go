// Package responder is the built-in TTOT engine: a few skills in plain Go, for
// machines without a language model. It greets, tells the time and the date,
// calculates, converts units, spells, flips coins, and remembers what was said
// in the conversation; and it says so when it does not know. It has no model,
// keeps nothing between calls (all it remembers comes with the prompt's
// history), and never makes anything up.
//
// Replies are short, in plain common words, because they will be spoken.
package responder
