// Package clause turns the text that a language model streams into clauses to
// speak.
//
// Two machines stand one behind the other. The lexer reads what the model
// writes and lets through what a person would say aloud: Markdown loses its
// marks, links keep their text, addresses of pages become host names, code
// blocks, tags, reasoning and emoji are left out. The cutter takes these runes
// and cuts them where a person would draw breath, early for the first clause,
// so that speech starts at once, later in whole sentences.
//
// Both decide on a rune only when they have seen enough of what follows it, so
// the clauses do not depend on how the text was split into deltas. There are no
// timers and no goroutines here.
package clause
