package clause

import "unicode"

// isWord says whether r is part of a word or number.
func isWord(r rune) bool {
	if r < 0x80 {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.M) && !isJoiner(r)
}

// isSpoken says whether r is something that can be heard: a letter or a digit.
func isSpoken(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func isASCIIWord(r rune) bool { return r < 0x80 && isWord(r) }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isASCIIPunct(r rune) bool {
	return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
}

// isSyllable says whether r stands for a whole syllable or more.
func isSyllable(r rune) bool {
	return r >= 0x1100 && unicode.In(r, unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// isSpaceless says whether r belongs to a script that puts no spaces between words.
func isSpaceless(r rune) bool {
	return r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// weight is what r counts for in a clause's length.
func weight(r rune) int {
	if isSyllable(r) {
		return 2
	}
	return 1
}

func lengthOf(rs []rune) int {
	n := 0
	for _, r := range rs {
		n += weight(r)
	}
	return n
}

// isWideEnd says whether r ends a sentence without any doubt.
func isWideEnd(r rune) bool {
	switch r {
	case '。', '！', '？', '｡', '।', '॥', '؟', '۔', '։':
		return true
	}
	return false
}

// isWideMark says whether r ends a clause without any doubt.
func isWideMark(r rune) bool {
	switch r {
	case '，', '、', '；', '：', '､', '،', '؛':
		return true
	}
	return false
}

func isEnd(r rune) bool {
	return r == '.' || r == '!' || r == '?' || r == '…' || isWideEnd(r)
}

// isCloser says whether r, right after the end of a sentence, still belongs to
// it. Quotation marks that open in one language close in another; what stands
// right behind an end mark closes.
func isCloser(r rune) bool {
	switch r {
	case '"', '\'', '“', '”', '‘', '’', '»', '«', ')', ']', '}', '」', '』', '）', '】', '》', '〉', '〕':
		return true
	}
	return false
}

// quoteDepth is +1 for a wide mark that opens, -1 for one that closes.
func quoteDepth(r rune) int {
	switch r {
	case '「', '『', '（', '【', '《', '〈', '〔', '“':
		return 1
	case '」', '』', '）', '】', '》', '〉', '〕', '”':
		return -1
	}
	return 0
}

// isTrailing says whether r sits tight behind the word before it.
func isTrailing(r rune) bool {
	return isEnd(r) || isWideMark(r) || r == ',' || r == ';' || r == ':' || r == ')' || r == '%' || r == '”' || r == '’'
}

// canStart says whether a clause may begin with r.
func canStart(r rune) bool {
	if isSpoken(r) {
		return true
	}
	switch r {
	case '(', '[', '"', '\'', '“', '‘', '„', '‚', '«', '‹', '»', '¿', '¡', '「', '『', '（', '【', '《', '〈', '-', '−', '+', '±', '#', '@', '~':
		return true
	}
	return unicode.Is(unicode.Sc, r)
}

// isJoiner says whether r is an invisible part of an emoji or of nothing.
func isJoiner(r rune) bool {
	return r == 0x200D || r == 0x20E3 || 0xFE00 <= r && r <= 0xFE0F || 0xE0000 <= r && r <= 0xE007F || 0x1F3FB <= r && r <= 0x1F3FF
}

// isUnspoken says whether r is a picture, an arrow, a control character or the
// like: something that nobody reads aloud.
func isUnspoken(r rune) bool {
	switch {
	case r == '°' || r == '℃' || r == '℉' || r == '№':
		return false
	case 0x3200 <= r && r <= 0x33FF: // ㈜ ㎏ ㎡ and their like are words; ㊗ ㊙ are pictures
		return r == 0x3297 || r == 0x3299
	case 0x2190 <= r && r <= 0x21FF, 0x27F0 <= r && r <= 0x27FF, 0x2900 <= r && r <= 0x297F: // arrows
		return true
	case r == '•' || r == '‣' || r == '◦' || r == '※' || r == '†' || r == '‡' || r == 0x3030 || r == 0x303D:
		return true
	case r == 0x200B || r == 0x200C:
		return false
	}
	return unicode.In(r, unicode.So, unicode.Sk, unicode.C)
}
