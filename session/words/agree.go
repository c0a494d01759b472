package words

// Agreed gives the beginning of next in which before has the same words: what
// two runs over a growing utterance agree on will hardly change any more (the
// LocalAgreement policy of streaming recognition, with n = 2).
func Agreed(before, next string) string {
	a, b := split(before), split(next)
	n := 0
	for n < min(len(a), len(b)) && a[n].norm == b[n].norm {
		n++
	}
	if n == 0 {
		return ""
	}
	return next[:b[n-1].end]
}
