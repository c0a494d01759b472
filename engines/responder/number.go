package responder

import (
	"math"
	"strconv"
	"strings"
)

func belowTwenty(n int) string {
	return [...]string{
		"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
		"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
	}[n]
}

func tens(n int) string {
	return [...]string{"", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}[n]
}

// small gives the value of a word below one hundred.
func small(w string) (float64, bool) {
	for n := range 20 {
		if w == belowTwenty(n) {
			return float64(n), true
		}
	}
	for n := 2; n < 10; n++ {
		if w == tens(n) {
			return float64(10 * n), true
		}
	}
	switch w {
	case "oh", "nought":
		return 0, true
	}
	return 0, false
}

// scale gives the value of a word that multiplies what is before it.
func scale(w string) (float64, bool) {
	switch w {
	case "hundred", "hundreds":
		return 100, true
	case "thousand", "thousands":
		return 1e3, true
	case "million", "millions":
		return 1e6, true
	case "billion", "billions":
		return 1e9, true
	case "trillion":
		return 1e12, true
	case "dozen":
		return 12, true
	}
	return 0, false
}

// digits gives the value of a number in digits; "1,000" has a comma in it.
func digits(w string) (float64, bool) {
	if w == "" || !isDigit(w[0]) && w[0] != '.' || strings.Contains(w, ":") {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(w, ",", ""), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// readNumber reads a number at the beginning of the sentence, in words or in
// digits, and gives how many words it took; 0 when there is none.
func (s sentence) readNumber() (v float64, n int) {
	if s.has(0, "minus", "negative", "-") && len(s) > 1 {
		if v, n = s[1:].readNumber(); n > 0 {
			return -v, n + 1
		}
		return 0, 0
	}
	if v, n = s.readWhole(); n == 0 {
		switch {
		case s.begins("half a"), s.begins("half an"):
			return 0.5, 2
		case s.begins("half"):
			return 0.5, 1
		case s.begins("point"):
			return s.readFraction(0, 0)
		}
		return 0, 0
	}
	if s.has(n, "point") {
		return s.readFraction(v, n)
	}
	if rest := s[n:]; rest.begins("and a half") {
		return v + 0.5, n + 3
	} else if rest.begins("and a quarter") {
		return v + 0.25, n + 3
	}
	return v, n
}

// readFraction reads the digits after "point", which is word n; whole is before it.
func (s sentence) readFraction(whole float64, n int) (float64, int) {
	at, weight, v := n+1, 0.1, whole
	for at < len(s) {
		d, ok := small(s[at].low)
		if !ok {
			d, ok = digits(s[at].low)
			for ok && d >= 10 && weight == 0.1 { // "three point 14"
				d /= 10
			}
		}
		if !ok || d >= 10 && weight < 0.1 {
			break
		}
		for d >= 10 { // "three point fourteen"
			d /= 10
		}
		v += d * weight
		weight /= 10
		at++
	}
	if at == n+1 {
		return whole, n
	}
	return math.Round(v*1e12) / 1e12, at
}

// readWhole reads a number without its fraction in words.
func (s sentence) readWhole() (v float64, n int) {
	var total, group float64
	began := false
	last := math.Inf(1) // size of the last word: sizes fall within a group
	for n < len(s) {
		w := s[n].low
		d, isDigits := digits(w)
		one, isSmall := small(w)
		m, isScale := scale(w)
		switch {
		case isDigits && !began:
			group, began, last = d, true, 0
		case isSmall && (!began || last >= 100 || last >= 20 && one < 10 && one > 0):
			group += one
			began, last = true, max(one, 1)
		case isScale && (began || n == 0 || s.has(n-1, "a", "an")):
			if !began {
				group = 1
			}
			group *= m
			if m >= 1000 {
				total, group = total+group, 0
			}
			began, last = true, max(m, 100)
		case (w == "a" || w == "an") && n == 0 && s.isScale(1):
		case w == "and" && began && last >= 100 && s.isSmall(n+1):
		default:
			return s.whole(total+group, n, began)
		}
		n++
	}
	return s.whole(total+group, n, began)
}

// whole ends a number that was read: n words, unless none of them was one.
func (sentence) whole(v float64, n int, began bool) (float64, int) {
	if !began {
		return 0, 0
	}
	return v, n
}

func (s sentence) isScale(i int) bool {
	if i >= len(s) {
		return false
	}
	_, ok := scale(s[i].low)
	return ok
}

func (s sentence) isSmall(i int) bool {
	if i >= len(s) {
		return false
	}
	v, ok := small(s[i].low)
	return ok && v > 0
}

// sayNumber writes a number as it should be spoken and shown: in words below
// ten thousand, which is how speech recognition writes it too, and in digits
// with commas from there on; with no more decimals than anybody wants to hear.
func sayNumber(v float64) string {
	v = roundForSpeech(v)
	sign := ""
	if v < 0 {
		sign, v = "minus ", -v
	}
	if v >= 1e15 {
		return sign + strconv.FormatFloat(v, 'g', 4, 64)
	}
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	if v < 10_000 {
		words := []string{sign + inWords(int(v))}
		if fraction != "" {
			words = append(words, "point")
		}
		for _, d := range fraction {
			words = append(words, inWords(int(d-'0')))
		}
		return strings.Join(words, " ")
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}

// inWords writes a number from 0 to 9,999.
func inWords(n int) string {
	var parts []string
	if n >= 1000 {
		parts = append(parts, inWords(n/1000), "thousand")
		n %= 1000
	}
	if n >= 100 {
		parts = append(parts, inWords(n/100), "hundred")
		n %= 100
	}
	switch {
	case n >= 20 && n%10 != 0:
		parts = append(parts, tens(n/10)+"-"+belowTwenty(n%10))
	case n >= 20:
		parts = append(parts, tens(n/10))
	case n > 0 || len(parts) == 0:
		parts = append(parts, belowTwenty(n))
	}
	return strings.Join(parts, " ")
}

// roundForSpeech keeps two decimals, or two digits of a number below one tenth.
func roundForSpeech(v float64) float64 {
	unit := 100.0
	for a := math.Abs(v); a > 0 && a*unit < 10 && unit < 1e10; {
		unit *= 10
	}
	return math.Round(v*unit) / unit
}

// isRounded says whether sayNumber leaves something out.
func isRounded(v float64) bool {
	return math.Abs(roundForSpeech(v)-v) > 1e-9*max(1, math.Abs(v))
}
