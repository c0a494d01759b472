package flite

// SplitClauses is splitClauses.
func SplitClauses(plain string) []string { return splitClauses(plain) }

// IsEnglish is isEnglish.
func IsEnglish(tag string) bool { return isEnglish(tag) }

// MaxClause is maxClause.
const MaxClause = maxClause

// Trim sends audio through a trimmer in pieces of n bytes.
func Trim(clause string, pcm []byte, n int) []byte {
	t := newTrimmer(clause)
	var out []byte
	for len(pcm) > 0 {
		m := min(n, len(pcm))
		out = append(out, t.push(pcm[:m])...)
		pcm = pcm[m:]
	}
	return append(out, t.end()...)
}
