package child

// Lines cuts what is written in pieces into lines.
func Lines(pieces ...string) []string {
	var all []string
	l := &lines{to: func(line string) { all = append(all, line) }}
	for _, p := range pieces {
		_, _ = l.Write([]byte(p))
	}
	return all
}

// MaxLine is maxLine.
const MaxLine = maxLine
