package clause

import "strings"

// habit says when a word with a point behind it does not end a sentence.
type habit int

const (
	never        habit = iota // it is no abbreviation
	always                    // "Dr. Kim"
	beforeNumber              // "No. 5", but "No. I can't."
	beforeLower               // "flour etc. are", but "flour etc. Then"
)

// abbreviation gives the habit of a word in lower case, without its point, in
// English and German.
func abbreviation(word string) habit {
	switch word {
	case "dr", "mr", "mrs", "ms", "mx", "prof", "st", "rev", "gen", "col", "capt", "cmdr", "lt", "sgt", "gov", "sen", "rep", "hon", "pres", "mt", "ft",
		"messrs", "vs", "cf", "viz", "approx", "resp", "incl", "excl", "bzw", "ca", "evtl", "ggf", "inkl", "zzgl", "sog", "vgl", "hr", "fr", "frl", "dipl", "ing":
		return always
	case "no", "nos", "nr", "fig", "eq", "sec", "ch", "vol", "art", "abs", "bd", "p", "pp", "s", "kap", "tel", "ext",
		"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "okt", "nov", "dec", "dez":
		return beforeNumber
	case "etc", "inc", "ltd", "co", "corp", "jr", "sr", "usw", "dept", "est", "ave", "blvd", "rd", "min", "max", "mio", "mrd", "str", "al":
		return beforeLower
	}
	return never
}

// ordinalFollows says whether a number behind this German word, with a point
// behind it, is an ordinal: "am 3. Oktober".
func ordinalFollows(word string) bool {
	switch strings.ToLower(word) {
	case "am", "vom", "zum", "der", "die", "das", "dem", "den", "des", "im", "beim", "bis", "ab", "seit":
		return true
	}
	return false
}
