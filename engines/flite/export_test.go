package flite

// Opened for tests.
var (
	SplitClauses = splitClauses
	IsEnglish    = isEnglish
)

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
