package moonshine

// AppendToken opens vocabulary.append to tests.
func AppendToken(tokens []string, b []byte, token int) []byte {
	return vocabulary(tokens).append(b, token)
}
